//! Anthropic's Messages wire, translated from and to OpenAI's.
//!
//! `request` turns the parameters, `messages` the conversation, `tools` tools and their choice, `response` the answer;
//! `mend` makes fit what may be changed.

mod content;
mod mend;
mod messages;
mod params;
mod request;
pub(super) mod response;
mod tools;

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::chat::{Body, Flaw, Request, STREAM, Verb};
use crate::config::{DeploymentConfig, Secret};
use crate::error::Error;

use super::merge::effective;
use super::sift::{Sifted, sift};
use super::stream::AnthropicStream;
use super::{Adapter, BodyForm, Encoded, Endpoint, StreamReader};
use request::Manner;

/// The version that LiteLLM sends; `api_version` of a deployment names another.
const DEFAULT_VERSION: &str = "2023-06-01";

/// The tool through which a model is made to answer in a given shape; its call is given back as the answer's text.
pub(super) const JSON_TOOL: &str = "json_tool_call";

pub struct Anthropic;

impl Adapter for Anthropic {
    fn speaks(&self, verb: Verb) -> bool {
        verb == Verb::Chat
    }

    fn url(&self, _config: &DeploymentConfig, base: &str, _model: &str, _path: &str) -> String {
        let base = base.trim_end_matches('/');
        if base.ends_with("/v1/messages") {
            return base.to_owned();
        }
        format!("{}/v1/messages", base.strip_suffix("/v1").unwrap_or(base))
    }

    fn headers(&self, config: &DeploymentConfig, key: Option<&Secret>) -> Vec<(String, Secret)> {
        let version = config.api_version.as_deref().unwrap_or(DEFAULT_VERSION);
        let version = ("anthropic-version".to_owned(), Secret::new(version.to_owned()));
        let key = key.map(|key| ("x-api-key".to_owned(), key.clone()));
        key.into_iter().chain([version]).chain(config.extra_headers.iter().cloned()).collect()
    }

    fn body(&self, endpoint: &Endpoint, request: &Request, form: BodyForm) -> Result<Encoded, Error> {
        let Sifted { members, mut dropped } = sift(endpoint, request)?;
        let (sieve, options) = (endpoint.sieve(), request.options());
        let manner = Manner {
            drops: sieve.drops(options),
            modifies: endpoint.modify_params() || options.modify_params,
            any_tier: sieve.allows("service_tier", options),
        };
        let mut translated =
            request::translate(given(members), endpoint.deployment().base_model(endpoint.model()), manner)?;
        dropped.append(&mut translated.dropped);
        translated.body.insert("model".to_owned(), Value::from(&**endpoint.model()));
        let extra = options.extra_body.iter();
        translated.body.extend(extra.map(|(name, value)| (name.clone(), value.clone())));
        if form.is_stream() {
            translated.body.insert(STREAM.to_owned(), Value::Bool(true));
        }
        // The usage always comes.
        let usage_is_ours = form.owns_usage(endpoint, request);
        let body = Value::Object(translated.body).to_string().into();
        Ok(Encoded { body, content_type: None, form, dropped, usage_is_ours })
    }

    fn whole(&self, verb: Verb, bytes: Vec<u8>, content_type: &str) -> Result<Body, Flaw> {
        let answer = response::translate(&bytes)?;
        Body::check(verb, answer.to_string().into_bytes(), content_type)
    }

    fn stream(&self, endpoint: &Endpoint, request: &Request) -> Box<dyn StreamReader> {
        let format = effective(endpoint, request).find(|(name, _)| *name == "response_format");
        let format = format.and_then(|(_, text)| serde_json::from_str(&text).ok());
        Box::new(AnthropicStream::new(format.is_some_and(request::gives_shape)))
    }
}

/// The parameters in OpenAI's terms; without `model`.
fn given(members: Vec<(&str, Cow<'_, str>)>) -> Map<String, Value> {
    // The texts were checked to be JSON; only absurd nesting can't be read, and is then missing and complained about.
    let parse = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    let all = members.into_iter().filter(|(name, _)| *name != "model");
    all.map(|(name, text)| (name.to_owned(), parse(&text))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::tests::endpoint;
    use super::*;
    use serde_json::json;

    fn encode(params: &str, request: &str) -> Result<(Value, Vec<String>), Error> {
        let endpoint = endpoint(&format!("model: anthropic/claude-sonnet-4-5, api_key: k{params}"));
        let encoded = Anthropic.body(&endpoint, &Request::parse(request).unwrap(), BodyForm::Whole)?;
        Ok((serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped))
    }

    #[test]
    fn addresses_and_headers() {
        let endpoint = endpoint("model: claude-2, api_key: k, extra_headers: {anthropic-beta: x}");
        let config = &endpoint.deployment().config;
        for base in ["https://h", "https://h/", "https://h/v1", "https://h/v1/messages"] {
            assert_eq!(Anthropic.url(config, base, "m", ""), "https://h/v1/messages");
        }
        let headers = Anthropic.headers(config, config.api_key.as_ref());
        let names: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
        assert_eq!(names, ["x-api-key: k", "anthropic-version: 2023-06-01", "anthropic-beta: x"]);
    }

    #[test]
    fn the_requests_parameters_beat_the_deployments_and_the_extra_body_all() {
        let request =
            r#"{"model":"g","messages":[{"role":"user","content":"hi"}],"temperature":1,"extra_body":{"top_k":5}}"#;
        let (body, _) = encode(", temperature: 0.5, top_p: 0.9, max_tokens: 7", request).unwrap();
        let expected = json!({
            "model": "claude-sonnet-4-5", "max_tokens": 7, "temperature": 1, "top_p": 0.9, "top_k": 5,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_stream_is_asked_for() {
        let streamed = |members: &str| {
            let endpoint = endpoint("model: anthropic/claude-sonnet-4-5, api_key: k");
            let request = Request::parse(&format!(r#"{{"model":"g","messages":[]{members}}}"#)).unwrap();
            let encoded = endpoint.encode_stream(&request).unwrap();
            let body: Value = serde_json::from_slice(&encoded.body).unwrap();
            (body["stream"].clone(), body.get("stream_options").is_some(), encoded.usage_is_ours)
        };
        assert_eq!(streamed(""), (true.into(), false, true));
        assert_eq!(streamed(r#","extra_body":{"stream":false}"#), (true.into(), false, true));
        assert_eq!(streamed(r#","stream_options":{"include_usage":true}"#), (true.into(), false, false));
    }

    #[test]
    fn a_reader_knows_what_was_asked_for() {
        let start = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"hi"}}"#;
        let told = |params: &str, members: &str| {
            let endpoint = endpoint(&format!("model: claude-2, api_key: k{params}"));
            let request = Request::parse(&format!(r#"{{"model":"g"{members}}}"#)).unwrap();
            let mut chunks = Vec::new();
            let data = bytes::Bytes::from_static(start.as_bytes());
            endpoint.reader(&request).event(Some("content_block_start"), data, &mut chunks).map(|_| chunks.len())
        };
        assert_eq!(told("", ""), Ok(1));
        assert_eq!(told("", r#","response_format":{"type":"text"}"#), Ok(1));
        // A text may turn out to be no part of a shaped answer.
        assert_eq!(told("", r#","response_format":{"type":"json_object"}"#), Ok(0));
        assert_eq!(told(", response_format: {type: json_object}", ""), Ok(0));
        // A mock speaks OpenAI's wire, in which this event means nothing.
        assert_eq!(told("", r#","mock_response":"a""#), Ok(0));
        assert_eq!(told(", mock_response: a", ""), Ok(0));
    }

    #[test]
    fn parameters_that_are_not_spoken_are_refused_or_dropped() {
        let request = r#"{"model":"g","messages":[],"logit_bias":{},"n":2,"new_param":1}"#;
        let error = encode("", request).unwrap_err();
        assert!(error.message().contains("logit_bias") && error.message().contains("drop_params"), "{error}");
        let (body, dropped) = encode(", drop_params: true", request).unwrap();
        assert_eq!(dropped, ["logit_bias", "n"]);
        assert_eq!(body["new_param"], 1);
        assert!(body.get("n").is_none());
    }

    #[test]
    fn what_would_be_refused_is_changed_where_that_is_allowed() {
        let call = r#"{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":""}}]}"#;
        let rest = r#""thinking":{"type":"enabled","budget_tokens":1024},"max_tokens":1000000"#;
        let request = format!(r#"{{"model":"g","messages":[{call}],{rest}}}"#);
        let (kept, dropped) = encode("", &request).unwrap();
        assert_eq!((kept["messages"].as_array().unwrap().len(), dropped.len()), (1, 0));
        assert!(kept.get("tools").is_none() && kept["max_tokens"] == 1_000_000);

        let (changed, dropped) = encode(", modify_params: true", &request).unwrap();
        let roles: Vec<_> = changed["messages"].as_array().unwrap().iter().map(|turn| turn["role"].clone()).collect();
        assert_eq!(roles, ["user", "assistant", "user"]);
        assert_eq!((&changed["tools"][0]["name"], &changed["max_tokens"]), (&json!("dummy_tool"), &json!(64_000)));
        assert!(changed.get("thinking").is_none());
        assert_eq!(dropped, ["thinking"]);
        let by_request = request.replacen('{', r#"{"modify_params":true,"#, 1);
        assert_eq!(encode("", &by_request).unwrap(), (changed, dropped));
    }
}
