//! One deployment: its settings, and what is going on with it right now.
//!
//! Counters are atomics and change only through the guards and records made here, so that they can't drift.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::DeploymentConfig;

/// One entry of the model list at work.
pub struct Deployment {
    /// Which provider answers, such as "openai" or "groq".
    pub provider: String,
    /// The model's name at the provider.
    pub model: String,
    pub config: DeploymentConfig,
    in_flight: AtomicU32,
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// Nanoseconds after `born` until which it is benched; read on every pick without the lock.
    benched_until: AtomicU64,
    cooldown: Mutex<Option<Cooldown>>,
    born: Instant,
}

/// Why a deployment is benched, and from when to when.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooldown {
    pub since: Instant,
    pub until: Instant,
    /// The error's class, such as "RateLimitError".
    pub cause: &'static str,
}

impl Deployment {
    pub fn new(config: DeploymentConfig, provider: String, model: String, now: Instant) -> Self {
        Self {
            provider,
            model,
            config,
            in_flight: AtomicU32::new(0),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            benched_until: AtomicU64::new(0),
            cooldown: Mutex::new(None),
            born: now,
        }
    }

    pub fn id(&self) -> &str {
        &self.config.id
    }

    /// Where it is, without credentials; `None` for a mock.
    pub fn api_base(&self) -> Option<String> {
        self.config.api_base.as_deref().map(without_credentials)
    }

    /// The model that it really is, where its name at the provider does not tell: `base_model`, else that name.
    pub fn base_model(&self) -> &str {
        let given = self.config.info.text("base_model").or_else(|| self.config.settings.text("base_model"));
        given.map_or(self.model.as_str(), |name| name.rsplit('/').next().unwrap_or(name))
    }

    /// Whether it is one of OpenAI's reasoning models, which refuse `max_tokens` for `max_completion_tokens`.
    pub fn wants_completion_tokens(&self) -> bool {
        let model = self.base_model();
        ["o1", "o3", "o4", "gpt-5"].iter().any(|family| {
            model.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
        })
    }

    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Takes a place in flight; given back when the guard is dropped, whatever happens.
    pub fn enter(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight { deployment: self }
    }

    pub fn count_success(&self) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Attempts that ended well and those that did not; what the caller cancelled is neither.
    pub fn counts(&self) -> (u64, u64) {
        (self.succeeded.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// How long it stays benched from `now`; `None` if it is not.
    pub fn benched_for(&self, now: Instant) -> Option<Duration> {
        let until = self.benched_until.load(Ordering::Acquire);
        let now = nanos(now.saturating_duration_since(self.born));
        (until > now).then(|| Duration::from_nanos(until - now))
    }

    /// Benches it for `time` from `now`. The end only ever moves away: a short wait does not undo a long one.
    pub fn bench(&self, now: Instant, time: Duration, cause: &'static str) {
        let Some(until) = now.checked_add(time) else { return };
        let mut cooldown = self.lock();
        let running = cooldown.as_ref().filter(|running| running.until > now);
        if running.is_some_and(|running| running.until >= until) {
            return;
        }
        let since = running.map_or(now, |running| running.since);
        *cooldown = Some(Cooldown { since, until, cause });
        self.benched_until.store(nanos(until.saturating_duration_since(self.born)), Ordering::Release);
    }

    /// The cooldown that is running, if one is.
    pub fn cooldown(&self, now: Instant) -> Option<Cooldown> {
        self.lock().clone().filter(|cooldown| cooldown.until > now)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Cooldown>> {
        self.cooldown.lock().unwrap_or_else(PoisonError::into_inner)
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

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A place in flight at a deployment.
pub struct InFlight<'a> {
    deployment: &'a Deployment,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.deployment.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
