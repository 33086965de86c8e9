//! OpenTelemetry: a span for the call, which the router made, and one for each attempt, which is a request to a model.
//!
//! What was used and what it cost stands at attempts, where sums over spans count it once.

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::span::{Event as SpanEvent, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{Span, SpanFlags};

use crate::config::{OtelConfig, SinkConfig};
use crate::transport::Phases;

use super::super::connect::Connect;
use super::super::event::Event;
use super::super::export::{Exporter, Limits, post};
use super::super::record::Record;
use super::super::sink::Sink;
use super::attributes::Attributes;
use super::batch::{Batch, LIMITS, Source};
use super::ids::{SpanId, TraceId};
use super::parent::Parent;
use super::story::{Asked, Story};
use super::traces::{Traces, Tracing};
use super::{genai, messages, server};

/// Events of one span.
const MOST_EVENTS: usize = 128;
/// Of the trace's flags: it is recorded.
const SAMPLED: u32 = 1;

/// The callback `otel`.
pub struct Otel {
    /// Prompts and answers are told, too.
    content: bool,
}

/// The trace of a call, and the span that it happens in.
pub struct Place {
    trace: TraceId,
    parent: Option<SpanId>,
    state: String,
}

impl Otel {
    pub fn new(content: bool) -> Self {
        Self { content }
    }

    /// The sink, at work. The error says what to change.
    pub fn connect(config: &SinkConfig, otel: &OtelConfig, connect: &Connect) -> Result<Arc<dyn Sink>, String> {
        let limits = Limits { timeout: otel.timeout, ..LIMITS };
        let target = connect.target(&otel.endpoint, &otel.headers)?;
        let batch = Batch::of(Source { resource: resource(otel), scope: "llmrouter" });
        let post = post(target, limits.timeout);
        let exporter = Exporter::start(&config.name, limits, Box::new(batch), post, connect.threads);
        Ok(Arc::new(Traces::new(config, Self::new(otel.message_logging), exporter)))
    }

    fn attempt(&self, place: &Place, story: &Story, asked: &Asked) -> Span {
        let (call, record) = (&story.event.call, asked.record);
        let mut attributes = Attributes::with_room(40);
        attributes.text("gen_ai.operation.name", genai::operation(call.request.verb()));
        genai::provider_and_model(&mut attributes, Some(&asked.deployment.provider), record.model.as_deref());
        genai::parameters(&mut attributes, &call.request, call.is_stream);
        attributes.known("gen_ai.conversation.id", call.origin().session_id.as_deref());
        server::put(asked.deployment.config.api_base.as_deref(), &mut attributes);
        if let Some(status) = record.status {
            attributes.count("http.response.status_code", status.into());
        }
        attributes.text("llmrouter.deployment", asked.deployment.id());
        attributes.text("llmrouter.model_group", &*record.group);
        attributes.count("llmrouter.attempt", asked.number.into());
        phases(&mut attributes, record.phases);
        attributes.known("error.type", record.error);
        if asked.is_last {
            self.answer(&mut attributes, story);
            used(&mut attributes, story);
            if call.is_stream && story.event.told.is_some() {
                let ttft = record.phases.total().saturating_sub(record.phases.stream);
                attributes.number("gen_ai.response.time_to_first_chunk", ttft.as_secs_f64());
            }
        }
        let (start, end) = story.of_attempt(record);
        let name = [genai::operation(call.request.verb()), record.model.as_deref().unwrap_or_default()].join(" ");
        Span {
            trace_id: place.trace.0.to_vec(),
            span_id: SpanId::own(call.id, asked.number.into()).0.to_vec(),
            parent_span_id: SpanId::own(call.id, 0).0.to_vec(),
            trace_state: place.state.clone(),
            flags: SAMPLED | SpanFlags::ContextHasIsRemoteMask as u32,
            name,
            kind: SpanKind::Client.into(),
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes: attributes.done(),
            status: asked.status(),
            ..Span::default()
        }
    }

    fn call(&self, place: Place, story: &Story) -> Span {
        let (event, ended) = (story.event, story.ended);
        let (call, origin) = (&event.call, event.call.origin());
        let mut attributes = Attributes::with_room(32);
        attributes.text("gen_ai.operation.name", genai::operation(call.request.verb()));
        attributes.text("gen_ai.request.model", call.request.model());
        attributes.known("gen_ai.conversation.id", origin.session_id.as_deref());
        attributes.known("user.id", origin.end_user.as_deref());
        attributes.text("llmrouter.call_id", &*origin.call_id);
        attributes.text("llmrouter.model_group", event.group());
        let last = event.attempt().and_then(|record| record.deployment.as_ref()).map(|deployment| deployment.id());
        attributes.known("llmrouter.deployment", event.kept().map(|kept| kept.deployment.as_str()).or(last));
        attributes.count("llmrouter.attempts", story.attempts.len() as u64);
        attributes.count("llmrouter.fallbacks", ended.fallbacks as u64);
        attributes.flag("llmrouter.cache_hit", ended.kept.is_some());
        attributes.known("llmrouter.cache_key", ended.kept.as_ref().map(|kept| kept.key.as_str()));
        if let Some(cost) = story.cost {
            attributes.number("llmrouter.call.cost", cost);
        }
        if let Some(overhead) = ended.overhead {
            attributes.number("llmrouter.overhead_ms", overhead.as_secs_f64() * 1e3);
        }
        if let Some(ttft) = ended.ttft {
            attributes.number("llmrouter.ttft_ms", ttft.as_secs_f64() * 1e3);
        }
        if !origin.tags.is_empty() {
            attributes.texts("llmrouter.tags", origin.tags.iter().map(String::as_str));
        }
        if !ended.dropped_params.is_empty() {
            attributes.texts("llmrouter.dropped_params", ended.dropped_params.iter().map(String::as_str));
        }
        if call.request.is_copy() {
            attributes.flag("llmrouter.mirror", true);
        }
        attributes.known("error.type", event.error.as_ref().map(|error| error.class()));
        genai::identity(&mut attributes, &story.answered);
        // What was asked stands where it was asked; but nobody was, or what was kept answered.
        if story.last().is_none() {
            self.content(&mut attributes, event);
        }
        let remote = if place.parent.is_some() { SpanFlags::ContextIsRemoteMask as u32 } else { 0 };
        let (start, end) = story.span();
        Span {
            trace_id: place.trace.0.to_vec(),
            span_id: SpanId::own(call.id, 0).0.to_vec(),
            parent_span_id: place.parent.map(|parent| parent.0.to_vec()).unwrap_or_default(),
            trace_state: place.state,
            flags: SAMPLED | SpanFlags::ContextHasIsRemoteMask as u32 | remote,
            name: [genai::operation(call.request.verb()), call.request.model()].join(" "),
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes: attributes.done(),
            events: passed_over(story),
            status: story.status(),
            ..Span::default()
        }
    }

    fn answer(&self, attributes: &mut Attributes, story: &Story) {
        genai::identity(attributes, &story.answered);
        self.content(attributes, story.event);
    }

    fn content(&self, attributes: &mut Attributes, event: &Event) {
        if !self.content {
            return;
        }
        messages::asked(attributes, &event.call.request);
        if let Some(answer) = event.told.as_ref().and_then(|told| told.answer()) {
            messages::answered(attributes, event.call.request.verb(), &answer);
        }
    }
}

impl Tracing for Otel {
    type Place = Place;

    /// By the caller's word, which is rare.
    fn chooses(&self, event: &Event) -> bool {
        event.call.request.text().contains("raceparent")
    }

    /// In the caller's span, if it named one; a trace that the caller does not record is told to nobody.
    fn place(&self, event: &Event) -> Option<Place> {
        let origin = event.call.origin();
        match Parent::of(origin) {
            Some(parent) if !parent.is_sampled => None,
            Some(parent) => Some(Place { trace: parent.trace, parent: Some(parent.span), state: parent.state }),
            None => {
                let named = TraceId::read(&origin.trace_id);
                let trace = named.unwrap_or_else(|| TraceId::own(event.call.id));
                Some(Place { trace, parent: None, state: String::new() })
            }
        }
    }

    fn spans(&self, place: Place, story: &Story) -> Vec<Span> {
        let mut spans: Vec<_> = story.attempts.iter().map(|asked| self.attempt(&place, story, asked)).collect();
        spans.push(self.call(place, story));
        spans
    }

    fn wants_content(&self) -> bool {
        self.content
    }
}

/// What is said of all of this process's spans.
fn resource(otel: &OtelConfig) -> Attributes {
    let mut resource = Attributes::default();
    resource.text("service.name", &*otel.service_name);
    let own = [
        ("telemetry.sdk.name", "llmrouter"),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
    ];
    for (name, value) in own {
        if !otel.resource_attributes.iter().any(|(other, _)| other == name) {
            resource.text(name, value);
        }
    }
    for (name, value) in &otel.resource_attributes {
        resource.text(name, &**value);
    }
    resource
}

fn used(attributes: &mut Attributes, story: &Story) {
    if let Some(tokens) = &story.tokens {
        genai::used(attributes, tokens);
        if story.event.usage_is_estimated() {
            attributes.flag("llmrouter.usage_estimated", true);
        }
    }
    if let Some(cost) = story.cost {
        attributes.number("llmrouter.cost", cost);
    }
}

fn phases(attributes: &mut Attributes, phases: Phases) {
    let steps = [
        ("llmrouter.resolve_ms", phases.resolve),
        ("llmrouter.connect_ms", phases.connect),
        ("llmrouter.headers_ms", phases.headers),
        ("llmrouter.first_content_ms", phases.first_content),
        ("llmrouter.stream_ms", phases.stream),
    ];
    for (name, time) in steps {
        attributes.number(name, time.as_secs_f64() * 1e3);
    }
}

/// Deployments and groups that were not asked, and why.
fn passed_over(story: &Story) -> Vec<SpanEvent> {
    let skipped = story.ended.records.iter().filter_map(|record| Some((record, record.skipped.as_deref()?)));
    let event = |(record, why): (&Arc<Record>, &str)| {
        let mut attributes = Attributes::default();
        attributes.known("llmrouter.deployment", record.deployment.as_ref().map(|deployment| deployment.id()));
        attributes.text("llmrouter.model_group", &*record.group);
        attributes.text("llmrouter.reason", why);
        SpanEvent {
            time_unix_nano: story.at(record.start),
            name: "llmrouter.passed_over".to_owned(),
            attributes: attributes.done(),
            ..SpanEvent::default()
        }
    };
    skipped.take(MOST_EVENTS).map(event).collect()
}
