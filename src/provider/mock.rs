//! What a mock deployment answers: the bytes that a provider would have sent, so that all the rest of the way is real.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::chat::{Options, Request, Verb};
use crate::clock;
use crate::config::MockConfig;
use crate::error::ErrorKind;
use crate::transport::{Canned, Fault, FaultKind, HeaderMap, HeaderValue};

/// LiteLLM's usage of a mocked answer.
pub(super) const PROMPT_TOKENS: u32 = 10;
pub(super) const COMPLETION_TOKENS: u32 = 20;

/// Longer than any attempt: what a mock that runs out of time answers after.
const BEYOND: Duration = Duration::from_secs(1);

/// What is played: a request's own mock stands in the place of the deployment's, as a whole.
#[derive(Default)]
struct Played<'a> {
    response: Option<&'a Value>,
    error: Option<&'a Value>,
    tool_calls: Option<&'a Value>,
    timeout: bool,
}

impl<'a> Played<'a> {
    fn by_request(asked: &'a Options) -> Option<Self> {
        let played = Self {
            response: asked.mock_response.as_ref(),
            error: asked.mock_error.as_ref(),
            tool_calls: asked.mock_tool_calls.as_ref(),
            timeout: asked.mock_timeout,
        };
        let any = played.response.is_some() || played.error.is_some() || played.tool_calls.is_some() || played.timeout;
        any.then_some(played)
    }

    fn by_deployment(own: &'a MockConfig) -> Self {
        Self {
            response: own.response.as_ref(),
            error: own.error.as_ref(),
            tool_calls: own.tool_calls.as_ref(),
            timeout: own.timeout,
        }
    }
}

/// What is played for one attempt, and after how long.
pub struct Scene<'a> {
    played: Played<'a>,
    request: &'a Request,
    delay: Duration,
}

impl<'a> Scene<'a> {
    /// The scene for this request, if it or its deployment is mocked. `timeout` is the attempt's.
    pub fn of(own: Option<&'a MockConfig>, request: &'a Request, timeout: Duration) -> Option<Self> {
        let asked = request.options();
        let played = Played::by_request(asked).or_else(|| own.map(Played::by_deployment))?;
        let mut delay = asked.mock_delay.or(own.map(|mock| mock.delay)).unwrap_or_default();
        if played.timeout {
            delay = timeout.saturating_add(BEYOND);
        }
        Some(Self { played, request, delay })
    }

    /// The text that is played, if it is no error.
    pub fn text(&self) -> Option<&'a str> {
        let fails = self.played.error.is_some() && !self.played.timeout;
        self.played.response.filter(|_| !fails)?.as_str()
    }

    /// Status, headers and body of a whole answer.
    pub fn answer(&self, model: &str) -> Result<Parts, Fault> {
        answer(&self.played, self.request, model)
    }

    /// The parts, to be given after the delay.
    pub fn canned(&self, (status, headers, body): Parts) -> Canned {
        Canned { delay: self.delay, status, headers, body }
    }
}

/// The answer for this request, if it or its deployment is mocked; a fault if that is what is played. `timeout` is the
/// attempt's.
pub fn canned(
    own: Option<&MockConfig>,
    request: &Request,
    model: &str,
    timeout: Duration,
) -> Option<Result<Canned, Fault>> {
    let scene = Scene::of(own, request, timeout)?;
    Some(scene.answer(model).map(|parts| scene.canned(parts)))
}

/// Whether the answer for this request is played.
pub fn is_played(own: Option<&MockConfig>, request: &Request) -> bool {
    own.is_some() || Played::by_request(request.options()).is_some()
}

/// Refuses, at load, a mock that could not be played.
pub fn check(mock: &MockConfig) -> Result<(), String> {
    match &mock.error {
        Some(error) => played_error(error).map(|_| ()),
        None => Ok(()),
    }
}

/// Status, headers and body.
pub type Parts = (u16, HeaderMap, Bytes);

fn answer(played: &Played<'_>, request: &Request, model: &str) -> Result<Parts, Fault> {
    // What comes after the time is out is never looked at.
    if let Some(error) = played.error.filter(|_| !played.timeout) {
        return played_error(error).unwrap_or_else(|message| Ok(failure(&Failure::status(400, message))));
    }
    let calls = played.tool_calls;
    let is_chat = request.verb() == Verb::Chat;
    let said = |text: &str| match is_chat {
        true => Ok(completion(Some(text), calls, model)),
        false => Ok(super::played::answer(request, &text.into(), model)),
    };
    match played.response {
        Some(Value::String(text)) if text.starts_with(CONTENT_FILTER) => {
            let code = Some("content_policy_violation".to_owned());
            Ok(failure(&Failure { code, ..Failure::status(400, text.as_str()) }))
        }
        Some(Value::String(text)) if text.starts_with(BREAKS) => {
            let kind = Some("overloaded_error".to_owned());
            Ok(failure(&Failure { code: kind, ..Failure::status(BREAK_STATUS, text.as_str()) }))
        }
        Some(Value::String(text)) => match litellm_class(text) {
            Some(error) => played_error(&Value::from(error)).unwrap_or_else(|_| said(text)),
            None => said(text),
        },
        Some(Value::Object(whole)) => Ok(json_of(&Value::from(whole.clone()))),
        Some(other) if !is_chat => Ok(super::played::answer(request, other, model)),
        Some(other) => said(&other.to_string()),
        None if is_chat && calls.is_some() => Ok(completion(None, calls, model)),
        None => said(""),
    }
}

/// How LiteLLM's users write a mocked violation of a content policy.
const CONTENT_FILTER: &str = "Exception: content_filter_policy";

/// How they write a stream that breaks; what follows is said before it does. As a whole answer it is the error alone.
pub(super) const BREAKS: &str = "Exception: mock_streaming_error";
pub(super) const BREAK_STATUS: u16 = 529;

/// LiteLLM plays an exception for texts such as `litellm.RateLimitError`.
fn litellm_class(text: &str) -> Option<&str> {
    let class = text.strip_prefix("litellm.")?;
    class.bytes().all(|byte| byte.is_ascii_alphabetic()).then_some(class)
}

fn completion(text: Option<&str>, tool_calls: Option<&Value>, model: &str) -> Parts {
    (200, HeaderMap::new(), Bytes::from(whole(text, tool_calls, model).to_string()))
}

fn json_of(body: &Value) -> Parts {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    (200, headers, Bytes::from(body.to_string()))
}

/// A completion that says this.
pub fn whole(text: Option<&str>, tool_calls: Option<&Value>, model: &str) -> Value {
    let mut message = json!({"role": "assistant", "content": text});
    if let (Some(message), Some(calls)) = (message.as_object_mut(), tool_calls) {
        message.insert("tool_calls".to_owned(), calls.clone());
    }
    let finish_reason = if tool_calls.is_some() { "tool_calls" } else { "stop" };
    json!({
        "id": format!("chatcmpl-mock-{:016x}", fastrand::u64(..)),
        "object": "chat.completion",
        "created": clock::unix_ms() / 1000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": COMPLETION_TOKENS,
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        },
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn played(own: Option<&MockConfig>, request: &str) -> Option<Canned> {
        let request = Request::parse(&format!(r#"{{"model":"g",{request}}}"#)).unwrap();
        canned(own, &request, "m", MINUTE).map(Result::unwrap)
    }

    fn choice(own: Option<&MockConfig>, request: &str) -> Value {
        let body: Value = serde_json::from_slice(&played(own, request).unwrap().body).unwrap();
        body["choices"][0].clone()
    }

    const CALL: &str = r#""mock_tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]"#;

    #[test]
    fn tool_calls_are_the_answer() {
        let alone = choice(None, CALL);
        assert_eq!(alone["finish_reason"], "tool_calls");
        assert_eq!(alone["message"]["content"], Value::Null);
        assert_eq!(alone["message"]["tool_calls"][0]["function"]["name"], "f");
        let beside = choice(None, &format!(r#"{CALL},"mock_response":"look""#));
        assert_eq!(beside["message"]["content"], "look");
        let own = MockConfig { tool_calls: Some(json!([{"id": "own"}])), ..MockConfig::default() };
        assert_eq!(choice(Some(&own), r#""n":1"#)["message"]["tool_calls"][0]["id"], "own");
        assert_eq!(choice(Some(&own), r#""mock_response":"x""#)["message"].get("tool_calls"), None);
    }

    #[test]
    fn a_mocked_timeout_outlasts_the_attempt() {
        assert!(played(None, r#""mock_timeout":true"#).unwrap().delay > MINUTE);
        let own = MockConfig { timeout: true, error: Some(json!(500)), ..MockConfig::default() };
        assert!(played(Some(&own), r#""n":1"#).unwrap().delay > MINUTE);
        assert!(played(None, r#""mock_timeout":false"#).is_none());
    }

    #[test]
    fn a_filtered_content_is_a_bad_request_of_its_own_code() {
        let refused = played(None, r#""mock_response":"Exception: content_filter_policy, said the mock""#).unwrap();
        let body: Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!((refused.status, &body["error"]["code"]), (400, &json!("content_policy_violation")));
        assert_eq!(played(None, r#""mock_response":"Exception: mock_streaming_error""#).unwrap().status, 529);
    }
}
