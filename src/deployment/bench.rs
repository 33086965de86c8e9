//! Being benched: not called until a moment. A deployment is, and so is a key.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::moment::Moment;

/// Whether something is benched, why, and until when.
#[derive(Default)]
pub struct Bench {
    /// The moment until which it is benched, 0 for never; read on every pick without the lock.
    until: AtomicU64,
    /// Elsewhere, since no pick looks at it.
    cooldown: Mutex<Option<Box<Cooldown>>>,
}

/// A time on the bench.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooldown {
    pub since: Instant,
    pub until: Instant,
    /// The error's class, such as "RateLimitError".
    pub cause: &'static str,
    /// Another process had the failure, and told.
    pub from_fleet: bool,
}

impl Bench {
    pub fn is_free(&self, now: Moment) -> bool {
        self.until.load(Ordering::Acquire) <= now.nanos()
    }

    /// How long it lasts from `now`; `None` if nothing is benched.
    pub fn left(&self, now: impl Into<Moment>) -> Option<Duration> {
        let left = self.until.load(Ordering::Acquire).saturating_sub(now.into().nanos());
        (left > 0).then(|| Duration::from_nanos(left))
    }

    /// Benches for `time` from `now`. The end only ever moves away: a short wait does not undo a long one.
    pub fn start(&self, now: Instant, time: Duration, cause: &'static str) {
        self.start_by(now, time, cause, false);
    }

    /// The same for what another process has told.
    pub fn start_from_fleet(&self, now: Instant, time: Duration, cause: &'static str) {
        self.start_by(now, time, cause, true);
    }

    fn start_by(&self, now: Instant, time: Duration, cause: &'static str, from_fleet: bool) {
        let Some(until) = now.checked_add(time) else { return };
        let mut cooldown = self.lock();
        let running = cooldown.as_ref().filter(|running| running.until > now);
        if running.is_some_and(|running| running.until >= until) {
            return;
        }
        let since = running.map_or(now, |running| running.since);
        *cooldown = Some(Box::new(Cooldown { since, until, cause, from_fleet }));
        self.until.store(Moment::from(until).nanos(), Ordering::Release);
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
        self.lock().as_deref().filter(|cooldown| cooldown.until > now).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Cooldown>>> {
        self.cooldown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bench of a key, one of many.
#[derive(Default)]
pub struct KeyBench {
    bench: Bench,
    latest: Latest,
}

/// The latest moment until which any of many keys has been benched: as long as all are free, nobody has to look at each.
#[derive(Clone, Default)]
pub struct Latest(Arc<AtomicU64>);

impl KeyBench {
    pub fn new(latest: &Latest) -> Self {
        Self { bench: Bench::default(), latest: latest.clone() }
    }

    /// Like `Bench::start`.
    pub fn start(&self, now: Instant, time: Duration, cause: &'static str) {
        self.bench.start(now, time, cause);
        self.note();
    }

    /// Like `Bench::start_from_fleet`.
    pub fn start_from_fleet(&self, now: Instant, time: Duration, cause: &'static str) {
        self.bench.start_from_fleet(now, time, cause);
        self.note();
    }

    fn note(&self) {
        self.latest.0.fetch_max(self.bench.until.load(Ordering::Acquire), Ordering::Release);
    }

    /// Whether this one is free and all the others, too. They may be free even if not.
    pub fn are_all_free(&self, now: Moment) -> bool {
        self.latest.0.load(Ordering::Acquire) <= now.nanos()
    }
}

impl Deref for KeyBench {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        &self.bench
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_end_only_moves_away_until_it_is_lifted() {
        let now = Instant::now();
        let bench = Bench::default();
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

    #[test]
    fn all_keys_are_free_until_one_is_benched() {
        let (now, latest) = (Instant::now(), Latest::default());
        let keys = [KeyBench::new(&latest), KeyBench::new(&latest)];
        let all = |at: Instant| keys.each_ref().map(|key| key.are_all_free(at.into()));
        assert_eq!(all(now), [true; 2]);
        keys[0].start(now, 60 * SECOND, "AuthenticationError");
        keys[1].start(now, SECOND, "AuthenticationError");
        assert_eq!((all(now + 59 * SECOND), all(now + 60 * SECOND)), ([false; 2], [true; 2]));
        keys[1].start_from_fleet(now, 90 * SECOND, "AuthenticationError");
        assert_eq!((all(now + 89 * SECOND), all(now + 90 * SECOND)), ([false; 2], [true; 2]));
        // Whoever looks then looks at each.
        assert!(!keys[0].is_free(now.into()) && keys[0].is_free((now + 60 * SECOND).into()));
    }

    #[test]
    fn who_had_the_failure_is_known() {
        let now = Instant::now();
        let bench = Bench::default();
        bench.start_from_fleet(now, 9 * SECOND, "Timeout");
        assert!(bench.cooldown(now).unwrap().from_fleet);
        bench.start(now, 60 * SECOND, "RateLimitError");
        assert!(!bench.cooldown(now).unwrap().from_fleet);
    }
}
