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
    /// Elsewhere, since no pick looks at it. Stays when its time is over, until somebody answers.
    cooldown: Mutex<Option<Box<Cooldown>>>,
}

/// A time on the bench.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooldown {
    pub since: Instant,
    pub until: Instant,
    /// Since when it has not answered: before `since` if it was benched again without an answer in between.
    pub out_since: Instant,
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

    /// Benches for `time` from `now`. The end only ever moves away: a short wait does not undo a long one. True if it was in
    /// service until now: what fails again before it has answered was out of it already.
    pub fn start(&self, now: Instant, time: Duration, cause: &'static str) -> bool {
        self.start_by(now, time, cause, false)
    }

    /// The same for what another process has told.
    pub fn start_from_fleet(&self, now: Instant, time: Duration, cause: &'static str) -> bool {
        self.start_by(now, time, cause, true)
    }

    fn start_by(&self, now: Instant, time: Duration, cause: &'static str, from_fleet: bool) -> bool {
        let Some(until) = now.checked_add(time) else { return false };
        let mut cooldown = self.lock();
        let running = cooldown.as_ref().filter(|running| running.until > now);
        if running.is_some_and(|running| running.until >= until) {
            return false;
        }
        let since = running.map_or(now, |running| running.since);
        let out_since = cooldown.as_ref().map(|before| before.out_since);
        let out = Cooldown { since, until, out_since: out_since.unwrap_or(now), cause, from_fleet };
        *cooldown = Some(Box::new(out));
        self.until.store(Moment::from(until).nanos(), Ordering::Release);
        out_since.is_none()
    }

    /// Ends it, whatever was left. Since when there was no answer, if there was none.
    pub fn lift(&self) -> Option<Instant> {
        if self.until.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.clear(&mut self.lock())
    }

    /// Takes in that there was an answer: what rests goes on resting, but a cooldown that was over is forgotten. Since when there
    /// was no answer, if this is the first one after it.
    pub fn answered(&self, now: Instant) -> Option<Instant> {
        // Nearly always there is none, and this is all that an answer costs.
        if self.until.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut cooldown = self.lock();
        let is_over = cooldown.as_ref().is_some_and(|cooldown| cooldown.until <= now);
        if is_over { self.clear(&mut cooldown) } else { None }
    }

    fn clear(&self, cooldown: &mut Option<Box<Cooldown>>) -> Option<Instant> {
        self.until.store(0, Ordering::Release);
        cooldown.take().map(|cooldown| cooldown.out_since)
    }

    /// The cooldown that is running, if one is.
    pub fn cooldown(&self, now: Instant) -> Option<Cooldown> {
        self.lock().as_deref().filter(|cooldown| cooldown.until > now).cloned()
    }

    /// The same, or that of its key: the one that ends last.
    pub fn cooldown_with(&self, key: &KeyBench, now: Instant) -> Option<Cooldown> {
        [self.cooldown(now), key.cooldown(now)].into_iter().flatten().max_by_key(|cooldown| cooldown.until)
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
    pub fn start(&self, now: Instant, time: Duration, cause: &'static str) -> bool {
        let leaves = self.bench.start(now, time, cause);
        self.note();
        leaves
    }

    /// Like `Bench::start_from_fleet`.
    pub fn start_from_fleet(&self, now: Instant, time: Duration, cause: &'static str) -> bool {
        let leaves = self.bench.start_from_fleet(now, time, cause);
        self.note();
        leaves
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
    fn it_is_out_of_service_until_it_has_answered() {
        let now = Instant::now();
        let bench = Bench::default();
        assert_eq!(bench.answered(now), None);
        assert!(bench.start(now, SECOND, "Timeout"));
        assert!(!bench.start(now, SECOND, "Timeout") && !bench.start(now, 2 * SECOND, "Timeout"));
        assert_eq!(bench.answered(now + SECOND), None, "it rests still");
        assert!(!bench.start(now + 9 * SECOND, SECOND, "Timeout"), "it has not answered in between");
        let again = bench.cooldown(now + 9 * SECOND).unwrap();
        assert_eq!((again.since, again.out_since), (now + 9 * SECOND, now));
        assert_eq!(bench.answered(now + 10 * SECOND), Some(now));
        assert_eq!(bench.answered(now + 10 * SECOND), None, "once");
        assert!(bench.start(now + 10 * SECOND, SECOND, "Timeout"));
        assert_eq!((bench.lift(), bench.lift()), (Some(now + 10 * SECOND), None));
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
