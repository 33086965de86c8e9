//! What happened: one terminal record for each attempt. Health, counters, logs and metadata all come from it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chat::{Request, Tokens};
use crate::clock::{self, Waited};
use crate::config::CooldownConfig;
use crate::deployment::{Deployment, InFlight, Reserved, Used};
use crate::error::{Error, ErrorKind, Scope};
use crate::observe::{Verbosity, of_request};
use crate::provider::Endpoint;
use crate::transport::{Phases, Steps};

use super::caching::Hit;
use super::cooldown::{bench, judge, tell_back};
use super::group::Member;
use super::shared::Held;
use super::view::Admission;

/// An attempt that runs. Ends in exactly one record; if it is dropped before, the caller has gone. Owns what it needs: a
/// stream's attempt lives longer than the call that began it.
pub struct Attempt {
    group: Arc<str>,
    model: Arc<str>,
    cooldown: Arc<CooldownConfig>,
    verbosity: Verbosity,
    alone: bool,
    start: Instant,
    ended: bool,
    in_flight: InFlight,
    reserved: Reserved,
    steps: Arc<Steps>,
    /// What the fleet is told; `None` where nothing is shared.
    shared: Option<Box<Held>>,
}

/// What an answer tells about who gave it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// As the provider said, or as estimated.
    pub tokens: Option<Tokens>,
    /// Until the first content, of a stream.
    pub ttft: Option<Duration>,
}

/// How an attempt ended, or why a group was passed over.
#[derive(Clone)]
pub struct Record {
    pub group: Arc<str>,
    /// `None` for a group that was passed over.
    pub deployment: Option<Arc<Deployment>>,
    /// The model's name at the provider.
    pub model: Option<Arc<str>>,
    pub status: Option<u16>,
    /// The error's class; `None` on success.
    pub error: Option<&'static str>,
    pub took: Duration,
    /// What of it each step took.
    pub phases: Phases,
    /// What it used, where that is known.
    pub tokens: Option<Tokens>,
    pub skipped: Option<String>,
    /// Its stream broke after the first content, and others go on.
    pub broke: bool,
}

impl Attempt {
    pub fn begin(
        group: &Arc<str>,
        member: &Member,
        admission: Admission,
        endpoint: &Endpoint,
        cooldown: &Arc<CooldownConfig>,
        verbosity: Verbosity,
    ) -> Self {
        let Admission { in_flight, reserved, shared } = admission;
        Self {
            group: Arc::clone(group),
            model: Arc::clone(endpoint.model()),
            cooldown: Arc::clone(cooldown),
            verbosity,
            alone: member.alone,
            start: clock::now(),
            ended: false,
            in_flight,
            reserved,
            steps: Arc::default(),
            shared,
        }
    }

    pub fn succeeded(mut self, measured: Measured) -> Record {
        let now = clock::now();
        let deployment = self.in_flight.deployment();
        tell_back(deployment.count_success(now), deployment, &self.group, now);
        if let Some(tokens) = measured.tokens {
            self.settle(tokens, now);
        }
        let took = now.saturating_duration_since(self.start).as_secs_f64();
        #[allow(clippy::cast_precision_loss)]
        let each = measured.tokens.map(|tokens| tokens.output).filter(|output| *output > 0).map_or(1.0, |n| n as f64);
        deployment.state.latency.add(took / each, now);
        if let Some(ttft) = measured.ttft {
            deployment.state.ttft.add(ttft.as_secs_f64(), now);
        }
        self.record(now, Some(200), None, measured)
    }

    /// Puts what the call took in the place of what it was expected to take.
    fn settle(&self, tokens: Tokens, now: Instant) {
        let real = Used { requests: 1, input: tokens.input, output: tokens.output };
        self.settle_used(real, now);
    }

    fn settle_used(&self, real: Used, now: Instant) {
        self.in_flight.deployment().state.window.settle(self.reserved, real, now);
        if let Some(shared) = &self.shared {
            shared.settle(self.reserved.used(), real);
        }
    }

    /// `blameless`: the bound that the attempt ran into, if it did, was none of its own.
    pub fn failed(mut self, error: &Error, blameless: bool) -> Record {
        let now = clock::now();
        let run_out = blameless && error.kind() == ErrorKind::Timeout && error.provider_status().is_none();
        // What is wrong with the request says nothing about who refused it.
        let is_its_own = matches!(error.scope(), Scope::Deployment | Scope::Key);
        let deployment = self.in_flight.deployment();
        if is_its_own {
            deployment.count_failure();
        }
        if is_its_own && !run_out {
            deployment.state.latency.add_failure(now);
            deployment.state.ttft.add_failure(now);
        }
        // What failed took no tokens, and what was never sent was no request.
        let nothing_sent = error.is_before_sending();
        self.settle_used(Used { requests: u64::from(!nothing_sent), ..Used::default() }, now);
        let judged = || judge(error, self.in_flight.deployment(), &self.cooldown, self.alone, now);
        if let Some(verdict) = (!run_out).then(judged).flatten() {
            let lease = self.shared.as_ref().map(|shared| &*shared.lease);
            bench(verdict, self.in_flight.deployment(), &self.group, lease, error.class(), now);
        }
        let (deployment, class) = (self.in_flight.deployment().id(), error.class());
        of_request!(self.verbosity, deployment, group = &*self.group, class; "attempt failed: {}", error.message());
        self.record(now, error.provider_status(), Some(error.class()), Measured::default())
    }

    /// Where the exchange notes how long its steps take.
    pub fn steps(&self) -> &Arc<Steps> {
        &self.steps
    }

    /// Tokens of the prompt, if they were estimated for a limit.
    pub fn expected_input(&self) -> Option<u64> {
        Some(self.reserved.input()).filter(|input| *input > 0)
    }

    /// What can be told of it while it goes on well.
    pub fn so_far(&self) -> Record {
        self.told(clock::now(), Some(200), None, Measured::default())
    }

    /// The caller has gone: that says nothing about the deployment. `tokens` had come until then.
    pub fn cancelled(mut self, tokens: Tokens) -> Record {
        let now = clock::now();
        self.settle(tokens, now);
        self.tell_cancelled();
        self.record(now, None, Some(ErrorKind::Cancelled.class()), Measured { tokens: Some(tokens), ttft: None })
    }

    fn tell_cancelled(&self) {
        let deployment = self.in_flight.deployment().id();
        of_request!(self.verbosity, deployment, group = &*self.group; "attempt cancelled");
    }

    fn record(&mut self, now: Instant, status: Option<u16>, error: Option<&'static str>, measured: Measured) -> Record {
        self.ended = true;
        self.told(now, status, error, measured)
    }

    fn told(&self, now: Instant, status: Option<u16>, error: Option<&'static str>, measured: Measured) -> Record {
        let took = now.saturating_duration_since(self.start);
        Record {
            group: Arc::clone(&self.group),
            deployment: Some(Arc::clone(self.in_flight.deployment())),
            status,
            error,
            model: Some(Arc::clone(&self.model)),
            took,
            phases: self.steps.phases(took, measured.ttft),
            tokens: measured.tokens,
            skipped: None,
            broke: false,
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody knows whether it was sent; nothing came of it.
            self.settle(Tokens { input: 0, output: 0 }, clock::now());
            self.tell_cancelled();
        }
    }
}

/// All that happened in one call, in order.
#[derive(Clone)]
pub struct Trail {
    pub call_id: u64,
    pub records: Vec<Record>,
    pub latency: Duration,
    /// Parameters that did not reach the provider, options without effect among them.
    pub dropped_params: Vec<String>,
    /// Time spent waiting for providers and between attempts.
    pub waited: Waited,
    /// Characters of a text to be spoken.
    pub characters: Option<NonZeroU32>,
    rare: Option<Box<Rare>>,
    /// When the call began.
    pub start: Instant,
}

/// What few calls have.
#[derive(Clone, Default)]
pub struct Rare {
    /// What was planned, where the request asked to be told.
    pub plan: Option<Value>,
    /// What was kept and answers, if it does.
    pub hit: Option<Hit>,
    /// The usage that was paid for, where a part of the answer was kept.
    pub fresh_usage: Option<String>,
}

impl Trail {
    pub fn plan(&self) -> Option<&Value> {
        self.rare.as_ref()?.plan.as_ref()
    }

    pub fn hit(&self) -> Option<&Hit> {
        self.rare.as_ref()?.hit.as_ref()
    }

    pub fn fresh_usage(&self) -> Option<&str> {
        self.rare.as_ref()?.fresh_usage.as_deref()
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
            characters: None,
            rare: None,
            start: clock::now(),
        }
    }

    pub fn push(&mut self, record: Record) {
        self.records.push(record);
    }

    /// What the call took beyond attempts and waits.
    pub fn overhead(&self) -> Duration {
        self.latency.saturating_sub(self.waited.total())
    }

    /// How many times a deployment was asked.
    pub fn attempts(&self) -> usize {
        let asked = |record: &&Record| record.deployment.is_some() && record.skipped.is_none();
        self.records.iter().filter(asked).count()
    }

    /// How many times a deployment of this group was asked.
    pub fn attempts_in(&self, group: &str) -> u32 {
        let asked = |record: &&Record| record.deployment.is_some() && record.skipped.is_none();
        let count = self.records.iter().filter(asked).filter(|record| &*record.group == group).count();
        u32::try_from(count).unwrap_or(u32::MAX)
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
        let took = Duration::ZERO;
        self.records.push(Record {
            group,
            deployment,
            model: None,
            status: None,
            error: None,
            took,
            phases: Phases::default(),
            tokens: None,
            skipped: Some(reason),
            broke: false,
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
        let mut groups: Vec<&str> =
            self.records.iter().filter(|record| record.skipped.is_none()).map(|record| &*record.group).collect();
        groups.extend(self.hit().map(|hit| &*hit.group));
        groups.dedup();
        groups.len().saturating_sub(1)
    }

    /// The attempt that answered, or that broke in the middle of its answer; none where the answer was kept.
    pub fn last_asked(&self) -> Option<&Record> {
        self.records.last().filter(|_| self.hit().is_none()).filter(|record| record.skipped.is_none())
    }

    /// Notes that others go on for the last attempt, whose stream broke.
    pub fn goes_on(&mut self) {
        if let Some(last) = self.records.last_mut() {
            last.broke = true;
        }
    }

    /// Whether this deployment's stream broke in this call.
    pub fn broke(&self, deployment: &Arc<Deployment>) -> bool {
        let is = |record: &Record| record.deployment.as_ref().is_some_and(|own| Arc::ptr_eq(own, deployment));
        self.records.iter().any(|record| record.broke && is(record))
    }

    /// The attempt that answered.
    #[cfg(test)]
    pub fn winner(&self) -> Option<&Record> {
        self.last_asked().filter(|record| record.error.is_none())
    }
}
