//! Checks a section against its table: unknown keys, kinds of values, what is not in force; and brings every value into
//! one form (`"yes"` → true, `"1e3"` → 1000), so that what reads it later has nothing left to doubt.

use serde_json::{Map, Value};

use super::keys::{self, Kind, PLACES, Section, State, Unknown};
use super::position::join;
use super::report::{Report, shown};
use super::scalar;
use super::suggest::{self, nearest};

/// Known and well-formed keys of `value`, normalised. What is wrong goes into the report.
pub fn check(section: &'static Section, value: Value, path: &str, report: &mut Report) -> Map<String, Value> {
    let mut checked = Map::new();
    let entries = match value {
        Value::Object(entries) => entries,
        Value::Null => return checked,
        other => {
            report.error(path, format!("expected a map, found {}", sort(&other)), "");
            return checked;
        }
    };
    for (name, value) in entries {
        if keys::is_own(&name) {
            continue;
        }
        let path = join(path, &name);
        let Some(key) = section.find(&name) else {
            if unknown(section, &name, &path, report) && !value.is_null() {
                checked.insert(name, value);
            }
            continue;
        };
        match key.state {
            State::InForce | State::Forwarded => {}
            State::Planned => report.warn_once(&path, "not in force yet"),
            State::ProxyOnly => {
                report.warn_once(&path, "not applicable: only LiteLLM's proxy uses it");
                continue;
            }
            State::Quiet => continue,
        }
        if let Some(value) = check_value(&key.kind, value, &path, report) {
            checked.insert(name, value);
        }
    }
    checked
}

/// Reports an unknown key as its section demands; whether it is kept all the same.
fn unknown(section: &'static Section, name: &str, path: &str, report: &mut Report) -> bool {
    let limit = match section.unknown {
        Unknown::Refused => suggest::reach(name),
        Unknown::Ignored | Unknown::Forwarded => 2,
        Unknown::Free => 1,
    };
    let near = nearest(name, section.keys().map(|key| key.name), limit);
    let places = elsewhere(section, name);
    let hint = if places.is_empty() { suggest::hint(&near) } else { format!("its place is {}", places.join(" or ")) };
    let misspelt = !near.is_empty();
    match section.unknown {
        Unknown::Refused => report.error(path, "unknown key", hint),
        Unknown::Ignored if misspelt => report.error(path, "unknown key", hint),
        Unknown::Ignored if hint.is_empty() => report.warn(path, "unknown key, ignored"),
        Unknown::Ignored => report.warn(path, format!("unknown key, ignored; {hint}")),
        Unknown::Forwarded if misspelt => {
            report.warn_once(path, format!("unknown key, passed on to the provider; {hint}"));
        }
        Unknown::Free if misspelt => report.error(path, "unknown key", hint),
        Unknown::Forwarded | Unknown::Free => {}
    }
    matches!(section.unknown, Unknown::Forwarded | Unknown::Free)
}

/// The sections where this very key would be known. Below `litellm_params` any key is meant for the provider.
fn elsewhere(section: &'static Section, name: &str) -> Vec<&'static str> {
    if matches!(section.unknown, Unknown::Forwarded | Unknown::Free) {
        return Vec::new();
    }
    PLACES.into_iter().filter(|place| place.find(name).is_some()).map(|place| place.name).collect()
}

/// The value in its kind's one form; none if it is null, unset by being 0, or wrong.
fn check_value(kind: &'static Kind, value: Value, path: &str, report: &mut Report) -> Option<Value> {
    if value.is_null() {
        return matches!(kind, Kind::TextOrAny).then_some(value);
    }
    match kind {
        Kind::Any => Some(value),
        Kind::Section(section) => Some(Value::Object(check(section, value, path, report))),
        Kind::Either(scalar, _) if !value.is_object() && !value.is_array() => check_value(scalar, value, path, report),
        Kind::Either(_, compound) => check_value(compound, value, path, report),
        Kind::MapOf(kind) => check_map(kind, value, path, report),
        Kind::ListOf(kind) => check_list(kind, value, path, report),
        Kind::Texts if value.is_array() => check_list(&Kind::Text, value, path, report),
        Kind::Texts => check_value(&Kind::Text, value, path, report).map(|text| Value::Array(vec![text])),
        Kind::Fallbacks => check_fallbacks(value, path, report),
        Kind::Timeout if scalar::number(&value) == Some(0.0) => {
            report.warn_once(path, "0 means no timeout of its own, as if the key were not there");
            None
        }
        Kind::Choice(names) => check_choice(names, value, path, report),
        _ => match check_scalar(kind, &value) {
            Ok(value) => Some(value),
            Err(expected) => {
                report.error(path, format!("expected {expected}, found {}", sort(&value)), "");
                None
            }
        },
    }
}

fn check_scalar(kind: &Kind, value: &Value) -> Result<Value, String> {
    let counted = |low: u64, high: u64| {
        let integer = scalar::integer(value).and_then(|v| u64::try_from(v).ok());
        integer.filter(|v| (low..=high).contains(v)).map(Value::from)
    };
    let measured = |high: f64| scalar::number(value).filter(|v| (0.0..=high).contains(v)).map(scalar::to_json);
    let (checked, expected) = match kind {
        Kind::Bool => (scalar::boolean(value).map(Value::Bool), "true or false".to_owned()),
        Kind::BoolOrText => {
            let text = || scalar::text(value).map(Value::String);
            (scalar::boolean(value).map(Value::Bool).or_else(text), "true, false or text".to_owned())
        }
        Kind::Text | Kind::TextOrAny => (scalar::text(value).map(Value::String), "text".to_owned()),
        Kind::Count => (counted(0, u64::from(u32::MAX)), "a whole number from 0".to_owned()),
        Kind::Between(low, high) => (counted(*low, *high), format!("a whole number from {low} to {high}")),
        Kind::Integer => (scalar::integer(value).map(Value::from), "a whole number".to_owned()),
        Kind::Number => (measured(f64::MAX), "a number from 0".to_owned()),
        Kind::Signed => (scalar::number(value).map(scalar::to_json), "a number".to_owned()),
        Kind::Seconds | Kind::Timeout => (measured(scalar::MAX_SECONDS), "seconds, from 0 to ten years".to_owned()),
        Kind::List => (value.is_array().then(|| value.clone()), "a list".to_owned()),
        _ => (value.is_object().then(|| value.clone()), "a map".to_owned()),
    };
    checked.ok_or(expected)
}

/// The names of a choice are no secrets, so the wrong one is repeated.
fn check_choice(names: &'static [&'static str], value: Value, path: &str, report: &mut Report) -> Option<Value> {
    let valid = format!("valid are {}", names.join(", "));
    let Some(text) = value.as_str() else {
        report.error(path, format!("expected a name, found {}", sort(&value)), valid);
        return None;
    };
    if names.contains(&text) {
        return Some(value);
    }
    let near = suggest::hint(&nearest(text, names.iter().copied(), suggest::reach(text)));
    let hint = if near.is_empty() { valid } else { format!("{near} {valid}") };
    report.error(path, format!("unknown name {}", shown(text)), hint);
    None
}

fn check_map(kind: &'static Kind, value: Value, path: &str, report: &mut Report) -> Option<Value> {
    let Value::Object(entries) = value else {
        report.error(path, format!("expected a map, found {}", sort(&value)), "");
        return None;
    };
    let mut checked = Map::new();
    for (name, value) in entries {
        if let Some(value) = check_value(kind, value, &join(path, &name), report) {
            checked.insert(name, value);
        }
    }
    Some(Value::Object(checked))
}

/// Entries keep their index, since paths name it: one that is wrong or null stays as null.
fn check_list(kind: &'static Kind, value: Value, path: &str, report: &mut Report) -> Option<Value> {
    let Value::Array(entries) = value else {
        report.error(path, format!("expected a list, found {}", sort(&value)), "");
        return None;
    };
    let entries = entries.into_iter().enumerate();
    let checked = entries.map(|(index, value)| check_value(kind, value, &format!("{path}[{index}]"), report));
    Some(Value::Array(checked.map(Option::unwrap_or_default).collect()))
}

/// LiteLLM's list of maps with one key each; one map with all keys says the same.
fn check_fallbacks(value: Value, path: &str, report: &mut Report) -> Option<Value> {
    let targets = &Kind::Either(&Kind::Text, &Kind::ListOf(&Kind::Either(&Kind::Text, &Kind::Map)));
    if value.is_object() {
        let map = check_map(targets, value, path, report)?;
        let entries = map.as_object().into_iter().flatten();
        return Some(entries.map(|(group, list)| Value::from_iter([(group.clone(), list.clone())])).collect());
    }
    let Value::Array(items) = value else {
        report.error(path, format!("expected a list of maps, found {}", sort(&value)), "");
        return None;
    };
    let mut checked = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let path = format!("{path}[{index}]");
        match item.as_object().map(Map::len) {
            Some(1) => checked.push(check_map(targets, item, &path, report)?),
            Some(n) => report.error(&path, format!("item must have exactly one key, but has {n} keys"), ""),
            None => {
                let hint = "write the model group, a colon and the list of its fallbacks";
                report.error(&path, "item is not a dictionary", hint);
            }
        }
    }
    Some(Value::Array(checked))
}

/// What a value is. The value itself is never repeated: it may be a credential in the wrong place.
fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.as_f64().is_some_and(|v| v < 0.0) => "a negative number",
        Value::Number(_) => "a number",
        Value::String(text) if text.is_empty() => "empty text",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
