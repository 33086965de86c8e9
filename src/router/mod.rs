//! The policy: which group, which deployment, how often, when to give up. [`call::run`] is the whole of it.

mod affinity;
mod answering;
#[cfg(feature = "bench-internals")]
#[doc(hidden)]
pub mod bench;
mod budget;
mod caching;
mod call;
mod candidates;
mod cooldown;
mod cost;
mod exhausted;
mod explain;
mod facts;
mod fallback;
mod filter;
mod form;
mod group;
mod held;
mod ledger;
mod line;
mod metrics;
mod mirror;
mod names;
mod played;
mod replayed;
mod report;
mod resume;
mod retry;
mod round;
mod shared;
mod snapshot;
mod stream;
#[cfg(test)]
mod tests;
mod timeout;
mod trail;
mod view;
mod watched;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

pub use ledger::Attempt;
pub use report::{error_json, metadata_json, stream_metadata_json};
pub use resume::Stream;
pub use stream::{Ended, Usage};
pub use trail::Trail;

use crate::chat::{Request, Verb};
use crate::config::{Config, ConfigError, CooldownConfig, StoreConfig, Warning};
use crate::error::{Error, ErrorKind};
use crate::observe::{Observer, Verbosity};
use crate::provider::Answer;
use crate::runtime::Runtime;
use crate::store::{self, Engine, Fleet, Shelf, StoreError};
use crate::tokens::{self, Preparation};

use affinity::Affinity;
use budget::Budgets;
use caching::Caching;
use metrics::Metrics;
use names::Names;

/// A configuration at work. Shared by all threads; holds no lock while a call waits.
pub struct Router {
    names: Names,
    /// The configuration's, for attempts that outlive their call.
    cooldown: Arc<CooldownConfig>,
    /// For streams, which outlive their call, too.
    budgets: Arc<Budgets>,
    /// Kept by a reload.
    affinity: Arc<Affinity>,
    /// Kept by a reload that changes nothing about it.
    caching: Option<Caching>,
    /// The processes that this one shares limits, cooldowns and budgets with. Kept by a reload that leaves the store as it is.
    fleet: Option<Arc<Fleet>>,
    /// Those who hear of what happens. Kept by a reload.
    observer: Arc<Observer>,
    /// Calls that wait for somebody to return. Kept by a reload, as they are.
    waiting: Arc<AtomicUsize>,
    verbosity: Verbosity,
    /// Kept by a reload that counts in the same way.
    metrics: Metrics,
    config: Config,
    warnings: Vec<Warning>,
}

/// A call that was answered.
pub struct Completed {
    pub answer: Answer,
    pub trail: Trail,
}

/// A call that was not.
#[derive(Clone)]
pub struct Failed {
    pub error: Error,
    pub trail: Trail,
}

impl Router {
    /// Makes deployments and their endpoints; opens no connection and starts no thread.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Self::after(config, None, store::connect, None)
    }

    /// The same, whose cached answers are shared with other processes by a shelf of the caller's choice. A reload keeps it.
    #[cfg(test)]
    pub fn with_shelf(config: Config, shelf: Arc<dyn Shelf>) -> Result<Self, ConfigError> {
        Self::after(config, None, store::connect, Some(shelf))
    }

    /// A router by another configuration, that knows of the deployments and keys that stay what this one has learnt.
    pub fn reloaded(&self, config: Config) -> Result<Self, ConfigError> {
        Self::after(config, Some(self), store::connect, None)
    }

    /// `connect` gives the store that a configuration names.
    fn after(
        mut config: Config,
        before: Option<&Self>,
        connect: impl Fn(&StoreConfig) -> Result<Option<Arc<dyn Engine>>, StoreError>,
        shelf: Option<Arc<dyn Shelf>>,
    ) -> Result<Self, ConfigError> {
        let mut warnings = std::mem::take(&mut config.warnings);
        let fleet = before.and_then(|before| before.fleet.clone()).filter(|fleet| *fleet.config() == config.store);
        let fleet = match fleet {
            Some(fleet) => Some(fleet),
            None => connect(&config.store)
                .map_err(|error| ConfigError { message: format!("the state can't be shared: {}", error.0) })?
                .map(|engine| Arc::new(Fleet::new(engine, config.store.clone()))),
        };
        let names = Names::new(&mut config, before.map(|before| &before.names), fleet.as_deref(), &mut warnings)?;
        for warning in &warnings {
            log::warn!(path = warning.path.as_str(), line = warning.line; "{}", warning.message);
        }
        let budgets = Arc::new(Budgets::new(&config.budgets, before.map(|before| &*before.budgets), fleet.as_deref()));
        if let Some(fleet) = &fleet {
            fleet.adopt(names.leases().map(Arc::clone));
            fleet.know(names.known());
        }
        let affinity = before.map(|before| Arc::clone(&before.affinity)).unwrap_or_default();
        let cooldown = Arc::new(config.cooldown.clone());
        let caching = Caching::new(&config, shelf, before.and_then(|before| before.caching.as_ref()));
        let observer = before.map(|before| Arc::clone(&before.observer)).unwrap_or_default();
        let waiting = before.map(|before| Arc::clone(&before.waiting)).unwrap_or_default();
        observer.keep_spend(budgets.is_empty());
        let verbosity = Verbosity::new(config.verbose);
        let metrics = Metrics::new(&config, before.map(|before| &before.metrics))?;
        Ok(Self {
            names,
            cooldown,
            budgets,
            affinity,
            caching,
            fleet,
            observer,
            metrics,
            waiting,
            verbosity,
            config,
            warnings,
        })
    }

    /// A router over a store of the caller's choice, whatever the configuration names.
    #[cfg(test)]
    pub fn over(config: Config, before: Option<&Self>, engine: &Arc<dyn Engine>) -> Result<Self, ConfigError> {
        Self::after(config, before, |_| Ok(Some(Arc::clone(engine))), None)
    }

    /// The fleet that it is part of, whose task is to be run; `None` where nothing is shared.
    pub fn fleet(&self) -> Option<&Arc<Fleet>> {
        self.fleet.as_ref()
    }

    pub fn worker_threads(&self) -> usize {
        self.config.worker_threads
    }

    /// What is better done before the first call than in it, for a thread that nobody waits for; `None` if there is nothing.
    pub fn preparation(&self) -> Option<Preparation> {
        if !self.config.filters.pre_call_checks {
            return None;
        }
        tokens::preparation(self.names.groups().flat_map(|group| group.usable()).map(|member| member.base_model()))
    }

    pub fn observer(&self) -> &Arc<Observer> {
        &self.observer
    }

    /// Has the callbacks of the configuration hear of what happens. An error says what to change; then nothing is changed.
    pub fn observe(&self, runtime: &Runtime) -> Result<(), String> {
        self.observer.watch(&self.config.observe, &self.config.transport, runtime)
    }

    pub fn has_cache(&self) -> bool {
        self.caching.is_some()
    }

    /// The answer to a request of these very bytes, if it is kept in memory and was given to such a request before.
    pub fn repeated(&self, verb: Verb, text: &str, call_id: u64) -> Option<Completed> {
        // Who hears of calls is told of the request, too.
        let caching = self.caching.as_ref().filter(|_| !self.observer.is_on())?;
        caching.repeated(verb, text, call_id)
    }

    /// The answer to a request, if it is kept in memory. Waits for nobody.
    pub fn known(&self, request: &Request, call_id: u64) -> Option<Completed> {
        self.caching.as_ref()?.known(self, request, call_id)
    }

    /// What would happen to a request, as JSON, without sending anything. An error if its model leads nowhere.
    pub fn explain(&self, request: &Request) -> Result<String, Error> {
        explain::plan(self, request).map(|plan| plan.to_string())
    }

    /// The state of everything, as JSON.
    pub fn snapshot(&self) -> String {
        let callbacks = self.observer.callbacks(&self.config.observe);
        snapshot::render(&snapshot::Collected::of(self), &callbacks)
    }

    /// Whether somebody reckons what calls cost, so that a deployment's spend is known.
    fn reckons_costs(&self) -> bool {
        !self.budgets.is_empty() || self.observer.is_on()
    }
}

impl Failed {
    /// A call that ended before it began.
    pub fn before(error: Error) -> Self {
        Self { error, trail: Trail::new(0) }
    }

    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }
}
