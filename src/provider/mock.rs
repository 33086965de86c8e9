//! What a mock deployment answers: the bytes that a provider would have sent, so that all the rest of the way is real.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::chat::Request;
use crate::clock;
use crate::config::MockConfig;
use crate::error::ErrorKind;
use crate::transport::{Canned, Fault, FaultKind, HeaderMap, HeaderValue};

/// LiteLLM's usage of a mocked answer.
const PROMPT_TOKENS: u32 = 10;
const COMPLETION_TOKENS: u32 = 20;

/// The answer for this request, if it or its deployment is mocked; a fault if that is what is played.
pub fn canned(own: Option<&MockConfig>, request: &Request, model: &str) -> Option<Result<Canned, Fault>> {
    let asked = request.options();
    let by_request = asked.mock_response.is_some() || asked.mock_error.is_some();
    if own.is_none() && !by_request {
        return None;
    }
    let delay = asked.mock_delay.or(own.map(|mock| mock.delay)).unwrap_or_default();
    let (response, error) = match own {
        Some(own) if !by_request => (own.response.as_ref(), own.error.as_ref()),
        _ => (asked.mock_response.as_ref(), asked.mock_error.as_ref()),
    };
    Some(answer(response, error, model).map(|(status, headers, body)| Canned { delay, status, headers, body }))
}

/// Refuses, at load, a mock that could not be played.
pub fn check(mock: &MockConfig) -> Result<(), String> {
    match &mock.error {
        Some(error) => played_error(error).map(|_| ()),
        None => Ok(()),
    }
}

type Parts = (u16, HeaderMap, Bytes);

fn answer(response: Option<&Value>, error: Option<&Value>, model: &str) -> Result<Parts, Fault> {
    if let Some(error) = error {
        return played_error(error).unwrap_or_else(|message| Ok(failure(&Failure::status(400, message))));
    }
    match response {
        Some(Value::String(text)) => match litellm_class(text) {
            Some(error) => played_error(&Value::from(error)).unwrap_or_else(|_| Ok(completion(text, model))),
            None => Ok(completion(text, model)),
        },
        Some(Value::Object(whole)) => Ok((200, HeaderMap::new(), Bytes::from(Value::from(whole.clone()).to_string()))),
        Some(other) => Ok(completion(&other.to_string(), model)),
        None => Ok(completion("", model)),
    }
}

/// LiteLLM plays an exception for texts such as `litellm.RateLimitError`.
fn litellm_class(text: &str) -> Option<&str> {
    let class = text.strip_prefix("litellm.")?;
    class.bytes().all(|byte| byte.is_ascii_alphabetic()).then_some(class)
}

fn completion(text: &str, model: &str) -> Parts {
    let body = json!({
        "id": format!("chatcmpl-mock-{:016x}", fastrand::u64(..)),
        "object": "chat.completion",
        "created": clock::unix_ms() / 1000,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": COMPLETION_TOKENS,
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        },
    });
    (200, HeaderMap::new(), Bytes::from(body.to_string()))
}

/// What `mock_error` says: a class name, a status, or `{status, message, code, retry_after}`.
struct Failure {
    status: u16,
    message: String,
    code: Option<String>,
    retry_after: Option<Duration>,
}

impl Failure {
    fn status(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), code: None, retry_after: None }
    }
}

fn failure(failure: &Failure) -> Parts {
    let mut headers = HeaderMap::new();
    if let Some(wait) = failure.retry_after {
        headers.insert("retry-after", HeaderValue::from(wait.as_secs()));
    }
    let body =
        json!({"error": {"message": failure.message, "type": "mock_error", "code": failure.code, "param": null}});
    (failure.status, headers, Bytes::from(body.to_string()))
}

fn played_error(error: &Value) -> Result<Result<Parts, Fault>, String> {
    let status = |value: &Value| value.as_u64().and_then(|status| u16::try_from(status).ok());
    match error {
        Value::String(class) => by_class(class),
        Value::Number(_) => {
            let status = status(error).filter(|status| (400..600).contains(status));
            let status = status.ok_or("mock_error must be a status from 400 to 599 or a LiteLLM class")?;
            Ok(Ok(failure(&Failure::status(status, "a mock error"))))
        }
        Value::Object(parts) => {
            let status = parts.get("status").and_then(status).filter(|status| (400..600).contains(status));
            let text = |name| parts.get(name).and_then(Value::as_str).map(str::to_owned);
            let wait = parts.get("retry_after").and_then(Value::as_f64);
            Ok(Ok(failure(&Failure {
                status: status.ok_or("mock_error needs a status from 400 to 599")?,
                message: text("message").unwrap_or_else(|| "a mock error".to_owned()),
                code: text("code"),
                retry_after: wait.and_then(|wait| Duration::try_from_secs_f64(wait).ok()),
            })))
        }
        _ => Err("mock_error must be a LiteLLM class, a status, or {status, message, code, retry_after}".to_owned()),
    }
}

fn by_class(class: &str) -> Result<Result<Parts, Fault>, String> {
    let class = class.strip_prefix("litellm.").unwrap_or(class);
    let kind = ErrorKind::NAMED.into_iter().find(|kind| kind.code() >= 400 && kind.class() == class);
    let message = format!("a mock {class}");
    let coded =
        |status, code: &str| Failure { code: Some(code.to_owned()), ..Failure::status(status, message.clone()) };
    match kind {
        Some(ErrorKind::ApiConnection) => Ok(Err(Fault::played(FaultKind::Broken, message))),
        Some(ErrorKind::ContextWindowExceeded) => Ok(Ok(failure(&coded(400, "context_length_exceeded")))),
        Some(ErrorKind::ContentPolicyViolation) => Ok(Ok(failure(&coded(400, "content_policy_violation")))),
        Some(kind) if (400..600).contains(&kind.code()) => {
            Ok(Ok(failure(&Failure::status(kind.http_status(), message))))
        }
        _ => Err(format!("mock_error \"{}\" is no LiteLLM class that can be played", class.escape_debug())),
    }
}
