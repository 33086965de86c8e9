//! Metrics in Prometheus' text format: LiteLLM's, under its names, and ours.
//!
//! `event → counts (which metric, how much) → family (one metric, so many series) → text`. What is, rather than what
//! happened, is looked up when the text is made (`live`).

mod catalogue;
mod counts;
mod family;
mod labels;
mod listen;
mod live;
mod names;
mod settings;
mod subject;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::{Registry, TextEncoder};

use crate::clock;

use super::event::Event;
use super::sink::Sink;
use super::status::SinkStatus;

pub use listen::{Change, Listening, Source};
pub use live::{CacheState, DeploymentState, State, StoreState};
pub use settings::{Settings, counts_alike};

use counts::Counts;

/// Its name among the callbacks.
pub const NAME: &str = "prometheus";

/// Counts events, and tells what it counted.
pub struct Prometheus {
    settings: Settings,
    registry: Registry,
    counts: Mutex<Counts>,
}

impl Prometheus {
    /// An error if the settings make names that Prometheus does not take.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let registry = Registry::new();
        let counts = Counts::new(settings, &registry).map_err(|error| format!("the metrics can't be made: {error}"))?;
        Ok(Self { settings: settings.clone(), registry, counts: Mutex::new(counts) })
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Goes by another configuration from now on: the names that lead somewhere, and the ids of its deployments.
    pub fn know(&self, names: impl Iterator<Item = String>, is_there: impl Fn(&str) -> bool) {
        self.counts().know(names, is_there);
    }

    /// All that was counted, and `state`, as text of version 0.0.4.
    pub fn render(&self, state: &State) -> String {
        let learnt = {
            let mut counts = self.counts();
            counts.clean();
            counts.learnt.iter().map(|(id, learnt)| (id.clone(), *learnt)).collect()
        };
        let mut families = self.registry.gather();
        families.extend(live::families(state, &learnt, clock::now(), &self.settings));
        families.sort_by(|one, other| one.name().cmp(other.name()));
        // All of them have a name and samples: there is nothing that could be wrong.
        TextEncoder::new().encode_to_string(&families).unwrap_or_default()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Prometheus {
    fn take(&self, event: &Arc<Event>) {
        self.counts().take(event);
    }

    fn status(&self) -> SinkStatus {
        SinkStatus { name: NAME.to_owned(), state: "on", ..SinkStatus::default() }
    }
}
