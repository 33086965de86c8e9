//! What is shown of a request's parameters: how a call was made, and not what was asked.

use serde_json::{Map, Value};

use crate::chat::Request;

/// Parameters that hold what was asked: shown only to whoever may see content.
pub const CONTENT: [&str; 13] = [
    "messages",
    "input",
    "prompt",
    "query",
    "documents",
    "instructions",
    "prediction",
    "suffix",
    "image",
    "mask",
    "file",
    "mock_response",
    "mock_tool_calls",
];
/// Parameters whose text says how a call was made. Any other text may be a prompt by another name.
const TEXTS: [&str; 20] = [
    "background",
    "encoding_format",
    "input_type",
    "language",
    "moderation",
    "output_format",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_retention",
    "quality",
    "reasoning_effort",
    "response_format",
    "service_tier",
    "size",
    "style",
    "tool_choice",
    "truncation",
    "user",
    "verbosity",
    "voice",
];
/// The first of them that a request has holds what was asked.
pub const ASKED: [&str; 4] = ["messages", "input", "prompt", "query"];
/// One that is longer than this says more than that.
const LONGEST_TEXT: usize = 256;

/// How the call was made: no prompt, and without `content` nothing that is made of parts, and no text but those known.
pub fn parameters(request: &Request, content: bool) -> Map<String, Value> {
    let is_shown =
        |name: &str, text: &str| name != "model" && !CONTENT.contains(&name) && (content || is_plain(name, text));
    let shown = request.sent().filter(|(name, text)| is_shown(name, text));
    shown.filter_map(|(name, text)| Some((name.to_owned(), serde_json::from_str(text).ok()?))).collect()
}

/// Whether a parameter says how a call was made, and can't be a prompt by another name.
pub fn is_plain(name: &str, text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'"') => TEXTS.contains(&name) && text.len() <= LONGEST_TEXT,
        first => !matches!(first, Some(b'{' | b'[')),
    }
}
