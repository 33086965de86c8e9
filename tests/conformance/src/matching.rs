//! Partial matches: what is expected must be there, more may be.

use serde_json::{Map, Value};

/// The members of a mapping that compares instead of being looked into.
const OPERATORS: [&str; 9] = ["min", "max", "contains", "excludes", "absent", "present", "length", "one_of", "not"];

/// Adds to `found` what differs between `expected` and `actual`, each with its path.
///
/// * a mapping: each expected member matches; further members are ignored
/// * a list: as long as expected, and each element matches
/// * null: null or missing
/// * a mapping of operators only: each holds
pub fn differences(path: &str, expected: &Value, actual: Option<&Value>, found: &mut Vec<String>) {
    match expected {
        Value::Null if actual.is_none_or(Value::is_null) => {}
        Value::Object(members) if is_operator(members) => operators(path, members, actual, found),
        Value::Object(members) => match actual {
            Some(Value::Object(actual)) => {
                for (name, expected) in members {
                    differences(&format!("{path}.{name}"), expected, actual.get(name), found);
                }
            }
            _ => found.push(differ(path, expected, actual)),
        },
        Value::Array(expected_items) => match actual {
            Some(Value::Array(items)) if items.len() == expected_items.len() => {
                for (at, (expected, item)) in expected_items.iter().zip(items).enumerate() {
                    differences(&format!("{path}[{at}]"), expected, Some(item), found);
                }
            }
            _ => found.push(differ(path, expected, actual)),
        },
        _ if actual.is_some_and(|actual| equal(expected, actual)) => {}
        _ => found.push(differ(path, expected, actual)),
    }
}

/// Whether `actual` matches `expected` in full.
pub fn matches(expected: &Value, actual: Option<&Value>) -> bool {
    let mut found = Vec::new();
    differences("", expected, actual, &mut found);
    found.is_empty()
}

fn is_operator(members: &Map<String, Value>) -> bool {
    !members.is_empty() && members.keys().all(|name| OPERATORS.contains(&name.as_str()))
}

fn operators(path: &str, members: &Map<String, Value>, actual: Option<&Value>, found: &mut Vec<String>) {
    for (name, operand) in members {
        let number = actual.and_then(Value::as_f64).zip(operand.as_f64());
        let holds = match name.as_str() {
            "min" => number.is_some_and(|(actual, least)| actual >= least),
            "max" => number.is_some_and(|(actual, most)| actual <= most),
            "contains" => contains(actual, operand),
            "excludes" => !contains(actual, operand),
            "absent" => actual.is_none() == truth(operand),
            "present" => actual.is_some() == truth(operand),
            "length" => matches(operand, actual.and_then(length).map(Value::from).as_ref()),
            "one_of" => operand.as_array().is_some_and(|all| all.iter().any(|one| matches(one, actual))),
            _ => !matches(operand, actual),
        };
        if !holds {
            found.push(differ(path, &Value::Object(Map::from_iter([(name.clone(), operand.clone())])), actual));
        }
    }
}

/// Text is looked for in the rendered value, a list of texts one by one, anything else among the elements of a list.
fn contains(actual: Option<&Value>, operand: &Value) -> bool {
    let Some(actual) = actual else { return false };
    match operand {
        Value::String(text) => rendered(actual).contains(text),
        Value::Array(all) => all.iter().all(|one| contains(Some(actual), one)),
        _ => actual.as_array().is_some_and(|items| items.iter().any(|item| matches(operand, Some(item)))),
    }
}

fn rendered(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.len()),
        Value::Array(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

fn truth(operand: &Value) -> bool {
    operand.as_bool().unwrap_or(true)
}

/// 1 and 1.0 are the same number.
fn equal(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Number(expected), Value::Number(actual)) => expected == actual || expected.as_f64() == actual.as_f64(),
        _ => expected == actual,
    }
}

fn differ(path: &str, expected: &Value, actual: Option<&Value>) -> String {
    let actual = actual.map_or_else(|| "nothing".to_owned(), |actual| short(&actual.to_string()));
    format!("{path}\n      expected {}\n      got      {actual}", short(&expected.to_string()))
}

/// Enough of a long text to see what it is.
pub fn short(text: &str) -> String {
    const MOST: usize = 1500;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_expected_must_be_there_and_more_may_be() {
        let actual = json!({"a": {"b": 1, "c": [1, 2]}, "n": null, "s": "hello", "l": [{"x": 1, "y": 2}, {"x": 3}]});
        for expected in [
            json!({}),
            json!({"a": {"b": 1.0}}),
            json!({"n": null, "missing": null}),
            json!({"a": {"b": {"min": 1, "max": 1}, "c": {"length": 2}}}),
            json!({"s": {"contains": ["hell", "lo"], "excludes": "x"}, "missing": {"absent": true}, "n": {"present": true}}),
            json!({"l": {"contains": {"x": 3}}, "s": {"one_of": ["a", "hello"]}}),
            json!({"l": [{"x": 1}, {"x": {"not": 1}}], "a": {"contains": "\"b\":1"}}),
        ] {
            assert!(matches(&expected, Some(&actual)), "{expected}");
        }
        for expected in [
            json!({"a": 1}),
            json!({"a": {"b": 2}}),
            json!({"a": {"c": [1]}}),
            json!({"s": null}),
            json!({"missing": {"present": true}}),
            json!({"s": {"min": 1}}),
            json!({"l": {"contains": {"x": 4}}}),
            json!({"a": {"b": {"absent": true}}}),
        ] {
            assert!(!matches(&expected, Some(&actual)), "{expected}");
        }
    }

    #[test]
    fn a_difference_names_its_path_and_both_sides() {
        let mut found = Vec::new();
        differences(
            "metadata",
            &json!({"attempts": [{"status": 200}]}),
            Some(&json!({"attempts": [{"status": 500}]})),
            &mut found,
        );
        assert_eq!(found, ["metadata.attempts[0].status\n      expected 200\n      got      500"]);
    }
}
