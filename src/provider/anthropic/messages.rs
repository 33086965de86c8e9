//! The conversation: roles become turns, which alternate; system texts stand apart.

use serde_json::{Map, Value, json};

use crate::error::Error;

use super::content::{blocks, placeholder};

/// The system's blocks and the turns.
pub fn translate(messages: Value) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let Value::Array(messages) = messages else {
        return Err(Error::bad_parameter("messages", "messages must be a list"));
    };
    let mut system = Vec::new();
    let mut turns = Vec::new();
    for (number, message) in messages.iter().enumerate() {
        let place = format!("messages[{number}]");
        let bad = |what: &str| Error::bad_parameter(&place, format!("{place}: {what}"));
        let message = message.as_object().ok_or_else(|| bad("a message must be an object"))?;
        match message.get("role").and_then(Value::as_str) {
            Some("system" | "developer") => system.extend(said(message, &place)?),
            Some("user") => add(&mut turns, "user", said(message, &place)?),
            Some("assistant") => add(&mut turns, "assistant", assistant(message, &place)?),
            Some("tool" | "function") => add(&mut turns, "user", vec![result(message, &place)?]),
            _ => return Err(bad("the role is none of system, developer, user, assistant, tool")),
        }
    }
    if turns.is_empty() && !system.is_empty() {
        add(&mut turns, "user", Vec::new());
    }
    let last = turns.len().saturating_sub(1);
    let turns = turns.into_iter().enumerate().map(|(number, turn)| turn.finish(number == last));
    Ok((system, turns.collect()))
}

/// Messages of one side in a row.
struct Turn {
    role: &'static str,
    blocks: Vec<Value>,
}

fn add(turns: &mut Vec<Turn>, role: &'static str, blocks: Vec<Value>) {
    match turns.last_mut().filter(|turn| turn.role == role) {
        Some(turn) => turn.blocks.extend(blocks),
        None => turns.push(Turn { role, blocks }),
    }
}

impl Turn {
    fn finish(mut self, is_last: bool) -> Value {
        // Results of tools come before whatever else is said in their turn.
        self.blocks.sort_by_key(|block| !is_result(block));
        if self.blocks.is_empty() {
            self.blocks.push(placeholder());
        }
        if is_last && self.role == "assistant" {
            trim_end(&mut self.blocks);
        }
        json!({"role": self.role, "content": self.blocks})
    }
}

pub fn is_result(block: &Value) -> bool {
    block.get("type").and_then(Value::as_str) == Some("tool_result")
}

/// A beginning that the model is to continue may not end in white space.
fn trim_end(blocks: &mut [Value]) {
    if let Some(Value::String(text)) = blocks.last_mut().and_then(|block| block.get_mut("text")) {
        text.truncate(text.trim_end().len());
    }
}

/// A message's content, its own `cache_control` on the last block.
fn said(message: &Map<String, Value>, place: &str) -> Result<Vec<Value>, Error> {
    let mut blocks = blocks(message.get("content"), &format!("{place}.content"))?;
    let last = blocks.last_mut().and_then(Value::as_object_mut);
    if let (Some(last), Some(control)) = (last, message.get("cache_control").filter(|control| !control.is_null())) {
        last.insert("cache_control".to_owned(), control.clone());
    }
    Ok(blocks)
}

/// Thoughts first, as they were signed; then what was said; then the calls of tools.
fn assistant(message: &Map<String, Value>, place: &str) -> Result<Vec<Value>, Error> {
    let thoughts = message.get("thinking_blocks").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut turn: Vec<Value> = thoughts.into_iter().filter(|thought| thought.is_object()).collect();
    turn.extend(said(message, place)?);
    let calls = message.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (number, call) in calls.iter().enumerate() {
        turn.push(tool_use(call, &format!("{place}.tool_calls[{number}]"))?);
    }
    Ok(turn)
}

fn tool_use(call: &Value, place: &str) -> Result<Value, Error> {
    let bad = |what: &str| Error::bad_parameter(place, format!("{place}: {what}"));
    let id = call.get("id").and_then(Value::as_str).ok_or_else(|| bad("the call has no id"))?;
    let name =
        call.pointer("/function/name").and_then(Value::as_str).ok_or_else(|| bad("the call names no function"))?;
    let arguments = call.pointer("/function/arguments").and_then(Value::as_str).unwrap_or_default();
    let input = if arguments.trim().is_empty() { Ok(json!({})) } else { serde_json::from_str::<Value>(arguments) };
    let input = input.ok().filter(Value::is_object).ok_or_else(|| bad("the arguments are no JSON object"))?;
    let mut block = json!({"type": "tool_use", "id": tool_id(id), "name": name, "input": input});
    if let (Some(object), Some(control)) = (block.as_object_mut(), call.get("cache_control")) {
        object.insert("cache_control".to_owned(), control.clone());
    }
    Ok(block)
}

fn result(message: &Map<String, Value>, place: &str) -> Result<Value, Error> {
    let bad = |what: &str| Error::bad_parameter(place, format!("{place}: {what}"));
    let id =
        message.get("tool_call_id").and_then(Value::as_str).ok_or_else(|| bad("the result has no tool_call_id"))?;
    let content = blocks(message.get("content"), &format!("{place}.content"))?;
    let mut result = json!({"type": "tool_result", "tool_use_id": tool_id(id), "content": content});
    if let Some(object) = result.as_object_mut() {
        for member in ["is_error", "cache_control"] {
            if let Some(value) = message.get(member).filter(|value| !value.is_null()) {
                object.insert(member.to_owned(), value.clone());
            }
        }
    }
    Ok(result)
}

/// Other providers' ids hold characters that Anthropic refuses; the same id always becomes the same.
fn tool_id(id: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !id.is_empty() && id.chars().all(keep) {
        return id.to_owned();
    }
    let spelled = id.chars().map(|c| if keep(c) && c != '_' { c.to_string() } else { format!("_{:x}_", u32::from(c)) });
    format!("toolu_{}", spelled.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_with_tools() {
        let messages = json!([
            {"role": "system", "content": "be kind", "cache_control": {"type": "ephemeral"}},
            {"role": "developer", "content": [{"type": "text", "text": "be brief"}]},
            {"role": "user", "content": "weather?"},
            {"role": "user", "content": "in Rome"},
            {"role": "assistant", "content": "", "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}],
             "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                            {"id": "fn.g:2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
            {"role": "user", "content": "quick"},
            {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
            {"role": "tool", "tool_call_id": "fn.g:2", "content": [{"type": "text", "text": "rain"}]},
        ]);
        let (system, turns) = translate(messages).unwrap();
        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(
            system,
            [json!({"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}), text("be brief")]
        );
        assert_eq!(turns[0], json!({"role": "user", "content": [text("weather?"), text("in Rome")]}));
        assert_eq!(
            turns[1],
            json!({"role": "assistant", "content": [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
                {"type": "tool_use", "id": "toolu_fn_2e_g_3a_2", "name": "g", "input": {}},
            ]})
        );
        assert_eq!(
            turns[2],
            json!({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": [text("sun")]},
                {"type": "tool_result", "tool_use_id": "toolu_fn_2e_g_3a_2", "content": [text("rain")]},
                text("quick"),
            ]})
        );
        assert_eq!(turns.len(), 3);
    }

    #[test]
    fn empty_turns_and_unfinished_ones() {
        let (_, turns) =
            translate(json!([{"role": "user", "content": ""}, {"role": "assistant", "content": "Once  \n"}])).unwrap();
        assert_eq!(turns[0]["content"][0]["text"], ".");
        assert_eq!(turns[1]["content"][0]["text"], "Once");
    }

    #[test]
    fn a_broken_history_is_refused_before_anything_is_sent() {
        let call = |arguments: &str| json!([{"role": "assistant", "tool_calls": [{"id": "i", "function": {"name": "f", "arguments": arguments}}]}]);
        for bad in [
            json!("x"),
            json!([1]),
            json!([{"role": "narrator"}]),
            json!([{"role": "tool", "content": "x"}]),
            call("{"),
            call("[1]"),
        ] {
            assert!(translate(bad).is_err());
        }
        let error = translate(call("{")).unwrap_err();
        assert_eq!(error.param(), Some("messages[0].tool_calls[0]"));
    }

    #[test]
    fn different_ids_stay_different() {
        let ids = ["a.b", "a_2e_b", "a:b", "é", "", "_", "a b"];
        let spelled: std::collections::HashSet<_> = ids.iter().map(|id| tool_id(id)).collect();
        assert_eq!(spelled.len(), ids.len());
        assert!(spelled.iter().all(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')));
    }
}
