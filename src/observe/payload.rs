//! An event as JSON: LiteLLM's standard logging payload, with what only this library knows beside it.
//!
//! Every event has every member, whatever it ended in.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::transport::Phases;

use super::costs::Cost;
use super::event::{CallEnded, Ended, Event};
use super::hidden::passed_on;
use super::parameters::{ASKED, parameters};
use super::record::Record;
use super::shown::Shown;
use super::tried::{Millis, Tried};

#[derive(Serialize)]
struct Payload<'a> {
    event: &'static str,
    level: &'static str,
    id: String,
    call_id: u64,
    litellm_call_id: &'a str,
    trace_id: &'a str,
    session_id: Option<&'a str>,
    call_type: &'static str,
    stream: bool,
    status: &'static str,
    status_fields: Value,
    custom_llm_provider: Option<&'a str>,
    model: Option<&'a str>,
    requested_model: &'a str,
    model_id: Option<&'a str>,
    model_group: &'a str,
    deployment: Option<&'a str>,
    api_base: Option<String>,
    attempt: usize,
    attempts: Vec<Tried<'a>>,
    fallbacks: usize,
    fallback_chain: Vec<&'a str>,
    #[serde(rename = "startTime")]
    start_time: f64,
    #[serde(rename = "endTime")]
    end_time: f64,
    #[serde(rename = "completionStartTime")]
    completion_start_time: f64,
    response_time: f64,
    phases: Times,
    overhead_ms: Option<Millis>,
    ttft_ms: Option<Millis>,
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    usage_estimated: bool,
    response_cost: Option<f64>,
    saved_cache_cost: Option<f64>,
    cost_breakdown: Option<Value>,
    response_cost_failure_debug_info: Option<Value>,
    cache_hit: bool,
    cache_key: Option<&'a str>,
    request_tags: &'a [String],
    end_user: Option<&'a str>,
    requester_ip_address: Option<String>,
    user_agent: Option<&'a str>,
    messages: Option<Value>,
    response: Option<Value>,
    error_str: Option<Cow<'a, str>>,
    error_information: Option<Failure<'a>>,
    model_parameters: Map<String, Value>,
    dropped_params: &'a [String],
    hidden_params: Value,
    model_map_information: Value,
    metadata: Value,
    guardrail_information: Option<Value>,
}

/// Milliseconds. All of them are the event's time.
#[derive(Serialize)]
struct Times {
    resolve_ms: Millis,
    connect_ms: Millis,
    headers_ms: Millis,
    first_content_ms: Millis,
    stream_ms: Millis,
    /// Of a call: beside its attempts, waits included.
    router_ms: Millis,
    total_ms: Millis,
}

#[derive(Serialize)]
struct Failure<'a> {
    error_code: String,
    error_class: &'static str,
    llm_provider: &'a str,
    error_message: Cow<'a, str>,
    provider_code: Option<Cow<'a, str>>,
    retry_after: Option<f64>,
    traceback: &'static str,
}

impl Event {
    /// 3 for what went well, 2 for an attempt that others may make good, 1 for a call that failed. What was cancelled is
    /// nobody's failure.
    pub fn level(&self) -> i32 {
        match (&self.error, &self.ended) {
            (None, _) => 3,
            (Some(_), _) if self.is_cancelled() => 3,
            (Some(_), Ended::Attempt(_)) => 2,
            (Some(_), Ended::Call(_)) => 1,
        }
    }

    /// What it says, as JSON; `render` is asked once.
    pub fn payload(&self, render: impl FnOnce() -> String) -> Arc<str> {
        Arc::clone(self.payload.get_or_init(|| render().into()))
    }
}

/// The payload.
pub fn render(event: &Event, shown: &Shown) -> String {
    let payload = payload(event, shown);
    let rendered = match shown.without.is_empty() {
        true => serde_json::to_string(&payload),
        false => serde_json::to_value(&payload).and_then(|mut payload| {
            if let Value::Object(members) = &mut payload {
                members.retain(|name, _| !shown.without.contains(name));
            }
            serde_json::to_string(&payload)
        }),
    };
    // Names are texts and numbers are finite, so there is nothing that JSON can't say.
    rendered.unwrap_or_else(|_| "{}".to_owned())
}

fn payload<'a>(event: &'a Event, shown: &Shown) -> Payload<'a> {
    let (content, words) = (shown.content, shown.prompts());
    let (call, origin) = (&event.call, event.call.origin());
    let (attempt, kept) = (event.attempt(), event.kept());
    let deployment = attempt.and_then(|record| record.deployment.as_deref());
    let model_id = kept.map(|kept| kept.deployment.as_str()).or(deployment.map(|deployment| deployment.id()));
    let ended = event.call_ended();
    let tokens = event.usage().and_then(|usage| usage.tokens).unwrap_or_default();
    let (cost, full) = (event.cost(), kept.and_then(|_| event.saved()));
    let start = event.start();
    let ttft = event.ttft();
    let key = kept.map(|kept| kept.key.as_str());
    let overhead = ended.and_then(|ended| ended.overhead).map(Millis);
    let usage = event.usage_json();
    let passed = event.told.as_ref().map(|told| passed_on(&told.headers)).unwrap_or_default();
    let base = deployment.and_then(|deployment| deployment.api_base());
    let reason = event.reason(words);
    let model = kept.map(|kept| kept.model.as_str()).or(attempt.and_then(|record| record.model.as_deref()));
    Payload {
        event: if event.is_call() { "call" } else { "attempt" },
        level: match event.level() {
            1 => "ERROR",
            2 => "WARN",
            _ => "INFO",
        },
        id: event.answer_id().unwrap_or_else(|| origin.call_id.clone()),
        call_id: call.number,
        litellm_call_id: &origin.call_id,
        trace_id: &origin.trace_id,
        session_id: origin.session_id.as_deref(),
        call_type: call.request.verb().call_type(),
        stream: call.is_stream,
        status: if event.error.is_some() { "failure" } else { "success" },
        status_fields: json!({
            "llm_api_status": if event.error.is_some() { "failure" } else { "success" },
            "guardrail_status": "not_run",
        }),
        custom_llm_provider: event.provider(),
        model,
        requested_model: call.request.model(),
        model_id,
        model_group: event.group(),
        deployment: model_id,
        api_base: base.clone(),
        attempt: match &event.ended {
            Ended::Attempt(attempt) => attempt.number as usize,
            Ended::Call(call) => call.records.iter().filter(|record| record.is_attempt()).count(),
        },
        attempts: event.records().iter().map(Record::tried).collect(),
        fallbacks: ended.map_or(0, |ended| ended.fallbacks),
        fallback_chain: event.chain(),
        start_time: call.moment(start),
        end_time: call.moment(start + event.took()),
        completion_start_time: call.moment(start + ttft.unwrap_or(event.took())),
        response_time: event.took().as_secs_f64(),
        phases: times(event),
        overhead_ms: overhead,
        ttft_ms: ttft.map(Millis),
        prompt_tokens: tokens.prompt,
        completion_tokens: tokens.completion,
        total_tokens: tokens.prompt + tokens.completion,
        usage_estimated: event.usage_is_estimated(),
        response_cost: cost,
        saved_cache_cost: full,
        cost_breakdown: event.costs().map(breakdown),
        response_cost_failure_debug_info: None,
        cache_hit: kept.is_some(),
        cache_key: key,
        request_tags: &origin.tags,
        end_user: origin.end_user.as_deref(),
        requester_ip_address: origin.meta("requester_ip_address"),
        user_agent: origin.user_agent.as_deref(),
        messages: content.then(|| event.asked()).flatten(),
        response: content.then(|| event.told.as_ref()?.answer()).flatten(),
        error_str: reason.clone(),
        error_information: event
            .error
            .as_ref()
            .map(|error| failure(error, reason, event.provider_code(words), event.provider())),
        model_parameters: parameters(&event.call.request, words),
        dropped_params: ended.map_or(&[], |ended| ended.dropped_params.as_slice()),
        hidden_params: json!({
            "model_id": model_id,
            "cache_key": key,
            "api_base": base,
            "response_cost": cost,
            "litellm_overhead_time_ms": overhead,
            "additional_headers": passed,
            "litellm_model_name": model,
            "usage_object": usage,
        }),
        model_map_information: json!({"model_map_key": model, "model_map_value": null}),
        metadata: metadata(event, shown.key_info, &usage),
        guardrail_information: None,
    }
}

fn breakdown(cost: Cost) -> Value {
    json!({"input_cost": cost.input, "output_cost": cost.output, "total_cost": cost.total})
}

fn failure<'a>(
    error: &'a Error,
    reason: Option<Cow<'a, str>>,
    code: Option<Cow<'a, str>>,
    provider: Option<&'a str>,
) -> Failure<'a> {
    Failure {
        error_code: error.http_status().map(|status| status.to_string()).unwrap_or_default(),
        error_class: error.class(),
        llm_provider: error.provider().or(provider).unwrap_or_default(),
        error_message: reason.unwrap_or_default(),
        provider_code: code,
        retry_after: error.retry_after().map(|wait| wait.as_secs_f64()),
        traceback: "",
    }
}

/// The caller's own, and what the router did, in LiteLLM's words.
fn metadata(event: &Event, key_info: bool, usage: &Option<Value>) -> Value {
    let origin = event.call.origin();
    let is_shown = |name: &str| key_info || !name.starts_with("user_api_key");
    let own: Map<_, _> = origin.metadata.clone().into_iter().filter(|(name, _)| is_shown(name)).collect();
    let tries = event.records().iter().filter(|record| record.is_attempt()).count();
    json!({
        "requester_metadata": own,
        "model_group": event.group(),
        "original_model_group": event.call.request.model(),
        "attempted_retries": tries.saturating_sub(1),
        "attempted_fallbacks": event.call_ended().map_or(0, |ended| ended.fallbacks),
        "tags": origin.tags,
        "user_api_key_end_user_id": origin.end_user,
        "usage_object": usage,
        "is_silent_experiment": event.call.request.is_copy(),
    })
}

fn times(event: &Event) -> Times {
    let total = event.took();
    let mut sum = Phases::default();
    for record in event.records().iter().filter(|record| record.is_attempt()) {
        sum = sum.plus(record.phases);
    }
    Times {
        resolve_ms: Millis(sum.resolve),
        connect_ms: Millis(sum.connect),
        headers_ms: Millis(sum.headers),
        first_content_ms: Millis(sum.first_content),
        stream_ms: Millis(sum.stream),
        router_ms: Millis(total.saturating_sub(sum.total())),
        total_ms: Millis(total),
    }
}

impl Event {
    fn call_ended(&self) -> Option<&CallEnded> {
        match &self.ended {
            Ended::Call(call) => Some(call),
            Ended::Attempt(_) => None,
        }
    }

    /// Groups that were asked, in order.
    pub fn chain(&self) -> Vec<&str> {
        let asked = self.records().iter().filter(|record| record.skipped.is_none());
        let mut groups: Vec<&str> = asked.map(|record| &*record.group).collect();
        groups.extend(self.kept().map(|_| self.group()));
        groups.dedup();
        groups
    }

    /// What was asked: the member that holds it.
    pub fn asked(&self) -> Option<Value> {
        let request = &self.call.request;
        let member = ASKED.into_iter().find_map(|name| request.get(name))?;
        serde_json::from_str(member).ok()
    }
}
