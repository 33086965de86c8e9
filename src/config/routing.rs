//! How deployments are chosen: the router's strategy, those of `routing_groups`, and their arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use super::groups::Groups;
use super::model::{RoutingConfig, RoutingGroup, StrategyConfig};
use super::report::Report;
use super::sections::Read;
use super::settings::Settings;

const DEFAULT_STRATEGY: &str = "simple-shuffle";
/// The strategy of a routing group that gives its models levels instead.
const PRIORITY: &str = "priority";
/// LiteLLM's: what takes no part in the choice by itself, or cannot.
const BUDGETS_ALONE: &str = "provider-budget-routing";
const NOT_IN_FORCE: [&str; 1] = ["lar1"];
const RESERVED: &str = "default";

const DEFAULT_TTL: Duration = Duration::from_secs(3600);
const DEFAULT_SIZE: u32 = 10;

pub fn read(read: &Read, groups: &Groups, report: &mut Report) -> RoutingConfig {
    let router = &read.sections.router;
    let path = |name: &str| read.router_path(name);
    let mut checks = router.texts("optional_pre_call_checks");
    RoutingConfig {
        strategy: strategy(router, &path("routing_strategy"), report),
        groups: routing_groups(read, groups, report),
        wait_when_exhausted: read.sections.llmrouter.text("on_exhausted") == Some("wait"),
        default_priority: router.get("default_priority").and_then(serde_json::Value::as_i64),
        enforce_limits: checks.any(|check| check == "enforce_model_rate_limits")
            || router.flag("enable_pre_call_checks").unwrap_or(false),
        max_parallel: router.count("default_max_parallel_requests"),
    }
}

/// The strategy that a section names, with its arguments.
fn strategy(section: &Settings, path: &str, report: &mut Report) -> StrategyConfig {
    let mut name = section.text("routing_strategy").unwrap_or(DEFAULT_STRATEGY);
    if NOT_IN_FORCE.contains(&name) {
        report.warn(path, format!("{name} is not in force, {DEFAULT_STRATEGY} is used"));
    }
    if NOT_IN_FORCE.contains(&name) || name == BUDGETS_ALONE {
        name = DEFAULT_STRATEGY;
    }
    let args = section.section("routing_strategy_args");
    let mut percentile = |name: &str| {
        let share = args.number(name)?;
        if share > 0.0 && share <= 1.0 {
            return Some(share);
        }
        report.error(&format!("{path}_args.{name}"), "no share", "it must be above 0 and at most 1");
        None
    };
    StrategyConfig {
        name: name.to_owned(),
        ttl: args.time("ttl").unwrap_or(DEFAULT_TTL),
        buffer: args.number("lowest_latency_buffer").unwrap_or(0.0),
        size: args.count("max_latency_list_size").unwrap_or(DEFAULT_SIZE) as usize,
        latency_percentile: percentile("latency_percentile"),
        ttft_percentile: percentile("ttft_percentile"),
    }
}

/// What the routing groups are called.
pub fn names(read: &Read) -> impl Iterator<Item = &str> {
    let written = read.sections.router.get("routing_groups").and_then(serde_json::Value::as_array);
    written.into_iter().flatten().filter_map(|entry| entry.get("group_name")?.as_str())
}

fn routing_groups(read: &Read, groups: &Groups, report: &mut Report) -> Vec<RoutingGroup> {
    let written = read.sections.router.get("routing_groups").and_then(serde_json::Value::as_array);
    let mut all: Vec<RoutingGroup> = Vec::new();
    for (place, entry) in written.into_iter().flatten().enumerate() {
        let path = read.router_path(&format!("routing_groups[{place}]"));
        let Some(entry) = entry.as_object() else { continue };
        let entry = Settings::new(entry.clone());
        let group = RoutingGroup {
            name: entry.text("group_name").unwrap_or_default().to_owned(),
            models: entry.texts("models").map(str::to_owned).collect(),
            strategy: match entry.text("routing_strategy") {
                Some(PRIORITY) => strategy(&Settings::default(), &path, report),
                _ => strategy(&entry, &format!("{path}.routing_strategy"), report),
            },
            priorities: (entry.text("routing_strategy") == Some(PRIORITY)).then(|| priorities(&entry)),
        };
        check(&group, &all, groups, &path, report);
        all.push(group);
    }
    all
}

fn priorities(entry: &Settings) -> BTreeMap<String, i64> {
    let section = entry.section("model_priorities");
    section.iter().filter_map(|(model, level)| Some((model.to_owned(), level.as_i64()?))).collect()
}

fn check(group: &RoutingGroup, before: &[RoutingGroup], groups: &Groups, path: &str, report: &mut Report) {
    let name = &group.name;
    if name.is_empty() || name == RESERVED {
        report.error(&format!("{path}.group_name"), "no name", "a routing group needs one, other than \"default\"");
    }
    if before.iter().any(|other| other.name == *name) {
        report.error(&format!("{path}.group_name"), "repeated name", format!("\"{name}\" was named before"));
    }
    let taken = |model: &&String| {
        group.priorities.is_none()
            && before.iter().any(|other| other.priorities.is_none() && other.models.contains(model))
    };
    if let Some(model) = group.models.iter().find(taken) {
        report.error(&format!("{path}.models"), "a model of two groups", format!("\"{model}\" is in another one"));
    }
    for model in group.models.iter().filter(|model| !groups.has(model)) {
        report.warn(&format!("{path}.models"), format!("no model group is named \"{model}\""));
    }
    let Some(priorities) = &group.priorities else { return };
    if !priorities.keys().eq(group.models.iter().collect::<std::collections::BTreeSet<_>>()) {
        report.error(
            &format!("{path}.model_priorities"),
            "other models",
            "it must give a priority to each of models, and to no other",
        );
    }
    if groups.has(name) {
        report.error(&format!("{path}.group_name"), "a taken name", format!("\"{name}\" is a model group"));
    }
}
