//! An answer with a bad status becomes an error: kind, provider's code, how long to wait.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::Value;

use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::transport::HeaderMap;

use super::Endpoint;

/// How much of a provider's text is worth repeating.
const MAX_MESSAGE_CHARS: usize = 500;

/// The shapes in which OpenAI-compatible servers put an error.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow)]
    error: Option<Inner<'a>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    detail: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Inner<'a> {
    Text(Cow<'a, str>),
    Object(Box<Object<'a>>),
    Other(serde::de::IgnoredAny),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object<'a> {
    message: Option<Cow<'a, str>>,
    code: Option<Value>,
    r#type: Option<Value>,
    param: Option<Value>,
    /// Azure's, which tells a content filter from other bad requests.
    innererror: Option<Value>,
}

/// The error that an answer with this status means.
pub fn refusal(endpoint: &Endpoint, status: u16, headers: &HeaderMap, body: &[u8]) -> Error {
    let text = String::from_utf8_lossy(body);
    let object = object(&text);
    let code = object.code.as_ref().or(object.r#type.as_ref()).and_then(text_of);
    let kind = kind(status, &object);
    let said = object.message.as_deref().unwrap_or("no reason was given");
    let said: String = said.chars().take(MAX_MESSAGE_CHARS).collect();
    let clean = |text: String| endpoint.clean(&text);
    endpoint
        .error(kind, &format!("answered {status}: {}", said.trim()))
        .with_status(status)
        .with_code(code.map(clean))
        .with_param(object.param.as_ref().and_then(text_of).map(clean))
        .with_retry_after(retry_after(headers))
}

/// Codes and types that say that the prompt is too long.
const CONTEXT_CODES: [&str; 2] = ["context_length_exceeded", "exceed_context_size_error"];
/// The words of servers that have no code for it, in lower case.
const CONTEXT_PHRASES: [&str; 10] = [
    "this model's maximum context length is",
    "model's maximum context limit",
    "is longer than the model's context length",
    "input tokens exceed the configured limit",
    "`inputs` tokens + `max_new_tokens` must be",
    "exceeds the available context size",
    "exceeds the maximum number of tokens allowed",
    "exceed context limit",
    "prompt is too long",
    "prompt: length",
];
/// Codes that say that a policy on content was violated.
const POLICY_CODES: [&str; 3] = ["content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"];
const POLICY_PHRASES: [&str; 3] = [
    "request was rejected as a result of the safety system",
    "the response was filtered due to the prompt triggering azure openai's content management",
    "content filtering policy",
];

/// What the request itself is to blame for is told apart by code, then by words; all else is what the status says.
fn kind(status: u16, object: &Object<'_>) -> ErrorKind {
    if status < 400 {
        // Redirects, which would carry the key elsewhere, and whatever else is no answer.
        return ErrorKind::ApiResponse;
    }
    let inner = object.innererror.as_ref().and_then(|inner| inner.get("code"));
    let codes = [object.code.as_ref(), object.r#type.as_ref(), inner];
    let coded =
        |known: &[&str]| codes.iter().flatten().filter_map(|code| code.as_str()).any(|code| known.contains(&code));
    let words = object.message.as_deref().unwrap_or_default().to_lowercase();
    let worded = |known: &[&str]| known.iter().any(|phrase| words.contains(phrase));
    match status {
        400 | 413 | 422 if coded(&CONTEXT_CODES) || worded(&CONTEXT_PHRASES) => ErrorKind::ContextWindowExceeded,
        400 | 403 | 422 if coded(&POLICY_CODES) || worded(&POLICY_PHRASES) => ErrorKind::ContentPolicyViolation,
        _ => ErrorKind::from_status(status),
    }
}

fn object(text: &str) -> Object<'_> {
    // Anything else, such as a proxy's HTML page, explains nothing.
    let envelope: Envelope<'_> = serde_json::from_str(text).unwrap_or_default();
    match envelope.error {
        Some(Inner::Object(object)) => *object,
        Some(Inner::Text(message)) => Object { message: Some(message), ..Object::default() },
        Some(Inner::Other(_)) | None => Object { message: envelope.message.or(envelope.detail), ..Object::default() },
    }
}

/// Codes are texts with most providers and numbers with some.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `retry-after-ms`, else `retry-after` in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let in_range = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    if let Some(millis) = number("retry-after-ms") {
        return in_range(millis / 1000.0);
    }
    if let Some(seconds) = number("retry-after") {
        return in_range(seconds);
    }
    let date = httpdate::parse_http_date(headers.get("retry-after")?.to_str().ok()?).ok()?;
    let at = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(Duration::from_millis(clock::unix_ms())))
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::tests::endpoint;
    use super::*;

    const KEY: &str = "sk-canary-0123456789abcdef";

    fn refused(status: u16, headers: &[(&'static str, &str)], body: &str) -> Error {
        let endpoint = endpoint(&format!("model: openai/gpt-4, api_key: {KEY}"));
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        refusal(&endpoint, status, &headers, body.as_bytes())
    }

    #[test]
    fn the_providers_words_are_kept_and_its_echo_of_the_key_is_not() {
        let body = format!(
            r#"{{"error":{{"message":"Incorrect API key provided: {KEY}.","type":"invalid_request_error","code":"invalid_api_key","param":null}}}}"#
        );
        let error = refused(401, &[], &body);
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert_eq!(error.provider_code(), Some("invalid_api_key"));
        assert_eq!(error.message(), "openai: answered 401: Incorrect API key provided: [redacted].");
        assert!(!refused(401, &[], &format!("<p>{KEY}</p>")).message().contains("canary"));
        let code = refused(400, &[], &format!(r#"{{"error":{{"code":"{KEY}","param":"{KEY}"}}}}"#));
        assert_eq!((code.provider_code(), code.param()), (Some("[redacted]"), Some("[redacted]")));
    }

    #[test]
    fn codes_tell_context_and_policy_apart_from_bad_requests() {
        let kind = |code: &str| refused(400, &[], &format!(r#"{{"error":{{"code":{code},"message":"m"}}}}"#)).kind();
        assert_eq!(kind("\"context_length_exceeded\""), ErrorKind::ContextWindowExceeded);
        assert_eq!(kind("\"content_policy_violation\""), ErrorKind::ContentPolicyViolation);
        assert_eq!(kind("\"other\""), ErrorKind::BadRequest);
        assert_eq!(kind("7"), ErrorKind::BadRequest);
        let kind = |body: &str| refused(400, &[], body).kind();
        let typed = r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"m"}}"#;
        assert_eq!(kind(typed), ErrorKind::ContextWindowExceeded);
        let worded =
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Prompt is too long: 9 tokens"}}"#;
        assert_eq!(kind(worded), ErrorKind::ContextWindowExceeded);
        let inner = r#"{"error":{"code":"x","message":"m","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#;
        assert_eq!(kind(inner), ErrorKind::ContentPolicyViolation);
        let words = r#"{"error":{"message":"prompt is too long"}}"#;
        assert_eq!(refused(500, &[], words).kind(), ErrorKind::InternalServer, "a server's fault stays one");
    }

    #[test]
    fn every_shape_of_error_is_read() {
        for body in [r#"{"error":"the text"}"#, r#"{"message":"the text"}"#, r#"{"detail":"the text"}"#] {
            assert!(refused(500, &[], body).message().ends_with("the text"), "{body}");
        }
        for body in ["", "<html>", "[]", r#"{"error":7}"#, r#"{"error":{}}"#] {
            assert!(refused(500, &[], body).message().ends_with("no reason was given"), "{body}");
        }
    }

    #[test]
    fn waits_are_read_in_every_form() {
        let wait = |name, value: &str| refused(429, &[(name, value)], "").retry_after();
        assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "0"), Some(Duration::ZERO));
        assert_eq!(wait("retry-after", "1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(wait("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(30));
        let soon = wait("retry-after", &soon).unwrap();
        assert!((28..=30).contains(&soon.as_secs()), "{soon:?}");
        for bad in ["soon", "-1", "1e400", "nan"] {
            assert_eq!(wait("retry-after", bad), None, "{bad}");
        }
    }

    #[test]
    fn a_redirect_is_no_answer() {
        assert_eq!(refused(307, &[("location", "http://elsewhere/")], "").kind(), ErrorKind::ApiResponse);
    }
}
