//! The end of a call as observers hear of it: told once, whatever becomes of the call.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::observe::{CallEnded, Kept, Watcher};

use super::trail::Trail;

/// A call that somebody hears of, if anybody does. Dropped without an end, it was cancelled.
pub struct Watched(Option<Arc<Watcher>>);

impl Watched {
    pub fn new(watcher: Option<Arc<Watcher>>) -> Self {
        Self(watcher)
    }

    /// The trail of the call.
    pub fn trail(&self, call_id: u64) -> Trail {
        let mut trail = Trail::new(call_id);
        trail.watcher.clone_from(&self.0);
        trail
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Nobody reads the call to its end.
    pub fn cancel(self, trail: &Trail, ttft: Option<Duration>) {
        let error = self.0.as_ref().map(|watcher| watcher.ending());
        self.end(trail, ttft, error.as_ref());
    }

    /// The call has ended; `ttft` is a stream's.
    pub fn end(mut self, trail: &Trail, ttft: Option<Duration>, error: Option<&Error>) {
        let Some(watcher) = self.0.take() else { return };
        let kept = trail.hit().map(|hit| {
            let producer = hit.entry.producer.clone();
            Kept {
                deployment: producer.deployment,
                provider: producer.provider,
                model: producer.model,
                group: producer.group,
                key: hit.key.hex(),
            }
        });
        let told = trail.hit().map(|hit| hit.entry.body());
        let ended = CallEnded {
            took: trail.latency,
            overhead: Some(trail.overhead()),
            ttft,
            records: trail.records.clone(),
            fallbacks: trail.fallbacks(),
            kept,
            joined: trail.joined().map(|parts| parts.joined),
            missed: trail.missed(),
            dropped_params: trail.dropped_params.clone(),
        };
        watcher.end(ended, error.cloned(), told);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(watcher) = &self.0 {
            watcher.drop_call();
        }
    }
}
