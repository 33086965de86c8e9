//! Whether, whom and when to try again within a group.

use std::time::{Duration, Instant};

use crate::chat::Request;
use crate::clock;
use crate::config::{BackoffConfig, RetryConfig};
use crate::error::{Error, ErrorKind, Scope};
use crate::policy::ByClass;

use super::candidates::{Round, has_other};
use super::group::{Group, Member};

/// A provider that asks for more than this is not waited for within a call.
const MAX_PATIENCE: Duration = Duration::from_secs(60);

/// How often a group may be tried: who has a say, before any failure is known.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    router: &'a RetryConfig,
    /// The request's `num_retries`.
    asked: Option<u32>,
    policy: Option<&'a ByClass>,
}

impl<'a> Rules<'a> {
    /// `names` are those of the group: the one it was asked for by, and its own.
    pub fn new(router: &'a RetryConfig, request: &'a Request, names: [&str; 2]) -> Self {
        let options = request.options();
        let by_group = options.group_retry_policies.as_ref();
        let asked_policy = by_group.and_then(|policies| names.iter().find_map(|name| policies.get(*name)));
        let configured = router.policy_of(names.into_iter(), options.retry_policy.as_ref());
        Self { router, asked: options.num_retries, policy: asked_policy.or(configured) }
    }

    /// What the first failure decides. A request's 0 ends all.
    fn limit(&self, kind: ErrorKind, failed: &Member) -> Limit {
        if self.asked == Some(0) {
            return Limit { retries: 0, by_policy: false };
        }
        match self.policy.and_then(|policy| policy.number(kind)) {
            Some(retries) => Limit { retries, by_policy: true },
            None => Limit { retries: self.usual(failed), by_policy: false },
        }
    }

    /// The number without a policy.
    pub fn usual(&self, failed: &Member) -> u32 {
        self.asked.or(failed.deployment().config.num_retries).unwrap_or(self.router.num_retries)
    }
}

/// How often the group may be tried again.
#[derive(Clone, Copy)]
struct Limit {
    retries: u32,
    /// A policy says so, which makes any failure worth another try.
    by_policy: bool,
}

/// The attempts made in one round of a group so far, and how many more there may be.
pub struct Retries<'a> {
    rules: Rules<'a>,
    made: u32,
    /// Known with the first failure.
    limit: Option<Limit>,
    tried: Vec<Tried>,
    ruled_out: Vec<usize>,
    last_error: Option<Error>,
    /// Why a deployment did not go with the request.
    misfit: Option<Error>,
}

/// A deployment that failed in this round.
struct Tried {
    index: usize,
    /// When its own backoff is over; counts only while it is the one that failed last.
    rested: Instant,
    /// What the provider asked for.
    asked: Option<Instant>,
    /// Its key was refused, and will be.
    refused: bool,
}

/// When a deployment may be called again in this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    Untried,
    /// Not before the time that it named.
    At(Instant),
    /// When its backoff is over, unless somebody else is free.
    Rested(Instant),
    /// Its key was refused, it does not go with the request, or its provider asked for more patience than a call has.
    Never,
}

impl<'a> Retries<'a> {
    /// `made` counts the retries that an earlier walk of the same call has made in this group.
    pub fn new(rules: Rules<'a>, made: u32) -> Self {
        Self { rules, made, limit: None, tried: Vec::new(), ruled_out: Vec::new(), last_error: None, misfit: None }
    }

    /// When a deployment may be called again: the one that failed last rests, one that failed before it does not,
    /// and none is called before the time that it named.
    pub fn readiness(&self, index: usize) -> Readiness {
        if self.ruled_out.contains(&index) {
            return Readiness::Never;
        }
        let Some(tried) = self.tried.iter().find(|tried| tried.index == index) else { return Readiness::Untried };
        // With a policy a refused key, too, is tried as often as it says.
        if tried.refused && !self.limit.is_some_and(|limit| limit.by_policy) {
            return Readiness::Never;
        }
        let is_last = self.tried.last().is_some_and(|last| last.index == index);
        match tried.asked {
            Some(asked) if asked > clock::now() + MAX_PATIENCE => Readiness::Never,
            Some(asked) => Readiness::At(asked),
            None if is_last => Readiness::Rested(tried.rested),
            None => Readiness::At(clock::now()),
        }
    }

    /// Whether nobody has failed or been passed over yet.
    pub fn is_fresh(&self) -> bool {
        self.tried.is_empty() && self.ruled_out.is_empty()
    }

    /// Those whose turn in this group is over, when the round ends.
    pub fn done(&self) -> impl Iterator<Item = usize> {
        self.tried.iter().map(|tried| tried.index).chain(self.ruled_out.iter().copied())
    }

    /// How many more attempts there may be after one on this member, unless a policy says otherwise.
    pub fn left(&self, member: &Member) -> usize {
        self.rules.usual(member).saturating_sub(self.made) as usize
    }

    pub fn take_last_error(&mut self) -> Option<Error> {
        self.last_error.take()
    }

    /// Passes over a deployment that does not go with the request. That is nobody's failure and costs no retry.
    pub fn rule_out(&mut self, index: usize, error: Error) {
        self.ruled_out.push(index);
        self.misfit.get_or_insert(error);
    }

    pub fn take_misfit(&mut self) -> Option<Error> {
        self.misfit.take()
    }

    /// Takes in a failure that no deployment was asked for. Returns it if the group is not to be tried again.
    pub fn give_up_played(&mut self, error: Error, group: &Group) -> Option<Error> {
        let first = group.usable().next().map(|member| self.rules.limit(error.kind(), member));
        self.limit = self.limit.or(first);
        if self.limit.is_none_or(|limit| self.made >= limit.retries) {
            return Some(error);
        }
        self.made += 1;
        self.last_error = Some(error);
        None
    }

    /// Takes in that all are busy. Returns the wait before they are looked at again, or the error if they are not to be.
    pub fn give_up_busy(&mut self, error: Error, group: &Group) -> Result<Duration, Error> {
        let jitter = self.rules.router.backoff.jitter.mul_f64(fastrand::f64());
        let time = wait(self.made, self.rules.router.retry_after, &self.rules.router.backoff) + jitter;
        let last = self.last_error.take();
        match self.give_up_played(error, group) {
            None => {
                // What somebody answered says more than that all are busy.
                self.last_error = last.or(self.last_error.take());
                Ok(time)
            }
            Some(error) => Err(last.unwrap_or(error)),
        }
    }

    /// Takes a failure in. Returns it if the group is not to be tried again.
    pub fn give_up(&mut self, error: Error, group: &Group, round: &Round, failed: &Member) -> Option<Error> {
        let limit = *self.limit.get_or_insert_with(|| self.rules.limit(error.kind(), failed));
        self.note(&error, failed.index);
        let error = error.or_sooner(self.last_error.as_ref());
        if self.made >= limit.retries || !(limit.by_policy || self.worth_trying(&error, group, round)) {
            return Some(error);
        }
        self.made += 1;
        self.last_error = Some(error);
        None
    }

    /// A refused key says nothing about the other deployments; other faults of the caller's will not go away.
    fn worth_trying(&self, error: &Error, group: &Group, round: &Round) -> bool {
        match error.kind() {
            ErrorKind::Status(402) => false,
            _ if error.scope() == Scope::Key => has_other(group, round, self),
            _ => error.is_retryable(),
        }
    }

    fn note(&mut self, error: &Error, index: usize) {
        let now = clock::now();
        let named = error.retry_after().filter(|wait| !wait.is_zero());
        let jitter = self.rules.router.backoff.jitter.mul_f64(fastrand::f64());
        let asked = named.map(|wait| now.checked_add(wait + jitter).unwrap_or(now + MAX_PATIENCE * 2));
        let rested = now + wait(self.made, self.rules.router.retry_after, &self.rules.router.backoff) + jitter;
        self.tried.retain(|tried| tried.index != index);
        self.tried.push(Tried { index, rested, asked, refused: error.scope() == Scope::Key });
    }
}

/// The wait before the same deployment is tried again, after `made` retries: doubling up to a bound, never less than the
/// configured `least`.
fn wait(made: u32, least: Duration, backoff: &BackoffConfig) -> Duration {
    let doublings = i32::try_from(made.min(16)).unwrap_or(16);
    let doubled = backoff.initial.mul_f64(2f64.powi(doublings));
    doubled.max(least).min(backoff.max.max(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: BackoffConfig = BackoffConfig {
        initial: Duration::from_millis(500),
        max: Duration::from_secs(8),
        jitter: Duration::from_millis(750),
    };

    fn seconds(made: u32, least: u64) -> f64 {
        wait(made, Duration::from_secs(least), &BACKOFF).as_secs_f64()
    }

    #[test]
    fn waits_double_up_to_the_bound() {
        let waits: Vec<_> = (0..7).map(|made| seconds(made, 0)).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]);
        assert_eq!(seconds(u32::MAX, 0), 8.0);
    }

    #[test]
    fn the_configured_least_is_never_capped_below_itself() {
        assert_eq!(seconds(0, 5), 5.0);
        assert_eq!(seconds(4, 5), 8.0);
        assert_eq!(seconds(0, 30), 30.0);
    }

    fn failed(retries: &mut Retries<'_>, index: usize, wait: Option<u64>) {
        let error = Error::new(ErrorKind::RateLimit, "m").with_retry_after(wait.map(Duration::from_secs));
        retries.note(&error, index);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_last_rests_and_a_named_time_is_kept() {
        let config = RetryConfig {
            num_retries: 2,
            retry_after: Duration::ZERO,
            policy: None,
            group_policies: Default::default(),
            per_request: None,
            backoff: BACKOFF,
        };
        let mut retries = Retries::new(Rules { router: &config, asked: None, policy: None }, 0);
        assert_eq!(retries.readiness(0), Readiness::Untried);
        failed(&mut retries, 0, None);
        assert!(
            matches!(retries.readiness(0), Readiness::Rested(at) if at >= clock::now() + Duration::from_millis(500))
        );
        failed(&mut retries, 1, Some(7));
        assert_eq!(retries.readiness(0), Readiness::At(clock::now()));
        failed(&mut retries, 2, Some(61));
        let named = |at| at >= clock::now() + Duration::from_secs(7) && at <= clock::now() + Duration::from_secs(8);
        assert!(matches!(retries.readiness(1), Readiness::At(at) if named(at)));
        assert_eq!(retries.readiness(2), Readiness::Never);
    }
}
