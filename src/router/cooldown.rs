//! When a failure benches a deployment, and for how long.

use std::time::{Duration, Instant};

use crate::config::CooldownConfig;
use crate::deployment::Deployment;
use crate::error::{Error, ErrorKind, FaultClass, Scope};

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
