//! A whole answer in OpenAI's shape.

use serde_json::{Map, Value, json};

use crate::chat::Flaw;
use crate::clock;

use super::JSON_TOOL;

/// Translates a message of Anthropic's.
pub fn translate(bytes: &[u8]) -> Result<Value, Flaw> {
    let text = std::str::from_utf8(bytes).map_err(|_| Flaw::NotUtf8)?;
    let answer: Value = serde_json::from_str(text).map_err(|_| Flaw::NotJson)?;
    if answer.get("type").and_then(Value::as_str) == Some("error") {
        return Err(Flaw::Error);
    }
    let blocks = answer.get("content").and_then(Value::as_array).ok_or(Flaw::Lacks("content"))?;
    let (message, shaped) = message(blocks);
    let stop_reason = answer.get("stop_reason").and_then(Value::as_str);
    let finish_reason = finish_reason(stop_reason, shaped);
    Ok(json!({
        "id": answer.get("id"),
        "object": "chat.completion",
        "created": clock::unix_ms() / 1000,
        "model": answer.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": usage(answer.get("usage")),
    }))
}

/// Why the answer ended. A call of the tool that only gives the answer its shape is no call to the caller.
pub fn finish_reason(stop_reason: Option<&str>, shaped: bool) -> &'static str {
    match stop_reason {
        Some("max_tokens" | "model_context_window_exceeded") => "length",
        Some("refusal") => "content_filter",
        Some("tool_use") if !shaped => "tool_calls",
        // end_turn, stop_sequence, pause_turn, and whatever comes.
        _ => "stop",
    }
}

/// The message, and whether its text came through the tool that gives answers their shape.
fn message(blocks: &[Value]) -> (Value, bool) {
    let mut texts: Vec<&str> = Vec::new();
    let mut thoughts: Vec<&Value> = Vec::new();
    let mut calls: Vec<Value> = Vec::new();
    let mut others: Vec<&Value> = Vec::new();
    let mut shape = None;
    for block in blocks {
        match block.get("type").and_then(Value::as_str) {
            Some("text") => texts.extend(block.get("text").and_then(Value::as_str)),
            Some("thinking" | "redacted_thinking") => thoughts.push(block),
            Some("tool_use") if block.get("name").and_then(Value::as_str) == Some(JSON_TOOL) => {
                // The first one counts: a stream could not take it back.
                shape = shape.or_else(|| block.get("input"))
            }
            Some("tool_use") => calls.push(tool_call(block)),
            _ => others.push(block),
        }
    }
    let shaped = shape.map(Value::to_string);
    let text = texts.concat();
    let content = shaped.clone().or_else(|| (!text.is_empty() || calls.is_empty()).then_some(text));
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    message.insert("content".to_owned(), content.into());
    if !thoughts.is_empty() {
        let thinking: Vec<_> = thoughts.iter().filter_map(|thought| thought.get("thinking")?.as_str()).collect();
        message.insert("reasoning_content".to_owned(), thinking.concat().into());
        message.insert("thinking_blocks".to_owned(), json!(thoughts));
    }
    let has_calls = !calls.is_empty();
    if has_calls {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    if !others.is_empty() {
        message.insert("provider_specific_fields".to_owned(), json!({"content_blocks": others}));
    }
    (Value::Object(message), shaped.is_some() && !has_calls)
}

fn tool_call(block: &Value) -> Value {
    let arguments = block.get("input").map_or_else(|| "{}".to_owned(), Value::to_string);
    json!({"id": block.get("id"), "type": "function", "function": {"name": block.get("name"), "arguments": arguments}})
}

/// OpenAI counts what came from a cache and what went into it as part of the prompt.
pub fn usage(usage: Option<&Value>) -> Value {
    let count = |name: &str| usage.and_then(|usage| usage.get(name)?.as_u64()).unwrap_or(0);
    let (read, written) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
    let prompt = count("input_tokens") + read + written;
    let completion = count("output_tokens");
    let mut translated = json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": read, "cache_creation_tokens": written},
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    });
    // Beside the tokens, not at the top: Anthropic's tiers are none of OpenAI's.
    if let (Some(object), Some(tier)) = (translated.as_object_mut(), usage.and_then(|usage| usage.get("service_tier")))
    {
        object.insert("service_tier".to_owned(), tier.clone());
    }
    translated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content: Value, stop_reason: &str) -> Value {
        let usage = json!({"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2});
        let whole = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content,
            "stop_reason": stop_reason, "usage": usage});
        translate(whole.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn texts_thoughts_and_calls() {
        let thought = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
        let hidden = json!({"type": "redacted_thinking", "data": "x"});
        let search = json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}});
        let translated = answer(
            json!([thought, hidden, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}, search,
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": [1]}}, {"type": "tool_use", "id": "toolu_2", "name": "g"}]),
            "tool_use",
        );
        let message = &translated["choices"][0]["message"];
        assert_eq!(message["content"], "ab");
        assert_eq!(
            (&message["reasoning_content"], &message["thinking_blocks"]),
            (&json!("hm"), &json!([thought, hidden]))
        );
        assert_eq!(
            message["tool_calls"],
            json!([
                {"id": "toolu_1", "type": "function", "function": {"name": "f", "arguments": "{\"x\":[1]}"}},
                {"id": "toolu_2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ])
        );
        assert_eq!(message["provider_specific_fields"]["content_blocks"], json!([search]));
        assert_eq!(translated["choices"][0]["finish_reason"], "tool_calls");
        let usage = &translated["usage"];
        assert_eq!(
            (&usage["prompt_tokens"], &usage["completion_tokens"], &usage["total_tokens"]),
            (&json!(15), &json!(5), &json!(20))
        );
        assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 3);
    }

    #[test]
    fn a_shaped_answer_is_text() {
        let translated =
            answer(json!([{"type": "tool_use", "id": "t", "name": JSON_TOOL, "input": {"a": 1}}]), "tool_use");
        let choice = &translated["choices"][0];
        assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("{\"a\":1}"), &json!("stop")));
        assert!(choice["message"].get("tool_calls").is_none());
    }

    #[test]
    fn every_stop_reason() {
        for (reason, expected) in [
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("tool_use", "tool_calls"),
            ("refusal", "content_filter"),
            ("pause_turn", "stop"),
            ("new", "stop"),
        ] {
            assert_eq!(answer(json!([]), reason)["choices"][0]["finish_reason"], expected);
        }
        assert_eq!(answer(json!([]), "refusal")["choices"][0]["message"]["content"], "");
    }

    #[test]
    fn what_is_no_message_is_told_apart() {
        assert_eq!(translate(b"<html>").err(), Some(Flaw::NotJson));
        assert_eq!(translate(b"{}").err(), Some(Flaw::Lacks("content")));
        assert_eq!(translate(br#"{"type":"error","error":{}}"#).err(), Some(Flaw::Error));
    }

    #[test]
    fn a_shaped_answer_that_was_cut_says_so() {
        assert_eq!(finish_reason(Some("tool_use"), true), "stop");
        assert_eq!(finish_reason(Some("tool_use"), false), "tool_calls");
        assert_eq!(finish_reason(Some("max_tokens"), true), "length");
        assert_eq!(finish_reason(Some("refusal"), true), "content_filter");
    }
}
