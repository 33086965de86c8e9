//! What a path answers by itself. Its end says in whose words.

mod anthropic;
mod openai;
mod rules;

/// The path of Anthropic's Messages; what lies below it speaks the same words.
const MESSAGES: &str = "/v1/messages";

fn is_anthropic(path: &str) -> bool {
    path.ends_with(MESSAGES) || path.contains("/v1/messages/")
}

fn first_segment(path: &str) -> &str {
    path.split('/').find(|segment| !segment.is_empty()).unwrap_or("provider")
}

/// Writes the body that `path` answers to `body`, at least `pad_to` bytes long, and returns its status.
pub fn answer(path: &str, request: &[u8], pad_to: usize, body: &mut Vec<u8>) -> u16 {
    if is_anthropic(path) {
        anthropic::answer(path, request, pad_to, body)
    } else {
        openai::answer(path, request, pad_to, body)
    }
}

/// What kind of body it is.
pub fn content_type(body: &[u8]) -> &'static str {
    // A line that begins with a colon is a comment of an event stream, and no JSON.
    let streamed = [&b"data:"[..], b"event:", b":"].iter().any(|line| body.starts_with(line));
    if streamed { "text/event-stream" } else { "application/json" }
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
