//! What a path answers by itself. Its end says in whose words.

mod anthropic;
mod openai;
mod rules;

use crate::http::Request;

/// The path of Anthropic's Messages; what lies below it speaks the same words.
const MESSAGES: &str = "/v1/messages";

fn is_anthropic(path: &str) -> bool {
    path.ends_with(MESSAGES) || path.contains("/v1/messages/")
}

fn first_segment(path: &str) -> &str {
    path.split('/').find(|segment| !segment.is_empty()).unwrap_or("provider")
}

/// Status and kind of a body that was written.
pub struct Said {
    pub status: u16,
    pub content_type: &'static str,
}

impl Said {
    pub const JSON: Self = Self { status: 200, content_type: "application/json" };
    pub const EVENTS: Self = Self { status: 200, content_type: "text/event-stream" };
}

/// Writes the body that the path of `request` answers to `body`, at least `pad_to` bytes long where it can grow.
pub fn answer(request: &Request, pad_to: usize, body: &mut Vec<u8>) -> Said {
    if is_anthropic(request.path) {
        anthropic::answer(request.path, request.body, pad_to, body)
    } else {
        openai::answer(request, pad_to, body)
    }
}

/// What kind of body a script's pieces are.
pub fn content_type(body: &[u8]) -> &'static str {
    // A line that begins with a colon is a comment of an event stream, and no JSON.
    let streamed = [&b"data:"[..], b"event:", b":"].iter().any(|line| body.starts_with(line));
    if streamed { Said::EVENTS.content_type } else { Said::JSON.content_type }
}

/// The body that `path` sends with the error `status`.
pub fn error(path: &str, status: u16) -> String {
    if is_anthropic(path) { anthropic::error(status) } else { openai::error(status) }
}

/// An error that repeats `secret`, where providers have been seen to do so.
pub fn echo(path: &str, secret: &str) -> String {
    let message = format!("Incorrect API key provided: {secret}. You can find your API key in your account.");
    if is_anthropic(path) {
        return anthropic::envelope("authentication_error", &message);
    }
    serde_json::json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": secret}})
        .to_string()
}
