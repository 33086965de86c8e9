//! The whole answer that a stream's chunks make.

use serde_json::{Map, Value, json};

use super::{Chunk, Verb};

/// Members whose texts are pieces of one text; of all others the last one that says something counts.
const GROWING: [&str; 9] =
    ["content", "refusal", "reasoning_content", "reasoning", "arguments", "text", "data", "transcript", "thinking"];
/// Of the stream alone: bytes that hide the length of its chunks.
const OF_STREAMS: &str = "obfuscation";
/// How a response's last event is called.
const LAST_EVENTS: [&str; 2] = ["response.completed", "response.incomplete"];

/// Takes chunks in and gives the answer that they stand for.
#[derive(Default)]
pub struct Accumulated {
    head: Map<String, Value>,
    choices: Vec<Value>,
    usage: Option<Value>,
    /// The whole that a response's last event brings.
    response: Option<Value>,
    /// A chunk was no object.
    broken: bool,
}

impl Accumulated {
    /// The completion that these chunks stand for.
    #[cfg(test)]
    pub fn of<'a>(chunks: impl IntoIterator<Item = &'a Chunk>) -> Value {
        let mut all = Self::default();
        for chunk in chunks {
            all.add(chunk);
        }
        all.completion(Verb::Chat)
    }

    pub fn add(&mut self, chunk: &Chunk) {
        let Ok(Value::Object(mut chunk)) = serde_json::from_str(chunk.json()) else {
            self.broken = true;
            return;
        };
        let kind = chunk.get("type").and_then(Value::as_str);
        if let Some(kind) = kind.filter(|_| !chunk.contains_key("choices")) {
            // A response's events are pieces of what the last one says as a whole.
            if LAST_EVENTS.contains(&kind) {
                self.response = chunk.remove("response");
            }
            return;
        }
        if let Some(Value::Array(mut choices)) = chunk.shift_remove("choices") {
            for (place, choice) in choices.iter_mut().enumerate() {
                if let Some(choice) = choice.as_object_mut() {
                    choice.entry("index").or_insert_with(|| place.into());
                }
            }
            merge_lists(&mut self.choices, choices);
        }
        self.usage = chunk.shift_remove("usage").filter(|usage| !usage.is_null()).or(self.usage.take());
        chunk.shift_remove(OF_STREAMS);
        for (name, value) in chunk {
            // What stands about the answer is said anew in each chunk, not bit by bit.
            let says_something = !value.is_null() && value.as_str() != Some("");
            if says_something || !self.head.contains_key(&name) {
                self.head.insert(name, value);
            }
        }
    }

    /// The answer, if every choice has said why it ended and nothing was filtered.
    pub fn whole(self, verb: Verb) -> Option<Value> {
        if self.broken {
            return None;
        }
        if verb == Verb::Responses {
            return self.response;
        }
        let reason = |choice: &Value| choice.get("finish_reason").and_then(Value::as_str).map(str::to_owned);
        let ends = self.choices.iter().map(reason).collect::<Option<Vec<_>>>()?;
        let is_whole = !ends.is_empty() && ends.iter().all(|end| !end.is_empty() && end != "content_filter");
        is_whole.then(|| self.completion(verb))
    }

    /// What the chunks say so far.
    pub fn completion(mut self, verb: Verb) -> Value {
        if verb == Verb::Responses {
            return self.response.unwrap_or_default();
        }
        let is_chat = verb == Verb::Chat;
        let object = if is_chat { "chat.completion" } else { "text_completion" };
        self.head.insert("object".to_owned(), object.into());
        let choices = self.choices.into_iter().map(|own| if is_chat { choice(own) } else { own }).collect::<Vec<_>>();
        self.head.insert("choices".to_owned(), choices.into());
        self.head.extend(self.usage.map(|usage| ("usage".to_owned(), usage)));
        Value::Object(self.head)
    }
}

/// A chat's choice: what was its delta is its message.
fn choice(choice: Value) -> Value {
    let Value::Object(mut choice) = choice else { return choice };
    let mut message = choice.shift_remove("delta").unwrap_or_default();
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(call) = call.as_object_mut() {
            call.shift_remove("index");
        }
    }
    let says_else = ["tool_calls", "refusal", "function_call", "audio"].iter().any(|name| !message[*name].is_null());
    let is_empty = match &message["content"] {
        Value::Array(parts) => parts.is_empty(),
        content => content.as_str().is_none_or(str::is_empty),
    };
    if is_empty && (message.is_object() || message.is_null()) {
        message["content"] = if says_else { Value::Null } else { "".into() };
    }
    let take = |choice: &mut Map<String, Value>, name: &str| choice.shift_remove(name).unwrap_or_default();
    let (index, reason) = (take(&mut choice, "index"), take(&mut choice, "finish_reason"));
    let mut whole = json!({"index": index, "message": message, "finish_reason": reason});
    for (name, value) in choice.into_iter().filter(|(_, value)| !value.is_null()) {
        whole[name] = value;
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
