//! How a deployment has done lately: what decides whether a failure benches it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::moment::Moment;
use crate::error::FaultClass;

/// LiteLLM's window for the share of failures.
const WINDOW: Duration = Duration::from_secs(60);

/// Successes and failures of the running window, and failures by class.
pub struct Tally {
    /// The moment at which the window began.
    window: AtomicU64,
    good: AtomicU32,
    bad: AtomicU32,
    /// Whether there was a failure since the last success.
    failing: AtomicBool,
    /// For each class, and at the end for all that are counted together.
    allowances: Mutex<Box<[Allowance; FaultClass::ALL.len() + 1]>>,
}

/// Failures counted against one allowance.
#[derive(Clone, Copy, Default)]
struct Allowance {
    in_window: u32,
    window_end: Option<Instant>,
    in_a_row: u32,
}

/// What happened in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub good: u32,
    pub bad: u32,
}

impl Tally {
    pub fn new(now: Instant) -> Self {
        Self {
            window: AtomicU64::new(Moment::from(now).nanos()),
            good: AtomicU32::new(0),
            bad: AtomicU32::new(0),
            failing: AtomicBool::new(false),
            allowances: Mutex::new(Default::default()),
        }
    }

    pub fn succeeded(&self, now: Instant) {
        self.renew(now);
        self.good.fetch_add(1, Ordering::Relaxed);
        if self.failing.load(Ordering::Relaxed) {
            self.failing.store(false, Ordering::Relaxed);
        }
    }

    /// Counts a failure. Returns the window with it.
    pub fn failed(&self, now: Instant) -> Share {
        self.renew(now);
        let bad = self.bad.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        Share { good: self.good.load(Ordering::Relaxed), bad }
    }

    /// Counts a failure against the allowance of a class, or of all classes that have none of their own. Returns
    /// whether more than `allowed` have come: within `window` of the first, or one after the other without a success.
    pub fn exceeds(&self, class: Option<FaultClass>, allowed: u32, window: Duration, now: Instant) -> bool {
        let mut allowances = self.allowances.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.failing.swap(true, Ordering::Relaxed) {
            allowances.iter_mut().for_each(|allowance| allowance.in_a_row = 0);
        }
        let place = class.map_or(FaultClass::ALL.len(), |class| class as usize);
        let Some(allowance) = allowances.get_mut(place) else { return false };
        if allowance.window_end.is_none_or(|end| now >= end) {
            allowance.in_window = 0;
            allowance.window_end = now.checked_add(window);
        }
        allowance.in_window = allowance.in_window.saturating_add(1);
        allowance.in_a_row = allowance.in_a_row.saturating_add(1);
        let exceeded = allowance.in_window.max(allowance.in_a_row) > allowed;
        if exceeded {
            // Whoever comes back from the bench has its whole allowance again.
            **allowances = Default::default();
        }
        exceeded
    }

    /// Begins a new window when the old one is over. Two threads at once may lose a count, which changes no share.
    fn renew(&self, now: Instant) {
        let began = self.window.load(Ordering::Relaxed);
        let now = Moment::from(now).nanos();
        if Duration::from_nanos(now.saturating_sub(began)) >= WINDOW
            && self.window.compare_exchange(began, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.good.store(0, Ordering::Relaxed);
            self.bad.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn shares_are_of_the_last_minute() {
        let now = Instant::now();
        let tally = Tally::new(now);
        tally.succeeded(now);
        assert_eq!(tally.failed(now + 59 * SECOND), Share { good: 1, bad: 1 });
        assert_eq!(tally.failed(now + 60 * SECOND), Share { good: 0, bad: 1 });
    }

    #[test]
    fn an_allowance_is_used_up_in_its_window_or_in_a_row() {
        let now = Instant::now();
        let tally = Tally::new(now);
        let fails = |at: u32| tally.exceeds(None, 2, 5 * SECOND, now + at * SECOND);
        // Far apart, but without a success between.
        assert_eq!([fails(0), fails(10), fails(20)], [false, false, true]);
        // Close together, with successes between.
        let mixed = |at: u32| {
            tally.succeeded(now + at * SECOND);
            tally.exceeds(None, 2, 5 * SECOND, now + at * SECOND)
        };
        assert_eq!([mixed(30), mixed(31), mixed(32)], [false, false, true]);
        // Neither.
        assert_eq!([mixed(40), mixed(50), mixed(60), mixed(70)], [false; 4]);
    }

    #[test]
    fn classes_have_allowances_of_their_own() {
        let now = Instant::now();
        let tally = Tally::new(now);
        let fails = |class| tally.exceeds(class, 1, 5 * SECOND, now);
        assert!(!fails(Some(FaultClass::RateLimit)));
        assert!(!fails(Some(FaultClass::Timeout)));
        assert!(!fails(None));
        assert!(fails(Some(FaultClass::RateLimit)));
    }
}
