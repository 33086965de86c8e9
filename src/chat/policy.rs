//! The options of a request that stand in the place of the router's policy.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::options::{count, object};
use super::request::RequestError;
use crate::policy::{ByClass, Lists, STRATEGIES, Slot, Target};

/// `fallbacks` of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Fallbacks {
    /// Targets for the asked-for group, whatever its failure.
    Targets(Vec<Target>),
    /// Lists by group, in the place of the configured ones.
    Lists(Lists),
}

/// Failures to play, as LiteLLM's `mock_testing_…` options ask for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MockTesting {
    /// The first group fails with an InternalServerError before any attempt.
    pub fallbacks: bool,
    /// … with a ContextWindowExceededError.
    pub context_window: bool,
    /// … with a ContentPolicyViolationError.
    pub content_policy: bool,
    /// The first attempt in each group is a RateLimitError that no deployment sees.
    pub rate_limit: bool,
}

/// What a request may change for a fallback of its own is what it may say itself.
const REFUSED: [&str; 3] = ["api_key", "api_base", "base_url"];

/// Names, or maps with a `model`, are targets; maps from a group to a list are lists. `null` is "not set"; an empty
/// list turns the generic ones off.
pub(super) fn fallbacks(name: &str, value: &Value) -> Result<Option<Fallbacks>, RequestError> {
    let bad = || RequestError::parameter(name, format!("\"{name}\" must be a list of model names or of maps"));
    let items = match value {
        Value::Null => return Ok(None),
        Value::Array(items) => items,
        Value::Object(_) => return Ok(lists(name, value)?.map(Fallbacks::Lists)),
        _ => return Err(bad()),
    };
    let is_target = |item: &Value| item.is_string() || item.get("model").is_some_and(|model| !model.is_array());
    if !items.is_empty() && items.iter().all(is_target) {
        return targets(name, items).map(|targets| Some(Fallbacks::Targets(targets)));
    }
    if items.iter().all(Value::is_object) { Ok(lists(name, value)?.map(Fallbacks::Lists)) } else { Err(bad()) }
}

/// LiteLLM's list of maps with one key each; one map with all keys says the same.
pub(super) fn lists(name: &str, value: &Value) -> Result<Option<Lists>, RequestError> {
    let bad = || RequestError::parameter(name, format!("\"{name}\" must be a list of maps: group to fallbacks"));
    let maps: Vec<&Map<String, Value>> = match value {
        Value::Null => return Ok(None),
        Value::Object(map) => vec![map],
        Value::Array(items) => items.iter().map(|item| item.as_object().ok_or_else(bad)).collect::<Result<_, _>>()?,
        _ => return Err(bad()),
    };
    let mut lists = Lists::default();
    for (group, list) in maps.into_iter().flatten() {
        let targets = match list {
            Value::Array(items) => targets(name, items)?,
            one => targets(name, std::slice::from_ref(one))?,
        };
        lists.add(group, targets);
    }
    Ok(Some(lists))
}

fn targets(name: &str, items: &[Value]) -> Result<Vec<Target>, RequestError> {
    let read = |item: &Value| {
        let bad = || RequestError::parameter(name, format!("\"{name}\" has an entry that names no model"));
        let target = Target::read(item).ok_or_else(bad)?;
        match REFUSED.iter().find(|refused| target.changes.contains_key(**refused)) {
            Some(refused) => {
                let message = format!("\"{refused}\" can't be set by a request; set it in the configuration");
                Err(RequestError::parameter(name, message))
            }
            None => Ok(target),
        }
    };
    items.iter().map(read).collect()
}

pub(super) fn retries(name: &str, value: &Value) -> Result<Option<ByClass>, RequestError> {
    let Value::Object(entries) = value else {
        return object(name, value.clone()).map(|_| None);
    };
    let mut policy = ByClass::default();
    for (key, value) in entries {
        let bad = || RequestError::parameter(name, format!("\"{name}\" has no class \"{}\"", key.escape_debug()));
        let slot = Slot::of_key(key, "Retries").ok_or_else(bad)?;
        *policy.slot(slot) = count(name, value.get("max_retries").unwrap_or(value))?;
    }
    Ok(Some(policy))
}

pub(super) fn group_retries(name: &str, value: &Value) -> Result<Option<BTreeMap<String, ByClass>>, RequestError> {
    let groups = object(name, value.clone())?;
    if value.is_null() {
        return Ok(None);
    }
    let read = |(group, policy): (String, Value)| Ok((group, retries(name, &policy)?.unwrap_or_default()));
    groups.into_iter().map(read).collect::<Result<_, _>>().map(Some)
}

pub(super) fn on_exhausted(name: &str, value: &Value) -> Result<Option<bool>, RequestError> {
    either(name, value, "fail", "wait")
}

pub(super) fn mid_stream(name: &str, value: &Value) -> Result<Option<bool>, RequestError> {
    either(name, value, "fail", "continue")
}

/// One of two words: whether it is the second.
fn either(name: &str, value: &Value, no: &str, yes: &str) -> Result<Option<bool>, RequestError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text == yes => Ok(Some(true)),
        Value::String(text) if text == no => Ok(Some(false)),
        _ => Err(RequestError::parameter(name, format!("\"{name}\" must be \"{no}\" or \"{yes}\""))),
    }
}

pub(super) fn explain(metadata: &Value) -> bool {
    metadata.get("explain") == Some(&Value::Bool(true))
}

/// `routing_strategy`; `None` for any other.
pub fn strategy(value: &Value) -> Option<String> {
    value.as_str().filter(|name| STRATEGIES.contains(name)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::{Options, Request};
    use super::*;
    use crate::error::ErrorKind;

    fn options(text: &str) -> Result<Options, RequestError> {
        Request::parse(&format!(r#"{{"model":"m",{text}}}"#)).map(|request| request.options().clone())
    }

    fn names(fallbacks: Option<Fallbacks>) -> Vec<String> {
        match fallbacks {
            Some(Fallbacks::Targets(targets)) => targets.into_iter().map(|target| target.group).collect(),
            Some(Fallbacks::Lists(lists)) => lists.keys().map(|key| format!("{key}:")).collect(),
            None => vec!["none".to_owned()],
        }
    }

    #[test]
    fn fallbacks_have_two_forms() {
        let read = |text: &str| names(options(&format!("\"fallbacks\":{text}")).unwrap().fallbacks);
        assert_eq!(read(r#"["a","b"]"#), ["a", "b"]);
        assert_eq!(read(r#"[{"model":"a","temperature":1}, "b"]"#), ["a", "b"]);
        assert_eq!(read(r#"[{"g":["a"]},{"*":["b"]}]"#), ["*:", "g:"]);
        assert_eq!(read(r#"{"g":"a"}"#), ["g:"]);
        assert_eq!(read("null"), ["none"]);
        assert!(read("[]").is_empty());
        for bad in [r#""a""#, "[7]", r#"["a",{"g":["b"]}]"#, r#"[{"g":[7]}]"#, r#"[{"model":"a","api_key":"k"}]"#] {
            assert!(options(&format!("\"fallbacks\":{bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn policies_are_read_in_both_spellings() {
        let options = options(
            r#""retry_policy":{"RateLimitError":{"max_retries":5},"TimeoutErrorRetries":"1"},
            "model_group_retry_policy":{"g":{"Default":2}}"#,
        )
        .unwrap();
        let policy = options.retry_policy.unwrap();
        assert_eq!((policy.number(ErrorKind::RateLimit), policy.number(ErrorKind::Timeout)), (Some(5), Some(1)));
        assert_eq!(options.group_retry_policies.unwrap()["g"].number(ErrorKind::RateLimit), Some(2));
        assert!(self::options(r#""retry_policy":{"RateLimitErorr":1}"#).is_err());
        assert!(self::options(r#""retry_policy":5"#).is_err());
        assert!(self::options(r#""on_exhausted":"maybe""#).is_err());
    }

    #[test]
    fn an_explanation_is_asked_for_in_the_metadata() {
        assert!(options(r#""metadata":{"explain":true}"#).unwrap().explain);
        assert!(!options(r#""metadata":{"explain":"yes"}"#).unwrap().explain);
        assert!(!options(r#""metadata":{"a":{"explain":true}}"#).unwrap().explain);
    }
}
