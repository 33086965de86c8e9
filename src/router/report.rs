//! What a caller may read of a call: metadata of an answer, and the error object.

use std::time::Duration;

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::chat::{Verb, usage_of};
use crate::error::Error;
use crate::observe::{Millis, Tried};
use crate::transport::{HeaderMap, shown_texts};

use super::cost;
use super::stream::Usage;
use super::trail::Trail;

#[derive(Serialize)]
struct Metadata<'a> {
    call_id: u64,
    deployment: Option<&'a str>,
    model_group: Option<&'a str>,
    provider: Option<&'a str>,
    model: Option<&'a str>,
    api_base: Option<String>,
    attempts: Vec<Tried<'a>>,
    fallbacks: usize,
    cache_hit: bool,
    /// Of an answer that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_key: Option<String>,
    usage: Option<Box<RawValue>>,
    /// Dollars; null where a price is not known, never 0 then.
    cost: Option<f64>,
    /// Not from the provider, but reckoned.
    #[serde(skip_serializing_if = "is_false")]
    usage_estimated: bool,
    latency_ms: Millis,
    overhead_ms: Millis,
    /// Until the first content of a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttft_ms: Option<Millis>,
    dropped_params: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<&'a Value>,
    /// What the answer is, if it is no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    headers: PassedOn<'a>,
}

#[derive(Serialize)]
struct Failure<'a> {
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    message: &'a str,
    r#type: &'static str,
    code: Option<&'a str>,
    status: Option<u16>,
    provider: Option<&'a str>,
    model: Option<&'a str>,
    deployment: Option<&'a str>,
    param: Option<&'a str>,
    retryable: bool,
    /// Seconds.
    retry_after: Option<f64>,
    attempts: Vec<Tried<'a>>,
}

/// The metadata of an answer: `body` is its text if that is JSON, `content_type` says what else it is.
pub fn metadata_json(
    trail: &Trail,
    headers: &HeaderMap,
    verb: Verb,
    body: Option<&str>,
    content_type: Option<&str>,
) -> String {
    let cost = cost::of_answer(trail, verb, body);
    render(&Metadata { content_type, cost, ..metadata(trail, headers, body.and_then(usage_of)) })
}

/// The metadata of a stream; `usage` once it has ended.
pub fn stream_metadata_json(trail: &Trail, headers: &HeaderMap, usage: Option<&Usage>, ttft: Duration) -> String {
    let told = match usage {
        Some(Usage::Told(usage)) => RawValue::from_string(usage.clone()).ok(),
        Some(Usage::Estimated { prompt, completion }) => {
            let total = prompt + completion;
            let usage = json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total});
            RawValue::from_string(usage.to_string()).ok()
        }
        None => None,
    };
    let usage_estimated = matches!(usage, Some(Usage::Estimated { .. }));
    let cost = usage.and_then(|usage| cost::of_stream(trail, usage));
    render(&Metadata { usage_estimated, cost, ttft_ms: Some(Millis(ttft)), ..metadata(trail, headers, told) })
}

fn metadata<'a>(trail: &'a Trail, headers: &'a HeaderMap, usage: Option<Box<RawValue>>) -> Metadata<'a> {
    let winner = trail.last_asked();
    let deployment = winner.and_then(|record| record.deployment.as_ref());
    let kept = trail.hit();
    let producer = kept.map(|hit| &hit.entry.producer);
    Metadata {
        call_id: trail.call_id,
        deployment: producer.map(|own| own.deployment.as_str()).or(deployment.map(|deployment| deployment.id())),
        model_group: producer.map(|own| own.group.as_str()).or(winner.map(|record| &*record.group)),
        provider: producer
            .map(|own| own.provider.as_str())
            .or(deployment.map(|deployment| deployment.provider.as_str())),
        model: producer.map(|own| own.model.as_str()).or(winner.and_then(|record| record.model.as_deref())),
        api_base: deployment.and_then(|deployment| deployment.api_base()),
        attempts: attempts(trail),
        fallbacks: trail.fallbacks(),
        cache_hit: kept.is_some(),
        cache_key: kept.map(|hit| hit.key.hex()),
        usage,
        cost: None,
        usage_estimated: false,
        latency_ms: Millis(trail.latency),
        overhead_ms: Millis(trail.overhead()),
        ttft_ms: None,
        dropped_params: &trail.dropped_params,
        explain: trail.plan(),
        content_type: None,
        headers: PassedOn(headers),
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// LiteLLM's error object.
pub fn error_json(error: &Error, trail: &Trail) -> String {
    render(&Failure {
        error: ErrorObject {
            message: error.message(),
            r#type: error.class(),
            code: error.provider_code(),
            status: error.http_status(),
            provider: error.provider(),
            model: error.model(),
            deployment: error.deployment(),
            param: error.param(),
            retryable: error.is_retryable(),
            retry_after: error.retry_after().map(|wait| wait.as_secs_f64()),
            attempts: attempts(trail),
        },
    })
}

fn render(object: &impl Serialize) -> String {
    // Names are texts and numbers are finite, so there is nothing that JSON can't say.
    serde_json::to_string(object).unwrap_or_else(|_| "{}".to_owned())
}

fn attempts(trail: &Trail) -> Vec<Tried<'_>> {
    trail.records.iter().map(|record| record.tried()).collect()
}

/// The headers that are worth passing on, as an object.
struct PassedOn<'a>(&'a HeaderMap);

impl Serialize for PassedOn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(shown_texts(self.0))
    }
}
