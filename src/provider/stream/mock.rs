//! What a mock deployment streams: the events that OpenAI would have sent, so that all the rest of the way is real.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::chat::Request;
use crate::config::MockConfig;
use crate::transport::{Canned, Fault, HeaderMap, HeaderValue};

use super::super::mock::{Parts, Scene};

/// How many characters LiteLLM puts into one piece.
const PIECE_CHARS: usize = 3;
/// How LiteLLM's users write a stream that breaks; what follows is said before it does.
const BREAKS: &str = "Exception: mock_streaming_error";
const BREAK_STATUS: u16 = 529;

/// The stream for this request, if it or its deployment is mocked; a fault if that is what is played. `timeout` is
/// the attempt's. What is played as an error of a whole answer is the same here.
pub fn canned(
    own: Option<&MockConfig>,
    request: &Request,
    model: &str,
    timeout: Duration,
) -> Option<Result<Canned, Fault>> {
    let scene = Scene::of(own, request, timeout)?;
    let breaks = scene.text().and_then(|text| text.strip_prefix(BREAKS));
    let parts = match breaks {
        Some(rest) => Ok(broken(rest.trim_start_matches([' ', ',', ':', '-']), model)),
        None => scene.answer(model).map(streamed),
    };
    Some(parts.map(|parts| scene.canned(parts)))
}

fn streamed((status, headers, body): Parts) -> Parts {
    match (status, serde_json::from_slice(&body)) {
        (200, Ok(Value::Object(whole))) => opened(&events(&whole)),
        _ => (status, headers, body),
    }
}

fn opened(body: &str) -> Parts {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/event-stream"));
    (200, headers, Bytes::copy_from_slice(body.as_bytes()))
}

/// A stream that ends in an error. With nothing to say before, only the role comes: the answer has not begun then, as
/// where LiteLLM plays this.
fn broken(said: &str, model: &str) -> Parts {
    let whole = super::super::mock::whole(Some(said), None, model);
    let Value::Object(whole) = whole else { return opened("") };
    let mut all = Events::of(&whole);
    all.say(json!({"role": "assistant"}), 0);
    for piece in pieces(said) {
        all.say(json!({ "content": piece }), 0);
    }
    let error = json!({"message": "a mock error within the stream", "type": "overloaded_error", "code": BREAK_STATUS});
    all.send(&json!({ "error": error }));
    opened(&all.text)
}

/// A whole answer as events.
fn events(whole: &Map<String, Value>) -> String {
    let mut all = Events::of(whole);
    let choices = whole.get("choices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (number, choice) in choices.iter().enumerate() {
        all.choice(choice, number);
    }
    if choices.is_empty() {
        // No completion at all; whoever reads it may say so.
        all.send(&Value::Object(whole.clone()));
    } else if let Some(usage) = whole.get("usage").filter(|usage| usage.is_object()) {
        let members = [("choices", json!([])), ("usage", usage.clone())];
        all.chunk(members);
    }
    all.text.push_str("data: [DONE]\n\n");
    all.text
}

/// Events in the making.
struct Events {
    /// What all chunks have in common.
    head: Map<String, Value>,
    text: String,
}

impl Events {
    fn of(whole: &Map<String, Value>) -> Self {
        let mut head = whole.clone();
        head.insert("object".to_owned(), "chat.completion.chunk".into());
        head.retain(|name, _| name != "choices" && name != "usage");
        Self { head, text: String::new() }
    }

    /// The role with the first piece, the other pieces, what else the message has, and the end.
    fn choice(&mut self, choice: &Value, number: usize) {
        let nothing = Map::new();
        let message = choice.get("message").and_then(Value::as_object).unwrap_or(&nothing);
        let role = message.get("role").cloned().unwrap_or_else(|| "assistant".into());
        let content = message.get("content").cloned().unwrap_or_default();
        let mut texts = pieces(content.as_str().unwrap_or_default());
        let first = texts.next().map_or(content.clone(), Value::from);
        self.say(json!({"role": role, "content": first}), number);
        for piece in texts {
            self.say(json!({ "content": piece }), number);
        }
        let others = message
            .iter()
            .filter(|(name, value)| !["role", "content", "tool_calls"].contains(&name.as_str()) && !value.is_null());
        for (name, value) in others {
            self.say(json!({ name: value }), number);
        }
        let calls = message.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, call) in calls.iter().enumerate() {
            let mut call = call.clone();
            if let Some(call) = call.as_object_mut() {
                call.insert("index".to_owned(), index.into());
            }
            self.say(json!({ "tool_calls": [call] }), number);
        }
        let reason = choice.get("finish_reason").filter(|reason| reason.is_string()).cloned();
        let reason = reason.unwrap_or_else(|| "stop".into());
        self.chunk([("choices", json!([{"index": number, "delta": {}, "finish_reason": reason}]))]);
    }

    fn say(&mut self, delta: Value, number: usize) {
        self.chunk([("choices", json!([{"index": number, "delta": delta, "finish_reason": null}]))]);
    }

    fn chunk<const N: usize>(&mut self, members: [(&str, Value); N]) {
        let mut chunk = self.head.clone();
        chunk.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self.send(&Value::Object(chunk));
    }

    fn send(&mut self, data: &Value) {
        self.text.push_str(&format!("data: {data}\n\n"));
    }
}

/// The text in pieces of a few characters each, never within one.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(PIECE_CHARS).map_or(rest.len(), |(place, _)| place);
        let (piece, left) = rest.split_at_checked(end)?;
        rest = left;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}
