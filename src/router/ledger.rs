//! What happened: one terminal record for each attempt. Health, counters, logs, events and metadata all come from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chat::Tokens;
use crate::clock;
use crate::config::CooldownConfig;
use crate::deployment::{InFlight, Reserved, Used};
use crate::error::{Error, ErrorKind, Scope};
use crate::observe::{Record, Told, Verbosity, Watcher, of_request};
use crate::provider::Endpoint;
use crate::transport::Steps;

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
    /// Who hears of it, if anybody does.
    watcher: Option<Arc<Watcher>>,
}

/// What an answer tells about who gave it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// As the provider said, or as estimated.
    pub tokens: Option<Tokens>,
    /// Until the first content, of a stream.
    pub ttft: Option<Duration>,
}

impl Attempt {
    pub fn begin(
        group: &Arc<str>,
        member: &Member,
        admission: Admission,
        endpoint: &Endpoint,
        cooldown: &Arc<CooldownConfig>,
        watcher: Option<&Arc<Watcher>>,
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
            watcher: watcher.map(Arc::clone),
        }
    }

    /// Who hears of it, if anybody does.
    pub fn watcher(&self) -> Option<&Arc<Watcher>> {
        self.watcher.as_ref()
    }

    /// `told`: what the answer says, if there is a watcher.
    pub fn succeeded(mut self, measured: Measured, told: Option<Told>) -> Arc<Record> {
        let now = clock::now();
        let deployment = self.in_flight.deployment();
        tell_back(deployment.count_success(now), deployment, &self.group, now);
        // One branch for both: told apart, an optimizer looks at the count first, which is not there without tokens.
        let mut each = 1.0;
        if let Some(tokens) = measured.tokens {
            self.settle(tokens, now);
            #[allow(clippy::cast_precision_loss)]
            {
                each = tokens.output.max(1) as f64;
            }
        }
        let took = now.saturating_duration_since(self.start).as_secs_f64();
        deployment.state.latency.add(took / each, now);
        if let Some(ttft) = measured.ttft {
            deployment.state.ttft.add(ttft.as_secs_f64(), now);
        }
        let record = Arc::new(self.record(now, Some(200), None, measured));
        self.tell(&record, None, told);
        record
    }

    fn tell(&self, record: &Arc<Record>, error: Option<&Error>, told: Option<Told>) {
        if let Some(watcher) = &self.watcher {
            watcher.attempt(record, error, told);
        }
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
    pub fn failed(self, error: &Error, blameless: bool) -> Arc<Record> {
        self.broken(error, blameless, Measured::default(), None)
    }

    /// The same in the midst of an answer: what had come until then is paid for.
    pub fn broken(mut self, error: &Error, blameless: bool, measured: Measured, told: Option<Told>) -> Arc<Record> {
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
        let verdict = (!run_out).then(judged).flatten();
        if let Some(verdict) = verdict {
            let lease = self.shared.as_ref().map(|shared| &*shared.lease);
            bench(verdict, self.in_flight.deployment(), &self.group, lease, error.class(), now);
        }
        let (deployment, class) = (self.in_flight.deployment().id(), error.class());
        // Not the provider's own words: they may repeat the prompt. The caller has them.
        let status = error.provider_status().unwrap_or_default();
        of_request!(self.verbosity, deployment, group = &*self.group, class, status; "attempt failed");
        let mut record = self.record(now, error.provider_status(), Some(error.class()), measured);
        record.cooled = verdict.map(|verdict| verdict.time);
        let record = Arc::new(record);
        self.tell(&record, Some(error), told);
        record
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

    /// The caller has gone: that says nothing about the deployment. `measured` had come until then, `told` as for
    /// [`Attempt::succeeded`].
    pub fn cancelled(mut self, measured: Measured, told: Option<Told>) -> Arc<Record> {
        let now = clock::now();
        self.settle(measured.tokens.unwrap_or_default(), now);
        self.tell_cancelled();
        self.unended(now, measured, told)
    }

    fn unended(&mut self, now: Instant, measured: Measured, told: Option<Told>) -> Arc<Record> {
        let ending = self.watcher.as_ref().map(|watcher| watcher.ending());
        let class = ending.as_ref().map_or(ErrorKind::Cancelled.class(), Error::class);
        let record = Arc::new(self.record(now, None, Some(class), measured));
        self.tell(&record, ending.as_ref(), told);
        record
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
            start: self.start,
            took,
            phases: self.steps.phases(took, measured.ttft),
            tokens: measured.tokens,
            skipped: None,
            broke: false,
            cooled: None,
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody knows whether it was sent; nothing came of it.
            let now = clock::now();
            self.settle(Tokens { input: 0, output: 0 }, now);
            if self.watcher.is_some() {
                self.unended(now, Measured::default(), None);
            }
            self.tell_cancelled();
        }
    }
}
