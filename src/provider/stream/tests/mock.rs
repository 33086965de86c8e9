//! What mock deployments stream, read as a provider's stream is.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::mock::canned;
use super::super::{OpenAiStream, Progress, StreamFault};
use super::{read, text_of, whole};
use crate::chat::{Chunk, Request};
use crate::config::MockConfig;
use crate::transport::Canned;

fn played(members: &str) -> Canned {
    let request = Request::parse(&format!(r#"{{"model":"g",{members}}}"#)).unwrap();
    canned(None, &request, "m", Duration::from_secs(60)).unwrap().unwrap()
}

fn body(members: &str) -> String {
    let canned = played(members);
    assert_eq!((canned.status, &canned.headers["content-type"]), (200, &"text/event-stream".parse().unwrap()));
    String::from_utf8(canned.body.to_vec()).unwrap()
}

fn streamed(members: &str) -> (Value, Vec<Chunk>) {
    whole(&mut OpenAiStream, &body(members))
}

#[test]
fn a_text_comes_in_pieces_of_three_characters() {
    let (answer, chunks) = streamed(r#""mock_response":"Hé😀llo""#);
    let pieces: Vec<_> = chunks.iter().filter_map(|chunk| chunk.delta_text().map(|text| text.into_owned())).collect();
    assert_eq!(pieces, ["Hé😀", "llo"]);
    let first: Value = serde_json::from_str(chunks[0].json()).unwrap();
    assert_eq!(first["choices"][0]["delta"], json!({"role": "assistant", "content": "Hé😀"}));
    assert_eq!((&first["object"], &first["model"]), (&json!("chat.completion.chunk"), &json!("m")));
    assert_eq!(chunks[2].finish_reason(), Some("stop"));
    assert!(chunks[3].is_usage_only() && chunks.len() == 4);
    assert_eq!(answer["usage"], json!({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}));
}

#[test]
fn the_stream_says_what_the_whole_answer_says() {
    let call = r#"{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}"#;
    let object = r#"{"id":"x","object":"chat.completion","created":1,"model":"y","choices":[{"index":0,"message":{"role":"assistant","content":"one two","reasoning_content":"hm"},"finish_reason":"length"}]}"#;
    for members in [
        r#""mock_response":"""#.to_owned(),
        r#""mock_response":"four score and seven years ago""#.to_owned(),
        format!(r#""mock_tool_calls":[{call},{call}]"#),
        format!(r#""mock_tool_calls":[{call}],"mock_response":"look""#),
        format!(r#""mock_response":{object}"#),
    ] {
        let request = Request::parse(&format!(r#"{{"model":"g",{members}}}"#)).unwrap();
        let minute = Duration::from_secs(60);
        let whole = super::super::super::mock::canned(None, &request, "m", minute).unwrap().unwrap();
        let mut expected: Value = serde_json::from_slice(&whole.body).unwrap();
        let mut made = streamed(&members).0;
        for answer in [&mut expected, &mut made] {
            for drawn in ["id", "created"] {
                answer.as_object_mut().unwrap().remove(drawn);
            }
        }
        assert_eq!(made, expected, "{members}");
    }
}

#[test]
fn a_stream_breaks_before_or_after_it_has_begun() {
    for (text, said) in [("Exception: mock_streaming_error", ""), ("Exception: mock_streaming_error, Hello", "Hello")] {
        let (chunks, ended) = read(&mut OpenAiStream, &body(&format!(r#""mock_response":"{text}""#)));
        assert_eq!((text_of(&chunks).as_str(), chunks.iter().any(Chunk::has_content)), (said, !said.is_empty()));
        assert!(!chunks.is_empty());
        assert!(matches!(ended, Err(StreamFault::InBand { status: 529, .. })), "{ended:?}");
    }
}

#[test]
fn errors_and_delays_are_those_of_whole_answers() {
    assert_eq!(played(r#""mock_error":429"#).status, 429);
    assert_eq!(played(r#""mock_response":"litellm.RateLimitError""#).status, 429);
    assert_eq!(played(r#""mock_response":"Exception: mock_streaming_error","mock_error":500"#).status, 500);
    assert_eq!(played(r#""mock_response":"a","mock_delay":2"#).delay, Duration::from_secs(2));
    assert!(played(r#""mock_timeout":true"#).delay > Duration::from_secs(60));
    let own = MockConfig { response: Some(json!("own")), ..MockConfig::default() };
    let request = Request::parse(r#"{"model":"g"}"#).unwrap();
    let canned = canned(Some(&own), &request, "m", Duration::ZERO).unwrap().unwrap();
    let (chunks, ended) = read(&mut OpenAiStream, std::str::from_utf8(&canned.body).unwrap());
    assert_eq!((text_of(&chunks).as_str(), ended), ("own", Ok(Progress::Done)));
    let broken = body(r#""mock_response":{"error":{"code":503}}"#);
    assert!(matches!(read(&mut OpenAiStream, &broken).1, Err(StreamFault::InBand { status: 503, .. })));
}
