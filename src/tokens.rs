//! How many tokens a text may have, where nobody counts them.

/// Characters of a token, by and large, in the languages that models mostly see.
const CHARACTERS: usize = 4;

/// An estimate from the number of characters: a text that is not empty has one token at least.
pub fn estimate(characters: usize) -> u64 {
    characters.div_ceil(CHARACTERS) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_a_token_at_least() {
        assert_eq!([estimate(0), estimate(1), estimate(4), estimate(5)], [0, 1, 1, 2]);
    }
}
