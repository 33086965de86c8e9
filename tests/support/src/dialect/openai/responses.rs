//! Responses: whole, or as named events without a [DONE] behind them.

use serde_json::{Value, json};

use super::{Refusal, hello, json, missing};
use crate::dialect::{Said, first_segment};
use crate::http::Request;

pub fn answer(request: &Request, asked: &Value, body: &mut Vec<u8>) -> Result<Said, Refusal> {
    if asked["input"].is_null() {
        return Err(missing("input"));
    }
    let (name, text) = (first_segment(request.path), hello(request));
    let whole = response(name, asked, json!([message(name, "completed", json!([part(&text)]))]), true);
    if asked["stream"] != true {
        return Ok(json(&whole, body));
    }
    events(name, asked, &text, whole, body);
    Ok(Said::EVENTS)
}

fn response(name: &str, asked: &Value, output: Value, is_whole: bool) -> Value {
    let or = |name: &str, other: Value| if asked[name].is_null() { other } else { asked[name].clone() };
    let usage = json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}, "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 30});
    json!({"id": format!("resp_{name}"), "object": "response", "created_at": 1_700_000_000,
        "status": if is_whole { "completed" } else { "in_progress" }, "error": null, "incomplete_details": null,
        "instructions": asked["instructions"], "max_output_tokens": asked["max_output_tokens"],
        "metadata": or("metadata", json!({})), "model": asked["model"], "output": output,
        "parallel_tool_calls": or("parallel_tool_calls", json!(true)), "previous_response_id": null,
        "temperature": or("temperature", json!(1.0)), "tool_choice": or("tool_choice", json!("auto")),
        "tools": or("tools", json!([])), "top_p": or("top_p", json!(1.0)), "truncation": "disabled",
        "usage": if is_whole { usage } else { Value::Null }})
}

fn message(name: &str, status: &str, content: Value) -> Value {
    json!({"id": id(name), "type": "message", "role": "assistant", "status": status, "content": content})
}

fn id(name: &str) -> String {
    format!("msg_{name}")
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// What will be, the message word by word, and what it has become.
fn events(name: &str, asked: &Value, text: &str, whole: Value, body: &mut Vec<u8>) {
    let mut number = 0;
    let mut event = |kind: &str, mut data: Value| {
        data["type"] = kind.into();
        data["sequence_number"] = number.into();
        number += 1;
        body.extend_from_slice(format!("event: {kind}\ndata: {data}\n\n").as_bytes());
    };
    let begun = response(name, asked, json!([]), false);
    event("response.created", json!({"response": begun}));
    event("response.in_progress", json!({"response": begun}));
    let item = |item: Value| json!({"output_index": 0, "item": item});
    event("response.output_item.added", item(message(name, "in_progress", json!([]))));
    let within = |member: &str, value: Value| {
        let mut data = json!({"item_id": id(name), "output_index": 0, "content_index": 0});
        data[member] = value;
        data
    };
    event("response.content_part.added", within("part", part("")));
    let with_logprobs = |mut data: Value| {
        data["logprobs"] = json!([]);
        data
    };
    for word in text.split_inclusive(' ') {
        event("response.output_text.delta", with_logprobs(within("delta", word.into())));
    }
    event("response.output_text.done", with_logprobs(within("text", text.into())));
    event("response.content_part.done", within("part", part(text)));
    event("response.output_item.done", item(whole["output"][0].clone()));
    event("response.completed", json!({"response": whole}));
}
