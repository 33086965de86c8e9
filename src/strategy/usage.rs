//! `usage-based-routing`, both of them: whoever has used the fewest tokens in the last minute.

use super::Candidate;

#[allow(clippy::cast_precision_loss)]
pub fn score(candidate: &Candidate) -> f64 {
    candidate.tokens as f64
}

#[cfg(test)]
mod tests {
    use super::super::Strategy;
    use super::super::least::tests::assert_even;
    use super::*;

    #[test]
    fn the_fewest_tokens_whatever_the_limit() {
        let candidate = |index, tokens, tpm| Candidate { index, tokens, tpm, ..Candidate::default() };
        let three = [candidate(0, 500, Some(1e6)), candidate(1, 20, Some(100.0)), candidate(2, 20, None)];
        assert_even(Strategy::Usage, &three, &[1, 2]);
    }
}
