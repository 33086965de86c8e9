//! All that happened in one call: what metadata, budgets and observers read.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chat::Request;
use crate::clock::{self, Waited};
use crate::deployment::Deployment;
use crate::observe::{Joined, Record, Watcher, attempts_at, fallbacks};
use crate::transport::Phases;

use super::caching::Hit;
use super::stream::Usage;

/// All that happened in one call, in order.
#[derive(Clone)]
pub struct Trail {
    pub call_id: u64,
    pub records: Vec<Arc<Record>>,
    pub latency: Duration,
    /// Parameters that did not reach the provider, options without effect among them.
    pub dropped_params: Vec<String>,
    /// Time spent waiting for providers and between attempts.
    pub waited: Waited,
    rare: Option<Box<Rare>>,
    /// Who hears of the call, if anybody does.
    pub watcher: Option<Arc<Watcher>>,
    /// When the call began.
    pub start: Instant,
}

/// What few calls have.
#[derive(Clone, Default)]
pub struct Rare {
    /// Characters of a text to be spoken.
    pub characters: Option<NonZeroU32>,
    /// What was planned, where the request asked to be told.
    pub plan: Option<Value>,
    /// What was kept and answers, if it does.
    pub hit: Option<Hit>,
    /// The usage that was paid for, where a part of the answer was kept.
    pub fresh_usage: Option<String>,
    /// The call looked in the cache in vain.
    pub missed: bool,
    /// Of a stream that others went on with.
    pub parts: Option<Parts>,
}

/// A stream that came from more than one deployment, each at its own price.
#[derive(Clone)]
pub struct Parts {
    pub joined: Joined,
    /// Who gave the parts before the last one, and what each of them cost, where that is known.
    pub paid: Vec<(Arc<Deployment>, f64)>,
    /// What the last part used, once it has ended.
    pub last: Option<Usage>,
}

impl Trail {
    pub fn plan(&self) -> Option<&Value> {
        self.rare.as_ref()?.plan.as_ref()
    }

    pub fn hit(&self) -> Option<&Hit> {
        self.rare.as_ref()?.hit.as_ref()
    }

    pub fn characters(&self) -> Option<NonZeroU32> {
        self.rare.as_ref()?.characters
    }

    pub fn fresh_usage(&self) -> Option<&str> {
        self.rare.as_ref()?.fresh_usage.as_deref()
    }

    pub fn missed(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.missed)
    }

    /// What the parts of a stream that broke came to, if others went on with it.
    pub fn joined(&self) -> Option<&Parts> {
        self.rare.as_ref()?.parts.as_ref()
    }

    pub fn parts(&mut self) -> Option<&mut Parts> {
        self.rare.as_mut()?.parts.as_mut()
    }

    /// A part of a stream broke and is gone on with; `cost` is its own, if that is known.
    pub fn add_part(&mut self, by: Option<Arc<Deployment>>, cost: Option<f64>) {
        let before = self.rare().parts.take();
        let (cost_before, mut paid) =
            before.map_or((Some(0.0), Vec::new()), |parts| (parts.joined.cost_before, parts.paid));
        paid.extend(by.zip(cost));
        let cost_before = cost_before.zip(cost).map(|(before, cost)| before + cost);
        self.rare().parts = Some(Parts { joined: Joined { cost_before, ..Joined::default() }, paid, last: None });
    }

    pub fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub fn new(call_id: u64) -> Self {
        Self {
            call_id,
            records: Vec::new(),
            latency: Duration::ZERO,
            dropped_params: Vec::new(),
            waited: Waited::default(),
            rare: None,
            watcher: None,
            start: clock::now(),
        }
    }

    pub fn push(&mut self, record: impl Into<Arc<Record>>) {
        self.records.push(record.into());
    }

    /// What the call took beyond attempts and waits.
    pub fn overhead(&self) -> Duration {
        self.latency.saturating_sub(self.waited.total())
    }

    /// Ends a stream, which its reader had: what has passed since is the provider's time and the reader's, and none of ours.
    pub fn stop_reading(&mut self) {
        self.stop_with(self.overhead());
    }

    /// The same where we have been at work since.
    pub fn stop_with(&mut self, overhead: Duration) {
        self.stop();
        self.waited.set(self.latency.saturating_sub(overhead));
    }

    /// How many times a deployment was asked.
    pub fn attempts(&self) -> usize {
        self.records.iter().filter(|record| record.is_attempt()).count()
    }

    /// How many times a deployment of this group was asked.
    pub fn attempts_in(&self, group: &str) -> u32 {
        u32::try_from(attempts_at(&self.records, group)).unwrap_or(u32::MAX)
    }

    /// Leaves only the attempts of the records behind so many: what was passed over once need not be told again.
    pub fn forget_skips_after(&mut self, records: usize) {
        let mut place = 0;
        self.records.retain(|record| {
            place += 1;
            place <= records || record.skipped.is_none()
        });
    }

    /// Notes a deployment that does not go with the request.
    pub fn skip_deployment(&mut self, group: &Arc<str>, deployment: &Arc<Deployment>, reason: &str) {
        self.skip(Arc::clone(group), Some(Arc::clone(deployment)), reason.to_owned());
    }

    /// Notes parameters that were left out for the attempt that follows.
    pub fn drop_params(&mut self, names: &[String]) {
        self.dropped_params = names.to_vec();
    }

    /// Notes a group that was not asked at all.
    pub fn skip_group(&mut self, group: &str, reason: String) {
        self.skip(group.into(), None, reason);
    }

    fn skip(&mut self, group: Arc<str>, deployment: Option<Arc<Deployment>>, reason: String) {
        let (start, took) = (clock::now(), Duration::ZERO);
        self.push(Record {
            group,
            deployment,
            model: None,
            status: None,
            error: None,
            start,
            took,
            phases: Phases::default(),
            tokens: None,
            skipped: Some(reason),
            broke: false,
            cooled: None,
        });
    }

    /// Takes the time of the call.
    pub fn stop(&mut self) {
        self.latency = clock::now().saturating_duration_since(self.start);
    }

    pub fn end(&mut self, request: &Request) {
        self.stop();
        self.dropped_params.extend(request.options().without_effect.iter().map(|name| (*name).to_owned()));
    }

    /// How many groups were asked before the last one.
    pub fn fallbacks(&self) -> usize {
        fallbacks(&self.records, self.hit().map(|hit| &*hit.group))
    }

    /// The attempt that answered, or that broke in the middle of its answer; none where the answer was kept.
    pub fn last_asked(&self) -> Option<&Record> {
        let last = self.records.last().filter(|_| self.hit().is_none());
        last.filter(|record| record.skipped.is_none()).map(Arc::as_ref)
    }

    /// The attempt whose tokens were counted, else the one that was asked last.
    pub fn paid(&self) -> Option<&Record> {
        let counted = self.records.iter().rev().find(|record| record.tokens.is_some());
        counted.map(Arc::as_ref).or_else(|| self.last_asked())
    }

    /// Notes that others go on for the last attempt, whose stream broke.
    pub fn goes_on(&mut self) {
        if let Some(last) = self.records.last_mut() {
            Arc::make_mut(last).broke = true;
        }
    }

    /// Whether this deployment's stream broke in this call.
    pub fn broke(&self, deployment: &Arc<Deployment>) -> bool {
        let is = |record: &Arc<Record>| record.deployment.as_ref().is_some_and(|own| Arc::ptr_eq(own, deployment));
        self.records.iter().any(|record| record.broke && is(record))
    }

    /// The attempt that answered.
    #[cfg(test)]
    pub fn winner(&self) -> Option<&Record> {
        self.last_asked().filter(|record| record.error.is_none())
    }
}
