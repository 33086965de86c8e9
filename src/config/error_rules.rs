//! `llmrouter_settings.error_rules`: what a provider's error means, where the built-in table does not know it.
//!
//! A rule of the configuration and one of `data/errors.json` have one form, so what helps one user can move into the
//! table as it is.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::report::Report;
use super::sections::Read;

/// What [`ErrorRule::class`] may name: the classes that a provider's answer can have.
pub const ERROR_CLASSES: &[&str] = &[
    "BadRequestError",
    "AuthenticationError",
    "PermissionDeniedError",
    "NotFoundError",
    "Timeout",
    "UnprocessableEntityError",
    "RateLimitError",
    "InternalServerError",
    "BadGatewayError",
    "ServiceUnavailableError",
    "ContextWindowExceededError",
    "ContentPolicyViolationError",
];

/// What [`ErrorRule::scope`] may name.
pub const ERROR_SCOPES: &[&str] = &["request", "key", "deployment", "host"];

/// One rule: which answers it is for, and what they mean. What it does not name, it does not ask for or change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorRule {
    /// For people.
    pub about: String,
    pub provider: Vec<String>,
    /// Without any, every status from 400 to 499.
    pub status: Vec<u16>,
    /// The provider's code, type or RPC status.
    pub code: Vec<String>,
    /// Names and values; no value is any value.
    pub header: BTreeMap<String, Option<String>>,
    pub text: Vec<Phrase>,
    /// Words that may not be there.
    pub not_text: Vec<Phrase>,
    /// Whether the answer itself says when to come again.
    pub timed: Option<bool>,
    pub class: Option<String>,
    pub scope: Option<String>,
    pub retryable: Option<bool>,
    /// Seconds, where the answer names no wait.
    pub wait: Option<f64>,
    #[serde(skip)]
    pub path: String,
    #[serde(skip)]
    pub line: usize,
}

/// Words of a message: one phrase, or several that must all be there.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Phrase {
    One(String),
    All(Vec<String>),
}

impl Phrase {
    pub fn parts(&self) -> &[String] {
        match self {
            Phrase::One(one) => std::slice::from_ref(one),
            Phrase::All(all) => all,
        }
    }
}

impl ErrorRule {
    /// What is wrong with a rule whose members are each well-formed.
    fn fault(&self) -> Option<&'static str> {
        let phrases = || self.text.iter().chain(&self.not_text);
        let named = [&self.provider, &self.code].iter().any(|names| !names.is_empty());
        let asks = named || !self.status.is_empty() || !self.header.is_empty() || !self.text.is_empty();
        let says = self.class.is_some() || self.scope.is_some() || self.retryable.is_some() || self.wait.is_some();
        if phrases().any(|phrase| phrase.parts().is_empty() || phrase.parts().iter().any(String::is_empty)) {
            // It would be found in every message.
            Some("an empty phrase")
        } else if !asks {
            Some("a rule for every error; name a provider, status, code, header or text")
        } else if !says {
            Some("a rule without effect; name a class, scope, retryable or wait")
        } else {
            None
        }
    }
}

/// The rules, in file order.
pub fn read(read: &Read, report: &mut Report) -> Vec<ErrorRule> {
    let written = read.sections.llmrouter.get("error_rules").and_then(Value::as_array);
    let mut rules = Vec::new();
    for (index, value) in written.into_iter().flatten().enumerate() {
        let path = format!("llmrouter_settings.error_rules[{index}]");
        // Members that are wrong were reported by their check; a null is no rule.
        let Ok(mut rule) = serde_json::from_value::<ErrorRule>(without_nulls(value)) else { continue };
        if let Some(fault) = rule.fault() {
            report.error(&path, fault, "");
        }
        rule.line = report.line(&path);
        rule.path = path;
        rules.push(rule);
    }
    rules
}

/// Lists keep their nulls through the check, since an entry's place is its index.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().filter(|entry| !entry.is_null()).map(without_nulls).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), without_nulls(value))).collect(),
        other => other.clone(),
    }
}
