//! What single settings accept, refuse and mean.

use std::time::Duration;

use serde_json::{Value, json};

use crate::error::ErrorKind;

use super::{config, deployment, refused, warnings};
use crate::config::{Config, load};

fn param(config: &Config, name: &str) -> Option<Value> {
    config.deployments[0].params.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

#[test]
fn defaults() {
    let config = config("model_list: []");
    assert_eq!(config.retry.num_retries, 2);
    assert_eq!(config.retry.retry_after, Duration::ZERO);
    assert_eq!(config.fallback.max_fallbacks, 5);
    assert_eq!((config.cooldown.disabled, config.cooldown.time), (false, Duration::from_secs(5)));
    assert_eq!(config.cooldown.max, Duration::from_secs(86_400));
    assert_eq!(config.timeouts.connect, Duration::from_secs(5));
    assert_eq!((config.timeouts.timeout, config.timeouts.request_timeout), (None, None));
    assert_eq!(config.worker_threads, 2);
    assert_eq!(config.routing.strategy.name, "simple-shuffle");
    assert_eq!(warnings(&config), "no model_list: every call will be a bad request\n");
}

#[test]
fn a_deployment_with_everything() {
    let config = config(&deployment(
        "api_key: sk-1\nbase_url: http://h/v1\napi_version: 2024-02-01\ncustom_llm_provider: openai\nweight: '3'
rpm: 1_000\ntpm: 1e3\ntimeout: 1.5\nrequest_timeout: 2\nnum_retries: 0\ncooldown_time: 0\nssl_verify: /ca.pem
ssl_certificate: /c.pem\nssl_key: /k.pem\nextra_headers: {X-A: 1}\nheaders: {x-a: 2, X-B: b}\nmock_response: hello
mock_error: 503\nmock_delay_ms: 250\ntemperature: '0.5'\nstream: yes\nlogprobs: On\nstop: END\nvendor: {a: [1]}
extra_body: {temperature: 1, more: yes}\nmetadata: {a: b}\naws_region_name: x\nx-mine: 1\nseed: null",
    ));
    let it = &config.deployments[0];
    assert_eq!(it.api_key.as_ref().map(|key| key.expose()), Some("sk-1"));
    assert_eq!(it.api_base.as_deref(), Some("http://h/v1"));
    assert_eq!(it.api_version.as_deref(), Some("2024-02-01"));
    assert_eq!(it.custom_llm_provider.as_deref(), Some("openai"));
    assert_eq!((it.weight, it.rpm, it.tpm), (Some(3.0), Some(1000.0), Some(1000.0)));
    assert_eq!(it.timeout, Some(Duration::from_millis(1500)));
    assert_eq!(it.request_timeout, Some(Duration::from_secs(2)));
    assert_eq!((it.num_retries, it.cooldown_time), (Some(0), Some(Duration::ZERO)));
    assert!(it.tls.verify);
    assert_eq!(it.tls.ca_file.as_deref(), Some("/ca.pem"));
    assert_eq!(it.tls.client_certificate.as_deref(), Some("/c.pem"));
    assert_eq!(it.tls.client_key.as_deref(), Some("/k.pem"));
    let headers: Vec<_> = it.extra_headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(headers, [("X-A", "1"), ("X-B", "b")]);
    let mock = it.mock.as_ref().unwrap();
    assert_eq!((&mock.response, &mock.error), (&Some(json!("hello")), &Some(json!(503))));
    assert_eq!(mock.delay, Duration::from_millis(250));
    let names: Vec<_> = it.params.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["temperature", "stream", "logprobs", "stop", "vendor", "more"]);
    assert_eq!(param(&config, "temperature"), Some(json!(1)));
    assert_eq!(param(&config, "stream"), Some(json!(true)));
    assert_eq!(param(&config, "logprobs"), Some(json!(true)));
    assert_eq!(it.settings.text("aws_region_name"), Some("x"));
    assert_eq!(config.environment.get("HOME"), None);
}

#[test]
fn limits_beside_model_name_and_in_model_info() {
    let text = "model_list:
  - model_name: g
    litellm_params: {model: openai/x, rpm: 5}
    rpm: 7
    tpm: 9
    weight: 2
    model_info: {tpm: 1, rpm: 1, cooldown_time: 3, anything: goes}";
    let config = config(text);
    let it = &config.deployments[0];
    assert_eq!((it.weight, it.rpm, it.tpm), (Some(2.0), Some(5.0), Some(9.0)));
    assert_eq!(it.cooldown_time, Some(Duration::from_secs(3)));
    assert_eq!(it.info.number("tpm"), Some(1.0));
    assert!(warnings(&config).contains("model_list[0].rpm at line 4 column 5: overridden by litellm_params.rpm"));
}

#[test]
fn model_info_limits_are_no_weights() {
    let config = config("model_list: [{model_name: g, litellm_params: {model: m}, model_info: {rpm: 5, tpm: 6}}]");
    assert_eq!((config.deployments[0].rpm, config.deployments[0].tpm), (None, None));
}

#[test]
fn numbers_that_mean_names() {
    let config = config("model_list: [{model_name: 4, litellm_params: {model: 5, api_version: 6}}]");
    let it = &config.deployments[0];
    assert_eq!((it.group.as_str(), it.model.as_str(), it.api_version.as_deref()), ("4", "5", Some("6")));
}

#[test]
fn wrong_values_are_refused_with_their_place() {
    for (params, message) in [
        ("rpm: many", "model_list[0].litellm_params.rpm: expected a number from 0, found text at line 5 column 7"),
        ("rpm: -1", "expected a number from 0, found a negative number"),
        ("timeout: .inf", "timeout: expected seconds, from 0 to ten years, found text"),
        ("timeout: .nan", "timeout: expected seconds, from 0 to ten years, found text"),
        ("timeout: -1", "expected seconds, from 0 to ten years, found a negative number"),
        ("timeout: 999999999999", "expected seconds, from 0 to ten years, found a number"),
        ("num_retries: 1.5", "num_retries: expected a whole number from 0, found a number"),
        ("api_key: [a]", "api_key: expected text, found a list"),
        ("stream: maybe", "stream: expected true or false, found text"),
        ("extra_headers: x", "extra_headers: expected a map, found text"),
        ("tools: {}", "tools: expected a list, found a map"),
    ] {
        let error = refused(&deployment(params));
        assert!(error.contains(message), "{params}: {error}");
        assert!(!error.ends_with('.') && error.contains(" at line 5 column 7"), "{error}");
    }
    for (text, message) in [
        (
            "router_settings: {routing_strategy: leastbusy}",
            "unknown name leastbusy at line 1 column 19; did you mean least-busy? valid are simple-shuffle, least-busy,",
        ),
        ("llmrouter_settings: {worker_threads: 0}", "expected a whole number from 1 to 1024"),
        ("llmrouter_settings: {worker_threads: 1025}", "expected a whole number from 1 to 1024"),
        ("router_settings: 5", "router_settings: expected a map, found a number"),
        ("model_list: {}", "model_list: expected a list, found a map"),
        ("num_retires: 1", "num_retires: unknown key at line 1 column 1; did you mean num_retries?"),
    ] {
        let error = refused(text);
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn a_timeout_of_zero_is_none() {
    let config = config(&deployment("timeout: 0"));
    assert_eq!(config.deployments[0].timeout, None);
    assert!(warnings(&config).contains("litellm_params.timeout at line 5 column 7: 0 means no timeout"));
}

#[test]
fn malformed_entries() {
    for (entry, message) in [
        ("{litellm_params: {model: m}}", "model_list[0]: an entry without model_name at line 1 column"),
        ("{model_name: g}", "model_list[0]: an entry without litellm_params"),
        ("{model_name: g, litellm_params: {api_key: k}}", "model_list[0].litellm_params: litellm_params without model"),
        ("{model_name: g, litellm_params: null}", "an entry without litellm_params"),
        ("{model_name: g, litellm_params: [1]}", "litellm_params: expected a map, found a list"),
        ("null", "model_list[0]: an empty entry"),
        ("text", "model_list[0]: expected a map, found text"),
        ("{model_name: g, litellm_params: {model: m}, modelinfo: {}}", "did you mean model_info?"),
    ] {
        let error = refused(&format!("model_list: [{entry}]"));
        assert!(error.contains(message), "{entry}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn ids_are_unique() {
    let entry =
        "{model_name: gg, litellm_params: {model: openai/x, api_key: k, api_base: 'http://127.0.0.1:43729/z/v1'}}";
    let config = config(&format!("model_list: [{entry}, {entry}]"));
    let hash = "f4ec3745b003d6e04dd241c4b20d7ef92c65a010cbb5bdc8435d0eebd7e8dc0f";
    assert_eq!(config.deployments[0].id, hash);
    assert_eq!(config.deployments[1].id, format!("{hash}-2"));
    assert!(warnings(&config).contains("the same group and parameters as model_list[0] at line 1"));

    let of = |id: &str| format!("{{model_name: g, litellm_params: {{model: m}}, model_info: {{id: {id}}}}}");
    let error = refused(&format!("model_list:\n- {}\n- {}", of("7"), of("'7'")));
    assert!(error.contains("model_list[1].model_info.id: repeated id at line 3"), "{error}");
    assert!(error.contains("model_list[0].model_info.id at line 2 column"), "{error}");
}

#[test]
fn each_organization_is_a_deployment() {
    let config = config(&deployment("organization: [a, b]"));
    let seen: Vec<_> = config.deployments.iter().map(|it| it.organization.as_deref().unwrap()).collect();
    assert_eq!(seen, ["a", "b"]);
    assert_eq!(config.deployments[1].id, format!("{}-2", config.deployments[0].id));
    assert_eq!(warnings(&config), "");
}

#[test]
fn references_to_the_environment() {
    let text = "environment_variables: {FILE: from-file, CHAIN: os.environ/PROC, BOTH: file, SELF: os.environ/SELF}
model_list:
  - model_name: os.environ/FILE
    litellm_params: {model: os.environ/CHAIN, api_key: os.environ/EMPTY, rpm: os.environ/NUM, stream: os.environ/FLAG,
      tags: [os.environ/BOTH, os.environ/SELF]}
general_settings: {master_key: os.environ/NEVER_SET}";
    let process = |name: &str| match name {
        "PROC" => Some("from-process".to_owned()),
        "BOTH" => Some("process".to_owned()),
        "SELF" => Some("outside".to_owned()),
        "EMPTY" => Some(String::new()),
        "NUM" => Some("12".to_owned()),
        "FLAG" => Some("TRUE".to_owned()),
        _ => None,
    };
    let config = load(text, process).unwrap_or_else(|error| panic!("{error}"));
    let it = &config.deployments[0];
    assert_eq!((it.group.as_str(), it.model.as_str(), it.rpm), ("from-file", "from-process", Some(12.0)));
    assert_eq!(it.api_key.as_ref().map(|key| key.expose()), Some(""));
    assert_eq!(param(&config, "stream"), Some(json!(true)));
    assert_eq!(it.settings.get("tags"), Some(&json!(["file", "outside"])));
}

#[test]
fn unset_variables_are_one_error() {
    let error = refused(
        "environment_variables: {A: os.environ/GONE}
model_list:
  - model_name: g
    litellm_params: {model: m, api_key: os.environ/KEY, unknown_param: [os.environ/OTHER]}
    model_info: {free: os.environ/FREE}
general_settings: {master_key: os.environ/NEVER_SET}",
    );
    assert_eq!(
        error,
        "environment variables are not set: GONE for environment_variables.A at line 1 column 25, \
        KEY for model_list[0].litellm_params.api_key at line 4 column 32, \
        OTHER for model_list[0].litellm_params.unknown_param[0] at line 4 column 73"
    );
}

#[test]
fn what_overrides_what() {
    let text = "router_settings: {num_retries: 1, timeout: 3, fallbacks: [{a: [b]}], max_fallbacks: 2}
litellm_settings: {num_retries: 4, request_timeout: 5, fallbacks: [{a: [c]}], max_fallbacks: 3}";
    let config = config(text);
    assert_eq!((config.retry.num_retries, config.fallback.max_fallbacks), (1, 2));
    assert_eq!(config.fallback.generic.get("a").unwrap()[0].group, "b");
    let warnings = warnings(&config);
    for part in [
        "litellm_settings.num_retries at line 2 column 20: overridden by router_settings.num_retries",
        "litellm_settings.fallbacks at line 2 column 56: overridden by router_settings.fallbacks",
        "litellm_settings.max_fallbacks at line 2 column 79: overridden by",
        "router_settings.timeout at line 1 column 35: overridden by litellm_settings.request_timeout",
    ] {
        assert!(warnings.contains(part), "{part}\n{warnings}");
    }
}

#[test]
fn the_variable_request_timeout_is_explicit() {
    let with =
        |value: &'static str, text: &str| load(text, move |name| (name == "REQUEST_TIMEOUT").then(|| value.to_owned()));
    let seconds = |value, text| with(value, text).ok().and_then(|config| config.timeouts.request_timeout);
    assert_eq!(seconds("7", "timeout: 3"), Some(Duration::from_secs(7)));
    assert_eq!(seconds("7", "litellm_settings: {request_timeout: 9}"), Some(Duration::from_secs(9)));
    assert!(with("soon", "timeout: 3").err().unwrap().message.contains("REQUEST_TIMEOUT"));
}

#[test]
fn proxies() {
    let config = load("model_list: []", |name| match name {
        "HTTPS_PROXY" => Some("http://user:pass@p:1".to_owned()),
        "ALL_PROXY" => Some("http://all".to_owned()),
        "no_proxy" => Some("localhost".to_owned()),
        "https_proxy" => Some(" ".to_owned()),
        _ => None,
    });
    let transport = config.unwrap_or_else(|error| panic!("{error}")).transport;
    assert_eq!(transport.https_proxy.as_deref(), Some("http://user:pass@p:1"));
    assert_eq!(transport.http_proxy.as_deref(), Some("http://all"));
    assert_eq!(transport.no_proxy.as_deref(), Some("localhost"));
    assert_eq!(transport.ssl_cert_file, None);
    assert!(!format!("{transport:?}").contains("pass"));
}

#[test]
fn both_spellings_of_retry_policies() {
    for policy in
        ["RateLimitError: {max_retries: 5}", "RateLimitError: 5", "RateLimitErrorRetries: 5", "Timeout: 1, Default: 2"]
    {
        let config = config(&format!("router_settings: {{retry_policy: {{{policy}}}}}"));
        assert_eq!(warnings(&config), "no model_list: every call will be a bad request\n");
        let retries = config.retry.policy.unwrap();
        let expected = if policy.contains("Timeout") { 2 } else { 5 };
        assert_eq!(retries.number(ErrorKind::RateLimit), Some(expected));
    }
    let error = refused("retry_policy: {RateLimitError: 5, RateLimitErrorRetries: 4}");
    assert!(error.contains("retry_policy.RateLimitErrorRetries: set twice"), "{error}");
    let error = refused("router_settings: {retry_policy: {RateLimitErorr: 5}}");
    assert!(error.contains("retry_policy.RateLimitErorr: unknown key"), "{error}");
    assert!(error.contains("did you mean RateLimitError?"), "{error}");
    let error = refused("model_group_retry_policy: {g: {RateLimitError: {max_retry: 5}}}");
    assert!(error.contains("g.RateLimitError.max_retry: unknown key at line 1 column 49"), "{error}");
}
