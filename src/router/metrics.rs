//! The router's metrics: who counts, and what is looked up when somebody reads.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::clock;
use crate::config::{Config, ConfigError};
use crate::deployment::Used;
use crate::observe::Sink;
use crate::observe::prometheus::{CacheState, DeploymentState, Prometheus, Settings, State, StoreState, counts_alike};
use crate::runtime::Runtime;

use super::Router;
use super::group::Member;

/// So long at most is what has happened waited for, that it be counted.
const PATIENCE: Duration = Duration::from_millis(100);

/// What counts, once somebody wants it.
pub struct Metrics {
    settings: Settings,
    pub(super) sink: Arc<Prometheus>,
    /// Whether it counts. It is not ended, so that no counter ever goes back.
    counts: Arc<AtomicBool>,
}

impl Metrics {
    /// What `before` has counted is kept if the same is counted in the same way.
    pub fn new(config: &Config, before: Option<&Self>) -> Result<Self, ConfigError> {
        let failed = |message| ConfigError { message };
        let settings = config.observe.metrics.clone();
        let counts = before.map(|before| Arc::clone(&before.counts)).unwrap_or_default();
        let sink = match before.filter(|before| counts_alike(&before.settings, &settings)) {
            Some(before) => Arc::clone(&before.sink),
            None => Arc::new(Prometheus::new(&settings).map_err(failed)?),
        };
        Ok(Self { settings, sink, counts })
    }
}

impl Router {
    /// Where the metrics are served, if they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.settings.listen
    }

    /// Whether events are counted, or are to be from the load on.
    pub fn wants_metrics(&self) -> bool {
        self.metrics.settings.is_on || self.is_counting()
    }

    pub fn is_counting(&self) -> bool {
        self.metrics.counts.load(Ordering::Acquire)
    }

    /// Counts what happens from now on, by the names of this configuration.
    pub fn count(&self, runtime: &Runtime) -> io::Result<()> {
        let ids: HashSet<&str> = self.members().map(|member| member.deployment().id()).collect();
        self.metrics.sink.know(self.names.all().map(str::to_owned), |id| ids.contains(id));
        self.observer.count(Arc::clone(&self.metrics.sink) as Arc<dyn Sink>, runtime)?;
        self.metrics.counts.store(true, Ordering::Release);
        Ok(())
    }

    /// All metrics, as Prometheus' text of version 0.0.4. Waits a moment until what has happened is counted.
    pub fn metrics(&self) -> String {
        self.observer.settle(PATIENCE);
        self.metrics.sink.render(&self.state(clock::now()))
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.names.groups().flat_map(|group| group.usable())
    }

    /// How everything is. Nobody who chooses a deployment waits for it.
    fn state(&self, now: Instant) -> State {
        let mut queues = BTreeMap::new();
        for group in self.names.groups() {
            queues.insert(group.name.to_string(), 0);
        }
        for group in self.names.lines() {
            let waiting = group.line().waiting();
            if waiting > 0 {
                *queues.entry(group.name.to_string()).or_default() += waiting;
            }
        }
        State {
            deployments: self.members().map(|member| deployment(member, now)).collect(),
            queues,
            cache: self.caching.as_ref().map(|caching| cache(&caching.cache.snapshot())),
            store: self.fleet.as_ref().map(|fleet| {
                let status = fleet.status();
                StoreState {
                    is_shared: !status.away,
                    processes: status.processes,
                    pending: status.pending,
                    misses: status.misses,
                }
            }),
            budgets: self.budgets.left(now),
            callbacks: self.observer.sinks().iter().map(|connected| connected.sink.status()).collect(),
            lost: self.observer.lost(),
        }
    }
}

fn deployment(member: &Member, now: Instant) -> DeploymentState {
    let deployment = member.deployment();
    let others = member.facts.lease.as_ref().map(|lease| lease.others(now)).unwrap_or_default();
    let used = deployment.state.window.used(now).plus(others);
    let limits = member.facts.limits.each();
    let of = |used: Used| [used.requests, used.tokens(), used.input, used.output];
    let mut left = limits;
    left.iter_mut().zip(of(used)).for_each(|(left, used)| *left = left.saturating_sub(used));
    DeploymentState {
        deployment: Arc::clone(deployment),
        in_flight: deployment.in_flight(),
        cooling: deployment.benched_for(now),
        limits,
        left,
    }
}

fn cache(told: &Value) -> CacheState {
    let number = |name: &str| told.get(name).and_then(Value::as_u64).unwrap_or(0);
    CacheState {
        hits: number("hits"),
        misses: number("misses"),
        joined: number("joined"),
        evicted: number("evicted"),
        entries: number("entries"),
        bytes: number("bytes"),
    }
}
