//! Configurations and calls. A configuration is JSON text, which the library reads as well as YAML.

use fakeprovider::abi::{Failure, LogCapture, Outcome, Router};
use serde_json::{Map, Value, json};

/// The key of every deployment; it must show nowhere.
pub const KEY: &str = "sk-canary-0123456789abcdef";
/// `ROUTER_LOG_TRACE`: what must not be logged must not be logged at any level.
pub const TRACE: i32 = 5;

pub const BAD_REQUEST: i32 = 400;
pub const CANCELLED: i32 = 3;
pub const API_CONNECTION: i32 = 1001;
pub const API_RESPONSE: i32 = 1002;

/// A deployment of the group "m". `base` is its URL without the verb, `more` the rest of its `litellm_params`.
pub fn deployment(base: &str, more: Value) -> Value {
    let params = json!({"model": "openai/gpt-4", "api_key": KEY, "api_base": base});
    json!({"model_name": "m", "litellm_params": merged(params, more)})
}

/// A deployment that is asked only after another one of the group has failed.
pub fn sibling(base: &str) -> Value {
    deployment(base, json!({"weight": 0}))
}

/// Without retries and cooldowns, so that each call is one attempt; `more` adds sections, or replaces these.
pub fn config(deployments: &[Value], more: Value) -> String {
    let settings = json!({"num_retries": 0, "disable_cooldowns": true});
    // What must not be logged must not be logged of a single request either.
    let base = json!({"model_list": deployments, "router_settings": settings, "set_verbose": true});
    merged(base, more).to_string()
}

fn merged(mut base: Value, more: Value) -> Value {
    let members = base.as_object_mut().expect("an object");
    members.extend(more.as_object().cloned().unwrap_or_default());
    base
}

/// # Panics
/// If the library refuses the configuration.
pub fn router(config: &str) -> Router {
    Router::from_yaml(config).unwrap_or_else(|error| panic!("no router: {error}"))
}

/// A router of one deployment with these `litellm_params`.
pub fn router_to(base: &str, more: Value) -> Router {
    router(&config(&[deployment(base, more)], json!({})))
}

/// One router with retries, whose first deployment is always asked first and whose second is its sibling.
pub fn router_with_sibling(base: &str, sibling_base: &str) -> Router {
    let retries = json!({"router_settings": {"num_retries": 1, "disable_cooldowns": true}});
    router(&config(&[deployment(base, json!({"weight": 1})), sibling(sibling_base)], retries))
}

/// A request to the group "m" with these members besides.
pub fn request(more: Value) -> String {
    merged(json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}), more).to_string()
}

pub fn ask(router: &Router) -> Outcome {
    router.completion(&request(json!({})))
}

/// The text of an answer.
///
/// # Panics
/// If there is none.
pub fn text(outcome: Outcome) -> String {
    let answer = outcome.unwrap_or_else(|error| panic!("no answer: {error}"));
    answer.text.unwrap_or_else(|| panic!("an answer without text: {}", answer.body))
}

/// The error of a call that must fail with `code`.
///
/// # Panics
/// If it was answered, or failed otherwise.
pub fn failure(outcome: Outcome, code: i32) -> Failure {
    match outcome {
        Ok(answer) => panic!("answered: {}", answer.body),
        Err(failure) if failure.code == code => *failure,
        Err(other) => panic!("code {code} was expected: {other}"),
    }
}

/// The only deployment's part of the snapshot.
pub fn only_deployment(router: &Router) -> Value {
    router.snapshot()["groups"][0]["deployments"][0].clone()
}

/// The texts of the load warnings.
pub fn warnings(router: &Router) -> Vec<String> {
    let snapshot = router.snapshot();
    let warnings = snapshot["warnings"].as_array().cloned().unwrap_or_default();
    warnings.iter().map(|warning| warning["message"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Everything that a router and a call have said, as text to search.
pub fn all_said(router: Option<&Router>, outcome: &Outcome, log: &LogCapture) -> String {
    let said = match outcome {
        Ok(answer) => json!([answer.text, answer.metadata]),
        Err(failure) => json!([failure.message, failure.json]),
    };
    let log: Vec<Value> = log.records().into_iter().map(|(_, record)| record).collect();
    let snapshot = router.map_or(Value::Null, Router::snapshot);
    Value::Object(Map::from_iter([
        ("outcome".to_owned(), said),
        ("log".to_owned(), log.into()),
        ("snapshot".to_owned(), snapshot),
    ]))
    .to_string()
}
