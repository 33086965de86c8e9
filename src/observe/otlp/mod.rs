//! Calls as traces: OTLP's messages over HTTP, for OpenTelemetry and for Langfuse.
//!
//! `event → place (which trace, under whom) → spans → batch → exporter`. A trace is made at its call's end, of the call's
//! event alone; only what attempts failed with has to be remembered until then.

mod answered;
mod attributes;
mod batch;
mod failures;
mod genai;
mod ids;
mod messages;
mod otel;
mod parent;
mod server;
mod story;
mod traces;

#[cfg(test)]
pub(super) mod made;
#[cfg(test)]
mod tests;

pub use attributes::Attributes;
pub use batch::{Batch, LIMITS, Source};
pub use failures::message;
pub use genai::{identity, operation, provider_and_model, used};
pub use ids::{SpanId, TraceId};
pub use otel::Otel;
pub use story::{Asked, Story};
pub use traces::{Traces, Tracing};

/// In the place of content that is longer than [`LONGEST_CONTENT`], in LiteLLM's words.
pub const TRUNCATED: &str = "<truncated due to size exceeding limit>";
/// Bytes of a prompt or an answer: receivers refuse bodies of a few megabytes, and with them all that goes along.
pub const LONGEST_CONTENT: usize = 1024 * 1024;
