//! Being benched: not called until a moment. A deployment is, and so is a key.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whether something is benched, why, and until when.
pub struct Bench {
    /// Nanoseconds after `born` until which it is benched, 0 for never; read on every pick without the lock.
    until: AtomicU64,
    cooldown: Mutex<Option<Cooldown>>,
    born: Instant,
}

/// A time on the bench.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooldown {
    pub since: Instant,
    pub until: Instant,
    /// The error's class, such as "RateLimitError".
    pub cause: &'static str,
}

impl Bench {
    pub fn new(now: Instant) -> Self {
        Self { until: AtomicU64::new(0), cooldown: Mutex::new(None), born: now }
    }

    /// How long it lasts from `now`; `None` if nothing is benched.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let until = self.until.load(Ordering::Acquire);
        if until == 0 {
            return None;
        }
        let now = nanos(now.saturating_duration_since(self.born));
        (until > now).then(|| Duration::from_nanos(until - now))
    }

    /// Benches for `time` from `now`. The end only ever moves away: a short wait does not undo a long one.
    pub fn start(&self, now: Instant, time: Duration, cause: &'static str) {
        let Some(until) = now.checked_add(time) else { return };
        let mut cooldown = self.lock();
        let running = cooldown.as_ref().filter(|running| running.until > now);
        if running.is_some_and(|running| running.until >= until) {
            return;
        }
        let since = running.map_or(now, |running| running.since);
        *cooldown = Some(Cooldown { since, until, cause });
        self.until.store(nanos(until.saturating_duration_since(self.born)), Ordering::Release);
    }

    /// Ends it, whatever was left.
    pub fn lift(&self) {
        if self.until.load(Ordering::Acquire) != 0 {
            let mut cooldown = self.lock();
            *cooldown = None;
            self.until.store(0, Ordering::Release);
        }
    }

    /// The cooldown that is running, if one is.
    pub fn cooldown(&self, now: Instant) -> Option<Cooldown> {
        self.lock().clone().filter(|cooldown| cooldown.until > now)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Cooldown>> {
        self.cooldown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_end_only_moves_away_until_it_is_lifted() {
        let now = Instant::now();
        let bench = Bench::new(now);
        assert_eq!((bench.left(now), bench.cooldown(now)), (None, None));
        bench.start(now, 60 * SECOND, "RateLimitError");
        bench.start(now, SECOND, "AuthenticationError");
        assert_eq!(bench.left(now), Some(60 * SECOND));
        assert_eq!(bench.cooldown(now).unwrap().cause, "RateLimitError");
        bench.start(now + SECOND, 60 * SECOND, "Timeout");
        let cooldown = bench.cooldown(now + SECOND).unwrap();
        assert_eq!((cooldown.since, cooldown.until, cooldown.cause), (now, now + 61 * SECOND, "Timeout"));
        assert_eq!(bench.left(now + 61 * SECOND), None);
        bench.start(now, 99 * SECOND, "Timeout");
        bench.lift();
        assert_eq!((bench.left(now), bench.cooldown(now)), (None, None));
    }
}
