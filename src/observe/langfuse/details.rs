//! What a generation's attributes hold as JSON: how it was asked, what was used, what it cost.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::chat::Request;
use crate::pricing::Tokens;

use super::super::origin::Origin;
use super::super::parameters::{CONTENT, is_plain};

/// Members of the metadata that are told in places of their own, or are for nobody's eyes.
const ELSEWHERE: [&str; 26] = [
    "trace_id",
    "existing_trace_id",
    "trace_name",
    "trace_user_id",
    "trace_version",
    "trace_release",
    "trace_metadata",
    "trace_public",
    "session_id",
    "tags",
    "generation_name",
    "generation_id",
    "parent_observation_id",
    "version",
    "mask_input",
    "mask_output",
    "update_trace_keys",
    "debug_langfuse",
    "prompt",
    "headers",
    "endpoint",
    "caching_groups",
    "previous_models",
    "traceparent",
    "tracestate",
    "hidden_params",
];

/// `{"temperature":0.5}`: Langfuse takes plain values, so lists and maps are texts. Without `content`, nothing that is
/// long or made of parts.
pub fn parameters(request: &Request, content: bool) -> String {
    let mut text = String::from("{");
    for (name, value) in request.sent() {
        let is_asked = CONTENT.contains(&name) || matches!(name, "model" | "metadata" | "tools" | "functions");
        let is_whole = value.starts_with(['{', '[']);
        let is_hidden = !content && !is_plain(name, value);
        if is_asked || is_hidden || value == "null" {
            continue;
        }
        let comma = if text.len() > 1 { "," } else { "" };
        let name = Value::from(name);
        // Writing to a text does not fail.
        let _ = match is_whole {
            true => write!(text, "{comma}{name}:{}", Value::from(value)),
            false => write!(text, "{comma}{name}:{value}"),
        };
    }
    text.push('}');
    text
}

/// What was read from the provider's cache is no common input.
pub fn usage(tokens: &Tokens) -> String {
    let input = tokens.prompt.saturating_sub(tokens.cached);
    let (output, total) = (tokens.completion, tokens.prompt + tokens.completion);
    let (created, cached) = (tokens.created, tokens.cached);
    format!(
        r#"{{"input":{input},"output":{output},"total":{total},"cache_creation_input_tokens":{created},"cache_read_input_tokens":{cached}}}"#
    )
}

/// Dollars.
pub fn cost(total: f64) -> String {
    format!(r#"{{"total":{total}}}"#)
}

/// The caller's own metadata; `None` if there is none.
pub fn metadata(origin: &Origin) -> Option<String> {
    let own = origin.metadata.iter().filter(|(name, _)| !ELSEWHERE.contains(&name.as_str()));
    let own: Map<String, Value> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!own.is_empty()).then(|| Value::Object(own).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_plain_values() {
        let request = Request::parse(
            r#"{"model":"m","messages":[],"temperature":0.5,"stop":["a","b"],"tools":[{}],"user":null,
                "response_format":{"type":"text"},"logprobs":true}"#,
        )
        .unwrap();
        let shown = parameters(&request, true);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let expected = serde_json::json!({"temperature": 0.5, "stop": r#"["a","b"]"#,
            "response_format": r#"{"type":"text"}"#, "logprobs": true});
        assert_eq!(shown, expected);
        assert_eq!(parameters(&request, false), r#"{"temperature":0.5,"logprobs":true}"#);
    }

    #[test]
    fn numbers_are_json() {
        for dollars in [0.0, 1.35e-5, 1e-12, 3.0, 1e21] {
            let read: Value = serde_json::from_str(&cost(dollars)).unwrap();
            assert_eq!(read["total"].as_f64(), Some(dollars));
        }
        let tokens = Tokens { prompt: 10, cached: 4, created: 1, completion: 5, ..Tokens::default() };
        let read: Value = serde_json::from_str(&usage(&tokens)).unwrap();
        let expected = serde_json::json!({"input": 6, "output": 5, "total": 15, "cache_creation_input_tokens": 1,
            "cache_read_input_tokens": 4});
        assert_eq!(read, expected);
    }
}
