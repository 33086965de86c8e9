//! The law of both forms: a stream's chunks make the answer that the whole message's translation makes.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::super::anthropic::{JSON_TOOL, response};
use super::super::AnthropicStream;
use super::whole;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,24}", "[a-z\"\\\\\n\u{1F600}é ]{0,12}"]
}

fn input() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![text().prop_map(Value::from), any::<i32>().prop_map(Value::from), Just(Value::Null)];
    let value = prop_oneof![3 => leaf.clone(), 1 => proptest::collection::vec(leaf, 0..3).prop_map(Value::from)];
    proptest::collection::vec(("[a-z]{1,4}", value), 0..4)
        .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
}

fn block() -> impl Strategy<Value = Value> {
    let named = prop_oneof![3 => "[a-z_]{1,8}", 1 => Just(JSON_TOOL.to_owned())];
    prop_oneof![
        3 => text().prop_map(|text| json!({"type": "text", "text": text})),
        1 => (text(), "[A-Za-z0-9+/]{0,20}")
            .prop_map(|(text, signature)| json!({"type": "thinking", "thinking": text, "signature": signature})),
        1 => "[A-Za-z0-9]{0,9}".prop_map(|data| json!({"type": "redacted_thinking", "data": data})),
        3 => ("toolu_[a-z]{3}", named, input())
            .prop_map(|(id, name, input)| json!({"type": "tool_use", "id": id, "name": name, "input": input})),
        1 => input().prop_map(|input| json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "s", "input": input})),
        1 => text().prop_map(|url| json!({"type": "web_search_tool_result", "content": [{"url": url}]})),
    ]
}

fn message() -> impl Strategy<Value = Value> {
    let reasons = ["end_turn", "max_tokens", "tool_use", "refusal", "stop_sequence", "pause_turn", "new"];
    let counts = (0_u32..999, 0_u32..999, 0_u32..999, 0_u32..999, any::<bool>());
    (proptest::collection::vec(block(), 0..6), proptest::sample::select(reasons.to_vec()), counts).prop_map(
        |(content, reason, (input, output, read, written, tiered))| {
            let mut usage = json!({"input_tokens": input, "output_tokens": output, "cache_read_input_tokens": read, "cache_creation_input_tokens": written});
            if tiered {
                usage["service_tier"] = "standard".into();
            }
            json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content,
                "stop_reason": reason, "usage": usage})
        },
    )
}

/// The events in which Anthropic would tell a message, its texts cut into pieces of `size` characters.
fn told(message: &Value, size: usize) -> String {
    let mut text = String::new();
    let mut tell =
        |event: Value| text.push_str(&format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()));
    let mut start = message.clone();
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    start["usage"]["output_tokens"] = 1.into();
    tell(json!({"type": "message_start", "message": start}));
    for (index, block) in message["content"].as_array().unwrap().iter().enumerate() {
        let mut begun = block.clone();
        let mut deltas = Vec::new();
        let mut cut = |whole: &str, kind: &str, member: &str| {
            let letters: Vec<char> = whole.chars().collect();
            let pieces =
                letters.chunks(size).map(|piece| json!({"type": kind, member: piece.iter().collect::<String>()}));
            deltas.extend(pieces);
        };
        match block["type"].as_str().unwrap() {
            "text" => {
                cut(block["text"].as_str().unwrap(), "text_delta", "text");
                begun["text"] = "".into();
            }
            "thinking" => {
                cut(block["thinking"].as_str().unwrap(), "thinking_delta", "thinking");
                cut(block["signature"].as_str().unwrap(), "signature_delta", "signature");
                (begun["thinking"], begun["signature"]) = ("".into(), "".into());
            }
            "tool_use" | "server_tool_use" => {
                cut("", "input_json_delta", "partial_json");
                // A tool without input is told without pieces.
                if block["input"] != json!({}) {
                    cut(&block["input"].to_string(), "input_json_delta", "partial_json");
                }
                begun["input"] = json!({});
            }
            _ => {}
        }
        tell(json!({"type": "content_block_start", "index": index, "content_block": begun}));
        tell(json!({"type": "ping"}));
        for delta in deltas {
            tell(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        tell(json!({"type": "content_block_stop", "index": index}));
    }
    let usage = json!({"output_tokens": message["usage"]["output_tokens"]});
    tell(json!({"type": "message_delta", "delta": {"stop_reason": message["stop_reason"]}, "usage": usage}));
    tell(json!({"type": "message_stop"}));
    text
}

/// Whether a message can only answer a request that asked for a shape.
fn is_shaped(message: &Value) -> bool {
    message["content"].as_array().unwrap().iter().any(|block| block["name"] == JSON_TOOL)
}

proptest! {
    #[test]
    fn both_forms_say_the_same(message in message(), size in 1_usize..7, asked in any::<bool>()) {
        let expected = response::translate(message.to_string().as_bytes()).unwrap();
        let mut reader = AnthropicStream::new(asked || is_shaped(&message));
        let (mut made, chunks) = whole(&mut reader, &told(&message, size));
        for name in ["id", "created", "model"] {
            let all = chunks.iter().map(|chunk| serde_json::from_str::<Value>(chunk.json()).unwrap()[name].clone());
            prop_assert!(all.into_iter().all(|value| value == made[name]));
        }
        made["created"] = expected["created"].clone();
        prop_assert_eq!(made, expected);
    }

    #[test]
    fn no_event_panics(events in proptest::collection::vec((text(), any::<bool>()), 0..8), message in message()) {
        let recorded = told(&message, 2);
        let noise = events.into_iter().map(|(text, named)| {
            let name = if named { "event: content_block_delta\n" } else { "" };
            format!("{name}data: {}\n\n", text.replace(['\n', '\r'], " "))
        });
        let recorded: String = recorded.split_inclusive("\n\n").map(str::to_owned).zip(noise).flat_map(|(a, b)| [a, b]).collect();
        let _ = super::read(&mut AnthropicStream::new(false), &recorded);
        let _ = super::read(&mut super::super::OpenAiStream, &recorded);
    }
}
