//! Where events go: one trait for all who take them.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::config::SinkConfig;

use super::event::Event;

/// Takes events, on the thread that hands them all over: it may work, but not wait.
pub trait Sink: Send + Sync {
    /// As the configuration calls it, such as `langfuse`.
    fn name(&self) -> &str;

    /// Whether it shows prompts and answers to anybody.
    fn wants_content(&self) -> bool {
        false
    }

    fn take(&self, event: &Arc<Event>);

    /// What waits is to go out now.
    fn hurry(&self) {}

    /// Waits, on a thread that may, until all that was taken has gone out, or gives up then.
    fn flush(&self, _until: Instant) {}

    /// Nothing will come any more. Waits for nothing but the end of a thread of its own, and not for long.
    fn end(&self) {}

    fn status(&self) -> SinkStatus;
}

/// How a sink is, for the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SinkStatus {
    pub name: String,
    /// `on`, `failing` (what it sent last was refused or got no answer) or `off`.
    pub state: &'static str,
    /// What was delivered: events, spans or lines.
    pub sent: u64,
    /// What was lost: because it came too fast, or could not be delivered.
    pub lost: u64,
    /// What waits to be sent.
    pub waiting: u64,
    /// Unix milliseconds of the last change of state.
    pub since: Option<u64>,
    pub last_error: Option<String>,
}

/// Whether a sink is told of this event: by how the event itself ended. An attempt that failed and was made good by
/// another one is a failure.
pub fn takes(config: &SinkConfig, event: &Event) -> bool {
    match event.error {
        None => config.on_success,
        Some(_) => config.on_failure,
    }
}
