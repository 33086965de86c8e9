//! A chat completion as chunks.

use serde_json::{Map, Value, json};

use super::{pieces, plain};

/// A whole answer as events.
pub fn events(whole: &Map<String, Value>) -> Vec<String> {
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
    all.list.push("data: [DONE]\n\n".to_owned());
    all.list
}

/// Whether the answer goes on behind a chunk, as far as the chunk says.
pub fn is_before_end(chunk: &Value) -> bool {
    chunk.pointer("/choices/0/delta").is_some_and(|delta| delta.as_object().is_some_and(|delta| !delta.is_empty()))
}

/// Events in the making.
struct Events {
    /// What all chunks have in common.
    head: Map<String, Value>,
    list: Vec<String>,
}

impl Events {
    fn of(whole: &Map<String, Value>) -> Self {
        let mut head = whole.clone();
        head.insert("object".to_owned(), "chat.completion.chunk".into());
        head.retain(|name, _| name != "choices" && name != "usage");
        Self { head, list: Vec::new() }
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
        self.list.push(plain(data));
    }
}
