//! Anthropic's Messages: answers, refusals and errors.

use serde_json::{Value, json};

use super::{MESSAGES, Said, first_segment, rules};

pub fn answer(path: &str, request: &[u8], pad_to: usize, body: &mut Vec<u8>) -> Said {
    if !path.ends_with(MESSAGES) {
        return refuse(404, "Not Found", body);
    }
    let request: Value = match serde_json::from_slice(request) {
        Ok(request) => request,
        Err(error) => return refuse(400, &format!("The request body is not valid JSON: {error}"), body),
    };
    if let Some(broken) = rules::broken(&request) {
        return refuse(400, &broken, body);
    }
    if request["stream"] == true {
        stream(path, &request, body);
        return Said::EVENTS;
    }
    let mut text = format!("hello from {}", first_segment(path));
    let short = message(path, &request, &text).len();
    text.push_str(&".".repeat(pad_to.saturating_sub(short)));
    body.extend_from_slice(message(path, &request, &text).as_bytes());
    Said::JSON
}

fn message(path: &str, request: &Value, text: &str) -> String {
    let usage = json!({"input_tokens": 10, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "output_tokens": 20, "service_tier": "standard"});
    let message = json!({"id": format!("msg_{}", first_segment(path)), "type": "message", "role": "assistant",
        "model": request["model"], "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn", "stop_sequence": null, "usage": usage});
    message.to_string()
}

/// The same message in events, with a ping among them.
fn stream(path: &str, request: &Value, body: &mut Vec<u8>) {
    let name = first_segment(path);
    let usage = |output: u32| {
        json!({"input_tokens": 10, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0, "output_tokens": output, "service_tier": "standard"})
    };
    let mut event = |kind: &str, mut data: Value| {
        data["type"] = kind.into();
        body.extend_from_slice(format!("event: {kind}\ndata: {data}\n\n").as_bytes());
    };
    event(
        "message_start",
        json!({"message": {"id": format!("msg_{name}"), "type": "message", "role": "assistant",
        "model": request["model"], "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage(1)}}),
    );
    event("content_block_start", json!({"index": 0, "content_block": {"type": "text", "text": ""}}));
    event("ping", json!({}));
    for word in ["hello", " from", &format!(" {name}")] {
        event("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": word}}));
    }
    event("content_block_stop", json!({"index": 0}));
    event(
        "message_delta",
        json!({"delta": {"stop_reason": "end_turn", "stop_sequence": null},
        "usage": {"output_tokens": 20}}),
    );
    event("message_stop", json!({}));
}

fn refuse(status: u16, message: &str, body: &mut Vec<u8>) -> Said {
    body.extend_from_slice(envelope(kind(status), message).as_bytes());
    Said { status, ..Said::JSON }
}

/// The body Anthropic sends with `status`.
pub fn error(status: u16) -> String {
    let message = match status {
        401 => "invalid x-api-key",
        402 => "Your credit balance is too low to access the Anthropic API.",
        403 => "Your API key does not have permission to use the specified resource.",
        404 => "model: claude-none",
        413 => "Request exceeds the maximum size",
        429 => "This request would exceed your organization's rate limit.",
        400..=499 => "The request is not valid.",
        504 => "The request timed out.",
        503 | 529 => "Overloaded",
        _ => "Internal server error",
    };
    envelope(kind(status), message)
}

fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    }
}

pub fn envelope(kind: &str, message: &str) -> String {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"}).to_string()
}
