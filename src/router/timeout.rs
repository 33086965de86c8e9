//! How long an attempt may take, and a whole call.

use std::time::{Duration, Instant};

use crate::chat::Request;
use crate::clock;
use crate::config::TimeoutConfig;
use crate::deployment::Deployment;
use crate::error::{Error, ErrorKind};

use super::Router;

/// LiteLLM's wait for an answer where nothing says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(6000);

/// A bound on one attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub time: Duration,
    /// It is shorter than the deployment would have had by right, by the caller's wish or after others took of the time:
    /// running into it is nobody's failure.
    pub blameless: bool,
    /// It is the attempt's share of the call's deadline.
    pub is_share: bool,
}

/// How long one attempt may take: what stands nearest to it decides.
pub fn of_attempt(request: &Request, deployment: &Deployment, router: &TimeoutConfig) -> Bound {
    let (own, options) = (&deployment.config, request.options());
    let tier = options.service_tier.as_deref().and_then(|tier| own.timeout_by_service_tier.get(tier).copied());
    let configured = tier.or(own.timeout).or(own.request_timeout).unwrap_or_else(|| of_any(router));
    match options.timeout {
        Some(time) => Bound { time, blameless: time < configured, is_share: false },
        None => Bound { time: configured, blameless: false, is_share: false },
    }
}

/// The bounds of a stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamBounds {
    /// Until the first content.
    pub first: Bound,
    /// Between two pieces of content, whatever else comes.
    pub gap: Duration,
    /// Without a byte.
    pub idle: Duration,
}

/// The bounds of a stream: `stream_timeout` until the first content, where something says it, else the time-out of any
/// attempt, which is that of each gap.
pub fn of_stream(request: &Request, deployment: &Deployment, router: &TimeoutConfig) -> StreamBounds {
    let (own, options) = (&deployment.config, request.options());
    let whole = of_attempt(request, deployment, router);
    let tier = options.service_tier.as_deref().and_then(|tier| own.stream_timeout_by_service_tier.get(tier).copied());
    let configured = tier.or(own.stream_timeout).or(router.stream_timeout);
    let first = match (options.stream_timeout, configured) {
        (Some(time), _) => Bound { time, blameless: time < configured.unwrap_or(whole.time), is_share: false },
        // What a request says of any attempt stands nearer than what the configuration says of streams.
        (None, Some(time)) if options.timeout.is_none() => Bound { time, blameless: false, is_share: false },
        (None, _) => whole,
    };
    // Pings keep a stream alive, but not for ever.
    const PINGS: u32 = 10;
    let idle = router.idle.unwrap_or(whole.time);
    StreamBounds { first, gap: idle.saturating_mul(PINGS), idle }
}

/// How long an attempt may take at most, whoever makes it: the bound of a wait that has no other.
pub fn longest_wait(request: &Request, router: &TimeoutConfig) -> Duration {
    request.options().timeout.unwrap_or_else(|| of_any(router))
}

/// What holds for every deployment that does not say otherwise.
fn of_any(router: &TimeoutConfig) -> Duration {
    router.request_timeout.or(router.timeout).or(router.default).unwrap_or(DEFAULT_TIMEOUT)
}

/// What bounds a whole call.
#[derive(Clone, Copy)]
pub struct Bounds {
    start: Instant,
    deadline: Option<Duration>,
    by_caller: bool,
    /// Attempts after the first, in all groups.
    retries: Option<u32>,
}

impl Bounds {
    /// The request's deadline, else the router's, for a call that began at `start`.
    pub fn new(router: &Router, request: &Request, start: Instant) -> Self {
        let asked = request.options().deadline;
        Self {
            start,
            deadline: asked.or(router.config.timeouts.deadline),
            by_caller: asked.is_some(),
            retries: router.config.retry.per_request,
        }
    }

    /// When the call began.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// When the call has to be over; `None` without a deadline.
    pub fn end(&self) -> Option<Instant> {
        self.start.checked_add(self.deadline?)
    }

    /// The time of the whole call, as it was asked for.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    pub fn spent(&self) -> Duration {
        clock::now().saturating_duration_since(self.start)
    }

    /// What is left of the deadline; `None` without one.
    pub fn left(&self) -> Option<Duration> {
        Some(self.deadline?.saturating_sub(self.spent()))
    }

    /// The end of a group's time: what is left is shared evenly with the groups that may come behind it.
    pub fn share(&self, behind: impl FnOnce() -> usize) -> Option<Instant> {
        let left = self.left()?;
        let groups = u32::try_from(behind()).unwrap_or(u32::MAX).saturating_add(1);
        clock::now().checked_add(left / groups)
    }

    /// Why there may not be another attempt, after so many, that begins after `wait`.
    pub fn refuse(&self, attempts: usize, until: Option<Instant>, wait: Duration) -> Option<Error> {
        if until.is_some_and(|until| clock::now() + wait >= until) {
            return Some(self.late());
        }
        let retries = self.retries.filter(|retries| attempts > *retries as usize)?;
        let message = format!("the call has used up its retries (num_retries_per_request: {retries})");
        Some(Error::new(ErrorKind::NoDeploymentAvailable, message))
    }

    /// Says of an attempt that ran out of its share where the bound came from.
    pub fn explained(&self, error: Error, bound: Bound) -> Error {
        let run_out = error.kind() == ErrorKind::Timeout && error.provider_status().is_none();
        if !(bound.is_share && run_out) {
            return error;
        }
        let seconds = self.deadline.unwrap_or_default().as_secs_f64();
        error.because(&format!("its share of the call's deadline of {seconds} s"))
    }

    fn late(&self) -> Error {
        let seconds = self.deadline.unwrap_or_default().as_secs_f64();
        Error::new(ErrorKind::Timeout, format!("no time is left of the deadline of {seconds} s"))
    }

    /// The bound of an attempt that has to leave others in its group their part of the group's time; an error if
    /// none is left.
    ///
    /// What is cut short because of the caller, or after others have taken of the time, fails by no fault of its own.
    pub fn attempt(&self, own: Bound, until: Option<Instant>, ways: usize, made: usize) -> Result<Bound, Error> {
        let Some(until) = until else { return Ok(own) };
        let left = until.saturating_duration_since(clock::now());
        let part = left / u32::try_from(ways.max(1)).unwrap_or(u32::MAX);
        if part.is_zero() {
            return Err(self.late());
        }
        let cut = Bound { time: part, blameless: self.by_caller || made > 0, is_share: true };
        Ok(if part < own.time { cut } else { own })
    }
}
