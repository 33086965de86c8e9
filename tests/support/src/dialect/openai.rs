//! OpenAI's chat completions, and OpenAI's errors for everything else.

use std::borrow::Cow;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::first_segment;

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

/// Writes the body that `path` answers to `body`, at least `pad_to` bytes long, and returns its status.
pub fn answer(path: &str, request: &[u8], pad_to: usize, body: &mut Vec<u8>) -> u16 {
    if !path.ends_with("/chat/completions") {
        return refuse(404, &format!("Invalid URL ({path})"), body);
    }
    let request: ChatRequest = match serde_json::from_slice(request) {
        Ok(request) => request,
        Err(error) => {
            return refuse(400, &format!("We could not parse the JSON body of your request: {error}"), body);
        }
    };
    let Some(model) = request.model else {
        return refuse(400, "you must provide a model parameter", body);
    };
    if request.messages.is_none() {
        return refuse(400, "Missing required parameter: 'messages'.", body);
    }
    if request.stream == Some(true) {
        let with_usage = request.stream_options.is_some_and(|options| options.include_usage == Some(true));
        stream(path, &model, with_usage, body);
        return 200;
    }
    chat(path, &model, pad_to, body);
    200
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

fn refuse(status: u16, message: &str, body: &mut Vec<u8>) -> u16 {
    let error = serde_json::json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}});
    body.extend_from_slice(error.to_string().as_bytes());
    status
}

/// The body OpenAI sends with `status`.
pub fn error(status: u16) -> String {
    let (message, kind, code) = match status {
        401 => ("Incorrect API key provided.", "invalid_request_error", Some("invalid_api_key")),
        402 => ("Your account has no credit.", "billing_error", Some("billing_not_active")),
        403 => ("You are not allowed to use this model.", "permission_error", Some("forbidden")),
        404 => ("The model does not exist.", "invalid_request_error", Some("model_not_found")),
        408 | 504 => ("The request timed out.", "timeout_error", None),
        429 => ("Rate limit reached for requests.", "requests", Some("rate_limit_exceeded")),
        400..=499 => ("The request is not valid.", "invalid_request_error", None),
        503 | 529 => ("The server is overloaded.", "server_error", None),
        _ => ("The server had an error while processing your request.", "server_error", None),
    };
    serde_json::json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string()
}
