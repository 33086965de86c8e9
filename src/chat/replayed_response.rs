//! The events of a whole response (`/responses`), as a provider would send them.

use serde_json::{Map, Value, json};

use super::Chunk;
use super::event::event;
use super::replay::pieces;

/// From `response.created` to the last event, which brings the whole. Messages, calls and reasoning come bit by bit, all
/// other items at once.
pub fn replay_response(response: Map<String, Value>) -> Option<Vec<Chunk>> {
    let last = match response.get("status").and_then(Value::as_str) {
        Some("completed") | None => "response.completed",
        Some("incomplete") => "response.incomplete",
        Some(_) => return None,
    };
    let Some(Value::Array(items)) = response.get("output") else { return None };
    let mut begun = response.clone();
    for (name, value) in [("status", json!("in_progress")), ("output", json!([])), ("usage", Value::Null)] {
        begun.insert(name.to_owned(), value);
    }
    let mut events = Events { made: Vec::new() };
    events.push("response.created", json!({"response": begun}))?;
    events.push("response.in_progress", json!({"response": begun}))?;
    for (place, item) in items.iter().enumerate() {
        events.item(place, item)?;
    }
    events.push(last, json!({"response": response}))?;
    Some(events.made)
}

struct Events {
    made: Vec<Chunk>,
}

impl Events {
    fn push(&mut self, kind: &str, members: Value) -> Option<()> {
        let mut text = json!({"type": kind, "sequence_number": self.made.len()});
        let Value::Object(members) = members else { return None };
        for (name, value) in members {
            text[name] = value;
        }
        let (chunk, _) = event(text.to_string().into()).ok()?;
        self.made.push(chunk);
        Some(())
    }

    fn item(&mut self, place: usize, item: &Value) -> Option<()> {
        let mut begun = item.clone();
        if begun.get("status").is_some() {
            begun["status"] = "in_progress".into();
        }
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "message" => begun["content"] = json!([]),
            "reasoning" => begun["summary"] = json!([]),
            "function_call" => begun["arguments"] = "".into(),
            _ => {}
        }
        self.push("response.output_item.added", json!({"output_index": place, "item": begun}))?;
        let of = json!({"item_id": item.get("id"), "output_index": place});
        match kind {
            "message" => {
                let parts = item.get("content").and_then(Value::as_array)?;
                for (number, part) in parts.iter().enumerate() {
                    self.part(&with(&of, json!({"content_index": number})), part)?;
                }
            }
            "reasoning" => {
                for (number, part) in item.get("summary").and_then(Value::as_array).into_iter().flatten().enumerate() {
                    let of = with(&of, json!({"summary_index": number}));
                    let empty = with(part, json!({"text": ""}));
                    self.push("response.reasoning_summary_part.added", with(&of, json!({"part": empty})))?;
                    self.text(&of, "response.reasoning_summary_text", "text", part, &json!({}))?;
                    self.push("response.reasoning_summary_part.done", with(&of, json!({"part": part})))?;
                }
            }
            "function_call" => {
                let name = json!({"name": item.get("name")});
                self.text(&of, "response.function_call_arguments", "arguments", item, &name)?;
            }
            _ => {}
        }
        self.push("response.output_item.done", json!({"output_index": place, "item": item}))
    }

    fn part(&mut self, of: &Value, part: &Value) -> Option<()> {
        let (member, kind) = match part.get("type").and_then(Value::as_str) {
            Some("output_text") => ("text", "response.output_text"),
            Some("refusal") => ("refusal", "response.refusal"),
            _ => {
                self.push("response.content_part.added", with(of, json!({"part": part})))?;
                return self.push("response.content_part.done", with(of, json!({"part": part})));
            }
        };
        let mut begun = with(part, json!({member: ""}));
        for name in ["annotations", "logprobs"] {
            if begun.get(name).is_some() {
                begun[name] = json!([]);
            }
        }
        self.push("response.content_part.added", with(of, json!({"part": begun})))?;
        let beside = if member == "text" { json!({"logprobs": []}) } else { json!({}) };
        self.text(of, kind, member, part, &beside)?;
        for (number, annotation) in part.get("annotations").and_then(Value::as_array).into_iter().flatten().enumerate()
        {
            let told = json!({"annotation_index": number, "annotation": annotation});
            self.push("response.output_text.annotation.added", with(of, told))?;
        }
        self.push("response.content_part.done", with(of, json!({"part": part})))
    }

    /// `<kind>.delta` word by word, then `<kind>.done` with the whole text. `beside` stands in some of them, too.
    fn text(&mut self, of: &Value, kind: &str, member: &str, owner: &Value, beside: &Value) -> Option<()> {
        let text = owner.get(member).and_then(Value::as_str).unwrap_or_default();
        let is_call = member == "arguments";
        for piece in pieces(text) {
            let delta = with(of, json!({"delta": piece}));
            let delta = if is_call { delta } else { with(&delta, beside.clone()) };
            self.push(&format!("{kind}.delta"), delta)?;
        }
        self.push(&format!("{kind}.done"), with(&with(of, json!({member: text})), beside.clone()))
    }
}

/// An object with more members.
fn with(object: &Value, more: Value) -> Value {
    let mut all = object.clone();
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
        all.extend(more);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::{Accumulated, Chunk, Verb, replay};
    use serde_json::{Value, json};

    #[test]
    fn a_response_comes_in_its_events() {
        let whole = json!({"id": "r", "object": "response", "status": "completed", "output": [
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "id": "ms", "role": "assistant", "status": "completed", "content": [
                {"type": "output_text", "text": "to be", "annotations": [{"type": "url_citation"}]}]},
            {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{\"a\": 1}", "status": "completed"},
            {"type": "web_search_call", "id": "ws", "status": "completed"}],
            "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}});
        let chunks = replay(Verb::Responses, &whole.to_string(), false).unwrap();
        let kinds: Vec<String> = chunks
            .iter()
            .map(|chunk| {
                let event: Value = serde_json::from_str(chunk.json()).unwrap();
                event["type"].as_str().unwrap().trim_start_matches("response.").to_owned()
            })
            .collect();
        assert_eq!(
            kinds,
            [
                "created",
                "in_progress",
                "output_item.added",
                "reasoning_summary_part.added",
                "reasoning_summary_text.delta",
                "reasoning_summary_text.done",
                "reasoning_summary_part.done",
                "output_item.done",
                "output_item.added",
                "content_part.added",
                "output_text.delta",
                "output_text.delta",
                "output_text.done",
                "output_text.annotation.added",
                "content_part.done",
                "output_item.done",
                "output_item.added",
                "function_call_arguments.delta",
                "function_call_arguments.delta",
                "function_call_arguments.done",
                "output_item.done",
                "output_item.added",
                "output_item.done",
                "completed",
            ]
        );
        assert_eq!(chunks.last().and_then(Chunk::usage), Some(whole["usage"].to_string().as_str()));
        let mut all = Accumulated::default();
        chunks.iter().for_each(|chunk| all.add(chunk));
        assert_eq!(all.whole(Verb::Responses), Some(whole));
    }

    #[test]
    fn what_is_not_whole_is_not_played() {
        for status in ["queued", "in_progress", "failed"] {
            let whole = json!({"status": status, "output": []}).to_string();
            assert!(replay(Verb::Responses, &whole, false).is_none(), "{status}");
        }
        assert!(replay(Verb::Responses, "{}", false).is_none());
    }
}
