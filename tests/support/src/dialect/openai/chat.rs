//! Chat completions. Cheap, as benchmarks ask for them by the million.

use std::borrow::Cow;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{NO_MODEL, refuse, unparsable};
use crate::dialect::{Said, first_segment};
use crate::http::Request;

/// Looks at no more of a request than the answer needs.
#[derive(Deserialize)]
struct ChatRequest<'a> {
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    messages: Option<IgnoredAny>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

pub fn answer(request: &Request, pad_to: usize, body: &mut Vec<u8>) -> Said {
    let path = request.path;
    let request: ChatRequest = match serde_json::from_slice(request.body) {
        Ok(request) => request,
        Err(error) => return refuse(400, &unparsable(&error), body),
    };
    let Some(model) = request.model else {
        return refuse(400, NO_MODEL, body);
    };
    if request.messages.is_none() {
        return refuse(400, "Missing required parameter: 'messages'.", body);
    }
    if request.stream == Some(true) {
        let with_usage = request.stream_options.is_some_and(|options| options.include_usage == Some(true));
        stream(path, &model, with_usage, body);
        return Said::EVENTS;
    }
    chat(path, &model, pad_to, body);
    Said::JSON
}

fn chat(path: &str, model: &str, pad_to: usize, body: &mut Vec<u8>) {
    let name = first_segment(path);
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let start = body.len();
    let _ = write!(body, r#"{{"id":"chatcmpl-{name}","object":"chat.completion","created":{created},"model":"#);
    let _ = serde_json::to_writer(&mut *body, model);
    let _ = write!(body, r#","choices":[{{"index":0,"message":{{"role":"assistant","content":"hello from {name}"#);
    const TAIL: &[u8] = br#"","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30},"system_fingerprint":"fp_fake"}"#;
    let missing = pad_to.saturating_sub(body.len() - start + TAIL.len());
    body.resize(body.len() + missing, b'.');
    body.extend_from_slice(TAIL);
}

/// The same answer in chunks: the role, each word, the reason of the end, and the usage if it was asked for.
fn stream(path: &str, model: &str, with_usage: bool, body: &mut Vec<u8>) {
    let name = first_segment(path);
    let usage = serde_json::json!({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30});
    let mut chunk = |choices: serde_json::Value, usage: Option<&serde_json::Value>| {
        let mut chunk = serde_json::json!({"id": format!("chatcmpl-{name}"), "object": "chat.completion.chunk",
            "created": 1_700_000_000, "model": model, "choices": choices});
        if with_usage {
            chunk["usage"] = usage.cloned().unwrap_or_default();
        }
        let _ = write!(body, "data: {chunk}\n\n");
    };
    let choice = |delta: serde_json::Value, finish: Option<&str>| serde_json::json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    chunk(choice(serde_json::json!({"role": "assistant", "content": "", "refusal": null}), None), None);
    for word in ["hello", " from", &format!(" {name}")] {
        chunk(choice(serde_json::json!({"content": word}), None), None);
    }
    chunk(choice(serde_json::json!({}), Some("stop")), None);
    if with_usage {
        chunk(serde_json::json!([]), Some(&usage));
    }
    body.extend_from_slice(b"data: [DONE]\n\n");
}
