//! One call: for each group, for each attempt. Whole answers and streams both come through here.

use std::time::{Duration, Instant};

use crate::chat::Request;
use crate::clock;
use crate::error::{Error, ErrorKind};

use super::Router;
use super::candidates::{Choice, Round, choose};
use super::exhausted::wait_for_somebody;
use super::fallback::{Step, Stop, Walk};
use super::filter::passed_over;
use super::form::Form;
use super::group::Member;
use super::ledger::Attempt;
use super::played;
use super::retry::{Retries, Rules};
use super::round::next_round;
use super::shared;
use super::timeout::{Bounds, of_attempt};
use super::trail::Trail;
use super::view::{Admission, View};

/// Why nobody answered.
struct Unanswered {
    /// The first group's last error, with the least wait of all groups.
    error: Error,
    /// Somebody would, who rests now: it has not failed all the attempts that it may.
    rests: bool,
}

/// How a visit of a group ended without an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It failed as often as it may.
    Failed,
    /// Nobody was free, and there were attempts left.
    Rests,
    /// Nobody goes with the request, or the call's bounds leave no room.
    Passed,
}

/// Answers from the first group that can; if none can, the error is the first group's last one. A call that may wait
/// begins again when somebody returns.
pub async fn run<F: Form>(router: &Router, request: &Request, form: &F, trail: &mut Trail) -> Result<F::Output, Error> {
    let bounds = Bounds::new(router, request, trail.start);
    let mut unanswered = match walk(router, request, form, trail, &bounds).await {
        Ok(output) => return Ok(output),
        Err(unanswered) => unanswered,
    };
    let told = trail.records.len();
    while unanswered.rests {
        Box::pin(wait_for_somebody(router, request, unanswered.error, trail, &bounds)).await?;
        trail.forget_skips_after(told);
        unanswered = match Box::pin(walk(router, request, form, trail, &bounds)).await {
            Ok(output) => return Ok(output),
            Err(unanswered) => unanswered,
        };
    }
    Err(unanswered.error)
}

async fn walk<F: Form>(
    router: &Router,
    request: &Request,
    form: &F,
    trail: &mut Trail,
    bounds: &Bounds,
) -> Result<F::Output, Unanswered> {
    let mut walk = Walk::new(router, request).map_err(|error| Unanswered { error, rests: false })?;
    let mut first = walk.nowhere();
    if let Some(nowhere) = &first {
        trail.skip_group(request.model(), nowhere.message().to_owned());
    }
    let mut ends = Vec::new();
    while let Some(step) = walk.next() {
        let stop = match step {
            Step::Visit(stop) => stop,
            Step::Skip { group, reason } => {
                trail.skip_group(group, reason);
                continue;
            }
        };
        let until = bounds.share(|| walk.ahead(&stop));
        let mut visit = Visit { router, walk: &walk, stop: &stop, bounds, until, passed: Vec::new(), end: End::Failed };
        // Boxed, as are the waits further in: a call's own future stays in the sizes that the allocator has at hand.
        let error = match Box::pin(visit.run(form, trail)).await {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        ends.push(visit.end);
        walk.failed(&stop, &error);
        first = Some(match first {
            Some(first) => first.or_sooner(Some(&error)),
            None => error,
        });
    }
    let error = first.unwrap_or_else(|| Error::bad_request("no model group could be visited"));
    Err(Unanswered { error, rests: ends.contains(&End::Rests) && !ends.contains(&End::Failed) })
}

/// What follows when nobody is free.
enum Wait {
    For(Duration),
    No(Error),
}

/// One group of a call.
pub struct Visit<'v, 'a> {
    pub router: &'a Router,
    pub walk: &'v Walk<'a>,
    pub stop: &'v Stop<'a>,
    bounds: &'v Bounds,
    /// The end of the group's share of the call's deadline.
    pub until: Option<Instant>,
    /// Those who may not answer this request.
    passed: Vec<usize>,
    pub end: End,
}

impl<'a> Visit<'_, 'a> {
    /// What the cache has kept, or what the group answers.
    async fn run<F: Form>(&mut self, form: &F, trail: &mut Trail) -> Result<F::Output, Error> {
        match self.router.caching.as_ref().filter(|_| form.is_cached()) {
            Some(caching) => Box::pin(self.run_cached(caching, form, trail)).await,
            None => self.ask(form, trail).await,
        }
    }

    /// The same visit with another request.
    pub fn with<'w>(&'w self, stop: &'w Stop<'a>) -> Visit<'w, 'a> {
        Visit { stop, passed: Vec::new(), ..*self }
    }

    /// Rounds of attempts: one, unless the group has levels, or the rest of it is to be tried before other groups.
    pub async fn ask<F: Form>(&mut self, form: &F, trail: &mut Trail) -> Result<F::Output, Error> {
        if let Some(error) = played::first_failure(self.stop) {
            trail.push(played::record(self.stop, &error));
            return Err(error);
        }
        let broke = |member: &&Member| trail.broke(member.deployment());
        // Only a call that goes on for a stream has anybody to leave out for having broken.
        let mut excluded: Vec<_> = match trail.records.is_empty() {
            true => Vec::new(),
            false => self.stop.lead.group.usable().filter(broke).map(|member| member.index).collect(),
        };
        match passed_over(self.router, self.stop) {
            Ok(passed) => {
                for (index, reason) in passed.members {
                    if let Some(member) = self.stop.lead.group.member(index) {
                        trail.skip_deployment(&self.stop.lead.name, member.deployment(), &reason);
                    }
                    self.passed.push(index);
                }
            }
            Err(error) => {
                self.end = End::Passed;
                trail.skip_group(&self.stop.lead.name, error.message().to_owned());
                return Err(error);
            }
        }
        excluded.extend(&self.passed);
        let view = View::new(self.router, self.stop.lead.group, &self.stop.request, F::IS_STREAM);
        let mut round = Round { order: None, excluded, view, call_start: self.bounds.start() };
        let mut rounds = 1;
        // Those of an earlier walk, if this one goes on after a wait.
        let made = trail.attempts_in(&self.stop.lead.name);
        loop {
            let names = [self.stop.asked, &*self.stop.lead.group.name];
            let mut retries = Retries::new(Rules::new(&self.router.config.retry, &self.stop.request, names), made);
            let begins = rounds == 1;
            let error = match self.round(form, trail, &round, &mut retries, begins).await {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            // A further round ends for reasons of its own.
            let next = next_round(
                &self.router.config,
                &self.stop.request,
                self.stop.lead.group,
                &round,
                &retries,
                &error,
                rounds,
            );
            round = next.ok_or(error)?;
            self.end = End::Failed;
            rounds += 1;
        }
    }

    /// Attempts of one round: an untried deployment at once, a tried one not before its time.
    async fn round<F: Form>(
        &mut self,
        form: &F,
        trail: &mut Trail,
        round: &Round,
        retries: &mut Retries<'_>,
        begins: bool,
    ) -> Result<F::Output, Error> {
        let (group, request) = (self.stop.lead.group, &*self.stop.request);
        if let Some(error) = played::rate_limit(self.stop).filter(|_| begins) {
            trail.push(played::record(self.stop, &error));
            if let Some(error) = retries.give_up_played(error, group) {
                return Err(error);
            }
        }
        loop {
            let (member, wait, untried) = match choose(group, round, retries) {
                Choice::Member { member, wait, untried } => (member, wait, untried),
                Choice::Nobody => match self.nobody(trail, retries, round) {
                    Wait::For(time) => {
                        trail.waited.during(Box::pin(clock::sleep(time))).await;
                        continue;
                    }
                    Wait::No(error) => return Err(error),
                },
            };
            let encoded = self.stop.lead.endpoint(member).and_then(|endpoint| {
                let encoded = form.encode(&endpoint, request)?;
                Ok((endpoint, encoded))
            });
            let (endpoint, encoded) = match encoded {
                Ok(both) => both,
                Err(error) => {
                    trail.skip_deployment(&self.stop.lead.name, member.deployment(), error.message());
                    retries.rule_out(member.index, error);
                    continue;
                }
            };
            if let Some(error) = self.bounds.refuse(trail.attempts(), self.until, wait) {
                self.end = End::Passed;
                return Err(self.ended(error, trail, retries));
            }
            if !wait.is_zero() {
                trail.waited.during(Box::pin(clock::sleep(wait))).await;
            }
            let own = of_attempt(request, member.deployment(), &self.router.config.timeouts);
            let ways = untried.min(retries.left(member) + 1);
            let bound = match self.bounds.attempt(own, self.until, ways, trail.attempts()) {
                Ok(bound) => bound,
                Err(error) => return Err(self.ended(error, trail, retries)),
            };
            let bound = form.bound(request, bound, &endpoint);
            trail.drop_params(&encoded.dropped);
            let usage_is_ours = encoded.usage_is_ours;

            // Whoever was quicker has the slot or the room; then another one is chosen.
            let Some(admission) = self.admit(member, round, trail).await else { continue };
            let Router { cooldown, verbosity, .. } = self.router;
            let (group_name, watcher) = (&self.stop.lead.name, trail.watcher.as_ref());
            let attempt = Attempt::begin(group_name, member, admission, &endpoint, cooldown, watcher, *verbosity);
            let outcome =
                match Box::pin(endpoint.open(request, encoded, bound.time, &trail.waited, attempt.steps())).await {
                    Ok(opened) => Box::pin(form.receive(opened, usage_is_ours)).await,
                    Err(error) => Err(error),
                };
            let outcome = match outcome {
                Ok(received) if self.replaces(form, &received) => Err(endpoint.filtered()),
                outcome => outcome,
            };
            match outcome {
                Ok(received) => return Ok(form.settle(received, attempt, trail)),
                Err(error) => {
                    let error = self.bounds.explained(error, bound);
                    trail.push(attempt.failed(&error, bound.blameless));
                    if let Some(error) = retries.give_up(error, group, round, member) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Whether somebody else is to answer in the stead of an answer that a content filter cut.
    fn replaces<F: Form>(&self, form: &F, received: &F::Received) -> bool {
        self.walk.replaces_filtered() && form.is_filtered(received) && self.walk.has_other_for_filtered(self.stop)
    }

    /// A slot and room at a member; one that is asked for by its id has no limits.
    async fn admit(&self, member: &Member, round: &Round, trail: &Trail) -> Option<Admission> {
        let view = if self.stop.lead.group.pinned { round.view.unlimited() } else { round.view };
        match view.lease(member) {
            None => view.admit(member, clock::now()),
            Some(lease) => Box::pin(shared::obtain(&view, member, lease, &trail.waited)).await,
        }
    }

    /// Nobody is left to ask: whoever could take the request rests, is busy, or nobody could.
    fn nobody(&mut self, trail: &mut Trail, retries: &mut Retries<'_>, round: &Round) -> Wait {
        let nobody = self.stop.nobody(&round.view, &self.passed);
        if nobody.kind() == ErrorKind::RateLimit {
            // Any answer sets a slot free: tried again like what a provider refused.
            return match retries.give_up_busy(nobody, self.stop.lead.group) {
                Err(error) => Wait::No(self.ended(error, trail, retries)),
                Ok(time) if self.bounds.refuse(trail.attempts(), self.until, time).is_none() => Wait::For(time),
                Ok(_) => Wait::No(self.ended(self.stop.nobody(&round.view, &self.passed), trail, retries)),
            };
        }
        self.end = if nobody.retry_after().is_some() { End::Rests } else { End::Passed };
        if let (Some(misfit), End::Passed) = (retries.take_misfit(), self.end) {
            return Wait::No(retries.take_last_error().unwrap_or(misfit));
        }
        Wait::No(self.ended(nobody, trail, retries))
    }

    /// The round is over without an attempt: the error is the last attempt's, if there was one.
    fn ended(&self, error: Error, trail: &mut Trail, retries: &mut Retries<'_>) -> Error {
        retries.take_last_error().unwrap_or_else(|| {
            trail.skip_group(&self.stop.lead.name, error.message().to_owned());
            error
        })
    }
}
