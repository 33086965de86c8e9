//! The sink of traces: what it takes of a call becomes spans at the call's end, and they go to an exporter.

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::Span;

use crate::config::SinkConfig;

use super::super::event::{Ended, Event};
use super::super::export::Exporter;
use super::super::sink::Sink;
use super::batch::Batch;
use super::failures::{Failures, message};
use super::story::Story;

/// How calls become spans.
pub trait Tracing: Send + Sync {
    /// Where a call's spans belong.
    type Place;

    /// Whether only its [`place`](Self::place) says if a call is to be told of.
    fn chooses(&self, event: &Event) -> bool;

    /// `None` for a call that is not to be told of.
    fn place(&self, event: &Event) -> Option<Self::Place>;

    fn spans(&self, place: Self::Place, story: &Story) -> Vec<Span>;

    fn wants_content(&self) -> bool;
}

pub struct Traces<T> {
    on_success: bool,
    on_failure: bool,
    tracing: T,
    failures: Failures,
    exporter: Arc<Exporter>,
}

impl<T: Tracing> Traces<T> {
    pub fn new(config: &SinkConfig, tracing: T, exporter: Arc<Exporter>) -> Self {
        let (on_success, on_failure) = (config.on_success, config.on_failure);
        Self { on_success, on_failure, tracing, failures: Failures::default(), exporter }
    }

    /// The call's outcome says whether its attempts are told of, too.
    fn is_asked_for(&self, event: &Event) -> bool {
        if event.error.is_some() { self.on_failure } else { self.on_success }
    }
}

impl<T: Tracing> Sink for Traces<T> {
    fn wants_content(&self) -> bool {
        self.tracing.wants_content()
    }

    fn take(&self, event: &Arc<Event>) {
        let call = event.call.id;
        match &event.ended {
            Ended::Attempt(attempt) => {
                if let Some(why) = message(event, self.wants_content()) {
                    self.failures.note(call, attempt.number, why);
                }
            }
            Ended::Call(ended) => {
                let noted = self.failures.take(call);
                if !self.is_asked_for(event) {
                    return;
                }
                // A place may take longer to find than all the rest: not without room, where that can be told before.
                let place = match self.tracing.chooses(event) {
                    true => self.tracing.place(event).filter(|_| self.exporter.has_room()),
                    false => self.exporter.has_room().then(|| self.tracing.place(event)).flatten(),
                };
                if let Some(place) = place {
                    for span in self.tracing.spans(place, &Story::of(event, ended, &noted, self.wants_content())) {
                        self.exporter.put(Batch::item(&span));
                    }
                }
            }
        }
    }

    fn exporter(&self) -> Option<&Exporter> {
        Some(&self.exporter)
    }
}
