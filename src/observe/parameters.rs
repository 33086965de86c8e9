//! What is shown of a request's parameters: how a call was made, and not what was asked.

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

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
pub struct Parameters<'a>(Vec<(&'a str, Parameter<'a>)>);

/// A value, on one line.
#[derive(Serialize)]
#[serde(untagged)]
enum Parameter<'a> {
    /// A number, a word or a text, as it was written.
    Plain(&'a RawValue),
    /// May have been written on more lines than one, or with escapes that are none.
    Made(Value),
}

impl<'a> Parameter<'a> {
    fn read(text: &'a str) -> Option<Self> {
        match text.starts_with(['{', '[']) || text.contains('\\') {
            true => serde_json::from_str(text).ok().map(Self::Made),
            false => serde_json::from_str(text).ok().map(Self::Plain),
        }
    }
}

impl<'a> Parameters<'a> {
    pub fn of(request: &'a Request, content: bool) -> Self {
        let is_shown = |name: &str, text: &str| {
            !matches!(name, "model" | "metadata") && !CONTENT.contains(&name) && (content || is_plain(name, text))
        };
        let shown = request.sent().filter(|(name, text)| is_shown(name, text));
        let read = |(name, text)| Some((name, Parameter::read(text)?));
        Self(shown.filter_map(read).collect())
    }
}

impl Serialize for Parameters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Whether a parameter says how a call was made, and can't be a prompt by another name.
pub fn is_plain(name: &str, text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'"') => TEXTS.contains(&name) && text.len() <= LONGEST_TEXT,
        first => !matches!(first, Some(b'{' | b'[')),
    }
}
