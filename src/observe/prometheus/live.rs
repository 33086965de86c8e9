//! What is looked up when somebody reads: gauges of what is, and counters that others keep.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::proto::{Counter, Gauge, LabelPair, Metric as Sample, MetricFamily, MetricType};

use crate::deployment::Deployment;
use crate::observe::status::SinkStatus;

use super::counts::Learnt;
use super::labels::clean;
use super::settings::Settings;

/// What a provider said of its limits holds no longer than they do.
const MINUTE: Duration = Duration::from_secs(60);

/// How a router is, at one moment.
#[derive(Default)]
pub struct State {
    pub deployments: Vec<DeploymentState>,
    /// Calls that wait for somebody, by group.
    pub queues: BTreeMap<String, usize>,
    pub cache: Option<CacheState>,
    pub store: Option<StoreState>,
    /// Kind, name and what is left of it in dollars.
    pub budgets: Vec<(&'static str, String, f64)>,
    pub callbacks: Vec<SinkStatus>,
    /// Events that the listener and the sinks were too slow for.
    pub lost: (u64, u64),
}

/// How a deployment is.
pub struct DeploymentState {
    pub deployment: Arc<Deployment>,
    pub in_flight: u32,
    /// How long it cools down yet.
    pub cooling: Option<Duration>,
    /// Requests, tokens, tokens of prompts and of answers in a minute; `u64::MAX` for no limit.
    pub limits: [u64; 4],
    /// What is left of each.
    pub left: [u64; 4],
}

/// How the response cache is.
#[derive(Default)]
pub struct CacheState {
    pub hits: u64,
    pub misses: u64,
    pub joined: u64,
    pub evicted: u64,
    pub entries: u64,
    pub bytes: u64,
}

/// How this process stands to the store.
pub struct StoreState {
    pub is_shared: bool,
    pub processes: u32,
    pub pending: usize,
    pub misses: u64,
}

/// How samples become one that have lost the label which told them apart.
#[derive(Clone, Copy)]
enum Merge {
    Sum,
    Most,
}

struct Spec {
    name: &'static str,
    merge: Merge,
    help: &'static str,
}

macro_rules! live {
    ($($gauge:ident: $name:literal, $merge:expr, $help:literal;)*) => {
        #[derive(Clone, Copy)]
        #[repr(usize)]
        enum Live { $($gauge),* }

        const SPECS: &[Spec] = &[$(Spec { name: $name, merge: $merge, help: $help }),*];
    };
}

live! {
    Outage: "litellm_deployment_state", Merge::Most,
        "0: healthy, 1: its last attempt failed by a fault of its own, 2: it cools down";
    Tpm: "litellm_deployment_tpm_limit", Merge::Sum, "Tokens that a deployment may process in a minute";
    Rpm: "litellm_deployment_rpm_limit", Merge::Sum, "Requests that a deployment may get in a minute";
    RemainingRequests: "litellm_remaining_requests_metric", Merge::Sum,
        "Requests left in the minute: what the provider said, else by the deployment's own limit";
    RemainingTokens: "litellm_remaining_tokens_metric", Merge::Sum,
        "Tokens left in the minute: what the provider said, else by the deployment's own limit";
    RemainingBudget: "litellm_provider_remaining_budget_metric", Merge::Sum,
        "Dollars left of a provider's budget in its period";
    CallbackFailures: "litellm_callback_logging_failures_metric_total", Merge::Sum,
        "Events that a callback lost or could not deliver";
    InFlight: "llmrouter_in_flight", Merge::Sum, "Attempts that a deployment is at work on";
    Queue: "llmrouter_queue", Merge::Sum, "Calls of a group that wait until a deployment is free";
    Cooling: "llmrouter_deployment_cooling", Merge::Most, "1 while a deployment or its key cools down, else 0";
    CoolingSeconds: "llmrouter_cooldown_seconds_left", Merge::Most, "Seconds until a deployment returns; 0 if it is not cooling down";
    Remaining: "llmrouter_limit_remaining", Merge::Sum,
        "What is left of a deployment's own limits in the minute, use of the fleet counted: requests, tokens, input_tokens, output_tokens";
    Budget: "llmrouter_budget_remaining_dollars", Merge::Sum, "Dollars left of the budget of a provider, deployment or tag in its period";
    Hits: "llmrouter_cache_hits_total", Merge::Sum, "Looks at the response cache that found an answer";
    Misses: "llmrouter_cache_misses_total", Merge::Sum, "Looks at the response cache in vain";
    Joined: "llmrouter_cache_joined_total", Merge::Sum, "Calls that got the answer of an equal one under way";
    Evicted: "llmrouter_cache_evicted_total", Merge::Sum, "Answers that made room for others in the response cache";
    Entries: "llmrouter_cache_entries", Merge::Sum, "Answers in the response cache";
    Bytes: "llmrouter_cache_bytes", Merge::Sum, "Memory of the answers in the response cache";
    Shared: "llmrouter_store_shared", Merge::Most, "1 while this process shares state with its fleet, 0 while it is alone";
    Processes: "llmrouter_store_processes", Merge::Sum, "Processes of the fleet";
    Pending: "llmrouter_store_pending", Merge::Sum, "Changes that the store was not told yet";
    StoreMisses: "llmrouter_store_misses_total", Merge::Sum, "Waits for the store that ended without an answer";
    Lost: "llmrouter_events_lost_total", Merge::Sum, "Events that an observer was too slow for: listener, sinks";
    Sent: "llmrouter_callback_sent_total", Merge::Sum, "What a callback has delivered";
    CallbackLost: "llmrouter_callback_lost_total", Merge::Sum, "What a callback has lost";
    Waiting: "llmrouter_callback_waiting", Merge::Sum, "What a callback has yet to send";
    Build: "llmrouter_build_info", Merge::Most, "1; the label is the version";
}

/// All names.
#[cfg(test)]
pub fn names() -> impl Iterator<Item = &'static str> {
    SPECS.iter().map(|spec| spec.name)
}

type Labels = Vec<(&'static str, String)>;

struct Sheet<'s> {
    settings: &'s Settings,
    samples: Vec<BTreeMap<Labels, f64>>,
}

impl Sheet<'_> {
    fn put(&mut self, live: Live, labels: &[(&'static str, &str)], value: f64) {
        let (Some(spec), Some(samples)) = (SPECS.get(live as usize), self.samples.get_mut(live as usize)) else {
            return;
        };
        if !self.settings.has_metric(spec.name) {
            return;
        }
        let kept = labels.iter().filter(|(name, _)| self.settings.has_label(spec.name, name));
        let mut labels: Labels = kept.map(|(name, value)| (*name, clean(value).into_owned())).collect();
        labels.sort_unstable();
        let merge = |own: f64| match spec.merge {
            Merge::Sum => own + value,
            Merge::Most => own.max(value),
        };
        samples.entry(labels).and_modify(|own| *own = merge(*own)).or_insert(value);
    }

    #[allow(clippy::cast_precision_loss)]
    fn count(&mut self, live: Live, labels: &[(&'static str, &str)], value: u64) {
        self.put(live, labels, value as f64);
    }
}

/// The families of what is now; none without samples.
pub fn families(
    state: &State,
    learnt: &BTreeMap<String, Learnt>,
    now: Instant,
    settings: &Settings,
) -> Vec<MetricFamily> {
    let mut sheet = Sheet { settings, samples: vec![BTreeMap::new(); SPECS.len()] };
    for own in &state.deployments {
        deployment(&mut sheet, own, learnt.get(own.deployment.id()).copied().unwrap_or_default(), now);
    }
    for (group, waiting) in &state.queues {
        sheet.count(Live::Queue, &[("model_group", group)], *waiting as u64);
    }
    for (kind, name, left) in &state.budgets {
        sheet.put(Live::Budget, &[("kind", kind), ("name", name)], *left);
        if *kind == "provider" {
            sheet.put(Live::RemainingBudget, &[("api_provider", name)], *left);
        }
    }
    if let Some(cache) = &state.cache {
        sheet.count(Live::Hits, &[], cache.hits);
        sheet.count(Live::Misses, &[], cache.misses);
        sheet.count(Live::Joined, &[], cache.joined);
        sheet.count(Live::Evicted, &[], cache.evicted);
        sheet.count(Live::Entries, &[], cache.entries);
        sheet.count(Live::Bytes, &[], cache.bytes);
    }
    if let Some(store) = &state.store {
        sheet.count(Live::Shared, &[], u64::from(store.is_shared));
        sheet.count(Live::Processes, &[], store.processes.into());
        sheet.count(Live::Pending, &[], store.pending as u64);
        sheet.count(Live::StoreMisses, &[], store.misses);
    }
    for callback in &state.callbacks {
        let labels = [("callback_name", callback.name.as_str())];
        sheet.count(Live::CallbackFailures, &labels, callback.lost);
        sheet.count(Live::Sent, &labels, callback.sent);
        sheet.count(Live::CallbackLost, &labels, callback.lost);
        sheet.count(Live::Waiting, &labels, callback.waiting);
    }
    sheet.count(Live::Lost, &[("observer", "listener")], state.lost.0);
    sheet.count(Live::Lost, &[("observer", "sinks")], state.lost.1);
    sheet.put(Live::Build, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    let all = SPECS.iter().zip(sheet.samples).filter(|(_, samples)| !samples.is_empty());
    all.map(|(spec, samples)| family(spec, samples)).collect()
}

#[allow(clippy::cast_precision_loss)]
fn deployment(sheet: &mut Sheet<'_>, own: &DeploymentState, learnt: Learnt, now: Instant) {
    let deployment = &*own.deployment;
    let base = deployment.api_base().unwrap_or_default();
    let place = [
        ("model_group", deployment.config.group.as_str()),
        ("litellm_model_name", &deployment.model),
        ("model_id", deployment.id()),
        ("api_base", &base),
        ("api_provider", &deployment.provider),
    ];
    let outage = match (own.cooling, learnt.is_failing) {
        (Some(_), _) => 2,
        (None, failing) => u64::from(failing),
    };
    sheet.count(Live::Outage, &place[1..], outage);
    sheet.count(Live::InFlight, &place, own.in_flight.into());
    sheet.count(Live::Cooling, &place, own.cooling.is_some().into());
    sheet.put(Live::CoolingSeconds, &place, own.cooling.unwrap_or_default().as_secs_f64());
    let config = &deployment.config;
    for (live, limit) in [(Live::Tpm, config.tpm), (Live::Rpm, config.rpm)] {
        if let Some(limit) = limit {
            sheet.put(live, &place, limit);
        }
    }
    let kinds = ["requests", "tokens", "input_tokens", "output_tokens"];
    let limited = |at: usize| own.limits.get(at).is_some_and(|limit| *limit != u64::MAX);
    let left = |at: usize| own.left.get(at).copied().filter(|_| limited(at));
    for (at, kind) in kinds.into_iter().enumerate() {
        if let Some(left) = left(at) {
            let labels: Vec<_> = place.into_iter().chain([("kind", kind)]).collect();
            sheet.count(Live::Remaining, &labels, left);
        }
    }
    let told = |said: Option<(u64, Instant)>| said.filter(|(_, at)| now.saturating_duration_since(*at) < MINUTE);
    let all = [(Live::RemainingRequests, learnt.requests, 0), (Live::RemainingTokens, learnt.tokens, 1)];
    for (live, said, at) in all {
        if let Some(left) = told(said).map(|(left, _)| left).or_else(|| left(at)) {
            sheet.count(live, &place, left);
        }
    }
}

fn family(spec: &Spec, samples: BTreeMap<Labels, f64>) -> MetricFamily {
    let is_counter = spec.name.ends_with("_total");
    let sample = |(labels, value): (Labels, f64)| {
        let mut sample = Sample::from_label(labels.into_iter().map(pair).collect());
        if is_counter {
            let mut counter = Counter::default();
            counter.set_value(value);
            sample.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            sample.set_gauge(gauge);
        }
        sample
    };
    let mut family = MetricFamily::default();
    family.set_name(spec.name.to_owned());
    family.set_help(spec.help.to_owned());
    family.set_field_type(if is_counter { MetricType::COUNTER } else { MetricType::GAUGE });
    family.set_metric(samples.into_iter().map(sample).collect());
    family
}

fn pair((name, value): (&str, String)) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value);
    pair
}
