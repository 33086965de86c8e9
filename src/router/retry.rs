//! Whether, whom and when to try again within a group.

use std::time::{Duration, Instant};

use crate::clock;
use crate::config::RetryConfig;
use crate::error::{Error, ErrorKind, Scope};

use super::candidates::has_other;
use super::groups::{Group, Member};

const FIRST_DELAY: f64 = 0.5;
const MAX_DELAY: Duration = Duration::from_secs(8);
/// Spreads the retries of callers who failed together.
const JITTER: f64 = 0.75;
/// A provider that asks for more than this is not waited for within a call.
const MAX_PATIENCE: Duration = Duration::from_secs(60);

/// The attempts made in one group so far, and how many more there may be.
pub struct Retries<'a> {
    router: &'a RetryConfig,
    asked: Option<u32>,
    made: u32,
    tried: Vec<Tried>,
    ruled_out: Vec<usize>,
    last_error: Option<Error>,
}

/// A deployment that failed in this call.
struct Tried {
    index: usize,
    /// When its own backoff is over; counts only while it is the one that failed last.
    rested: Instant,
    /// What the provider asked for.
    asked: Option<Instant>,
}

/// When a deployment may be called again in this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    Untried,
    At(Instant),
    /// It does not go with the request, or its provider asked for more patience than a call has.
    Never,
}

impl<'a> Retries<'a> {
    /// `asked` is the request's `num_retries`.
    pub fn new(router: &'a RetryConfig, asked: Option<u32>) -> Self {
        Self { router, asked, made: 0, tried: Vec::new(), ruled_out: Vec::new(), last_error: None }
    }

    /// When a deployment may be called again: the one that failed last rests, one that failed before it does not,
    /// and none is called before the time that it named.
    pub fn readiness(&self, index: usize) -> Readiness {
        if self.ruled_out.contains(&index) {
            return Readiness::Never;
        }
        let Some(tried) = self.tried.iter().find(|tried| tried.index == index) else { return Readiness::Untried };
        let is_last = self.tried.last().is_some_and(|last| last.index == index);
        match tried.asked {
            Some(asked) if asked > clock::now() + MAX_PATIENCE => Readiness::Never,
            Some(asked) => Readiness::At(asked),
            None if is_last => Readiness::At(tried.rested),
            None => Readiness::At(clock::now()),
        }
    }

    pub fn into_last_error(self) -> Option<Error> {
        self.last_error
    }

    /// Passes over a deployment that does not go with the request. That is nobody's failure and costs no retry.
    pub fn rule_out(&mut self, index: usize, error: Error) {
        self.ruled_out.push(index);
        self.last_error.get_or_insert(error);
    }

    /// Takes a failure in. Returns it if the group is not to be tried again.
    pub fn give_up(&mut self, error: Error, group: &Group, failed: &Member) -> Option<Error> {
        let limit = self.asked.or(failed.deployment().config.num_retries).unwrap_or(self.router.num_retries);
        self.note(&error, failed.index);
        let error = error.or_sooner(self.last_error.as_ref());
        if self.made >= limit || !self.worth_trying(&error, group) {
            return Some(error);
        }
        self.made += 1;
        self.last_error = Some(error);
        None
    }

    /// A refused key says nothing about the other deployments; other faults of the caller's will not go away.
    fn worth_trying(&self, error: &Error, group: &Group) -> bool {
        match error.kind() {
            ErrorKind::Authentication | ErrorKind::PermissionDenied => has_other(group, self),
            _ if error.scope() == Scope::Key => has_other(group, self),
            _ => error.is_retryable(),
        }
    }

    fn note(&mut self, error: &Error, index: usize) {
        let now = clock::now();
        let named = error.retry_after().filter(|wait| !wait.is_zero());
        let jitter = Duration::from_secs_f64(JITTER * fastrand::f64());
        let asked = named.map(|wait| now.checked_add(wait + jitter).unwrap_or(now + MAX_PATIENCE * 2));
        let rested = now + backoff(self.made, self.router.retry_after) + jitter;
        self.tried.retain(|tried| tried.index != index);
        self.tried.push(Tried { index, rested, asked });
    }
}

/// The wait before the same deployment is tried again, after `made` retries: doubling from half a second up to eight,
/// never less than the configured `least`.
fn backoff(made: u32, least: Duration) -> Duration {
    let doublings = i32::try_from(made.min(16)).unwrap_or(16);
    let doubled = Duration::from_secs_f64(FIRST_DELAY * 2f64.powi(doublings));
    doubled.max(least).min(MAX_DELAY.max(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(made: u32, least: u64) -> f64 {
        backoff(made, Duration::from_secs(least)).as_secs_f64()
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
        let config = RetryConfig { num_retries: 2, retry_after: Duration::ZERO };
        let mut retries = Retries::new(&config, None);
        assert_eq!(retries.readiness(0), Readiness::Untried);
        failed(&mut retries, 0, None);
        assert!(matches!(retries.readiness(0), Readiness::At(at) if at >= clock::now() + Duration::from_millis(500)));
        failed(&mut retries, 1, Some(7));
        assert_eq!(retries.readiness(0), Readiness::At(clock::now()));
        failed(&mut retries, 2, Some(61));
        let named = |at| at >= clock::now() + Duration::from_secs(7) && at <= clock::now() + Duration::from_secs(8);
        assert!(matches!(retries.readiness(1), Readiness::At(at) if named(at)));
        assert_eq!(retries.readiness(2), Readiness::Never);
    }
}
