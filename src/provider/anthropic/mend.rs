//! What `modify_params` changes in a request that Anthropic would refuse: a conversation gets the turns, results and
//! tools that it lacks, and loses what does not fit.

use serde_json::{Value, json};

use super::content::placeholder;
use super::messages::is_result;
use super::params::most_tokens;

/// How a removed result of a tool is told.
const RESULT: &str = "messages.tool_result";

/// Gives every call of a tool its result, takes results away that answer no call, and lets the user begin.
pub fn turns(turns: &mut Vec<Value>, dropped: &mut Vec<String>) {
    let mut mended: Vec<Value> = Vec::with_capacity(turns.len() + 1);
    let mut calls: Vec<Call> = Vec::new();
    for mut turn in turns.drain(..) {
        if is_assistant(&turn) {
            calls = calls_of(&turn);
        } else {
            answer(&mut turn, std::mem::take(&mut calls), dropped);
        }
        mended.push(turn);
    }
    if !calls.is_empty() {
        mended.push(json!({"role": "user", "content": calls.iter().map(Call::unanswered).collect::<Vec<_>>()}));
    }
    if mended.first().is_none_or(is_assistant) {
        mended.insert(0, json!({"role": "user", "content": [placeholder()]}));
    }
    *turns = mended;
}

/// Makes a user's turn answer these calls, each once and no others.
fn answer(turn: &mut Value, mut calls: Vec<Call>, dropped: &mut Vec<String>) {
    let Some(blocks) = turn.get_mut("content").and_then(Value::as_array_mut) else { return };
    let before = blocks.len();
    blocks.retain(|block| {
        let answers = |call: &Call| block.get("tool_use_id").and_then(Value::as_str) == Some(call.id.as_str());
        !is_result(block) || calls.iter().position(answers).map(|place| calls.swap_remove(place)).is_some()
    });
    if blocks.len() < before && !dropped.iter().any(|name| name == RESULT) {
        dropped.push(RESULT.to_owned());
    }
    // Results of tools come before whatever else is said in their turn.
    blocks.splice(0..0, calls.iter().map(Call::unanswered));
    if blocks.is_empty() {
        blocks.push(placeholder());
    }
}

struct Call {
    id: String,
    tool: String,
}

impl Call {
    fn unanswered(&self) -> Value {
        let text = format!("No result: the call of {} was interrupted or its result was lost.", self.tool);
        json!({"type": "tool_result", "tool_use_id": self.id, "content": [{"type": "text", "text": text}]})
    }
}

fn calls_of(turn: &Value) -> Vec<Call> {
    let text = |block: &Value, name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let calls = blocks(turn).iter().filter(|block| kind(block) == "tool_use");
    calls.map(|block| Call { id: text(block, "id"), tool: text(block, "name") }).collect()
}

/// Whether a conversation with tools may not be continued with thinking: the last call was made without, and so was
/// all else.
pub fn is_thoughtless(turns: &[Value]) -> bool {
    let thinks = |turn: &Value| blocks(turn).iter().any(|block| kind(block).contains("thinking"));
    let mut spoken = turns.iter().filter(|turn| is_assistant(turn));
    let last = spoken.clone().rev().find(|turn| !calls_of(turn).is_empty());
    last.is_some() && !spoken.any(thinks)
}

/// Whether tools were called in the conversation, which then needs tools.
pub fn has_calls(turns: &[Value]) -> bool {
    turns.iter().flat_map(blocks).any(|block| kind(block) == "tool_use" || is_result(block))
}

/// The tool of a conversation whose tools were not given.
pub fn dummy_tool() -> Value {
    let description = "Stands for tools that are no longer there. Do not call it.";
    json!({"name": "dummy_tool", "description": description, "input_schema": {"type": "object", "properties": {}}})
}

/// A bound that the model takes, if its largest is known.
pub fn bound(asked: Value, model: &str) -> Value {
    match (asked.as_u64(), most_tokens(model)) {
        (Some(tokens), Some(most)) if tokens > most => Value::from(most),
        _ => asked,
    }
}

fn is_assistant(turn: &Value) -> bool {
    turn.get("role").and_then(Value::as_str) == Some("assistant")
}

fn blocks(turn: &Value) -> &[Value] {
    turn.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn kind(block: &Value) -> &str {
    block.get("type").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(list: Value) -> (Value, Vec<String>) {
        let mut list = list.as_array().unwrap().clone();
        let mut dropped = Vec::new();
        turns(&mut list, &mut dropped);
        (Value::Array(list), dropped)
    }

    fn call(id: &str) -> Value {
        json!({"type": "tool_use", "id": id, "name": "f", "input": {}})
    }

    fn result(id: &str) -> Value {
        json!({"type": "tool_result", "tool_use_id": id, "content": []})
    }

    #[test]
    fn the_user_begins() {
        let user = json!({"role": "user", "content": [{"type": "text", "text": "."}]});
        let assistant = json!({"role": "assistant", "content": [{"type": "text", "text": "hi"}]});
        assert_eq!(mended(json!([])).0, json!([user]));
        assert_eq!(mended(json!([assistant])).0, json!([user, assistant]));
        assert_eq!(mended(json!([user, assistant])), (json!([user, assistant]), vec![]));
    }

    #[test]
    fn calls_and_results_are_paired() {
        let text = json!({"type": "text", "text": "go on"});
        let (list, dropped) = mended(json!([
            {"role": "user", "content": [result("nobody's")]},
            {"role": "assistant", "content": [call("a"), call("b")]},
            {"role": "user", "content": [result("a"), result("a"), text]},
            {"role": "assistant", "content": [call("c")]},
        ]));
        assert_eq!(dropped, ["messages.tool_result"]);
        assert_eq!(list[0]["content"], json!([placeholder()]));
        let ids = |turn: &Value| -> Vec<String> {
            blocks(turn).iter().map(|block| block["tool_use_id"].as_str().unwrap_or("-").to_owned()).collect()
        };
        assert_eq!(ids(&list[2]), ["b", "a", "-"]);
        assert_eq!(ids(&list[4]), ["c"]);
        assert!(list[4]["content"][0]["content"][0]["text"].as_str().unwrap().contains(" f "));
    }

    #[test]
    fn whether_a_conversation_has_thoughts() {
        let with = |first: &str, second: &str| {
            let turn = |kind: &str| json!({"role": "assistant", "content": [{"type": kind}, call("a")]});
            is_thoughtless(&[turn(first), turn(second)])
        };
        assert!(with("text", "text"));
        assert!(!with("thinking", "text") && !with("text", "redacted_thinking"));
        assert!(!is_thoughtless(&[json!({"role": "assistant", "content": [{"type": "text"}]})]));
    }

    #[test]
    fn a_bound_is_what_a_known_model_takes() {
        assert_eq!(bound(json!(1_000_000), "claude-sonnet-4-5"), 64_000);
        assert_eq!(bound(json!(5), "claude-sonnet-4-5"), 5);
        assert_eq!(bound(json!(1_000_000), "claude-3-5-haiku-20241022"), 8192);
        assert_eq!(bound(json!(1_000_000), "claude-opus-4-9"), 1_000_000);
    }
}
