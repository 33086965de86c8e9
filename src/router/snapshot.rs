//! The state of everything, as JSON: what the router would answer if it were asked how it is.

use serde_json::{Value, json};

use crate::clock;
use crate::config::Warning;
use crate::deployment::Deployment;
use crate::provider::Unusable;
use crate::store::{Fleet, Lease};

use super::group::Group;
use super::names::Names;

/// `cache` is its own account of itself, if there is one.
pub fn render(names: &Names, cache: Option<Value>, fleet: Option<&Fleet>, warnings: &[Warning]) -> String {
    let snapshot = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "groups": names.groups().map(group).collect::<Vec<_>>(),
        "cache": cache,
        "store": fleet.map(store),
        "warnings": warnings.iter().map(warning).collect::<Vec<_>>(),
    });
    snapshot.to_string()
}

fn group(group: &Group) -> Value {
    let usable = group
        .usable()
        .map(|member| (member.place, deployment(member.deployment(), member.facts.lease.as_deref(), None)));
    let unusable =
        group.unusable().map(|outsider| (outsider.place, deployment(&outsider.deployment, None, Some(&outsider.why))));
    let mut deployments: Vec<_> = usable.chain(unusable).collect();
    deployments.sort_by_key(|(place, _)| *place);
    let deployments: Vec<_> = deployments.into_iter().map(|(_, deployment)| deployment).collect();
    json!({"name": &*group.name, "deployments": deployments})
}

/// In file order; times are Unix milliseconds.
fn deployment(deployment: &Deployment, lease: Option<&Lease>, unusable: Option<&Unusable>) -> Value {
    let now = clock::now();
    let cooldown = deployment.cooldown(now);
    let others = lease.map(|lease| lease.others(now)).unwrap_or_default();
    let used = deployment.state.window.used(now).plus(others);
    let millis = |seconds: Option<f64>| seconds.map(|seconds| (seconds * 1_000_000.0).round() / 1000.0);
    let state = match (unusable, &cooldown) {
        (Some(_), _) => "blocked",
        (None, Some(_)) => "cooling",
        (None, None) => "healthy",
    };
    let cause = unusable.map(Unusable::message).or(cooldown.as_ref().map(|cooldown| cooldown.cause));
    let (succeeded, failed) = deployment.counts();
    json!({
        "id": deployment.id(),
        "provider": deployment.provider,
        "model": deployment.model,
        "api_base": deployment.api_base(),
        "state": state,
        "cause": cause,
        "since": cooldown.as_ref().map(|cooldown| clock::unix_ms_of(cooldown.since)),
        "until": cooldown.as_ref().map(|cooldown| clock::unix_ms_of(cooldown.until)),
        "from_fleet": cooldown.as_ref().is_some_and(|cooldown| cooldown.from_fleet),
        "in_flight": deployment.in_flight(),
        "rpm": used.requests,
        "tpm": used.tokens(),
        "latency_ms": millis(deployment.state.latency.value(now)),
        "ttft_ms": millis(deployment.state.ttft.value(now)),
        "succeeded": succeeded,
        "failed": failed,
    })
}

/// How this process stands to the store: `alone` is by `mode`.
fn store(fleet: &Fleet) -> Value {
    let status = fleet.status();
    json!({
        "engine": status.engine,
        "state": if status.away { "alone" } else { "shared" },
        "mode": status.on_failure.name(),
        "since": clock::unix_ms_of(status.since),
        "last_error": status.last_error,
        "processes": status.processes,
        "pending": status.pending,
        "misses": status.misses,
    })
}

fn warning(warning: &Warning) -> Value {
    json!({"path": warning.path, "line": warning.line, "message": warning.message})
}
