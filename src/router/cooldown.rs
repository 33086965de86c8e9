//! When a failure benches a deployment, and for how long; and what is told of it.

use std::time::{Duration, Instant};

use crate::config::CooldownConfig;
use crate::deployment::{Back, Deployment};
use crate::error::{Error, ErrorKind, FaultClass, Scope};
use crate::store::Lease;

/// LiteLLM's rule for a deployment without an allowance: more than this share of failures, …
const SHARE: f64 = 0.5;
/// … of at least so many calls in a minute; …
const LEAST_CALLS: u32 = 5;
/// … or nothing but failures of so many, which benches even the only deployment of its group.
const LEAST_CALLS_ALONE: u32 = 1000;

/// What a failure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub time: Duration,
    /// Benched is the key, wherever it is used, not the deployment alone.
    pub key: bool,
}

/// Counts a failure, and says whether it benches the deployment. `alone`: its group has no other.
pub fn judge(
    error: &Error,
    deployment: &Deployment,
    config: &CooldownConfig,
    alone: bool,
    now: Instant,
) -> Option<Verdict> {
    let (kind, own) = (error.kind(), &deployment.config);
    let own_named = own.allowed_fails_policy.as_ref().and_then(|policy| policy.named(kind));
    let counts = matches!(error.scope(), Scope::Deployment | Scope::Key);
    // What a request is to blame for counts only where the deployment itself says so, and only if it was sent.
    let counts = counts || (own_named.is_some() && error.provider_status().is_some());
    let time = bench_time(error, deployment, config);
    if config.disabled || !counts || time.is_zero() {
        return None;
    }
    let key = error.scope() == Scope::Key;
    if deployment.is_wildcard() {
        // It stands for many models, of which one says little about the others; a key is the same for all.
        return key.then_some(Verdict { time, key });
    }
    let share = deployment.state.tally.failed(now);
    let routers = || config.policy.as_ref().filter(|_| own.allowed_fails.is_none())?.named(kind);
    let named = own_named.or_else(routers);
    let general = own.allowed_fails.or(config.allowed());
    let exceeds = |class: Option<FaultClass>, allowed| {
        let window = own.cooldown_time.unwrap_or(config.time);
        deployment.state.tally.exceeds(class, allowed, window, now)
    };
    let benches = match (named, general) {
        (Some((class, allowed)), _) => exceeds(Some(class), allowed),
        (None, _) if key => true,
        (None, Some(allowed)) => {
            let unset = own.allowed_fails.is_none() && config.allowed_fails.is_none();
            let at_once = kind == ErrorKind::RateLimit && !alone && (unset || error.retry_after().is_some());
            exceeds(None, allowed) || at_once
        }
        (None, None) => {
            let calls = share.good.saturating_add(share.bad);
            let failing = f64::from(share.bad) / f64::from(calls.max(1));
            kind == ErrorKind::NotFound
                || (share.good == 0 && calls >= LEAST_CALLS_ALONE)
                || (!alone && (kind == ErrorKind::RateLimit || (failing > SHARE && calls >= LEAST_CALLS)))
        }
    };
    benches.then_some(Verdict { time, key })
}

/// The deployment's time, else what the provider asked for, else the router's; zero for none.
fn bench_time(error: &Error, deployment: &Deployment, config: &CooldownConfig) -> Duration {
    let asked = error.retry_after().map(|wait| wait.min(config.max));
    deployment.config.cooldown_time.or(asked).unwrap_or(config.time)
}

/// Benches the deployment, its key or both, in the whole fleet. What is told is a change of state alone: in an outage many fail
/// at one time, and again after each cooldown.
pub fn bench(
    verdict: Verdict,
    benched: &Deployment,
    group: &str,
    lease: Option<&Lease>,
    cause: &'static str,
    now: Instant,
) {
    let (deployment, time, seconds) = (benched.id(), verdict.time, verdict.time.as_secs_f64());
    if verdict.key {
        let leaves = benched.key.start(now, time, cause);
        if let Some(lease) = lease {
            lease.cool_key(now, time, cause);
        }
        if leaves {
            log::warn!(deployment, group, cause, seconds; "key cools down wherever it is used");
        }
    }
    if !benched.is_wildcard() {
        let leaves = benched.state.bench.start(now, time, cause);
        if let Some(lease) = lease {
            lease.cool(now, time, cause);
        }
        if leaves {
            log::warn!(deployment, group, cause, seconds; "deployment cools down");
        }
    }
}

/// Tells what an answer has brought back; `seconds` are those since it began to cool down.
pub fn tell_back(back: Back, deployment: &Deployment, group: &str, now: Instant) {
    let deployment = deployment.id();
    let seconds = |since: Instant| now.saturating_duration_since(since).as_secs_f64();
    if let Some(seconds) = back.key.map(seconds) {
        log::info!(deployment, group, seconds; "key is back in service");
    }
    if let Some(seconds) = back.deployment.map(seconds) {
        log::info!(deployment, group, seconds; "deployment is back in service");
    }
}
