//! A failed call as an event of Sentry's.

use std::fs;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::config::SentryConfig;
use crate::error::{Error, FaultClass};

use super::super::event::Event;
use super::super::record::Record;
use super::scrub::scrub;

/// Characters of a tag's value.
const MOST_OF_TAG: usize = 200;
/// Characters of the failure's own words.
const MOST_OF_REASON: usize = 2048;
/// Attempts that are told; the last ones.
const MOST_ATTEMPTS: usize = 50;
const NAME: &str = "llmrouter";

/// What is the same in all events.
pub struct Reporter {
    environment: String,
    release: Option<String>,
    /// This machine, where it may be told.
    server_name: Option<String>,
    /// The caller's user may be told.
    tells_user: bool,
}

impl Reporter {
    pub fn new(config: &SentryConfig) -> Self {
        Self {
            environment: config.environment.clone(),
            release: config.release.clone(),
            server_name: config.send_default_pii.then(machine).flatten(),
            tells_user: config.send_default_pii,
        }
    }

    /// The event of a call that failed, JSON. Nothing of prompt or answer is in it.
    pub fn report(&self, id: &str, event: &Event) -> String {
        let Some(error) = &event.error else { return String::new() };
        let origin = event.call.origin();
        let reason = shortened(&event.reason(false).unwrap_or_default(), MOST_OF_REASON);
        let provider = error.provider().or(event.provider()).unwrap_or("none");
        let mut report = json!({
            "event_id": id,
            "timestamp": event.call.moment(event.start() + event.took()),
            "platform": "native",
            "level": level(error),
            "logger": NAME,
            "environment": self.environment,
            "sdk": {"name": NAME, "version": env!("CARGO_PKG_VERSION")},
            "exception": {"values": [{
                "type": error.class(),
                "value": reason,
                "module": provider,
                "mechanism": {"type": NAME, "handled": true},
            }]},
            "fingerprint": [error.class(), provider, event.group()],
            "tags": tags(event, error, provider),
            "contexts": {"llm_call": call(event, error)},
            "breadcrumbs": {"values": breadcrumbs(event)},
        });
        // A deployment that has no name is named by a hash, which is no secret.
        let deployments = event.records().iter().filter_map(|record| record.deployment.as_deref());
        scrub(&mut report, &deployments.map(|deployment| deployment.id()).collect::<Vec<_>>());
        // What was scrubbed is what others say; these are the operator's own words.
        if let Value::Object(members) = &mut report {
            let own = [("release", &self.release), ("server_name", &self.server_name)];
            members.extend(own.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?.into()))));
            if let Some(user) = origin.end_user.as_ref().filter(|_| self.tells_user) {
                members.insert("user".to_owned(), json!({"id": user}));
            }
        }
        report.to_string()
    }
}

/// What the caller did wrong is for somebody to look at, and nothing is broken.
fn level(error: &Error) -> &'static str {
    match error.kind().fault_classes().contains(&FaultClass::BadRequest) {
        true => "warning",
        false => "error",
    }
}

/// What issues are searched by. Sentry takes texts alone, of one line, and none that is empty.
fn tags(event: &Event, error: &Error, provider: &str) -> Map<String, Value> {
    let attempt = event.attempt();
    let deployment = attempt.and_then(|record| record.deployment.as_deref()).map(|deployment| deployment.id());
    let attempts = event.records().iter().filter(|record| record.is_attempt()).count().to_string();
    let status = error.http_status().map(|status| status.to_string());
    let tags = [
        ("class", Some(error.class())),
        ("status", status.as_deref()),
        ("provider", Some(provider)),
        ("model_group", Some(event.group())),
        ("requested_model", Some(event.call.request.model())),
        ("deployment", deployment),
        ("model", attempt.and_then(|record| record.model.as_deref())),
        ("call_type", Some(event.call.request.verb().call_type())),
        ("stream", Some(if event.call.is_stream { "true" } else { "false" })),
        ("attempts", Some(&attempts)),
        ("silent", event.call.request.is_copy().then_some("true")),
    ];
    let tag = |(name, value): (&str, Option<&str>)| {
        let value = shortened(&value?.replace(|letter: char| letter.is_control(), " "), MOST_OF_TAG);
        (!value.trim().is_empty()).then(|| (name.to_owned(), value.into()))
    };
    tags.into_iter().filter_map(tag).collect()
}

/// All about the call, beside an event.
fn call(event: &Event, error: &Error) -> Value {
    let origin = event.call.origin();
    let records = event.records();
    let last = records.len().saturating_sub(MOST_ATTEMPTS);
    json!({
        "call_id": event.call.number,
        "litellm_call_id": origin.call_id,
        "trace_id": origin.trace_id,
        "requested_model": event.call.request.model(),
        "fallback_chain": event.chain(),
        "ms": millis(event.took()),
        "provider_code": event.provider_code(false),
        "retry_after": error.retry_after().map(|wait| wait.as_secs_f64()),
        "attempts": records.iter().skip(last).map(|record| attempt(record)).collect::<Vec<_>>(),
    })
}

fn attempt(record: &Record) -> Value {
    json!({
        "deployment": record.deployment.as_ref().map(|deployment| deployment.id()),
        "provider": record.deployment.as_ref().map(|deployment| deployment.provider.as_str()),
        "model_group": &*record.group,
        "model": record.model.as_deref(),
        "status": record.status,
        "class": record.error,
        "ms": millis(record.took),
        "skipped": record.skipped,
    })
}

/// What was tried before, in LiteLLM's words.
fn breadcrumbs(event: &Event) -> Vec<Value> {
    let records = event.records();
    let last = records.len().saturating_sub(MOST_ATTEMPTS);
    let crumb = |record: &Arc<Record>| {
        let who = record.deployment.as_ref().map_or(&*record.group, |deployment| deployment.id());
        let (level, message) = match (&record.skipped, record.error) {
            (Some(why), _) => ("info", format!("{who} was passed over: {why}")),
            (None, Some(class)) => ("error", format!("{who} failed: {class}")),
            (None, None) => ("info", format!("{who} answered")),
        };
        json!({
            "timestamp": event.call.moment(record.start + record.took),
            "type": "default",
            "category": "litellm.llm_call",
            "level": level,
            "message": message,
            "data": attempt(record),
        })
    };
    records.iter().skip(last).map(crumb).collect()
}

fn millis(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// The machine's name, if the kernel tells it.
fn machine() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Milliseconds since 1970 as RFC 3339 writes them.
pub fn moment(unix_ms: u64) -> String {
    let (days, in_day) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    // Days are counted from a March 1st, so that a leap day is the last one of its year; 146,097 days are 400 years.
    let since = days + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", in_day % 1000)
}
