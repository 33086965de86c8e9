//! Compares what a call came to with what its case expects, and with what every call promises.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fakeprovider::abi::{Answer, Failure, Outcome};
use serde_json::{Value, json};

use crate::case::{ErrorExpect, Expect, Spread};
use crate::matching::{differences, short};

/// The header's `router_error_code_t`.
const CODES: [(&str, i64); 25] = [
    ("INVALID_ARGUMENT", 1),
    ("CONFIG", 2),
    ("CANCELLED", 3),
    ("SHUT_DOWN", 4),
    ("FORKED", 5),
    ("INTERNAL", 6),
    ("IN_CALLBACK", 7),
    ("BUSY", 8),
    ("BAD_REQUEST", 400),
    ("AUTHENTICATION", 401),
    ("PERMISSION_DENIED", 403),
    ("NOT_FOUND", 404),
    ("TIMEOUT", 408),
    ("UNPROCESSABLE_ENTITY", 422),
    ("RATE_LIMIT", 429),
    ("INTERNAL_SERVER", 500),
    ("BAD_GATEWAY", 502),
    ("SERVICE_UNAVAILABLE", 503),
    ("API_CONNECTION", 1001),
    ("API_RESPONSE", 1002),
    ("STREAM_TRUNCATED", 1003),
    ("CONTEXT_WINDOW_EXCEEDED", 1004),
    ("CONTENT_POLICY_VIOLATION", 1005),
    ("NO_DEPLOYMENT_AVAILABLE", 1006),
    ("BUDGET_EXCEEDED", 1007),
];

/// The number of a code that a case names.
pub fn code_number(code: &Value) -> Result<i64, String> {
    let named = code.as_str().and_then(|name| CODES.iter().find(|(other, _)| *other == name));
    code.as_i64().or(named.map(|(_, number)| *number)).ok_or_else(|| format!("no such code: {code}"))
}

/// What one call came to, and how long it took.
pub struct Done {
    pub outcome: Outcome,
    pub took: Duration,
}

impl Done {
    /// Everything a caller sees of it, as JSON.
    pub fn shown(&self) -> Value {
        match &self.outcome {
            Ok(answer) => {
                json!({"body": String::from_utf8_lossy(&answer.bytes), "text": answer.text, "metadata": answer.metadata})
            }
            Err(failure) => {
                json!({"error": failure.json, "code": failure.code, "retry_after_ms": failure.retry_after_ms})
            }
        }
    }
}

impl Expect {
    /// What is wrong with one call; nothing if empty.
    pub fn check(&self, done: &Done) -> Vec<String> {
        let mut found = Vec::new();
        let counted = self.spread.as_ref().is_some_and(|spread| !spread.error.is_empty());
        match (&done.outcome, self.ok.unwrap_or(self.error.is_none())) {
            (Ok(_), false) | (Err(_), true) if counted => {}
            (Ok(answer), true) => self.check_answer(answer, &mut found),
            (Err(failure), false) => {
                if let Some(expected) = &self.error {
                    expected.check(failure, &mut found);
                }
            }
            (Ok(answer), false) => found.push(format!("an answer instead of an error: {}", short(&answer.body))),
            (Err(failure), true) => found.push(format!("an error instead of an answer: {failure}")),
        }
        match &done.outcome {
            Ok(answer) => promises_of_an_answer(answer, &mut found),
            Err(failure) => promises_of_a_failure(failure, &mut found),
        }
        if let Some(expected) = &self.took_ms {
            differences("took_ms", expected, Some(&json!(done.took.as_secs_f64() * 1000.0)), &mut found);
        }
        let shown = done.shown().to_string();
        for text in self.excludes.iter().filter(|text| shown.contains(*text)) {
            found.push(format!("{text:?} must not appear"));
        }
        found
    }

    /// What is wrong with a plan; nothing if empty.
    pub fn check_plan(&self, plan: &Result<Value, Box<Failure>>) -> Vec<String> {
        let mut found = Vec::new();
        let shown = match (plan, self.ok.unwrap_or(self.error.is_none())) {
            (Ok(plan), true) => {
                if let Some(expected) = &self.plan {
                    differences("plan", expected, Some(plan), &mut found);
                }
                plan
            }
            (Err(failure), false) => {
                if let Some(expected) = &self.error {
                    expected.check(failure, &mut found);
                }
                promises_of_a_failure(failure, &mut found);
                &failure.json
            }
            (Ok(plan), false) => {
                found.push("a plan instead of an error".into());
                plan
            }
            (Err(failure), true) => {
                found.push(format!("an error instead of a plan: {failure}"));
                &failure.json
            }
        };
        let shown = shown.to_string();
        found.extend(
            self.excludes.iter().filter(|text| shown.contains(*text)).map(|text| format!("{text:?} must not appear")),
        );
        found
    }

    /// What is wrong with another configuration's way in; nothing if empty.
    pub fn check_reload(&self, outcome: &Result<(), Box<Failure>>) -> Vec<String> {
        let mut found = Vec::new();
        match (outcome, &self.error) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => found.push("the configuration was accepted".into()),
            (Err(failure), None) => found.push(format!("the configuration was refused: {failure}")),
            (Err(failure), Some(expected)) => {
                expected.check(failure, &mut found);
                promises_of_a_failure(failure, &mut found);
            }
        }
        found
    }

    fn check_answer(&self, answer: &Answer, found: &mut Vec<String>) {
        if let Some(expected) = &self.text {
            differences("text", expected, Some(&json!(answer.text)), found);
        }
        if let Some(expected) = &self.body {
            differences("body", expected, Some(&answer.body_json()), found);
        }
        if let Some(expected) = &self.body_text {
            differences("body_text", expected, Some(&json!(answer.body)), found);
        }
        if let Some(expected) = &self.body_base64 {
            differences("body_base64", expected, Some(&json!(STANDARD.encode(&answer.bytes))), found);
        }
        if let Some(expected) = &self.metadata {
            differences("metadata", expected, Some(&answer.metadata), found);
        }
    }

    /// What is wrong with the calls of a step as a whole.
    pub fn check_all(&self, all: &[Done]) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(Spread { text, deployment, error }) = &self.spread {
            let answers = || all.iter().filter_map(|done| done.outcome.as_ref().ok());
            for (name, expected) in text {
                let count = answers().filter(|answer| answer.text.as_deref() == Some(name)).count();
                differences(&format!("spread.text[{name}]"), expected, Some(&json!(count)), &mut found);
            }
            for (id, expected) in deployment {
                let count = answers().filter(|answer| answer.metadata["deployment"] == json!(id)).count();
                differences(&format!("spread.deployment[{id}]"), expected, Some(&json!(count)), &mut found);
            }
            let failures = || all.iter().filter_map(|done| done.outcome.as_ref().err());
            for (class, expected) in error {
                let count = failures().filter(|failure| failure.json["type"] == json!(class)).count();
                differences(&format!("spread.error[{class}]"), expected, Some(&json!(count)), &mut found);
            }
            if let Some(other) = failures().find(|failure| left_out(error, failure)) {
                found.push(format!("spread.error does not name {other}"));
            }
        }
        found
    }
}

/// Whether a spread that counts failures leaves this one out.
fn left_out(classes: &BTreeMap<String, Value>, failure: &Failure) -> bool {
    !classes.is_empty() && failure.json["type"].as_str().is_none_or(|class| !classes.contains_key(class))
}

impl ErrorExpect {
    fn check(&self, failure: &Failure, found: &mut Vec<String>) {
        if let Some(expected) = self.code.as_ref().and_then(|code| code_number(code).ok()) {
            differences("error.code", &json!(expected), Some(&json!(failure.code)), found);
        }
        if let Some(expected) = &self.class {
            differences("error.type", expected, failure.json.get("type"), found);
        }
        if let Some(expected) = &self.status {
            differences("error.status", expected, Some(&json!(failure.http_status)), found);
        }
        if let Some(expected) = self.retryable {
            differences("error.retryable", &json!(expected), Some(&json!(failure.retryable)), found);
        }
        if let Some(expected) = &self.retry_after {
            differences("error.retry_after", expected, failure.json.get("retry_after"), found);
        }
        if let Some(expected) = &self.json {
            differences("error.json", expected, Some(&failure.json), found);
        }
        for text in self.message_contains.iter().filter(|text| !failure.message.contains(*text)) {
            found.push(format!("error.message lacks {text:?}: {}", short(&failure.message)));
        }
        for text in self.message_excludes.iter().filter(|text| failure.message.contains(*text)) {
            found.push(format!("error.message holds {text:?}: {}", short(&failure.message)));
        }
    }
}

/// What the contract says of every answer.
fn promises_of_an_answer(answer: &Answer, found: &mut Vec<String>) {
    let metadata = &answer.metadata;
    let attempts = metadata["attempts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let answered_last =
        attempts.last().is_some_and(|last| last["error"].is_null() && last["deployment"] == metadata["deployment"]);
    if !answered_last && metadata["cache_hit"] != json!(true) {
        found.push(format!("promise: the last attempt is the one that answered\n      got      {metadata}"));
    }
}

/// What the contract says of every error: the accessors and the JSON agree.
fn promises_of_a_failure(failure: &Failure, found: &mut Vec<String>) {
    let json = &failure.json;
    let mut agree = |what: &str, holds: bool| {
        if !holds {
            found.push(format!("promise: {what} agrees with router_error_json\n      got      {failure:?}"));
        }
    };
    agree("message", json["message"] == json!(failure.message));
    agree("retryable", json["retryable"] == json!(failure.retryable));
    agree("type", json["type"].as_str().is_some_and(|class| !class.is_empty()));
    agree("http_status", failure.http_status == 0 || json["status"] == json!(failure.http_status));
    // Seconds in JSON, perhaps whole ones; milliseconds, or -1, from the function.
    let seconds = json["retry_after"].as_f64();
    let same = seconds.map_or(failure.retry_after_ms == -1, |seconds| {
        (seconds * 1000.0 - failure.retry_after_ms as f64).abs() <= 1000.0
    });
    agree("retry_after", same);
}
