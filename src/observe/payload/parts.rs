//! The parts of a payload that are objects themselves.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::transport::Phases;

use super::super::costs::Cost;
use super::super::event::Event;
use super::super::tried::Millis;

#[derive(Serialize)]
pub struct StatusFields {
    llm_api_status: &'static str,
    guardrail_status: &'static str,
}

impl StatusFields {
    pub fn of(event: &Event) -> Self {
        let llm_api_status = if event.error.is_some() { "failure" } else { "success" };
        Self { llm_api_status, guardrail_status: "not_run" }
    }
}

/// Milliseconds. All of them are the event's time.
#[derive(Serialize)]
pub struct Times {
    resolve_ms: Millis,
    connect_ms: Millis,
    headers_ms: Millis,
    first_content_ms: Millis,
    stream_ms: Millis,
    /// Of a call: beside its attempts, waits included.
    router_ms: Millis,
    total_ms: Millis,
}

impl Times {
    pub fn of(event: &Event) -> Self {
        let total = event.took();
        let mut sum = Phases::default();
        for record in event.records().iter().filter(|record| record.is_attempt()) {
            sum = sum.plus(record.phases);
        }
        Self {
            resolve_ms: Millis(sum.resolve),
            connect_ms: Millis(sum.connect),
            headers_ms: Millis(sum.headers),
            first_content_ms: Millis(sum.first_content),
            stream_ms: Millis(sum.stream),
            router_ms: Millis(total.saturating_sub(sum.total())),
            total_ms: Millis(total),
        }
    }
}

/// Dollars.
#[derive(Serialize)]
pub struct Breakdown {
    input_cost: f64,
    output_cost: f64,
    total_cost: f64,
}

impl From<Cost> for Breakdown {
    fn from(cost: Cost) -> Self {
        Self { input_cost: cost.input, output_cost: cost.output, total_cost: cost.total }
    }
}

#[derive(Serialize)]
pub struct Failure<'a> {
    error_code: String,
    error_class: &'static str,
    llm_provider: &'a str,
    error_message: Cow<'a, str>,
    provider_code: Option<Cow<'a, str>>,
    retry_after: Option<f64>,
    traceback: &'static str,
}

impl<'a> Failure<'a> {
    /// `reason` and `code`: its message and the provider's code as they may be shown.
    pub fn of(
        error: &'a Error,
        reason: Option<Cow<'a, str>>,
        code: Option<Cow<'a, str>>,
        provider: Option<&'a str>,
    ) -> Self {
        Self {
            error_code: error.http_status().map(|status| status.to_string()).unwrap_or_default(),
            error_class: error.class(),
            llm_provider: error.provider().or(provider).unwrap_or_default(),
            error_message: reason.unwrap_or_default(),
            provider_code: code,
            retry_after: error.retry_after().map(|wait| wait.as_secs_f64()),
            traceback: "",
        }
    }
}

#[derive(Serialize)]
pub struct Hidden<'a> {
    pub model_id: Option<&'a str>,
    pub cache_key: Option<&'a str>,
    pub api_base: Option<&'a str>,
    pub response_cost: Option<f64>,
    pub litellm_overhead_time_ms: Option<Millis>,
    pub additional_headers: Map<String, Value>,
    pub litellm_model_name: Option<&'a str>,
    pub usage_object: Option<&'a Value>,
}

/// How a model stands in the list of prices, which is not told.
#[derive(Serialize)]
pub struct Listed<'a> {
    pub model_map_key: Option<&'a str>,
    pub model_map_value: Option<()>,
}

/// The caller's own, and what the router did, in LiteLLM's words.
#[derive(Serialize)]
pub struct Metadata<'a> {
    requester_metadata: Requester<'a>,
    model_group: &'a str,
    original_model_group: &'a str,
    attempted_retries: usize,
    attempted_fallbacks: usize,
    tags: &'a [String],
    user_api_key_end_user_id: Option<&'a str>,
    usage_object: Option<&'a Value>,
    is_silent_experiment: bool,
}

impl<'a> Metadata<'a> {
    /// `key_info`: members of the caller's own that tell of its key are shown.
    pub fn of(event: &'a Event, key_info: bool, usage: Option<&'a Value>) -> Self {
        let origin = event.call.origin();
        let tries = event.records().iter().filter(|record| record.is_attempt()).count();
        Self {
            requester_metadata: Requester { metadata: &origin.metadata, key_info },
            model_group: event.group(),
            original_model_group: event.call.request.model(),
            attempted_retries: tries.saturating_sub(1),
            attempted_fallbacks: event.call_ended().map_or(0, |ended| ended.fallbacks),
            tags: &origin.tags,
            user_api_key_end_user_id: origin.end_user.as_deref(),
            usage_object: usage,
            is_silent_experiment: event.call.request.is_copy(),
        }
    }
}

struct Requester<'a> {
    metadata: &'a Map<String, Value>,
    key_info: bool,
}

impl Serialize for Requester<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_shown = |name: &str| self.key_info || !name.starts_with("user_api_key");
        serializer.collect_map(self.metadata.iter().filter(|(name, _)| is_shown(name)))
    }
}
