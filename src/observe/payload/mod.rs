//! An event as JSON: LiteLLM's standard logging payload, with what only this library knows beside it.
//!
//! Every event has every member, whatever it ended in.

mod parts;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::event::{CallEnded, Ended, Event};
use super::parameters::{ASKED, Parameters};
use super::shown::Shown;
use super::tried::{Millis, Tried};
use parts::{Breakdown, Failure, Headers, Hidden, Listed, Metadata, StatusFields, Times};

/// Room for a payload without content, so that it seldom grows while it is written.
const USUAL_LENGTH: usize = 2560;

#[derive(Serialize)]
struct Payload<'a> {
    event: &'static str,
    level: &'static str,
    id: Cow<'a, str>,
    call_id: u64,
    litellm_call_id: &'a str,
    trace_id: &'a str,
    session_id: Option<&'a str>,
    call_type: &'static str,
    stream: bool,
    status: &'static str,
    status_fields: StatusFields,
    custom_llm_provider: Option<&'a str>,
    model: Option<&'a str>,
    requested_model: &'a str,
    model_id: Option<&'a str>,
    model_group: &'a str,
    deployment: Option<&'a str>,
    api_base: Option<&'a str>,
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
    cost_breakdown: Option<Breakdown>,
    response_cost_failure_debug_info: Option<()>,
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
    model_parameters: Parameters<'a>,
    dropped_params: &'a [String],
    hidden_params: Hidden<'a>,
    model_map_information: Listed<'a>,
    metadata: Metadata<'a>,
    guardrail_information: Option<()>,
}

/// The answer's `id`, else the call's. A kept answer is given more than once, and each time has a name of its own.
fn named(event: &Event) -> Cow<'_, str> {
    match (event.answer_id(), event.kept()) {
        (Some(id), Some(_)) => format!("{id}_cache_hit{}", event.call.started()).into(),
        (Some(id), None) => id.into(),
        (None, _) => event.call.origin().call_id.as_str().into(),
    }
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
    let (usage, base, model) = (event.usage_json(), event.api_base(), event.called());
    let payload = payload(event, shown, usage.as_ref(), base.as_deref(), model.as_deref());
    let mut text = Vec::with_capacity(USUAL_LENGTH);
    let written = match shown.without.is_empty() {
        true => serde_json::to_writer(&mut text, &payload),
        false => serde_json::to_value(&payload).and_then(|mut payload| {
            if let Value::Object(members) = &mut payload {
                members.retain(|name, _| !shown.without.contains(name));
            }
            serde_json::to_writer(&mut text, &payload)
        }),
    };
    // Names are texts and numbers are finite, so there is nothing that JSON can't say.
    written.ok().and_then(|()| String::from_utf8(text).ok()).unwrap_or_else(|| "{}".to_owned())
}

/// `usage` is the answer's own word, `base` the address that was asked, and `model` the model there.
fn payload<'a>(
    event: &'a Event,
    shown: &Shown,
    usage: Option<&'a Value>,
    base: Option<&'a str>,
    model: Option<&'a str>,
) -> Payload<'a> {
    let (content, words) = (shown.content, shown.prompts());
    let (call, origin) = (&event.call, event.call.origin());
    let (attempt, kept) = (event.attempt(), event.kept());
    let deployment = attempt.and_then(|record| record.deployment.as_deref());
    let model_id = kept.map(|kept| kept.deployment.as_str()).or(deployment.map(|deployment| deployment.id()));
    let ended = event.call_ended();
    let tokens = event.usage().and_then(|usage| usage.tokens).unwrap_or_default();
    let (cost, full) = (event.cost(), kept.map_or(Some(0.0), |_| event.saved()));
    let start = event.start();
    let ttft = event.ttft();
    let key = kept.map(|kept| kept.key.as_str());
    let overhead = ended.and_then(|ended| ended.overhead).map(Millis);
    let passed = event.headers();
    let reason = event.reason(words);
    Payload {
        event: if event.is_call() { "call" } else { "attempt" },
        level: match event.level() {
            1 => "ERROR",
            2 => "WARN",
            _ => "INFO",
        },
        id: named(event),
        call_id: call.number,
        litellm_call_id: &origin.call_id,
        trace_id: &origin.trace_id,
        session_id: origin.session_id.as_deref(),
        call_type: call.request.verb().call_type(),
        stream: call.is_stream,
        status: if event.error.is_some() { "failure" } else { "success" },
        status_fields: StatusFields::of(event),
        custom_llm_provider: event.provider(),
        model,
        requested_model: call.request.model(),
        model_id,
        model_group: event.group(),
        deployment: model_id,
        api_base: base,
        attempt: match &event.ended {
            Ended::Attempt(attempt) => attempt.number as usize,
            Ended::Call(call) => call.records.iter().filter(|record| record.is_attempt()).count(),
        },
        attempts: event.records().iter().map(|record| record.tried()).collect(),
        fallbacks: event.fallbacks(),
        fallback_chain: event.chain(),
        start_time: call.moment(start),
        end_time: call.moment(start + event.took()),
        completion_start_time: call.moment(start + ttft.unwrap_or(event.took())),
        response_time: ttft.unwrap_or(event.took()).as_secs_f64(),
        phases: Times::of(event),
        overhead_ms: overhead,
        ttft_ms: ttft.map(Millis),
        prompt_tokens: tokens.prompt,
        completion_tokens: tokens.completion,
        total_tokens: tokens.prompt + tokens.completion,
        usage_estimated: event.usage_is_estimated(),
        response_cost: cost,
        saved_cache_cost: full,
        cost_breakdown: event.costs().map(Breakdown::from),
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
            .map(|error| Failure::of(error, reason, event.provider_code(words), event.provider(), &passed)),
        model_parameters: Parameters::of(&event.call.request, words),
        dropped_params: ended.map_or(&[], |ended| ended.dropped_params.as_slice()),
        hidden_params: Hidden {
            model_id,
            cache_key: key,
            api_base: base,
            response_cost: cost,
            litellm_overhead_time_ms: overhead,
            additional_headers: Headers(passed),
            litellm_model_name: model,
            usage_object: usage,
        },
        model_map_information: Listed { model_map_key: model, model_map_value: None },
        metadata: Metadata::of(event, usage),
        guardrail_information: None,
    }
}

impl Event {
    fn call_ended(&self) -> Option<&CallEnded> {
        match &self.ended {
            Ended::Call(call) => Some(call),
            Ended::Attempt(_) => None,
        }
    }

    /// The model that was asked last, or that gave a kept answer: `openai/gpt-4o`.
    fn called(&self) -> Option<String> {
        let asked = || self.attempt()?.model.as_deref();
        let model = self.kept().map(|kept| kept.model.as_str()).or_else(asked)?;
        Some([self.provider().unwrap_or_default(), model].join("/"))
    }

    /// The address of the deployment that was asked last.
    fn api_base(&self) -> Option<String> {
        self.attempt()?.deployment.as_ref()?.api_base()
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
