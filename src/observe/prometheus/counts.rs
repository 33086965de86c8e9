//! What an event adds to which metric.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use prometheus::Registry;

use crate::clock;
use crate::error::{Error, Scope};
use crate::observe::event::{AttemptEnded, CallEnded, Ended, Event};
use crate::observe::record::Record;
use crate::pricing::Tokens;

use super::catalogue::{Metric, SPECS};
use super::family::{Family, Series};
use super::labels::{Label, Values, custom_names};
use super::names::Names;
use super::settings::Settings;
use super::subject::{Subject, cause};

/// Sets of series that are kept at hand; users in labels would make it any number.
const MOST_SETS: usize = 4096;
const PHASES: [&str; 5] = ["resolve", "connect", "headers", "first_content", "stream"];

/// All that was counted. One thread counts; whoever reads waits for it no longer than an event takes.
pub struct Counts {
    settings: Settings,
    pub names: Names,
    families: Vec<Family>,
    sets: HashMap<Box<[u8]>, Set>,
    key: Vec<u8>,
    /// By the deployments' ids.
    pub learnt: HashMap<String, Learnt>,
    /// When idle series were looked for.
    cleaned: Instant,
}

/// The series of all events that have the same labels, as they were looked up.
struct Set {
    series: Vec<Series>,
    phases: [Series; PHASES.len()],
}

/// What events told of a deployment.
#[derive(Clone, Copy, Default)]
pub struct Learnt {
    /// Its last attempt failed, and not by the caller's fault.
    pub is_failing: bool,
    /// What its provider said was left, and when.
    pub requests: Option<(u64, Instant)>,
    pub tokens: Option<(u64, Instant)>,
}

/// One event's way to its series.
struct Adding<'c, 's> {
    families: &'c mut [Family],
    set: &'c mut Set,
    subject: &'s Subject<'s>,
    values: Option<Values>,
}

impl Counts {
    pub fn new(settings: &Settings, registry: &Registry) -> Result<Self, prometheus::Error> {
        let custom = custom_names(settings);
        let families = SPECS.iter().map(|spec| Family::new(spec, settings, &custom, registry));
        Ok(Self {
            settings: settings.clone(),
            names: Names::default(),
            families: families.collect::<Result<_, _>>()?,
            sets: HashMap::new(),
            key: Vec::new(),
            learnt: HashMap::new(),
            cleaned: clock::now(),
        })
    }

    /// Goes by another configuration from now on: the names that it knows, and the ids of its deployments.
    pub fn know(&mut self, names: impl Iterator<Item = String>, is_there: impl Fn(&str) -> bool) {
        self.names.know(names);
        self.sets.clear();
        self.learnt.retain(|id, _| is_there(id));
    }

    /// Forgets series that nobody adds to, if that is wanted and due.
    pub fn clean(&mut self) {
        let Some(ttl) = self.settings.ttl else { return };
        let now = clock::now();
        if now.saturating_duration_since(self.cleaned) < self.settings.cleanup_interval {
            return;
        }
        self.cleaned = now;
        let forgotten =
            self.families.iter_mut().filter_map(|family| family.forget_idle(ttl, now).then_some(())).count();
        if forgotten > 0 {
            self.sets.clear();
        }
    }

    pub fn take(&mut self, event: &Event) {
        self.clean();
        let subject = Subject::of(event, &mut self.names, &self.settings);
        subject.key(event.is_call(), &mut self.key);
        if !self.sets.contains_key(self.key.as_slice()) {
            if self.sets.len() >= MOST_SETS {
                self.sets.clear();
            }
            self.sets.insert(self.key.as_slice().into(), Set::default());
        }
        let Some(set) = self.sets.get_mut(self.key.as_slice()) else { return };
        let mut adding = Adding { families: &mut self.families, set, subject: &subject, values: None };
        match &event.ended {
            Ended::Attempt(attempt) => {
                adding.attempt(event, attempt);
                learn(&mut self.learnt, event, &subject);
            }
            Ended::Call(call) => {
                adding.call(event, call);
                adding.fallbacks(event, call, &mut self.names);
            }
        }
    }
}

impl Default for Set {
    fn default() -> Self {
        Self { series: vec![Series::Unknown; SPECS.len()], phases: Default::default() }
    }
}

impl Adding<'_, '_> {
    fn add(&mut self, metric: Metric, amount: f64) {
        let (families, values) = (&mut *self.families, &mut self.values);
        let (Some(series), Some(family)) =
            (self.set.series.get_mut(metric as usize), families.get_mut(metric as usize))
        else {
            return;
        };
        if matches!(series, Series::Unknown) {
            *series = family.series(values.get_or_insert_with(|| self.subject.values()));
        }
        series.add(amount);
    }

    fn count(&mut self, metric: Metric, more: u64) {
        // A series that never counts anything is none.
        if more > 0 {
            #[allow(clippy::cast_precision_loss)]
            self.add(metric, more as f64);
        }
    }

    fn attempt(&mut self, event: &Event, attempt: &AttemptEnded) {
        let record = &attempt.record;
        self.add(Metric::Attempts, 1.0);
        self.phases(record);
        if record.cooled.is_some() {
            self.add(Metric::CooledDown, 1.0);
        }
        match self.subject.status {
            "success" => {
                self.add(Metric::Requests, 1.0);
                self.add(Metric::Successes, 1.0);
            }
            "failure" => {
                self.add(Metric::Requests, 1.0);
                self.add(Metric::Failures, 1.0);
            }
            _ => {}
        }
        let usage = event.usage();
        let tokens = usage.as_ref().and_then(|usage| usage.tokens).unwrap_or_default();
        if event.error.is_none() {
            self.times(event, record, &tokens);
        }
        self.tokens(&tokens);
        match event.cost() {
            Some(cost) if cost > 0.0 => self.add(Metric::Spend, cost),
            None if event.error.is_none() => self.add(Metric::Unpriced, 1.0),
            _ => {}
        }
    }

    fn times(&mut self, event: &Event, record: &Record, tokens: &Tokens) {
        let took = record.took.as_secs_f64();
        self.add(Metric::ApiLatency, took);
        if let Some(first) = event.ttft() {
            self.add(Metric::FirstToken, first.as_secs_f64());
        }
        if tokens.completion > 0 {
            #[allow(clippy::cast_precision_loss)]
            self.add(Metric::PerToken, took / tokens.completion as f64);
        }
    }

    fn tokens(&mut self, tokens: &Tokens) {
        self.count(Metric::Tokens, tokens.prompt + tokens.completion);
        self.count(Metric::InputTokens, tokens.prompt);
        self.count(Metric::OutputTokens, tokens.completion);
        self.count(Metric::InputCached, tokens.cached);
        self.count(Metric::InputCacheCreation, tokens.created);
        self.count(Metric::InputAudio, tokens.prompt_audio);
        self.count(Metric::OutputReasoning, tokens.reasoning);
        self.count(Metric::OutputAudio, tokens.completion_audio);
        self.count(Metric::ProviderCacheRead, tokens.cached);
        self.count(Metric::ProviderCacheCreation, tokens.created);
    }

    fn phases(&mut self, record: &Record) {
        let phases = record.phases;
        let times = [phases.resolve, phases.connect, phases.headers, phases.first_content, phases.stream];
        let families = &mut *self.families;
        let Some(family) = families.get_mut(Metric::PhaseSeconds as usize) else { return };
        for ((series, name), time) in self.set.phases.iter_mut().zip(PHASES).zip(times) {
            if matches!(series, Series::Unknown) {
                let values = self.values.get_or_insert_with(|| self.subject.values()).clone();
                *series = family.series(&values.with(Label::Phase, name));
            }
            series.add(time.as_secs_f64());
        }
    }

    fn call(&mut self, event: &Event, call: &CallEnded) {
        self.add(Metric::Calls, 1.0);
        if let Some(overhead) = call.overhead {
            self.add(Metric::OwnOverhead, overhead.as_secs_f64());
        }
        if let Some(first) = call.ttft {
            self.add(Metric::OwnFirstToken, first.as_secs_f64());
        }
        if event.error.is_some() {
            return;
        }
        self.add(Metric::CallLatency, call.took.as_secs_f64());
        if let Some(overhead) = call.overhead {
            self.add(Metric::Overhead, overhead.as_secs_f64());
        }
        if call.kept.is_some() {
            self.add(Metric::CacheHits, 1.0);
            let tokens = event.usage().and_then(|usage| usage.tokens).unwrap_or_default();
            self.count(Metric::CachedTokens, tokens.prompt + tokens.completion);
        } else if call.missed {
            self.add(Metric::CacheMisses, 1.0);
        }
    }

    /// Each group behind the first one that was tried in its stead.
    fn fallbacks(&mut self, event: &Event, call: &CallEnded, names: &mut Names) {
        let Some(first) = call.records.first() else { return };
        let kept = call.kept.as_ref().map(|kept| kept.group.as_str());
        let mut groups: Vec<&str> = call.records.iter().map(|record| &*record.group).chain(kept).collect();
        groups.dedup();
        if groups.len() < 2 {
            return;
        }
        let last = groups.len() - 1;
        for (place, group) in groups.iter().enumerate().filter(|(_, group)| ***group != *first.group) {
            let status = match (place == last, &event.error) {
                (true, None) => "success",
                (true, Some(_)) if event.is_cancelled() => "cancelled",
                _ => "failure",
            };
            let own = |record: &&Arc<Record>| *record.group == **group && record.is_attempt();
            let asked = call.records.iter().rev().find(own).and_then(|record| record.deployment.as_deref());
            let failed = |record: &&Arc<Record>| record.group == first.group && record.error.is_some();
            let (code, class) = cause(call.records.iter().rev().find(failed).map(Arc::as_ref));
            let values = self.subject.values();
            let values = values
                .with(Label::FallbackModel, names.shown(group))
                .with(Label::ModelId, asked.map_or("", |deployment| deployment.id()))
                .with(Label::ExceptionStatus, &code)
                .with(Label::ExceptionClass, &class)
                .with(Label::Status, status);
            let litellms = match status {
                "success" => Some(Metric::FallbackSuccesses),
                "failure" => Some(Metric::FallbackFailures),
                _ => None,
            };
            for metric in litellms.into_iter().chain([Metric::Fallbacks]) {
                if let Some(family) = self.families.get_mut(metric as usize) {
                    family.series(&values).add(1.0);
                }
            }
        }
    }
}

/// How a deployment does, for the gauges.
fn learn(learnt: &mut HashMap<String, Learnt>, event: &Event, subject: &Subject<'_>) {
    let headers = event.headers();
    if subject.status == "cancelled" && headers.is_empty() {
        return;
    }
    let Some(own) = learnt.get_mut(subject.model_id) else {
        learnt.insert(subject.model_id.to_owned(), Learnt::default());
        return learn(learnt, event, subject);
    };
    // What a caller did wrong says nothing about who refused it.
    match event.error.as_deref().map(Error::scope) {
        None => own.is_failing = false,
        Some(Scope::Deployment | Scope::Key) if subject.status == "failure" => own.is_failing = true,
        Some(_) => {}
    }
    let now = clock::now();
    let number = |name: &str| headers.iter().find(|(other, _)| *other == name)?.1.trim().parse().ok();
    let left = |names: [&str; 2]| names.into_iter().find_map(number).map(|left| (left, now));
    own.requests = left(["x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"]).or(own.requests);
    own.tokens = left(["x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-remaining"]).or(own.tokens);
}
