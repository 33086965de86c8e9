//! A call's observations: the generation, and what was tried before it.

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::Value;

use crate::chat::Verb;

use super::super::event::Event;
use super::super::otlp::{self, Asked, Attributes, SpanId, Story, identity, operation, provider_and_model};
use super::steering::{Steering, written};
use super::{Langfuse, content, details, moment};

/// In the place of a prompt or an answer that the request hides, in LiteLLM's words.
const MASKED: &str = "redacted-by-litellm";
/// What is said beside all that has a name: the attribute of a fact.
macro_rules! fact {
    ($name:literal) => {
        concat!("langfuse.observation.metadata.", $name)
    };
}

/// All spans of a call.
pub fn of(langfuse: &Langfuse, steering: &Steering, story: &Story) -> Vec<Span> {
    let call = story.event.call.id;
    let earlier: Vec<_> = story.attempts.iter().filter(|asked| !asked.is_last).collect();
    let Some(before) = earlier.last() else {
        return vec![generation(langfuse, steering, story, steering.parent, story.span())];
    };
    let root = SpanId::own(call, 0);
    // What was kept was given when the last attempt had failed.
    let time = match story.last() {
        Some(asked) => story.of_attempt(asked.record),
        None => (story.of_attempt(before.record).1, story.span().1),
    };
    let mut spans = vec![whole(langfuse, steering, story, root)];
    spans.extend(earlier.iter().map(|asked| failed(langfuse, steering, story, asked, root)));
    spans.push(generation(langfuse, steering, story, Some(root), time));
    spans
}

fn generation(
    langfuse: &Langfuse,
    steering: &Steering,
    story: &Story,
    parent: Option<SpanId>,
    (start, end): (u64, u64),
) -> Span {
    let (event, last) = (story.event, story.last());
    let call = &event.call;
    let verb = call.request.verb();
    let mut attributes = Attributes::with_room(48);
    let kind = if verb == Verb::Embedding { "embedding" } else { "generation" };
    attributes.text("langfuse.observation.type", kind);
    about(&mut attributes, langfuse, steering);
    if steering.about.version.is_none() {
        attributes.known("langfuse.version", steering.version.as_deref());
    }
    let model = event.kept().map(|kept| kept.model.as_str()).or_else(|| last?.record.model.as_deref());
    let model = model.unwrap_or_else(|| call.request.model());
    attributes.text("langfuse.observation.model.name", model);
    let parameters = details::parameters(&call.request, langfuse.config.message_logging);
    attributes.text("langfuse.observation.model.parameters", parameters);
    if let Some((name, version)) = &steering.prompt {
        attributes.text("langfuse.observation.prompt.name", &**name);
        attributes.int("langfuse.observation.prompt.version", *version);
    }
    said(&mut attributes, langfuse, steering, event, parent == steering.parent);
    spent(&mut attributes, story);
    if call.is_stream && event.told.is_some() {
        let record = last.map(|asked| asked.record);
        // Of an attempt among others, its own.
        let own = record.filter(|_| parent != steering.parent).map(|record| record.phases);
        let ttft = own.map(|phases| phases.total().saturating_sub(phases.stream)).or(story.ended.ttft);
        if let Some(ttft) = ttft {
            let first = start.saturating_add(u64::try_from(ttft.as_nanos()).unwrap_or(u64::MAX)).min(end);
            let first = Value::from(moment::iso(first)).to_string();
            attributes.text("langfuse.observation.completion_start_time", first);
        }
    }
    attributes.text("gen_ai.operation.name", operation(verb));
    provider_and_model(&mut attributes, event.provider(), Some(model));
    identity(&mut attributes, &story.answered);
    facts(&mut attributes, story);
    let part = last.map_or(story.attempts.len() as u64 + 1, |asked| asked.number.into());
    Span {
        trace_id: steering.trace.0.to_vec(),
        span_id: steering.generation.unwrap_or_else(|| SpanId::own(call.id, part)).0.to_vec(),
        parent_span_id: parent.map(|parent| parent.0.to_vec()).unwrap_or_default(),
        name: steering.generation_name.clone(),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: attributes.done(),
        status: story.status(),
        ..Span::default()
    }
}

/// The call, of several attempts.
fn whole(langfuse: &Langfuse, steering: &Steering, story: &Story, id: SpanId) -> Span {
    let (start, end) = story.span();
    let mut attributes = Attributes::with_room(16);
    attributes.text("langfuse.observation.type", "span");
    about(&mut attributes, langfuse, steering);
    said(&mut attributes, langfuse, steering, story.event, true);
    if let Ok(chain) = serde_json::to_string(&story.event.chain()) {
        attributes.text(fact!("fallback_chain"), chain);
    }
    let name = steering.about.name.clone();
    Span {
        trace_id: steering.trace.0.to_vec(),
        span_id: id.0.to_vec(),
        parent_span_id: steering.parent.map(|parent| parent.0.to_vec()).unwrap_or_default(),
        name: name.unwrap_or_else(|| steering.generation_name.clone()),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: attributes.done(),
        status: story.status(),
        ..Span::default()
    }
}

/// An attempt that others had to make good.
fn failed(langfuse: &Langfuse, steering: &Steering, story: &Story, asked: &Asked, root: SpanId) -> Span {
    let (record, (start, end)) = (asked.record, story.of_attempt(asked.record));
    let mut attributes = Attributes::with_room(24);
    attributes.text("langfuse.observation.type", "span");
    attributes.text("langfuse.observation.level", if story.event.error.is_some() { "ERROR" } else { "WARNING" });
    attributes.known("langfuse.observation.status_message", asked.failure.as_deref());
    about(&mut attributes, langfuse, steering);
    attributes.text(fact!("attempt"), asked.number.to_string());
    attributes.text(fact!("deployment"), asked.deployment.id());
    attributes.text(fact!("model_group"), &*record.group);
    attributes.text(fact!("custom_llm_provider"), &*asked.deployment.provider);
    attributes.text(fact!("model"), record.model.as_deref().unwrap_or_default());
    if let Some(status) = record.status {
        attributes.text(fact!("status"), status.to_string());
    }
    attributes.text(fact!("error_class"), record.error.unwrap_or_default());
    Span {
        trace_id: steering.trace.0.to_vec(),
        span_id: SpanId::own(story.event.call.id, asked.number.into()).0.to_vec(),
        parent_span_id: root.0.to_vec(),
        name: "failed attempt".to_owned(),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: attributes.done(),
        status: asked.status(),
        ..Span::default()
    }
}

/// The trace's own attributes; each span of it has them.
fn about(attributes: &mut Attributes, langfuse: &Langfuse, steering: &Steering) {
    let about = &steering.about;
    attributes.known("langfuse.trace.name", about.name.as_deref());
    attributes.known("user.id", about.user.as_deref());
    attributes.known("session.id", about.session.as_deref());
    attributes.known("langfuse.version", about.version.as_deref());
    attributes.known("langfuse.release", about.release.as_deref());
    attributes.known("langfuse.environment", langfuse.config.environment.as_deref());
    if let Some(public) = about.public {
        attributes.flag("langfuse.trace.public", public);
    }
    if !about.tags.is_empty() {
        attributes.texts("langfuse.trace.tags", about.tags.iter().map(String::as_str));
    }
    for (name, value) in &about.metadata {
        attributes.text(format!("langfuse.trace.metadata.{name}"), written(value));
    }
}

/// Prompt, answer and failure. `is_root`: nothing of the call stands above it.
fn said(attributes: &mut Attributes, langfuse: &Langfuse, steering: &Steering, event: &Event, is_root: bool) {
    let content = langfuse.config.message_logging;
    let why = otlp::message(event, content);
    if let Some(why) = &why {
        let level = if event.is_cancelled() { "WARNING" } else { "ERROR" };
        attributes.text("langfuse.observation.level", level);
        attributes.text("langfuse.observation.status_message", why.clone());
    } else {
        attributes.text("langfuse.observation.level", "DEFAULT");
    }
    if !content {
        return;
    }
    let input = content::input(&event.call.request);
    let input = input.map(|input| if steering.masks_input { MASKED.to_owned() } else { input });
    let output = match (why, &event.told) {
        (Some(why), None) => Some(why),
        (_, told) => told.as_ref().and_then(|told| content::output(event.call.request.verb(), told)),
    };
    let output = output.map(|output| if steering.masks_output { MASKED.to_owned() } else { output });
    attributes.known("langfuse.trace.input", input.as_ref().filter(|_| is_root && steering.about.input).cloned());
    attributes.known("langfuse.trace.output", output.as_ref().filter(|_| is_root && steering.about.output).cloned());
    attributes.known("langfuse.observation.input", input);
    attributes.known("langfuse.observation.output", output);
}

fn spent(attributes: &mut Attributes, story: &Story) {
    let event = story.event;
    if let Some(tokens) = &story.tokens {
        attributes.text("langfuse.observation.usage_details", details::usage(tokens));
        otlp::used(attributes, tokens);
    }
    // What failed has no cost; what nobody knows is none either, and not 0.
    if let Some(cost) = story.cost.filter(|_| event.error.is_none() || event.is_cancelled()) {
        attributes.text("langfuse.observation.cost_details", details::cost(cost));
        attributes.number("gen_ai.usage.cost", cost);
    }
}

/// What an operator asks of a generation beside all that.
fn facts(attributes: &mut Attributes, story: &Story) {
    let (event, ended) = (story.event, story.ended);
    let origin = event.call.origin();
    attributes.text(fact!("litellm_call_id"), &*origin.call_id);
    if let Some(id) = &story.answered.id {
        attributes.text(fact!("response_id"), &**id);
    }
    attributes.text(fact!("model_group"), event.group());
    let asked = story.last().map(|asked| asked.deployment);
    let deployment = event.kept().map(|kept| kept.deployment.as_str()).or_else(|| Some(asked?.id()));
    if let Some(deployment) = deployment {
        attributes.text(fact!("deployment"), deployment);
    }
    if let Some(base) = asked.and_then(|deployment| deployment.api_base()) {
        attributes.text(fact!("api_base"), base);
    }
    attributes.flag(fact!("cache_hit"), event.kept().is_some());
    if let Some(kept) = event.kept() {
        attributes.text(fact!("cache_key"), &*kept.key);
    }
    attributes.count(fact!("attempted_retries"), event.retries() as u64);
    attributes.count(fact!("attempted_fallbacks"), event.fallbacks() as u64);
    if let Some(overhead) = ended.overhead {
        attributes.number(fact!("litellm_overhead_time_ms"), overhead.as_secs_f64() * 1e3);
    }
    if event.usage_is_estimated() {
        attributes.flag(fact!("usage_estimated"), true);
    }
    if event.call.request.is_copy() {
        attributes.flag(fact!("is_silent_experiment"), true);
    }
    if let Some(error) = &event.error {
        attributes.text(fact!("error_class"), error.class());
    }
    if let Some(own) = details::metadata(origin) {
        attributes.text(fact!("requester_metadata"), own);
    }
}
