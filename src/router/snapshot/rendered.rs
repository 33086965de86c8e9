//! What was collected, as JSON. Described in docs/snapshot.md: members are added, never taken away.

use serde::Serialize;
use serde_json::Value;

use crate::clock::Wall;
use crate::config::{Alias, AliasTarget};
use crate::deployment::{Limits, Used};
use crate::observe::SinkStatus;
use crate::provider::Unusable;
use crate::store::Status;

use super::super::budget::Standing;
use super::collected::{Collected, DeploymentNow, GroupNow};

/// `callbacks`: how each of them is, by its own account.
pub fn render(collected: &Collected<'_>, callbacks: &[SinkStatus]) -> String {
    let wall = &collected.wall;
    let groups: Vec<GroupState<'_>> = collected.groups.iter().map(|group| GroupState::of(group, wall)).collect();
    let snapshot = Snapshot {
        version: env!("CARGO_PKG_VERSION"),
        in_flight: groups.iter().map(|group| group.in_flight).sum(),
        waiting: collected.waiting,
        groups,
        aliases: collected.names.aliases().iter().map(AliasState::of).collect(),
        budgets: collected.budgets.iter().map(|standing| BudgetState::of(standing, wall)).collect(),
        cache: collected.cache.as_ref(),
        store: collected.store.as_ref().map(|status| StoreState::of(status, wall)),
        callbacks,
        warnings: collected.warnings.iter().map(WarningState::of).collect(),
    };
    let deployments: usize = collected.groups.iter().map(|group| group.deployments.len()).sum();
    let mut json = Vec::with_capacity(BYTES_BESIDE + BYTES_EACH * deployments);
    // Numbers and texts, which can't fail to become JSON.
    let _ = serde_json::to_writer(&mut json, &snapshot);
    String::from_utf8(json).unwrap_or_default()
}

/// Room that is taken at once, since growing to it would be a fifth of the time: for a deployment, and for all else.
const BYTES_EACH: usize = 768;
const BYTES_BESIDE: usize = 4096;

#[derive(Serialize)]
struct Snapshot<'a> {
    version: &'static str,
    in_flight: u64,
    waiting: usize,
    groups: Vec<GroupState<'a>>,
    aliases: Vec<AliasState<'a>>,
    budgets: Vec<BudgetState<'a>>,
    cache: Option<&'a Value>,
    store: Option<StoreState<'a>>,
    callbacks: &'a [SinkStatus],
    warnings: Vec<WarningState<'a>>,
}

#[derive(Serialize)]
struct GroupState<'a> {
    name: &'a str,
    state: &'static str,
    strategy: &'static str,
    in_flight: u64,
    rpm: u64,
    tpm: u64,
    spend: Option<f64>,
    deployments: Vec<DeploymentState<'a>>,
}

impl<'a> GroupState<'a> {
    fn of(now: &GroupNow<'a>, wall: &Wall) -> Self {
        let deployments: Vec<_> = now.deployments.iter().map(|one| DeploymentState::of(one, wall)).collect();
        let healthy = deployments.iter().filter(|deployment| deployment.state == HEALTHY).count();
        let sum = |of: fn(&DeploymentState<'_>) -> u64| deployments.iter().map(of).sum();
        let spend = now.deployments.iter().map(|deployment| deployment.spent).sum::<Option<f64>>();
        Self {
            name: &now.group.name,
            state: match healthy {
                0 => "down",
                _ if healthy < deployments.len() => "partial",
                _ => HEALTHY,
            },
            strategy: now.group.strategy.name(),
            in_flight: sum(|deployment| deployment.in_flight.into()),
            rpm: sum(|deployment| deployment.rpm),
            tpm: sum(|deployment| deployment.tpm),
            spend: spend.map(dollars),
            deployments,
        }
    }
}

const HEALTHY: &str = "healthy";

/// Times are Unix milliseconds.
#[derive(Serialize)]
struct DeploymentState<'a> {
    id: &'a str,
    provider: &'a str,
    model: &'a str,
    api_base: Option<String>,
    state: &'static str,
    cause: Option<&'a str>,
    since: Option<u64>,
    until: Option<u64>,
    from_fleet: bool,
    in_flight: u32,
    rpm: u64,
    tpm: u64,
    limits: LimitsState,
    left: Left,
    latency_ms: Option<f64>,
    ttft_ms: Option<f64>,
    succeeded: u64,
    failed: u64,
    spend: Option<f64>,
    weight: Option<f64>,
    order: Option<i64>,
    tags: Vec<&'a str>,
}

impl<'a> DeploymentState<'a> {
    fn of(now: &DeploymentNow<'a>, wall: &Wall) -> Self {
        let (deployment, cooldown) = (now.who.deployment(), now.cooldown.as_ref());
        let unusable = now.who.why();
        let millis = |seconds: Option<f64>| seconds.map(|seconds| (seconds * 1_000_000.0).round() / 1000.0);
        Self {
            id: deployment.id(),
            provider: &deployment.provider,
            model: &deployment.model,
            api_base: deployment.api_base(),
            state: match (unusable, cooldown) {
                (Some(_), _) => "blocked",
                (None, Some(_)) => "cooling",
                (None, None) => HEALTHY,
            },
            cause: unusable.map(Unusable::message).or(cooldown.map(|cooldown| cooldown.cause)),
            since: cooldown.map(|cooldown| wall.ms_of(cooldown.since)),
            until: cooldown.map(|cooldown| wall.ms_of(cooldown.until)),
            from_fleet: cooldown.is_some_and(|cooldown| cooldown.from_fleet),
            in_flight: now.in_flight,
            rpm: now.used.requests,
            tpm: now.used.tokens(),
            limits: LimitsState::of(now.limits, now.slots),
            left: Left::of(now.limits, now.used),
            latency_ms: millis(now.latency),
            ttft_ms: millis(now.ttft),
            succeeded: now.succeeded,
            failed: now.failed,
            spend: now.spent.map(dollars),
            weight: deployment.config.weight,
            order: deployment.config.order,
            tags: deployment.config.settings.texts("tags").collect(),
        }
    }
}

/// What a deployment may be asked in a minute, and at once.
#[derive(Serialize)]
struct LimitsState {
    rpm: Option<u64>,
    tpm: Option<u64>,
    itpm: Option<u64>,
    otpm: Option<u64>,
    max_parallel_requests: Option<u32>,
}

impl LimitsState {
    fn of(limits: Limits, slots: Option<u32>) -> Self {
        let [rpm, tpm, itpm, otpm] = limits.each().map(limit);
        Self { rpm, tpm, itpm, otpm, max_parallel_requests: slots }
    }
}

/// What of the limits is left of the last minute.
#[derive(Serialize)]
struct Left {
    requests: Option<u64>,
    tokens: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Left {
    fn of(limits: Limits, used: Used) -> Self {
        let [rpm, tpm, itpm, otpm] = limits.each().map(limit);
        let left = |limit: Option<u64>, used: u64| limit.map(|limit| limit.saturating_sub(used));
        Self {
            requests: left(rpm, used.requests),
            tokens: left(tpm, used.tokens()),
            input_tokens: left(itpm, used.input),
            output_tokens: left(otpm, used.output),
        }
    }
}

fn limit(limit: u64) -> Option<u64> {
    (limit != u64::MAX).then_some(limit)
}

/// Without what sums of fractions leave in the last places.
fn dollars(sum: f64) -> f64 {
    (sum * 1e12).round() / 1e12
}

#[derive(Serialize)]
struct AliasState<'a> {
    name: &'a str,
    /// `None` if the group that it stands for is not there.
    model_group: Option<&'a str>,
    hidden: bool,
}

impl<'a> AliasState<'a> {
    fn of((name, alias): (&'a String, &'a Alias)) -> Self {
        let model_group = match &alias.target {
            AliasTarget::Group(group) => Some(group.as_str()),
            AliasTarget::Missing(_) => None,
        };
        Self { name, model_group, hidden: alias.hidden }
    }
}

#[derive(Serialize)]
struct BudgetState<'a> {
    kind: &'static str,
    name: &'a str,
    limit: f64,
    spent: f64,
    period_s: f64,
    resets_at: Option<u64>,
}

impl<'a> BudgetState<'a> {
    fn of(standing: &Standing<'a>, wall: &Wall) -> Self {
        Self {
            kind: standing.kind,
            name: standing.name,
            limit: standing.config.limit,
            spent: dollars(standing.spent),
            period_s: standing.config.period.as_secs_f64(),
            resets_at: standing.resets_at.map(|end| wall.ms_of(end)),
        }
    }
}

/// How this process stands to the store: `alone` is by `mode`.
#[derive(Serialize)]
struct StoreState<'a> {
    engine: &'a str,
    state: &'static str,
    mode: &'static str,
    since: u64,
    last_error: Option<&'a str>,
    processes: u32,
    pending: usize,
    misses: u64,
}

impl<'a> StoreState<'a> {
    fn of(status: &'a Status, wall: &Wall) -> Self {
        Self {
            engine: &status.engine,
            state: if status.away { "alone" } else { "shared" },
            mode: status.on_failure.name(),
            since: wall.ms_of(status.since),
            last_error: status.last_error.as_deref(),
            processes: status.processes,
            pending: status.pending,
            misses: status.misses,
        }
    }
}

#[derive(Serialize)]
struct WarningState<'a> {
    path: &'a str,
    line: usize,
    message: &'a str,
}

impl<'a> WarningState<'a> {
    fn of(warning: &'a crate::config::Warning) -> Self {
        Self { path: &warning.path, line: warning.line, message: &warning.message }
    }
}
