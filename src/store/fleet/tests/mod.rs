//! Processes in one test, with time turned by hand.

mod cooldowns;
mod laws;
mod leases;
pub mod memory;
mod money;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::config::{Engine as Way, OnFailure, SharedLimits, StrategyConfig};
use crate::deployment::{Limits, State, Used};
use crate::store::Amounts;
use memory::{Link, Memory};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A process with one deployment, `d`.
struct Process {
    link: Arc<Link>,
    fleet: Arc<Fleet>,
    lease: Arc<Lease>,
    limits: Limits,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

fn store(on_failure: OnFailure) -> StoreConfig {
    StoreConfig {
        engine: Way::File("memory".into()),
        on_failure,
        patience: Duration::from_millis(5),
        ..StoreConfig::default()
    }
}

fn strategy() -> StrategyConfig {
    let (name, ttl) = ("simple-shuffle".to_owned(), HEARTBEAT * 3600);
    StrategyConfig { name, ttl, buffer: 0.0, size: 10, latency_percentile: None, ttft_percentile: None }
}

fn rpm(limit: u64) -> Limits {
    Limits::new(Some(limit as f64), None, None, None)
}

fn member(limits: &Limits, state: &Arc<State>) -> Member {
    let [requests, tokens, input, output] = limits.each();
    let limits = Amounts { requests, tokens, input, output, slots: u64::MAX };
    let (state, key_bench) = (Arc::clone(state), Arc::default());
    Member { id: "d".into(), state, limits, key: Some("key:1".into()), key_bench }
}

impl Process {
    fn new(memory: &Arc<Memory>, limits: Limits, config: StoreConfig) -> Self {
        let link = memory.link();
        let fleet = Arc::new(Fleet::new(Arc::clone(&link) as Arc<dyn Engine>, config));
        let state = Arc::new(State::new(&strategy(), clock::now()));
        let lease = fleet.lease(member(&limits, &state));
        fleet.adopt([Arc::clone(&lease)].into_iter());
        let task = tokio::spawn(Arc::clone(&fleet).run());
        Self { link, fleet, lease, limits, state, task }
    }

    fn try_call(&self, used: Used, terms: Terms) -> Option<crate::deployment::Reserved> {
        let now = clock::now();
        let reserved = self.state.window.reserve_by(used, || self.lease.cap(&self.limits, terms, now), now)?;
        self.lease.note(used);
        Some(reserved)
    }

    /// One request, as the router makes it. Whether it was let in.
    async fn call(&self) -> bool {
        let one = Used { requests: 1, input: 0, output: 0 };
        if self.try_call(one, self.lease.terms()).is_some() {
            return true;
        }
        let now = clock::now().into();
        if !self.state.window.has_room(one, &self.lease.room(&self.limits, now), now) {
            return false;
        }
        self.lease.obtain(Demand::of(one), |terms| self.try_call(one, terms)).await.is_some()
    }

    /// How many of so many requests are let in.
    async fn calls(&self, count: usize) -> usize {
        let mut let_in = 0;
        for _ in 0..count {
            let_in += usize::from(self.call().await);
        }
        let_in
    }
}

/// The most that any 60 s hold.
fn busiest_minute(mut times: Vec<Instant>) -> usize {
    times.sort_unstable();
    let (mut first, mut most) = (0, 0);
    for (place, at) in times.iter().enumerate() {
        while *at - times[first] >= MINUTE {
            first += 1;
        }
        most = most.max(place + 1 - first);
    }
    most
}
