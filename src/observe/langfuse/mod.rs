//! Langfuse, by its OpenTelemetry endpoint: a trace for each call, in which the answer is a generation.
//!
//! A call that one attempt answered is that generation alone, as LiteLLM sends it. Where it took more, a span holds them
//! all: one for each attempt that failed, and the generation.

mod content;
mod details;
mod moment;
mod observations;
mod steering;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::trace::v1::Span;
use ring::digest::{SHA256, digest};

use crate::config::{LangfuseConfig, Secret, SinkConfig};

use super::connect::Connect;
use super::event::Event;
use super::export::{Exporter, Limits, post};
use super::otlp::{Attributes, Batch, LIMITS, Source, Story, TraceId, Traces, Tracing};
use super::sink::Sink;
use steering::Steering;

/// Behind the host.
const PATH: &str = "/api/public/otel/v1/traces";

/// The callbacks `langfuse` and `langfuse_otel`.
pub struct Langfuse {
    config: LangfuseConfig,
}

impl Langfuse {
    pub fn new(config: &LangfuseConfig) -> Self {
        Self { config: config.clone() }
    }

    /// The sink, at work. The error says what to change.
    pub fn connect(config: &SinkConfig, own: &LangfuseConfig, connect: &Connect) -> Result<Arc<dyn Sink>, String> {
        let limits = Limits { batch: own.flush_at, interval: own.flush_interval, timeout: own.timeout, ..LIMITS };
        let target = connect.target(&format!("{}{PATH}", own.host), &headers(own))?;
        let batch = Batch::of(Source { resource: resource(own), scope: "llmrouter" });
        let exporter =
            Exporter::start(&config.name, limits, Box::new(batch), post(target, limits.timeout), connect.threads);
        Ok(Arc::new(Traces::new(config, Self::new(own), exporter)))
    }
}

impl Tracing for Langfuse {
    type Place = Steering;

    fn chooses(&self, _event: &Event) -> bool {
        self.config.sample_rate < 1.0
    }

    fn place(&self, event: &Event) -> Option<Steering> {
        let steering = Steering::of(event, &self.config);
        is_sampled(steering.trace, self.config.sample_rate).then_some(steering)
    }

    fn spans(&self, steering: Steering, story: &Story) -> Vec<Span> {
        observations::of(self, &steering, story)
    }

    fn wants_content(&self) -> bool {
        self.config.message_logging
    }
}

/// By the trace's hash, as LiteLLM decides it: all that belongs to a trace is told, or nothing.
fn is_sampled(trace: TraceId, rate: f64) -> bool {
    if rate >= 1.0 {
        return true;
    }
    let hash = digest(&SHA256, &trace.0);
    let first = hash.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    (first as f64) < rate * 2_f64.powi(64)
}

fn headers(config: &LangfuseConfig) -> Vec<(String, Secret)> {
    let keys = Secret::new(format!("{}:{}", config.public_key, config.secret_key.expose()));
    let basic = Secret::new(format!("Basic {}", Secret::new(STANDARD.encode(keys.expose())).expose()));
    let plain = |name: &str, value: &str| (name.to_owned(), Secret::new(value));
    vec![
        ("authorization".to_owned(), basic),
        // What comes is shown at once.
        plain("x-langfuse-ingestion-version", "4"),
        plain("x-langfuse-sdk-name", "llmrouter"),
        plain("x-langfuse-sdk-version", env!("CARGO_PKG_VERSION")),
        plain("x-langfuse-public-key", &config.public_key),
    ]
}

fn resource(config: &LangfuseConfig) -> Attributes {
    let mut resource = Attributes::default();
    resource.text("service.name", "llmrouter");
    resource.text("telemetry.sdk.name", "llmrouter");
    resource.text("telemetry.sdk.language", "rust");
    resource.text("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
    resource.known("langfuse.environment", config.environment.as_deref());
    resource.known("langfuse.release", config.release.as_deref());
    resource
}
