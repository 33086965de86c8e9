//! One deployment: its settings, and what is going on with it right now.
//!
//! Counters are atomics and change only through the guards and records made here, so that they can't drift.

mod bench;
mod limits;
mod moment;
mod samples;
mod tally;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use bench::{Bench, Cooldown, KeyBench, Latest};
pub use limits::Limits;
pub use moment::Moment;
pub use samples::{Samples, Statistic};
pub use tally::{Share, Tally};
pub use window::{Reserved, Used, Window};

use crate::config::{DeploymentConfig, StrategyConfig};

/// One entry of the model list at work.
pub struct Deployment {
    /// Which provider answers, such as "openai" or "groq".
    pub provider: String,
    /// The model's name at the provider; a pattern in a wildcard group.
    pub model: String,
    pub config: DeploymentConfig,
    /// Shared by all deployments that show the same key to the same server.
    pub key: Arc<KeyBench>,
    /// What was learnt of it: kept when the configuration is replaced by one that has it, too.
    pub state: Arc<State>,
}

/// What is going on with a deployment, and what was learnt of it. What a pick looks at comes first, within one line of the
/// processor's cache, and each part has its rest elsewhere: among a thousand deployments the memory's pace decides.
#[repr(C, align(64))]
pub struct State {
    in_flight: AtomicU32,
    pub bench: Bench,
    /// Requests and tokens of the last minute.
    pub window: Window,
    /// Seconds of an answer, for each token of it where they are told.
    pub latency: Samples,
    /// Seconds to the first content of a stream.
    pub ttft: Samples,
    pub tally: Tally,
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// Dollars, as bits; not a number before the first cost was told.
    spent: AtomicU64,
}

/// What an answer has brought back into service, and since when that had not answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Back {
    pub deployment: Option<Instant>,
    /// Its key, wherever that is used.
    pub key: Option<Instant>,
}

impl State {
    pub fn new(strategy: &StrategyConfig, now: Instant) -> Self {
        let samples = |percentile| Samples::new(statistic(strategy, percentile));
        Self {
            in_flight: AtomicU32::new(0),
            bench: Bench::default(),
            window: Window::new(now),
            latency: samples(strategy.latency_percentile),
            ttft: samples(strategy.ttft_percentile),
            tally: Tally::new(now),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            spent: AtomicU64::new(f64::NAN.to_bits()),
        }
    }

    /// Adds what a call cost, in dollars.
    pub fn add_spend(&self, dollars: f64) {
        let sum = |bits: u64| Some(f64::from_bits(bits)).filter(|sum| !sum.is_nan()).unwrap_or_default() + dollars;
        // Never fails: the function always gives a sum.
        let _ = self.spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| Some(sum(bits).to_bits()));
    }

    /// Dollars that its calls have cost, as far as somebody told; `None` if nobody did.
    pub fn spent(&self) -> Option<f64> {
        Some(f64::from_bits(self.spent.load(Ordering::Relaxed))).filter(|sum| !sum.is_nan())
    }

    /// Attempts that ended well and those that did not; what the caller cancelled is neither.
    pub fn counts(&self) -> (u64, u64) {
        (self.succeeded.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// Calls that it is at work on.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Goes by another strategy's arguments from now on.
    pub fn follow(&self, strategy: &StrategyConfig, now: Instant) {
        self.latency.follow(statistic(strategy, strategy.latency_percentile), now);
        self.ttft.follow(statistic(strategy, strategy.ttft_percentile), now);
    }
}

fn statistic(strategy: &StrategyConfig, percentile: Option<f64>) -> Statistic {
    Statistic { percentile, size: strategy.size, ttl: strategy.ttl }
}

impl Deployment {
    pub fn new(
        config: DeploymentConfig,
        provider: String,
        model: String,
        key: Arc<KeyBench>,
        state: Arc<State>,
    ) -> Self {
        Self { provider, model, config, key, state }
    }

    pub fn id(&self) -> &str {
        &self.config.id
    }

    /// Where it is, without credentials; `None` for a mock.
    pub fn api_base(&self) -> Option<String> {
        self.config.api_base.as_deref().map(without_credentials)
    }

    /// The model that it really is, where the name at the provider, `model`, does not tell: `base_model`, else that.
    pub fn base_model<'a>(&'a self, model: &'a str) -> &'a str {
        let given = self.config.info.text("base_model").or_else(|| self.config.settings.text("base_model"));
        given.map_or(model, |name| name.rsplit('/').next().unwrap_or(name))
    }

    /// Whether `model` is one of OpenAI's reasoning models, which refuse `max_tokens` for `max_completion_tokens`.
    pub fn wants_completion_tokens(&self, model: &str) -> bool {
        let model = self.base_model(model);
        ["o1", "o3", "o4", "gpt-5"].iter().any(|family| {
            model.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
        })
    }

    pub fn in_flight(&self) -> u32 {
        self.state.in_flight()
    }

    /// Takes a place in flight, of which there are at most so many; given back when the guard is dropped, whatever
    /// happens. `None` if all are taken.
    pub fn enter(self: &Arc<Self>, most: Option<u32>) -> Option<InFlight> {
        let next = |count: u32| most.is_none_or(|most| count < most).then(|| count + 1);
        self.state.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        Some(InFlight { deployment: Arc::clone(self) })
    }

    /// What it may use in a minute.
    pub fn limits(&self) -> Limits {
        let config = &self.config;
        Limits::new(config.rpm, config.tpm, config.itpm, config.otpm)
    }

    /// An answer that came also shows that the key is good.
    pub fn count_success(&self, now: Instant) -> Back {
        self.state.succeeded.fetch_add(1, Ordering::Relaxed);
        self.state.tally.succeeded(now);
        Back { deployment: self.state.bench.answered(now), key: self.key.lift() }
    }

    pub fn count_failure(&self) {
        self.state.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// See [`State::counts`].
    pub fn counts(&self) -> (u64, u64) {
        self.state.counts()
    }

    /// Whether it serves many models, so that the failure of one says little about the others.
    pub fn is_wildcard(&self) -> bool {
        self.config.group.contains('*')
    }

    /// How long it or its key stays benched from `now`; `None` if neither is.
    pub fn benched_for(&self, now: Instant) -> Option<Duration> {
        let now = Moment::from(now);
        self.state.bench.left(now).max(self.key.left(now))
    }

    /// The cooldown that is running, its own or its key's: the one that ends last.
    pub fn cooldown(&self, now: Instant) -> Option<Cooldown> {
        self.state.bench.cooldown_with(&self.key, now)
    }
}

/// `https://user:password@host/` is `https://host/` to everybody but the server.
fn without_credentials(base: &str) -> String {
    let (scheme, rest) = base.split_once("://").unwrap_or(("", base));
    let host_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(host_end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") }
}

/// A place in flight at a deployment.
pub struct InFlight {
    deployment: Arc<Deployment>,
}

impl InFlight {
    pub fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.deployment.state.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
