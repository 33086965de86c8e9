//! Takes out what looks like a key or a person, as LiteLLM does before it tells Sentry anything.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};
use serde_json::Value;

const MARK: &str = "[Filtered]";

/// Keys of OpenAI's kind, e-mail addresses, hashes of keys. A pattern that could not be read would be found by the test.
static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [r"sk-[A-Za-z0-9_-]{6,}", r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", r"\b[0-9a-fA-F]{64}\b"]
        .into_iter()
        .filter_map(|pattern| Regex::new(pattern).ok())
        .collect()
});

/// Every text of the value, in place; `spared` stays, where it is found. Names of members are ours.
pub fn scrub(value: &mut Value, spared: &[&str]) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(clean) = clean(text, spared) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, spared)),
        Value::Object(members) => members.values_mut().for_each(|member| scrub(member, spared)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn clean<'a>(text: &'a str, spared: &[&str]) -> Cow<'a, str> {
    let mut clean = Cow::Borrowed(text);
    let marked = |found: &Captures| match found.get(0).map_or("", |found| found.as_str()) {
        found if spared.contains(&found) => found.to_owned(),
        _ => MARK.to_owned(),
    };
    for pattern in PATTERNS.iter() {
        if let Cow::Owned(changed) = pattern.replace_all(&clean, marked) {
            clean = Cow::Owned(changed);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_people_and_hashes_are_filtered() {
        let hash = "0123456789abcdef".repeat(4);
        let text = format!("sk-proj-abc_123 of jo.doe+x@mail.example.org, hash {hash}; task-1, a@b, {hash}0");
        assert_eq!(clean(&text, &[]), format!("[Filtered] of [Filtered], hash [Filtered]; task-1, a@b, {hash}0"));
        assert_eq!(clean(&text, &[&hash]), format!("[Filtered] of [Filtered], hash {hash}; task-1, a@b, {hash}0"));
        let mut value = serde_json::json!({"a": ["sk-123456", 1, null], "b": "plain"});
        scrub(&mut value, &[]);
        assert_eq!(value, serde_json::json!({"a": ["[Filtered]", 1, null], "b": "plain"}));
    }
}
