//! What an answer says of the tokens that it took.

use serde::Deserialize;

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: u64,
    pub output: u64,
}

#[derive(Deserialize)]
struct Told {
    #[serde(alias = "input_tokens")]
    prompt_tokens: Option<u64>,
    #[serde(alias = "output_tokens")]
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

/// Reads a `usage` member, whoever's words it uses; `None` if it names no tokens.
pub fn tokens_of(usage: &str) -> Option<Tokens> {
    let told: Told = serde_json::from_str(usage).ok()?;
    let input = told.prompt_tokens.or(told.total_tokens)?;
    let output = told.completion_tokens.or_else(|| told.total_tokens?.checked_sub(input));
    Some(Tokens { input, output: output.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_in_all_words() {
        let read = |text: &str| tokens_of(text).map(|tokens| (tokens.input, tokens.output));
        assert_eq!(read(r#"{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"x":{}}"#), Some((3, 4)));
        assert_eq!(read(r#"{"input_tokens":3,"output_tokens":4}"#), Some((3, 4)));
        assert_eq!(read(r#"{"prompt_tokens":3,"total_tokens":3}"#), Some((3, 0)));
        assert_eq!(read(r#"{"total_tokens":9}"#), Some((9, 0)));
        assert_eq!(read("{}"), None);
        assert_eq!(read("7"), None);
    }
}
