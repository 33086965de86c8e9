//! Text completions and responses as events.

use serde_json::{Map, Value, json};

use super::{pieces, plain};

const DONE: &str = "data: [DONE]\n\n";

/// A text completion as chunks; its usage in one of its own.
pub fn text_completion(whole: &Map<String, Value>) -> Vec<String> {
    let chunk = |choices: Value, usage: Option<&Value>| {
        let mut chunk = whole.clone();
        chunk.insert("choices".to_owned(), choices);
        match usage {
            Some(usage) => chunk.insert("usage".to_owned(), usage.clone()),
            None => chunk.shift_remove("usage"),
        };
        plain(&Value::Object(chunk))
    };
    let say = |number: usize, text: &str, reason: &Value| {
        chunk(json!([{"text": text, "index": number, "logprobs": null, "finish_reason": reason}]), None)
    };
    let mut list = Vec::new();
    let choices = whole.get("choices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (number, choice) in choices.iter().enumerate() {
        let text = choice.get("text").and_then(Value::as_str).unwrap_or_default();
        list.extend(pieces(text).map(|piece| say(number, piece, &Value::Null)));
        list.push(say(number, "", choice.get("finish_reason").unwrap_or(&Value::Null)));
    }
    if choices.is_empty() {
        // No completion at all; whoever reads it may say so.
        list.push(plain(&Value::Object(whole.clone())));
    }
    list.extend(whole.get("usage").map(|usage| chunk(json!([]), Some(usage))));
    list.push(DONE.to_owned());
    list
}

/// A response as its events: what it will be, each message piece by piece, what it is.
pub fn response(whole: &Map<String, Value>) -> Vec<String> {
    let mut list = Vec::new();
    let mut send = |name: &str, members: Value| {
        let mut event = Map::new();
        event.insert("type".to_owned(), name.into());
        event.insert("sequence_number".to_owned(), list.len().into());
        event.extend(members.as_object().cloned().unwrap_or_default());
        list.push(format!("event: {name}\ndata: {}\n\n", Value::Object(event)));
    };
    let mut begun = whole.clone();
    begun.insert("status".to_owned(), "in_progress".into());
    begun.insert("output".to_owned(), json!([]));
    begun.insert("usage".to_owned(), Value::Null);
    send("response.created", json!({ "response": begun }));
    send("response.in_progress", json!({ "response": begun }));
    let items = whole.get("output").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (place, item) in items.iter().enumerate() {
        let mut opened = item.clone();
        if let Some(opened) = opened.as_object_mut() {
            opened.insert("status".to_owned(), "in_progress".into());
            opened.insert("content".to_owned(), json!([]));
        }
        send("response.output_item.added", json!({"output_index": place, "item": opened}));
        let parts = item.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, part) in parts.iter().enumerate() {
            let text = part.get("text").and_then(Value::as_str).unwrap_or_default();
            let at = json!({"item_id": item.get("id"), "output_index": place, "content_index": index});
            let with = |name: &str, value: Value| {
                let mut members = at.clone();
                members[name] = value;
                members
            };
            let with_logprobs = |name: &str, value: Value| {
                let mut members = with(name, value);
                members["logprobs"] = json!([]);
                members
            };
            let empty = json!({"type": "output_text", "text": "", "annotations": []});
            send("response.content_part.added", with("part", empty));
            for piece in pieces(text) {
                send("response.output_text.delta", with_logprobs("delta", piece.into()));
            }
            send("response.output_text.done", with_logprobs("text", text.into()));
            send("response.content_part.done", with("part", part.clone()));
        }
        send("response.output_item.done", json!({"output_index": place, "item": item}));
    }
    send("response.completed", json!({ "response": whole }));
    list
}

/// Whether the answer goes on behind an event, as far as the event says.
pub fn is_before_end(event: &Value) -> bool {
    match event.get("type").and_then(Value::as_str) {
        Some(name) => !name.ends_with(".done") && name != "response.completed",
        None => event.pointer("/choices/0").is_some_and(|choice| choice.get("finish_reason") == Some(&Value::Null)),
    }
}
