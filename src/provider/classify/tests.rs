//! Single properties; whole answers of real providers are in `golden`.

use std::time::SystemTime;

use proptest::prelude::*;

use super::super::endpoint::tests::endpoint;
use super::super::{Defaults, Keys, connect};
use super::*;
use crate::config;
use crate::error::Scope;
use crate::transport::{Clients, HeaderName, HeaderValue};

const KEY: &str = "sk-canary-0123456789abcdef";

fn refused_by(endpoint: &Endpoint, status: u16, headers: &[(&'static str, &str)], body: &str) -> Error {
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    refusal(endpoint, status, &headers, body.as_bytes())
}

fn refused(status: u16, headers: &[(&'static str, &str)], body: &str) -> Error {
    refused_by(&endpoint(&format!("model: openai/gpt-4, api_key: {KEY}")), status, headers, body)
}

/// An endpoint of a router with these `error_rules`.
fn with_rules(rules: &str) -> (Endpoint, Vec<config::Warning>) {
    let yaml = format!(
        "model_list: [{{model_name: g, litellm_params: {{model: openai/m, mock_response: x}}}}]\nllmrouter_settings: {{error_rules: {rules}}}"
    );
    let mut config = config::load(&yaml, |_| None).map_err(|error| error.message).unwrap();
    let transport = std::mem::take(&mut config.transport);
    let mut clients = Clients::new(&transport, Duration::from_secs(5));
    let mut warnings = Vec::new();
    let error_rules = std::sync::Arc::new(ErrorRules::new(&config.error_rules, &mut warnings));
    let defaults = Defaults { error_rules, ..Defaults::default() };
    let mut keys = Keys::default();
    let deployment = config.deployments.remove(0);
    let state = std::sync::Arc::new(crate::deployment::State::new(&config.routing.strategy, crate::clock::now()));
    (connect(deployment, state, &defaults, &config.environment, &mut clients, &mut keys).1.unwrap(), warnings)
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
    assert!(!refused(401, &[], &format!("no such key: {KEY}")).message().contains("canary"));
    let code = refused(400, &[], &format!(r#"{{"error":{{"code":"{KEY}","param":"{KEY}"}}}}"#));
    assert_eq!((code.provider_code(), code.param()), (Some("[redacted]"), Some("[redacted]")));
    let raw = refused(400, &[], &format!(r#"{{"error":{{"message":"m","metadata":{{"raw":"{KEY}"}}}}}}"#));
    assert!(raw.message().ends_with("m: [redacted]"), "{}", raw.message());
    let header = refused(400, &[("x-amzn-errortype", KEY)], "");
    assert_eq!(header.provider_code(), Some("[redacted]"));
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
    for body in [
        r#"{"error":"the text"}"#,
        r#"{"message":"the text"}"#,
        r#"{"Message":"the text"}"#,
        r#"{"detail":"the text"}"#,
        r#"{"detail":[{"msg":"the text","input":"not this"}]}"#,
        r#"{"object":"error","message":{"detail":[{"msg":"the text"}]}}"#,
        r#"{"success":false,"errors":[{"code":5006,"message":"the text"}]}"#,
        r#"[{"error":{"message":"the text"}}]"#,
        r#"{"error":{"code":1,"metadata":{"raw":"the text"}}}"#,
        "the text",
    ] {
        assert!(refused(500, &[], body).message().ends_with(": the text"), "{body}");
    }
    for body in ["", "<html>", "[]", r#"{"error":7}"#, r#"{"error":{}}"#, "{not json", "null", "7"] {
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
fn of_several_limits_the_one_that_is_used_up_counts() {
    const REQUESTS: &str = "x-ratelimit-reset-requests";
    const TOKENS: &str = "x-ratelimit-reset-tokens";
    const REQUESTS_LEFT: &str = "x-ratelimit-remaining-requests";
    const TOKENS_LEFT: &str = "x-ratelimit-remaining-tokens";
    let wait = |status, headers: &[(&'static str, &str)], body: &str| {
        refused(status, headers, body).retry_after().map(|wait| wait.as_secs_f64())
    };
    let both = [(REQUESTS, "1m"), (TOKENS, "5s")];
    assert_eq!(wait(429, &both, ""), Some(60.0), "the later one of two that nothing is known about");
    let left = |requests, tokens| [both[0], both[1], (REQUESTS_LEFT, requests), (TOKENS_LEFT, tokens)];
    assert_eq!(wait(429, &left("12", "0"), ""), Some(5.0));
    assert_eq!(wait(429, &left("0", "500"), ""), Some(60.0));
    assert_eq!(wait(429, &left("0", "0"), ""), Some(60.0));
    assert_eq!(wait(429, &left("12", "500"), ""), Some(5.0), "a request takes one request but many tokens");
    assert_eq!(wait(429, &[both[0], (REQUESTS_LEFT, "12")], ""), None, "there was one left");
    assert_eq!(wait(500, &both, ""), None, "a fault is no limit");
    assert_eq!(wait(529, &both, ""), Some(60.0));
    assert_eq!(wait(429, &[both[0], ("retry-after", "2")], ""), Some(2.0));
    let details = r#"{"error":{"message":"try again in 9s","details":[{"retryDelay":"17s"}]}}"#;
    assert_eq!(wait(429, &both, details), Some(17.0));
    assert_eq!(wait(429, &[], r#"{"message":"Please try again in 6m0s. Or not."}"#), Some(360.0));
    assert_eq!(wait(429, &[], r#"{"message":"Try again in 26 seconds."}"#), Some(26.0));
    assert_eq!(wait(429, &[], r#"{"message":"Please try again in a later minute"}"#), None);
    assert_eq!(wait(400, &[], r#"{"message":"try again in 5s"}"#), None);
    assert_eq!(wait(429, &[("anthropic-ratelimit-tokens-reset", "2024-01-01T00:00:00Z")], ""), Some(0.0));
}

#[test]
fn an_exhausted_account_is_told_from_a_limit_that_clears() {
    let body = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let facts = |headers: &[(&'static str, &str)]| {
        let error = refused(429, headers, body);
        (error.scope(), error.is_retryable(), error.retry_after().map(|wait| wait.as_secs()))
    };
    assert_eq!(facts(&[]), (Scope::Key, false, Some(300)));
    assert_eq!(facts(&[("retry-after", "20")]), (Scope::Deployment, true, Some(20)));
    let full = [("x-ratelimit-remaining-tokens", "9000"), ("x-ratelimit-reset-tokens", "6ms")];
    assert_eq!(facts(&full), (Scope::Key, false, Some(300)), "a limit that is not used up names no reset");
}

#[test]
fn what_stands_behind_a_gateway_does_not_accuse_our_key() {
    let openrouter = endpoint("model: openrouter/x/y, api_key: k");
    let wrapped = |status, raw: &str| {
        let raw = serde_json::Value::from(raw).to_string();
        let body = format!(
            r#"{{"error":{{"message":"Provider returned error","code":{status},"metadata":{{"raw":{raw}}}}}}}"#
        );
        refused_by(&openrouter, status, &[], &body)
    };
    let broke = wrapped(429, r#"{"error":{"code":"insufficient_quota","message":"m"}}"#);
    assert_eq!((broke.scope(), broke.is_retryable()), (Scope::Deployment, true));
    let long = wrapped(400, r#"{"type":"error","error":{"message":"prompt is too long: 9 tokens > 8 maximum"}}"#);
    assert_eq!(long.kind(), ErrorKind::ContextWindowExceeded);
}

#[test]
fn the_configurations_rules_come_first() {
    let (endpoint, warnings) = with_rules(
        r#"[
            {code: insufficient_quota, class: RateLimitError, scope: host},
            {status: [418], text: [[TEA, pot]], class: ServiceUnavailableError, wait: 2.5},
            {status: [500], header: {X-Busy: null, x-how: very}, class: RateLimitError},
            {provider: nobody, retryable: true},
            {text: [oops], not_text: [never], timed: true, retryable: true, scope: request},
        ]"#,
    );
    let refused = |status, headers: &[(&'static str, &str)], body| refused_by(&endpoint, status, headers, body);
    let quota = refused(429, &[], r#"{"error":{"code":"insufficient_quota"}}"#);
    assert_eq!((quota.scope(), quota.is_retryable(), quota.retry_after()), (Scope::Deployment, true, None));
    let tea = refused(418, &[], "a teapot");
    assert_eq!((tea.kind(), tea.retry_after()), (ErrorKind::ServiceUnavailable, Some(Duration::from_millis(2500))));
    assert_eq!(refused(418, &[], "a pot").kind(), ErrorKind::Status(418));
    assert_eq!(refused(500, &[("x-busy", "1"), ("x-how", "Very")], "").kind(), ErrorKind::RateLimit);
    assert_eq!(refused(500, &[("x-busy", "1")], "").kind(), ErrorKind::InternalServer);
    assert!(refused(400, &[("retry-after", "1")], "oops").is_retryable());
    assert!(!refused(400, &[], "oops").is_retryable());
    assert!(!refused(400, &[("retry-after", "1")], "oops, never").is_retryable());
    assert_eq!(refused(500, &[("retry-after", "1")], "oops").scope(), Scope::Deployment, "no rule names a 500");
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning.path, "llmrouter_settings.error_rules[3]");
    assert!(warning.line > 0 && warning.message.contains("\"nobody\""), "{warning}");
}

#[test]
fn a_redirect_is_no_answer() {
    assert_eq!(refused(307, &[("location", "http://elsewhere/")], "").kind(), ErrorKind::ApiResponse);
}

/// Pieces of which real answers are made, so that random ones come near to them.
fn piece() -> impl Strategy<Value = String> {
    let known = [
        "insufficient_quota",
        "rate_limit_exceeded",
        "context_length_exceeded",
        "content_filter",
        "prompt is too long",
        "Request too large for x",
        "try again in ",
        "5s",
        "1m30s",
        "credit balance is too low",
        "API key not valid",
        "RESOURCE_EXHAUSTED",
        "99999999999999999999",
        "-1",
        "0",
        "1e308",
        "2026-13-99T99:99:99Z",
        "\u{e9}",
        "ms",
        ".",
    ];
    prop_oneof![proptest::sample::select(known.to_vec()).prop_map(str::to_owned), "\\PC{0,12}"]
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let names = [
        "retry-after",
        "retry-after-ms",
        "x-ms-retry-after-ms",
        "x-ratelimit-reset",
        "x-ratelimit-reset-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-tokens",
        "x-ratelimit-remaining-tokens",
        "ratelimit-reset",
        "anthropic-ratelimit-tokens-reset",
        "anthropic-ratelimit-tokens-remaining",
        "x-amzn-errortype",
    ];
    let value = prop_oneof![piece(), "[0-9:.TZmsh+-]{0,25}"];
    let header = (proptest::sample::select(names.to_vec()), value).prop_filter_map("no header", |(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    proptest::collection::vec(header, 0..6).prop_map(|headers| headers.into_iter().collect())
}

fn body() -> impl Strategy<Value = String> {
    let object = (piece(), piece(), piece()).prop_map(|(code, kind, message)| {
        serde_json::json!({"error": {"code": code, "type": kind, "message": message, "details": [{"retryDelay": message}]}}).to_string()
    });
    prop_oneof![2 => object, 1 => piece(), 1 => proptest::collection::vec(piece(), 0..5).prop_map(|all| all.concat())]
}

proptest! {
    #[test]
    fn the_status_decides_where_no_rule_does(status in 400u16..600, headers in headers(), body in body()) {
        let endpoint = endpoint("model: openai/gpt-4, api_key: k");
        let error = refusal(&endpoint, status, &headers, body.as_bytes());
        let said = Said::read(&headers, body.as_bytes());
        let wait = Wait::find(status, &headers, &said);
        let ruled = matching(&endpoint, status, &headers, &said, wait.as_ref()).and_then(|rule| rule.kind);
        prop_assert_eq!(error.kind(), ruled.unwrap_or(ErrorKind::from_status(status)));
        prop_assert_eq!(error.provider_status(), Some(status));
        if status >= 500 {
            prop_assert_eq!(error.kind(), ErrorKind::from_status(status));
            prop_assert!(error.is_retryable() && error.scope() == Scope::Deployment);
        }
        if status == 429 && said.code.is_none() {
            prop_assert!(error.is_retryable(), "plain text never makes a 429 terminal");
        }
        let month = Duration::from_secs(31 * 86_400);
        prop_assert!(error.retry_after().is_none_or(|wait| wait <= month));
    }
}
