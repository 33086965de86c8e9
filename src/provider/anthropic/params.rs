//! What is known of Anthropic's models.

/// The most that a family of models may answer; Anthropic wants to be told a bound. The longest beginning counts.
const MAX_TOKENS: [(&str, u64); 8] = [
    ("claude-3-5", 8192),
    ("claude-3-7", 64_000),
    ("claude-haiku-4", 64_000),
    ("claude-opus-4", 32_000),
    ("claude-opus-4-5", 64_000),
    ("claude-opus-4-6", 64_000),
    ("claude-sonnet-4", 64_000),
    ("claude-sonnet-5", 64_000),
];
/// The largest bound that these models take.
const MOST_TOKENS: [(&str, u64); 11] = [
    ("claude-3-opus", 4096),
    ("claude-3-sonnet", 4096),
    ("claude-3-haiku", 4096),
    ("claude-3-5-sonnet", 8192),
    ("claude-3-5-haiku", 8192),
    ("claude-sonnet-4", 64_000),
    ("claude-sonnet-4-5", 64_000),
    ("claude-haiku-4-5", 64_000),
    ("claude-opus-4", 32_000),
    ("claude-opus-4-1", 32_000),
    ("claude-opus-4-5", 64_000),
];
/// For models that are not known.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// Tokens to think with for each `reasoning_effort`; Anthropic takes no less than 1,024.
const EFFORTS: [(&str, u64); 6] =
    [("minimal", 1024), ("low", 1024), ("medium", 2048), ("high", 4096), ("xhigh", 8192), ("max", 16_384)];

pub fn max_tokens(model: &str) -> u64 {
    let known = MAX_TOKENS.iter().filter(|(family, _)| model.starts_with(family));
    known.max_by_key(|(family, _)| family.len()).map_or(DEFAULT_MAX_TOKENS, |(_, tokens)| *tokens)
}

/// What Anthropic refuses to go beyond, where that is certain: of the very model, with or without its date.
pub fn most_tokens(model: &str) -> Option<u64> {
    let dated = |rest: &str| {
        let date = rest.strip_prefix('-').unwrap_or_default();
        rest.is_empty() || date == "latest" || (date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()))
    };
    MOST_TOKENS.iter().find(|(name, _)| model.strip_prefix(name).is_some_and(dated)).map(|(_, tokens)| *tokens)
}

/// The budget of an effort; `Some(None)` for "none", which turns thinking off.
pub fn thinking_budget(effort: &str) -> Option<Option<u64>> {
    if effort == "none" {
        return Some(None);
    }
    EFFORTS.iter().find(|(name, _)| *name == effort).map(|(_, budget)| Some(*budget))
}
