//! Streams as Anthropic documents them.

use serde_json::{Value, json};

use super::super::{AnthropicStream, Progress, StreamFault};
use super::{read, text_of, whole};
use crate::chat::{Chunk, Flaw};

const TEXT: &str = r#"
event: message_start
data: {"type": "message_start", "message": {"id": "msg_1nZ", "type": "message", "role": "assistant", "content": [], "model": "claude-opus-4-1-20250805", "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 25, "cache_creation_input_tokens": 4, "cache_read_input_tokens": 3, "output_tokens": 1, "service_tier": "standard"}}}

event: content_block_start
data: {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "\u00a1\ud83d\ude00"}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 0}

event: message_delta
data: {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence":null}, "usage": {"output_tokens": 15}}

event: message_stop
data: {"type": "message_stop"}
"#;

const START: &str = r#"
event: message_start
data: {"type":"message_start","message":{"id":"msg_014","type":"message","role":"assistant","model":"claude-sonnet-4-5","stop_sequence":null,"usage":{"input_tokens":472,"output_tokens":2},"content":[],"stop_reason":null}}
"#;

const TOOL: &str = r#"
event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Okay, let's check:"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01T","name":"get_weather","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"location\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":" \"San Francisco, CA\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_02T","name":"now","input":{}}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89}}

event: message_stop
data: {"type":"message_stop"}
"#;

const THINKING: &str = r#"
event: content_block_start
data: {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "1. The GCD is "}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "21."}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 0}

event: content_block_start
data: {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "It is **21**."}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 1}

event: message_delta
data: {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 60}}

event: message_stop
data: {"type": "message_stop"}
"#;

/// A chunk as JSON, without what changes from one stream to the next.
fn json_of(chunk: &Chunk) -> Value {
    let mut json: Value = serde_json::from_str(chunk.json()).unwrap();
    assert!(json["created"].as_u64().is_some());
    json.as_object_mut().unwrap().remove("created");
    json
}

#[test]
fn a_text_chunk_by_chunk() {
    let (_, chunks) = whole(&mut AnthropicStream::new(false), TEXT);
    let made: Vec<_> = chunks.iter().map(json_of).collect();
    let chunk = |choices: Value| json!({"id": "msg_1nZ", "object": "chat.completion.chunk", "model": "claude-opus-4-1-20250805", "choices": choices});
    let delta = |delta: Value| chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]));
    let mut usage = chunk(json!([]));
    usage["usage"] = json!({
        "prompt_tokens": 32, "completion_tokens": 15, "total_tokens": 47,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_creation_tokens": 4},
        "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4, "service_tier": "standard",
    });
    let expected = [
        delta(json!({"role": "assistant", "content": ""})),
        delta(json!({"content": "Hello"})),
        delta(json!({"content": "¡😀"})),
        chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}])),
        usage,
    ];
    assert_eq!(made, expected);
    assert_eq!(chunks.iter().map(Chunk::has_content).collect::<Vec<_>>(), [false, true, true, false, false]);
    assert!(chunks[4].is_usage_only());
}

#[test]
fn tools_are_counted_from_zero_and_have_arguments() {
    let (answer, chunks) = whole(&mut AnthropicStream::new(false), &format!("{START}\n{TOOL}"));
    let choice = &answer["choices"][0];
    assert_eq!(
        (&choice["message"]["content"], &choice["finish_reason"]),
        (&json!("Okay, let's check:"), &json!("tool_calls"))
    );
    let call = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    let weather = call("toolu_01T", "get_weather", r#"{"location": "San Francisco, CA"}"#);
    assert_eq!(choice["message"]["tool_calls"], json!([weather, call("toolu_02T", "now", "{}")]));
    assert_eq!((&answer["usage"]["prompt_tokens"], &answer["usage"]["completion_tokens"]), (&json!(472), &json!(89)));
    let indices: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| json_of(chunk)["choices"][0]["delta"]["tool_calls"][0]["index"].as_u64())
        .collect();
    assert_eq!(indices, [0, 0, 0, 1, 1]);
}

#[test]
fn thoughts_are_told_as_they_come_and_as_a_whole() {
    let (answer, chunks) = whole(&mut AnthropicStream::new(false), &format!("{START}\n{THINKING}"));
    let message = &answer["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!("It is **21**."), &json!("1. The GCD is 21."))
    );
    let thought =
        json!({"type": "thinking", "thinking": "1. The GCD is 21.", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"});
    assert_eq!(message["thinking_blocks"], json!([thought]));
    assert_eq!(
        chunks.iter().map(Chunk::has_content).collect::<Vec<_>>(),
        [false, true, true, true, true, false, false]
    );
    assert_eq!(text_of(&chunks), "It is **21**.");
}

#[test]
fn what_is_told_as_a_whole_is_told_in_one_list() {
    let block = |index: u32, kind: &str| {
        format!(
            "data: {{\"type\":\"content_block_start\",\"index\":{index},\"content_block\":{{\"type\":\"{kind}\",\"data\":\"{index}\"}}}}\n\n\
             data: {{\"type\":\"content_block_stop\",\"index\":{index}}}\n\n"
        )
    };
    let blocks: String =
        [(0, "redacted_thinking"), (1, "server_tool_use"), (2, "redacted_thinking"), (3, "server_tool_use")]
            .iter()
            .map(|(index, kind)| block(*index, kind))
            .collect();
    let (_, chunks) =
        whole(&mut AnthropicStream::new(false), &format!("{START}\n{blocks}data: {{\"type\":\"message_stop\"}}\n\n"));
    let of = |index: u32, kind: &str| json!({"type": kind, "data": index.to_string()});
    let deltas: Vec<_> = chunks.iter().map(|chunk| json_of(chunk)["choices"][0]["delta"].clone()).collect();
    let thoughts = json!([of(0, "redacted_thinking"), of(2, "redacted_thinking")]);
    let others = json!([of(1, "server_tool_use"), of(3, "server_tool_use")]);
    assert_eq!(deltas[1]["thinking_blocks"], thoughts);
    assert_eq!(deltas[2]["provider_specific_fields"]["content_blocks"], others);
    assert_eq!(deltas[3..], [json!({}), json!(null)], "the end and the usage");
}

#[test]
fn errors_are_told_with_their_status() {
    let error = |kind: &str| format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"m"}}}}"#);
    let after = |before: &str, kind: &str| {
        let recorded = format!("{before}\nevent: error\ndata: {}\n\n", error(kind));
        let (chunks, ended) = read(&mut AnthropicStream::new(false), &recorded);
        (chunks.len(), ended.unwrap_err())
    };
    let fault = |kind: &str, status| StreamFault::InBand { body: error(kind).into(), status };
    assert_eq!(after("", "overloaded_error"), (0, fault("overloaded_error", 529)));
    for (kind, status) in [
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("billing_error", 402),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("request_too_large", 413),
        ("rate_limit_error", 429),
        ("api_error", 500),
        ("timeout_error", 504),
        ("new_error", 500),
    ] {
        assert_eq!(after(START, kind), (1, fault(kind, status)));
    }
    let unnamed = format!("data: {}\n\n", error("overloaded_error"));
    assert_eq!(read(&mut AnthropicStream::new(false), &unnamed).1, Err(fault("overloaded_error", 529)));
}

#[test]
fn what_is_unknown_is_skipped_and_what_is_broken_is_not() {
    let ended = |event: &str| read(&mut AnthropicStream::new(false), &format!("{START}\n{event}\n\n"));
    for skipped in [
        "event: new_event\ndata: {\"type\":\"new_event\",\"a\":1}",
        "event: new_event\ndata: no JSON",
        "event: ping\ndata: {}",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":7}",
    ] {
        let (chunks, ended) = ended(skipped);
        assert_eq!((chunks.len(), ended), (1, Ok(Progress::More)), "{skipped}");
    }
    for broken in [
        "event: content_block_delta\ndata: {\"type\":\"content_blo",
        "data: no JSON",
        "event: content_block_start\ndata: {\"index\":0}",
        "event: content_block_delta\ndata: {\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}}",
    ] {
        assert_eq!(ended(broken).1, Err(StreamFault::Flaw(Flaw::NotJson)), "{broken}");
    }
}

#[test]
fn a_text_before_its_shape_is_no_answer() {
    let shape = TOOL.replace("get_weather", "json_tool_call").replace("now", "json_tool_call").replace("toolu", "t");
    let (answer, chunks) = whole(&mut AnthropicStream::new(true), &format!("{START}\n{shape}"));
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"], json!({"role": "assistant", "content": r#"{"location": "San Francisco, CA"}"#}));
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(text_of(&chunks[..2]), r#"{"location":"#);
    // Where no shape follows, the text is the answer.
    let (answer, chunks) = whole(&mut AnthropicStream::new(true), TEXT);
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello¡😀");
    assert_eq!(chunks.len(), 4);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut reader = AnthropicStream::new(false);
    let begin = "event: content_block_start\ndata: {\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n";
    assert!(read(&mut reader, begin).1.is_ok());
    let long = "x".repeat(1024 * 1024);
    let piece = format!(
        "event: content_block_delta\ndata: {{\"index\":0,\"delta\":{{\"type\":\"thinking_delta\",\"thinking\":\"{long}\"}}}}"
    );
    let first = (0..9).map(|_| read(&mut reader, &piece).1).find(Result::is_err);
    assert_eq!(first, Some(Err(StreamFault::Flaw(Flaw::TooLarge))));
}
