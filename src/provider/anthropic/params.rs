//! What is known of Anthropic's models and of OpenAI's parameters that they lack.

/// OpenAI's parameters without a counterpart.
pub const UNSPOKEN: [&str; 17] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "modalities",
    "n",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "safety_identifier",
    "seed",
    "store",
    "top_logprobs",
    "verbosity",
    "web_search_options",
];

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
/// For models that are not known.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// Tokens to think with for each `reasoning_effort`; Anthropic takes no less than 1,024.
const EFFORTS: [(&str, u64); 6] =
    [("minimal", 1024), ("low", 1024), ("medium", 2048), ("high", 4096), ("xhigh", 8192), ("max", 16_384)];

pub fn max_tokens(model: &str) -> u64 {
    let known = MAX_TOKENS.iter().filter(|(family, _)| model.starts_with(family));
    known.max_by_key(|(family, _)| family.len()).map_or(DEFAULT_MAX_TOKENS, |(_, tokens)| *tokens)
}

/// The budget of an effort; `Some(None)` for "none", which turns thinking off.
pub fn thinking_budget(effort: &str) -> Option<Option<u64>> {
    if effort == "none" {
        return Some(None);
    }
    EFFORTS.iter().find(|(name, _)| *name == effort).map(|(_, budget)| Some(*budget))
}
