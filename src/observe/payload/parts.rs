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
    error_provider_request_id: Option<&'a str>,
    retry_after: Option<f64>,
    traceback: &'static str,
}

impl<'a> Failure<'a> {
    /// `reason` and `code`: its message and the provider's code as they may be shown; `headers`: those of the refusal.
    pub fn of(
        error: &'a Error,
        reason: Option<Cow<'a, str>>,
        code: Option<Cow<'a, str>>,
        provider: Option<&'a str>,
        headers: &[(&'a str, &'a str)],
    ) -> Self {
        Self {
            error_code: error.http_status().map(|status| status.to_string()).unwrap_or_default(),
            error_class: error.class(),
            llm_provider: error.provider().or(provider).unwrap_or_default(),
            error_message: reason.unwrap_or_default(),
            provider_code: code,
            error_provider_request_id: headers.iter().find(|(name, _)| name.ends_with("request-id")).map(|(_, id)| *id),
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
    pub additional_headers: Headers<'a>,
    pub litellm_model_name: Option<&'a str>,
    pub usage_object: Option<&'a Value>,
}

/// Names and values.
pub struct Headers<'a>(pub Vec<(&'a str, &'a str)>);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
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
    requester_metadata: &'a Map<String, Value>,
    model_group: &'a str,
    original_model_group: &'a str,
    attempted_retries: usize,
    attempted_fallbacks: usize,
    tags: &'a [String],
    user_api_key_end_user_id: Option<&'a str>,
    usage_object: Option<&'a Value>,
    is_silent_experiment: bool,
    #[serde(flatten)]
    of_proxy: OfProxy<'a>,
}

/// Members of the caller's metadata that LiteLLM's proxy writes, where readers of its payload look for them.
struct OfProxy<'a>(&'a Map<String, Value>);

impl OfProxy<'_> {
    fn is_one(name: &str) -> bool {
        let is_keys = name.starts_with("user_api_key_") && name != "user_api_key_end_user_id";
        is_keys
            || matches!(
                name,
                "spend_logs_metadata" | "requester_ip_address" | "user_agent" | "requester_custom_headers"
            )
    }
}

impl Serialize for OfProxy<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(name, _)| Self::is_one(name)))
    }
}

impl<'a> Metadata<'a> {
    pub fn of(event: &'a Event, usage: Option<&'a Value>) -> Self {
        let origin = event.call.origin();
        Self {
            requester_metadata: &origin.metadata,
            model_group: event.group(),
            original_model_group: event.call.request.model(),
            attempted_retries: event.retries(),
            attempted_fallbacks: event.fallbacks(),
            tags: &origin.tags,
            user_api_key_end_user_id: origin.end_user.as_deref(),
            usage_object: usage,
            is_silent_experiment: event.call.request.is_copy(),
            of_proxy: OfProxy(&origin.metadata),
        }
    }
}
