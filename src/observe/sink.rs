//! Where events go: one trait for all who take them.

use std::sync::Arc;
use std::time::Instant;

use crate::config::SinkConfig;

use super::event::Event;
use super::export::Exporter;
use super::status::SinkStatus;

/// Takes events, on the thread that hands them all over: it may work, but not wait.
pub trait Sink: Send + Sync {
    /// Whether it shows prompts and answers to anybody.
    fn wants_content(&self) -> bool {
        false
    }

    fn take(&self, event: &Arc<Event>);

    /// What sends what it takes, if anything does.
    fn exporter(&self) -> Option<&Exporter> {
        None
    }

    /// What waits is to go out now.
    fn hurry(&self) {
        if let Some(exporter) = self.exporter() {
            exporter.hurry();
        }
    }

    /// Waits, on a thread that may, until all that was taken has gone out, or gives up then.
    fn flush(&self, until: Instant) {
        if let Some(exporter) = self.exporter() {
            exporter.flush(until);
        }
    }

    /// Nothing will come any more. Waits for nothing but the end of a thread of its own, and not for long.
    fn end(&self) {
        if let Some(exporter) = self.exporter() {
            exporter.end();
        }
    }

    fn status(&self) -> SinkStatus {
        self.exporter().map(Exporter::status).unwrap_or_default()
    }
}

/// Whether a sink is told of this event: by how the event itself ended. An attempt that failed and was made good by
/// another one is a failure.
pub fn takes(config: &SinkConfig, event: &Event) -> bool {
    match event.error {
        None => config.on_success,
        Some(_) => config.on_failure,
    }
}
