//! What a caller may read of a call: metadata of an answer, and the error object.

use serde_json::{Map, Value, json};

use crate::chat::usage_of;
use crate::error::Error;
use crate::transport::HeaderMap;

use super::ledger::{Record, Trail};

/// Headers of a provider that are worth passing on, by the beginning or the end of their names.
const HEADER_STARTS: [&str; 3] = ["x-ratelimit-", "anthropic-ratelimit-", "retry-after"];
const HEADER_ENDS: [&str; 1] = ["request-id"];

/// The metadata of an answer; `body` is its text.
pub fn metadata_json(trail: &Trail, headers: &HeaderMap, body: &str) -> String {
    let winner = trail.winner();
    let deployment = winner.and_then(|record| record.deployment.as_ref());
    let metadata = json!({
        "call_id": trail.call_id,
        "deployment": deployment.map(|deployment| deployment.id()),
        "model_group": winner.map(|record| &*record.group),
        "provider": deployment.map(|deployment| &deployment.provider),
        "model": deployment.map(|deployment| &deployment.model),
        "api_base": deployment.and_then(|deployment| deployment.api_base()),
        "attempts": attempts(trail),
        "fallbacks": trail.fallbacks(),
        "cache_hit": false,
        "usage": usage_of(body),
        "cost": null,
        "latency_ms": millis(trail.latency),
        "overhead_ms": millis(trail.overhead),
        "dropped_params": trail.dropped_params,
        "headers": passed_on(headers),
    });
    metadata.to_string()
}

/// LiteLLM's error object.
pub fn error_json(error: &Error, trail: &Trail) -> String {
    let object = json!({"error": {
        "message": error.message(),
        "type": error.class(),
        "code": error.provider_code(),
        "status": error.http_status(),
        "provider": error.provider(),
        "model": error.model(),
        "deployment": error.deployment(),
        "param": error.param(),
        "retryable": error.is_retryable(),
        "retry_after": error.retry_after().map(|wait| wait.as_secs_f64()),
        "attempts": attempts(trail),
    }});
    object.to_string()
}

fn attempts(trail: &Trail) -> Vec<Value> {
    trail.records.iter().map(attempt).collect()
}

fn attempt(record: &Record) -> Value {
    json!({
        "deployment": record.deployment.as_ref().map(|deployment| deployment.id()),
        "model_group": &*record.group,
        "status": record.status,
        "error": record.error,
        "ms": millis(record.took),
        "skipped": record.skipped,
    })
}

fn passed_on(headers: &HeaderMap) -> Map<String, Value> {
    let wanted = |name: &str| {
        HEADER_STARTS.iter().any(|start| name.starts_with(start)) || HEADER_ENDS.iter().any(|end| name.ends_with(end))
    };
    let texts = headers.iter().filter(|(name, _)| wanted(name.as_str()));
    texts.filter_map(|(name, value)| Some((name.to_string(), Value::from(value.to_str().ok()?)))).collect()
}

/// Milliseconds to the microsecond: finer digits are noise.
fn millis(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
