//! Per-call options: the members of a request that are for the router and are not sent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::about::{self, About};
use super::caching::CacheControl;
use super::policy::{self, Fallbacks, MockTesting};
use super::request::RequestError;
use crate::policy::{ByClass, Lists};

/// The member that says whether the answer is streamed. Sent, but the called function decides its value.
pub const STREAM: &str = "stream";

/// Options of LiteLLM's that are taken off the request and have no effect yet; a response's metadata lists them.
const NOT_IN_FORCE: [&str; 6] =
    ["api_version", "custom_llm_provider", "organization", "region_name", "silent_model", "_router_weights"];

/// Options that carry facts about the call for logs and change nothing about the answer; and those whose wish is
/// always granted: the attempts are always told, and nobody but this library retries.
const INFORMATIVE: [&str; 6] = [
    "include_fallback_errors",
    "max_retries",
    "litellm_metadata",
    "litellm_call_id",
    "litellm_trace_id",
    "proxy_server_request",
];

/// Would send a deployment's key elsewhere, or the caller's key to us.
const REFUSED: [&str; 3] = ["api_key", "api_base", "base_url"];

/// The longest time that a request may ask for; longer ones overflow timers on some systems.
const MAX_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;

/// What a request asks of the router itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// `timeout`, else `request_timeout`: for each attempt.
    pub timeout: Option<Duration>,
    /// `stream_timeout`: until the first content of a stream.
    pub stream_timeout: Option<Duration>,
    pub num_retries: Option<u32>,
    /// `deadline`: for the whole call.
    pub deadline: Option<Duration>,
    /// `on_exhausted`: whether to wait for a deployment that returns, where the request says so.
    pub wait_when_exhausted: Option<bool>,
    /// `priority`: 0 is the most urgent. Who has one waits when nobody is free.
    pub priority: Option<i64>,
    /// `mid_stream_fallback`: whether somebody else goes on with a stream that breaks, where the request says so.
    pub continue_mid_stream: Option<bool>,
    /// `retry_policy` and `model_group_retry_policy`, each in the place of the router's.
    pub retry_policy: Option<ByClass>,
    pub group_retry_policies: Option<BTreeMap<String, ByClass>>,
    /// `fallbacks`: instead of the configured ones.
    pub fallbacks: Option<Fallbacks>,
    pub context_window_fallbacks: Option<Lists>,
    pub content_policy_fallbacks: Option<Lists>,
    pub disable_fallbacks: bool,
    /// `specific_deployment`: `model` is a deployment's own model name.
    pub specific_deployment: bool,
    /// `mock_testing_…`: a failure to play before any attempt.
    pub mock_testing: MockTesting,
    /// `metadata.explain`.
    pub explain: bool,
    /// `no-log`: no callback is told of the call.
    pub no_log: bool,
    /// What the request says about itself; mostly nothing.
    pub about: Option<Box<About>>,
    /// What it says of the response cache; mostly nothing.
    pub cache: Option<Box<CacheControl>>,
    /// `routing_strategy`: in the place of the group's.
    pub routing_strategy: Option<String>,
    pub service_tier: Option<String>,
    pub mock_response: Option<Value>,
    pub mock_error: Option<Value>,
    pub mock_delay: Option<Duration>,
    /// `mock_tool_calls`: a list of objects, never empty.
    pub mock_tool_calls: Option<Value>,
    pub mock_timeout: bool,
    /// `extra_body`: merged into what is sent.
    pub extra_body: Map<String, Value>,
    /// `extra_headers` (or `headers`): added to what is sent, never in the place of a credential.
    pub extra_headers: Vec<(String, String)>,
    /// Parameters that a provider lacks are left out instead of refused.
    pub drop_params: bool,
    /// Parameters, or paths into them, that are left out whoever answers.
    pub additional_drop_params: Vec<String>,
    /// Parameters that are sent even to a provider that lacks them.
    pub allowed_openai_params: Vec<String>,
    /// What a provider would refuse may be changed until it fits.
    pub modify_params: bool,
    /// `stream: true`.
    pub stream: bool,
    /// Options of LiteLLM's that were given and have no effect.
    pub without_effect: Vec<&'static str>,
}

impl Options {
    /// What the request says about itself, if anything.
    pub fn about(&self) -> Option<&About> {
        self.about.as_deref()
    }

    fn about_mut(&mut self) -> &mut About {
        self.about.get_or_insert_default()
    }

    fn cache_mut(&mut self) -> &mut CacheControl {
        self.cache.get_or_insert_default()
    }
}

/// Takes one member in. Returns whether it was an option, which is not sent.
pub(super) fn read(options: &mut Options, name: &str, text: &str) -> Result<bool, RequestError> {
    if REFUSED.contains(&name) {
        let message = format!("\"{name}\" can't be set by a request; set it in the configuration");
        return Err(RequestError::parameter(name, message));
    }
    if let Some(known) = NOT_IN_FORCE.iter().find(|known| **known == name) {
        options.without_effect.push(known);
        return Ok(true);
    }
    if INFORMATIVE.contains(&name) {
        return Ok(true);
    }
    let value = || value_of(name, text);
    match name {
        "timeout" => options.timeout = seconds(name, &value()?)?.or(options.timeout),
        "request_timeout" => options.timeout = options.timeout.or(seconds(name, &value()?)?),
        "stream_timeout" => options.stream_timeout = seconds(name, &value()?)?,
        "num_retries" => options.num_retries = count(name, &value()?)?,
        "deadline" => options.deadline = seconds(name, &value()?)?,
        "on_exhausted" => options.wait_when_exhausted = policy::on_exhausted(name, &value()?)?,
        "priority" => options.priority = count(name, &value()?)?.map(i64::from),
        "mid_stream_fallback" => options.continue_mid_stream = policy::mid_stream(name, &value()?)?,
        "retry_policy" => options.retry_policy = policy::retries(name, &value()?)?,
        "model_group_retry_policy" => options.group_retry_policies = policy::group_retries(name, &value()?)?,
        "fallbacks" => options.fallbacks = policy::fallbacks(name, &value()?)?,
        "context_window_fallbacks" => options.context_window_fallbacks = policy::lists(name, &value()?)?,
        "content_policy_fallbacks" => options.content_policy_fallbacks = policy::lists(name, &value()?)?,
        "specific_deployment" => options.specific_deployment = flag(name, &value()?)?,
        "mock_testing_fallbacks" => options.mock_testing.fallbacks = flag(name, &value()?)?,
        "mock_testing_context_fallbacks" => options.mock_testing.context_window = flag(name, &value()?)?,
        "mock_testing_content_policy_fallbacks" => options.mock_testing.content_policy = flag(name, &value()?)?,
        "mock_testing_rate_limit_error" => options.mock_testing.rate_limit = flag(name, &value()?)?,
        "routing_strategy" => {
            let value = value()?;
            options.routing_strategy = policy::strategy(&value);
            if options.routing_strategy.is_none() && !value.is_null() {
                options.without_effect.push("routing_strategy");
            }
        }
        "metadata" => {
            options.explain = text.contains("\"explain\"") && policy::explain(&value()?);
            if About::is_in(text) {
                options.about_mut().read_metadata(&value()?)?;
            }
            if CacheControl::is_in(text) {
                options.cache_mut().read_metadata(&value()?);
            }
        }
        "cache" => {
            let controls = object(name, value()?)?;
            if !controls.is_empty() {
                options.cache_mut().read(controls)?;
            }
        }
        "caching" => {
            let value = value()?;
            if !value.is_null() {
                options.cache_mut().caching = Some(flag(name, &value)?);
            }
        }
        "tags" => {
            let tags = about::tags(name, &value()?)?;
            if !tags.is_empty() {
                options.about_mut().tags = tags;
            }
        }
        "enable_tag_filtering" => {
            if flag(name, &value()?)? {
                options.about_mut().filters_tags = true;
            }
        }
        "allowed_model_region" => {
            if let Some(region) = value()?.as_str() {
                options.about_mut().region = Some(region.to_owned());
            }
        }
        "litellm_session_id" => {
            if let (Some(session), None) = (value()?.as_str(), options.about().and_then(|about| about.session.as_ref()))
            {
                options.about_mut().session = Some(session.to_owned());
            }
        }
        "drop_params" => options.drop_params = flag(name, &value()?)?,
        "modify_params" => options.modify_params = flag(name, &value()?)?,
        "additional_drop_params" => options.additional_drop_params = texts(name, value()?)?,
        "allowed_openai_params" => options.allowed_openai_params = texts(name, value()?)?,
        "no-log" => options.no_log = flag(name, &value()?)?,
        "disable_fallbacks" => options.disable_fallbacks = flag(name, &value()?)?,
        "mock_response" => options.mock_response = Some(value()?).filter(|value| !value.is_null()),
        "mock_error" => options.mock_error = Some(value()?).filter(|value| !value.is_null()),
        "mock_delay" => options.mock_delay = seconds(name, &value()?)?,
        "mock_delay_ms" => options.mock_delay = seconds(name, &value()?)?.map(|time| time / 1000),
        "mock_tool_calls" => options.mock_tool_calls = tool_calls(name, value()?)?,
        "mock_timeout" => options.mock_timeout = flag(name, &value()?)?,
        "extra_body" => options.extra_body = object(name, value()?)?,
        "extra_headers" | "headers" => options.extra_headers.extend(headers(name, value()?)?),
        STREAM => {
            options.stream = flag(name, &value()?)?;
            return Ok(false);
        }
        // For the provider, and for the time-out of its tier.
        "service_tier" => {
            options.service_tier = value()?.as_str().map(str::to_owned);
            return Ok(false);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn value_of(name: &str, text: &str) -> Result<Value, RequestError> {
    serde_json::from_str(text).map_err(|_| RequestError::parameter(name, format!("\"{name}\" is nested too deeply")))
}

/// Seconds as a number or as text; zero and null mean "not set", as LiteLLM reads them.
fn seconds(name: &str, value: &Value) -> Result<Option<Duration>, RequestError> {
    let number = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match number {
        Some(0.0) => Ok(None),
        Some(number) if (0.0..=MAX_SECONDS).contains(&number) => Ok(Some(Duration::from_secs_f64(number))),
        _ => Err(RequestError::parameter(name, format!("\"{name}\" must be a number that is not negative"))),
    }
}

pub(super) fn count(name: &str, value: &Value) -> Result<Option<u32>, RequestError> {
    let number = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let number = number.and_then(|number| u32::try_from(number).ok());
    number.map(Some).ok_or_else(|| RequestError::parameter(name, format!("\"{name}\" must be a whole number from 0")))
}

fn flag(name: &str, value: &Value) -> Result<bool, RequestError> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(RequestError::parameter(name, format!("\"{name}\" must be true or false"))),
    }
}

pub(super) fn object(name: &str, value: Value) -> Result<Map<String, Value>, RequestError> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(map) => Ok(map),
        _ => Err(RequestError::parameter(name, format!("\"{name}\" must be an object"))),
    }
}

fn headers(name: &str, value: Value) -> Result<Vec<(String, String)>, RequestError> {
    let text = |(header, value): (String, Value)| match value {
        Value::String(text) => Ok((header, text)),
        Value::Number(number) => Ok((header, number.to_string())),
        _ => Err(RequestError::parameter(name, format!("\"{name}\" must be an object of texts"))),
    };
    object(name, value)?.into_iter().map(text).collect()
}

/// A list of names; one alone is a list of one.
fn texts(name: &str, value: Value) -> Result<Vec<String>, RequestError> {
    let bad = || RequestError::parameter(name, format!("\"{name}\" must be a list of parameter names"));
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![text]),
        Value::Array(items) => items.into_iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(bad)).collect(),
        _ => Err(bad()),
    }
}

fn tool_calls(name: &str, value: Value) -> Result<Option<Value>, RequestError> {
    match value {
        Value::Null => Ok(None),
        Value::Array(calls) if calls.iter().all(Value::is_object) => {
            Ok((!calls.is_empty()).then_some(Value::Array(calls)))
        }
        _ => Err(RequestError::parameter(name, format!("\"{name}\" must be a list of tool calls"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::*;

    fn options(text: &str) -> Result<Options, RequestError> {
        Request::parse(&format!(r#"{{"model":"m",{text}}}"#)).map(|request| request.options().clone())
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(options(r#""timeout":0.25"#).unwrap().timeout, Some(Duration::from_millis(250)));
        assert_eq!(options(r#""timeout":"2""#).unwrap().timeout, Some(Duration::from_secs(2)));
        assert_eq!(options(r#""timeout":0"#).unwrap().timeout, None);
        assert_eq!(options(r#""mock_delay_ms":5"#).unwrap().mock_delay, Some(Duration::from_millis(5)));
        assert_eq!(options(r#""request_timeout":9,"timeout":1"#).unwrap().timeout, Some(Duration::from_secs(1)));
        for bad in ["-1", "\"soon\"", "[]", "1e300", "true"] {
            assert!(options(&format!(r#""timeout":{bad}"#)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_request_sets_no_credential() {
        for name in REFUSED {
            let error = options(&format!(r#""{name}":"canary-value""#)).unwrap_err();
            assert!(matches!(&error, RequestError::Parameter { name: param, message }
                if param == name && !message.contains("canary")));
        }
    }

    #[test]
    fn a_strategy_that_nobody_knows_has_no_effect() {
        let read = |value: &str| {
            let options = options(&format!(r#""routing_strategy":{value}"#)).unwrap();
            (options.routing_strategy, options.without_effect)
        };
        assert_eq!(read(r#""least-busy""#), (Some("least-busy".to_owned()), vec![]));
        assert_eq!(read(r#""least_busy""#), (None, vec!["routing_strategy"]));
        assert_eq!(read("7"), (None, vec!["routing_strategy"]));
        assert_eq!(read("null"), (None, vec![]));
    }

    #[test]
    fn options_without_effect_are_listed() {
        assert_eq!(
            options(r#""organization":"o","silent_model":"s""#).unwrap().without_effect,
            ["organization", "silent_model"]
        );
        assert!(options(r#""metadata":{}"#).unwrap().without_effect.is_empty());
    }

    #[test]
    fn names_of_parameters_are_a_list_or_one_of_them() {
        let set = options(r#""additional_drop_params":["a","b[*].c"],"allowed_openai_params":"d""#).unwrap();
        assert_eq!(set.additional_drop_params, ["a", "b[*].c"]);
        assert_eq!(set.allowed_openai_params, ["d"]);
        assert!(set.without_effect.is_empty());
        for bad in [r#"{"a":1}"#, "[1]", "true"] {
            assert!(options(&format!(r#""additional_drop_params":{bad}"#)).is_err(), "{bad}");
            assert!(options(&format!(r#""allowed_openai_params":{bad}"#)).is_err(), "{bad}");
        }
    }

    #[test]
    fn mocks_have_their_types() {
        let set = options(r#""mock_tool_calls":[{"id":"c"}],"mock_timeout":"True","modify_params":true"#).unwrap();
        assert_eq!(set.mock_tool_calls, Some(serde_json::json!([{"id": "c"}])));
        assert!(set.mock_timeout && set.modify_params);
        assert_eq!(options(r#""mock_tool_calls":[]"#).unwrap().mock_tool_calls, None);
        for bad in
            [r#""mock_tool_calls":{}"#, r#""mock_tool_calls":["c"]"#, r#""mock_timeout":3"#, r#""modify_params":[]"#]
        {
            assert!(options(bad).is_err(), "{bad}");
        }
    }
}
