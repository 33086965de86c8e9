//! OpenAI's answers, refusals and errors. The end of a path says which verb is meant.

mod chat;
mod files;
mod responses;
mod verbs;

use std::io::Write;

use serde_json::Value;

use super::{Said, first_segment};
use crate::http::Request;

/// Writes what the path of `request` answers to `body`, at least `pad_to` bytes long where it can grow.
pub fn answer(request: &Request, pad_to: usize, body: &mut Vec<u8>) -> Said {
    let ends = |end: &str| request.path.ends_with(end);
    if ends("/chat/completions") {
        return chat::answer(request, pad_to, body);
    }
    let said = if ends("/audio/transcriptions") || ends("/audio/translations") {
        files::transcript(request, body)
    } else if ends("/images/edits") || ends("/images/variations") {
        files::images(request, body)
    } else if ends("/responses") {
        json_of(request).and_then(|asked| responses::answer(request, &asked, body))
    } else {
        json_of(request).and_then(|asked| verbs::answer(request, &asked, body))
    };
    said.unwrap_or_else(|Refusal(status, message)| refuse(status, &message, body))
}

/// The status and the reason of what is not answered.
struct Refusal(u16, String);

fn json_of(request: &Request) -> Result<Value, Refusal> {
    if !verbs::KNOWN.iter().any(|end| request.path.ends_with(end)) {
        return Err(Refusal(404, format!("Invalid URL ({})", request.path)));
    }
    let asked: Value = serde_json::from_slice(request.body).map_err(|error| Refusal(400, unparsable(&error)))?;
    if asked["model"].is_string() { Ok(asked) } else { Err(Refusal(400, NO_MODEL.to_owned())) }
}

const NO_MODEL: &str = "you must provide a model parameter";

fn unparsable(error: &serde_json::Error) -> String {
    format!("We could not parse the JSON body of your request: {error}")
}

/// The text of every answer that has one.
fn hello(request: &Request) -> String {
    format!("hello from {}", first_segment(request.path))
}

fn json(answer: &Value, body: &mut Vec<u8>) -> Said {
    let _ = write!(body, "{answer}");
    Said::JSON
}

fn missing(name: &str) -> Refusal {
    Refusal(400, format!("Missing required parameter: '{name}'."))
}

fn refuse(status: u16, message: &str, body: &mut Vec<u8>) -> Said {
    let error = serde_json::json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}});
    body.extend_from_slice(error.to_string().as_bytes());
    Said { status, ..Said::JSON }
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
