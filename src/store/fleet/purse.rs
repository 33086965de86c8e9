//! One budget of the fleet: what all processes have spent, and what the store was not told of yet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::{Spend, Spent};

/// Billionths in a dollar.
const NANOS: f64 = 1e9;

/// A budget that processes share. Nothing that was spent is lost while the process lives.
pub struct Purse {
    pub(super) name: Arc<str>,
    pub(super) period: Duration,
    sums: Mutex<Sums>,
}

/// In billionths of a dollar.
#[derive(Clone, Copy, Default)]
struct Sums {
    /// Of all, in the running period, and when that ends.
    total: u64,
    until: Option<Instant>,
    /// Spent here, and not told.
    untold: u64,
    /// When the store told last, or was asked to.
    asked: Option<Instant>,
}

impl Purse {
    pub(super) fn new(name: &str, period: Duration) -> Self {
        Self { name: name.into(), period, sums: Mutex::default() }
    }

    /// Adds what a call cost.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn add(&self, dollars: f64) {
        let mut sums = self.lock();
        sums.untold = sums.untold.saturating_add((dollars * NANOS).round() as u64);
    }

    /// Dollars that all have spent in the running period, and how long that goes on.
    #[allow(clippy::cast_precision_loss)]
    pub fn spent(&self, now: Instant) -> (f64, Duration) {
        let sums = *self.lock();
        let left = sums.until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero());
        let told = if left.is_some() { sums.total } else { 0 };
        (told.saturating_add(sums.untold) as f64 / NANOS, left.unwrap_or(self.period))
    }

    /// When the running period ends, as far as the store has told; `None` if none runs.
    pub fn ends(&self, now: Instant) -> Option<Instant> {
        self.lock().until.filter(|until| *until > now)
    }

    pub(super) fn has_untold(&self) -> bool {
        self.lock().untold > 0
    }

    /// What is to be told, or asked: `None` if nothing was spent and the store told not so long ago.
    pub(super) fn due(&self, now: Instant, every: Duration) -> Option<Spend> {
        let mut sums = self.lock();
        let is_old = sums.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= every);
        if sums.untold == 0 && !is_old {
            return None;
        }
        sums.asked = Some(now);
        Some(Spend { budget: Arc::clone(&self.name), period: self.period, add: sums.untold })
    }

    /// The store has taken in so much, and says what there is.
    pub(super) fn told(&self, told: u64, spent: &Spent, now: Instant) {
        let mut sums = self.lock();
        sums.untold = sums.untold.saturating_sub(told);
        sums.total = spent.total;
        sums.until = spent.left.and_then(|left| now.checked_add(left));
    }

    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
