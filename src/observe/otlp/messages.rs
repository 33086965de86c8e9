//! Prompts and answers in the shape of the conventions' messages: a role and parts.

use serde_json::{Map, Value, json};

use crate::chat::{Request, Verb};

use super::attributes::Attributes;
use super::{LONGEST_CONTENT, TRUNCATED};

/// `gen_ai.input.messages`, and instructions that stand beside them.
pub fn asked(attributes: &mut Attributes, request: &Request) {
    let member = |name| request.get(name).filter(|text| text.len() <= LONGEST_CONTENT);
    let parsed = |name| member(name).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let name = match request.verb() {
        Verb::Chat => "messages",
        Verb::TextCompletion => "prompt",
        Verb::Responses => "input",
        _ => return,
    };
    if request.get(name).is_some_and(|text| text.len() > LONGEST_CONTENT) {
        attributes.text("gen_ai.input.messages", TRUNCATED);
    } else if let Some(asked) = parsed(name) {
        attributes.text("gen_ai.input.messages", Value::Array(messages(asked)).to_string());
    }
    if let Some(instructions) = parsed("instructions") {
        attributes.text("gen_ai.system_instructions", Value::Array(parts(&instructions)).to_string());
    }
}

/// `gen_ai.output.messages`: one for each choice.
pub fn answered(attributes: &mut Attributes, verb: Verb, answer: &Value) {
    let list = |name: &str| answer.get(name).and_then(Value::as_array).into_iter().flatten();
    let messages: Vec<Value> = match verb {
        Verb::Chat | Verb::TextCompletion => list("choices").map(choice).collect(),
        Verb::Responses => list("output").map(|item| message(item, "assistant")).collect(),
        _ => return,
    };
    let text = Value::Array(messages).to_string();
    let text = if text.len() > LONGEST_CONTENT { TRUNCATED.to_owned() } else { text };
    attributes.text("gen_ai.output.messages", text);
}

fn messages(asked: Value) -> Vec<Value> {
    match asked {
        // Several prompts are several answers, which no shape of messages can say.
        Value::Array(items) if items.iter().all(|item| item.is_object()) => {
            items.iter().map(|item| message(item, "user")).collect()
        }
        other => vec![json!({"role": "user", "parts": parts(&other)})],
    }
}

fn choice(choice: &Value) -> Value {
    let mut said = match choice.get("message") {
        Some(said) => message(said, "assistant"),
        None => json!({"role": "assistant", "parts": parts(choice.get("text").unwrap_or(&Value::Null))}),
    };
    if let (Some(said), Some(reason)) = (said.as_object_mut(), choice.get("finish_reason").and_then(Value::as_str)) {
        said.insert("finish_reason".to_owned(), reason.into());
    }
    said
}

/// A message of chats, or an item of responses.
fn message(message: &Value, role: &str) -> Value {
    let role = match message.get("type").and_then(Value::as_str) {
        Some("function_call") => "assistant",
        Some("function_call_output") => "tool",
        _ => message.get("role").and_then(Value::as_str).unwrap_or(role),
    };
    let mut made = Map::new();
    made.insert("role".to_owned(), role.into());
    made.insert("parts".to_owned(), Value::Array(parts_of(message)));
    if let Some(name) = message.get("name").filter(|_| message.get("type").is_none()) {
        made.insert("name".to_owned(), name.clone());
    }
    Value::Object(made)
}

fn parts_of(message: &Value) -> Vec<Value> {
    let none = Value::Null;
    let member = |name: &str| message.get(name).unwrap_or(&none);
    match member("type").as_str() {
        Some("function_call") => return vec![call(member("call_id"), message)],
        Some("function_call_output") => {
            return vec![json!({"type": "tool_call_response", "id": member("call_id"), "response": member("output")})];
        }
        Some("message") | None => {}
        Some(_) => return vec![message.clone()],
    }
    if message.get("tool_call_id").is_some() {
        return vec![
            json!({"type": "tool_call_response", "id": member("tool_call_id"), "response": member("content")}),
        ];
    }
    let mut made = Vec::new();
    if let Some(thought) = member("reasoning_content").as_str() {
        made.push(json!({"type": "reasoning", "content": thought}));
    }
    made.extend(parts(member("content")));
    if let Some(refusal) = member("refusal").as_str() {
        made.push(json!({"type": "text", "content": refusal}));
    }
    for asked in member("tool_calls").as_array().into_iter().flatten() {
        made.push(call(asked.get("id").unwrap_or(&none), asked.get("function").unwrap_or(asked)));
    }
    made
}

/// Arguments are an object where they are JSON, as they should be.
fn call(id: &Value, function: &Value) -> Value {
    let arguments = function.get("arguments").cloned().unwrap_or_default();
    let read = arguments.as_str().and_then(|text| serde_json::from_str(text).ok());
    json!({"type": "tool_call", "id": id, "name": function.get("name"), "arguments": read.unwrap_or(arguments)})
}

/// Parts of a content: a text, or a list.
fn parts(content: &Value) -> Vec<Value> {
    match content {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(part).collect(),
        other => vec![part(other)],
    }
}

fn part(part: &Value) -> Value {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
    match (part, kind) {
        (Value::String(text), _) => json!({"type": "text", "content": text}),
        (_, "text" | "input_text" | "output_text") => json!({"type": "text", "content": part.get("text")}),
        (_, "image_url" | "input_image") => {
            let address = part.pointer("/image_url/url").or_else(|| part.get("image_url"));
            match address.and_then(Value::as_str).and_then(|url| url.strip_prefix("data:")?.split_once(";base64,")) {
                Some((kind, data)) => {
                    json!({"type": "blob", "modality": "image", "mime_type": kind, "content": data})
                }
                None => json!({"type": "uri", "mime_type": null, "modality": "image", "uri": address}),
            }
        }
        (Value::Object(_), kind) if !kind.is_empty() => part.clone(),
        // A list of tokens, say.
        _ => json!({"type": "text", "content": part.to_string()}),
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value;

    use super::*;

    fn put(put: impl FnOnce(&mut Attributes)) -> Vec<(String, Value)> {
        let mut attributes = Attributes::default();
        put(&mut attributes);
        let read = |value| match value {
            Some(any_value::Value::StringValue(text)) => serde_json::from_str(&text).unwrap_or(text.into()),
            other => panic!("{other:?}"),
        };
        attributes.done().into_iter().map(|pair| (pair.key, read(pair.value.and_then(|value| value.value)))).collect()
    }

    fn input(verb: Verb, members: &str) -> Vec<(String, Value)> {
        let request = Request::parse_for(verb, &format!(r#"{{"model":"m",{members}}}"#)).unwrap();
        put(|attributes| asked(attributes, &request))
    }

    #[test]
    fn a_chat_becomes_messages_of_parts() {
        let made = input(
            Verb::Chat,
            r#""messages":[{"role":"system","content":"be brief"},
            {"role":"user","name":"ann","content":[{"type":"text","text":"what is it?"},
              {"type":"image_url","image_url":{"url":"https://x/y.png"}},
              {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}}]},
            {"role":"tool","tool_call_id":"c1","content":"a cat"}]"#,
        );
        let expected = json!([
            {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
            {"role": "user", "parts": [{"type": "text", "content": "what is it?"},
                {"type": "uri", "mime_type": null, "modality": "image", "uri": "https://x/y.png"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"}], "name": "ann"},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": 1}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "a cat"}]},
        ]);
        assert_eq!(made, [("gen_ai.input.messages".to_owned(), expected)]);
    }

    #[test]
    fn other_verbs_have_their_own_words() {
        let user = |text: &str| json!([{"role": "user", "parts": [{"type": "text", "content": text}]}]);
        assert_eq!(input(Verb::TextCompletion, r#""prompt":"hi""#)[0].1, user("hi"));
        let made = input(Verb::Responses, r#""input":"hi","instructions":"be brief""#);
        assert_eq!((&made[0].1, made[1].0.as_str()), (&user("hi"), "gen_ai.system_instructions"));
        assert!(input(Verb::Embedding, r#""input":"hi""#).is_empty());
        let long = format!(r#""prompt":"{}""#, "x".repeat(LONGEST_CONTENT));
        assert_eq!(input(Verb::TextCompletion, &long)[0].1, TRUNCATED);
    }

    #[test]
    fn answers_are_messages_with_a_reason() {
        let answer = json!({"choices": [
            {"finish_reason": "tool_calls", "message": {"role": "assistant", "content": "hm", "reasoning_content": "well",
                "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{broken"}}]}},
            {"finish_reason": null, "message": {"content": null, "refusal": "no"}},
        ]});
        let made = put(|attributes| answered(attributes, Verb::Chat, &answer));
        let expected = json!([
            {"role": "assistant", "parts": [{"type": "reasoning", "content": "well"}, {"type": "text", "content": "hm"},
                {"type": "tool_call", "id": "c", "name": "f", "arguments": "{broken"}], "finish_reason": "tool_calls"},
            {"role": "assistant", "parts": [{"type": "text", "content": "no"}]},
        ]);
        assert_eq!(made, [("gen_ai.output.messages".to_owned(), expected)]);
        let response = json!({"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]});
        let made = put(|attributes| answered(attributes, Verb::Responses, &response));
        assert_eq!(made[0].1[0]["parts"][0], json!({"type": "text", "content": "hi"}));
        assert_eq!(made[0].1[1]["parts"][0], json!({"type": "tool_call", "id": "c", "name": "f", "arguments": {}}));
    }
}
