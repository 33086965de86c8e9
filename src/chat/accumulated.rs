//! The whole answer that a stream's chunks make, for tests that hold the two forms against each other.

use serde_json::{Map, Value, json};

use super::Chunk;

/// Members whose texts are pieces of one text; of all others the last one that says something counts.
const GROWING: [&str; 9] =
    ["content", "refusal", "reasoning_content", "reasoning", "arguments", "text", "data", "transcript", "thinking"];

/// Takes chunks in and gives the completion that they stand for.
#[derive(Default)]
pub struct Accumulated {
    head: Map<String, Value>,
    choices: Vec<Value>,
    usage: Option<Value>,
}

impl Accumulated {
    pub fn of<'a>(chunks: impl IntoIterator<Item = &'a Chunk>) -> Value {
        let mut all = Self::default();
        for chunk in chunks {
            all.add(chunk);
        }
        all.completion()
    }

    fn add(&mut self, chunk: &Chunk) {
        let Value::Object(mut chunk) = serde_json::from_str(chunk.json()).unwrap() else { panic!("an object") };
        if let Some(Value::Array(choices)) = chunk.remove("choices") {
            merge_lists(&mut self.choices, choices);
        }
        self.usage = chunk.remove("usage").filter(|usage| !usage.is_null()).or(self.usage.take());
        merge_objects(&mut self.head, chunk);
    }

    fn completion(mut self) -> Value {
        self.head.insert("object".to_owned(), "chat.completion".into());
        let choices = self.choices.into_iter().map(choice).collect::<Vec<_>>();
        self.head.insert("choices".to_owned(), choices.into());
        self.head.extend(self.usage.map(|usage| ("usage".to_owned(), usage)));
        Value::Object(self.head)
    }
}

fn choice(mut choice: Value) -> Value {
    let mut message = choice["delta"].take();
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        call.as_object_mut().unwrap().remove("index");
    }
    let says_else = ["tool_calls", "refusal", "function_call", "audio"].iter().any(|name| !message[*name].is_null());
    if message["content"].as_str().is_none_or(str::is_empty) {
        message["content"] = if says_else { Value::Null } else { "".into() };
    }
    let mut whole = json!({"index": choice["index"], "message": message, "finish_reason": choice["finish_reason"]});
    if !choice["logprobs"].is_null() {
        whole["logprobs"] = choice["logprobs"].take();
    }
    whole
}

fn merge_objects(old: &mut Map<String, Value>, new: Map<String, Value>) {
    for (name, value) in new {
        let is_growing = GROWING.contains(&name.as_str());
        match (old.get_mut(&name), value) {
            (Some(_), Value::Null) => {}
            (Some(Value::String(text)), Value::String(more)) if is_growing => text.push_str(&more),
            (Some(Value::String(_)), Value::String(more)) if more.is_empty() => {}
            (Some(Value::Object(members)), Value::Object(more)) => merge_objects(members, more),
            (Some(Value::Array(items)), Value::Array(more)) => merge_lists(items, more),
            (_, value) => {
                // A list's items may belong together already.
                let value = match value {
                    Value::Array(items) => {
                        let mut merged = Vec::new();
                        merge_lists(&mut merged, items);
                        Value::Array(merged)
                    }
                    other => other,
                };
                old.insert(name, value);
            }
        }
    }
}

/// Items with the same index are one; others follow each other.
fn merge_lists(old: &mut Vec<Value>, new: Vec<Value>) {
    for item in new {
        let index = item.get("index").cloned();
        let same = old.iter_mut().find(|known| index.is_some() && known.get("index") == index.as_ref());
        match (same, item) {
            (Some(Value::Object(members)), Value::Object(more)) => merge_objects(members, more),
            (_, item) => old.push(item),
        }
    }
}
