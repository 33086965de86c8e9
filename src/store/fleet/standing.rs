//! How this process stands to the store: it shares; the store is silent, and nobody waits for it; or it is away, and the process alone.
//!
//! Silence is soon there, and may be the fault of a busy machine: limits still hold then, see [`Terms::Missed`](super::Terms). Only a
//! store that has answered nothing for long is away.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::OnFailure;

use super::super::{StoreError, TRUSTED};

/// Before anything was answered nobody knows how long that takes.
const FIRST_PATIENCE: Duration = Duration::from_millis(100);
/// A store that takes longer than this is away, however slow it has become.
const MOST_PATIENCE: Duration = Duration::from_secs(1);

/// After so many waits in a row without an answer no call waits any more.
const MISSES: u32 = 3;

/// Whether limits are shared right now, and what holds otherwise.
pub struct Standing {
    away: AtomicBool,
    silent: AtomicBool,
    pub on_failure: OnFailure,
    /// Alive, as told last; this one included.
    processes: AtomicU32,
    /// What was sent last is not answered yet, or was refused; so it is while nobody runs who would send.
    unanswered: AtomicBool,
    /// Waits of calls without an answer, all of them.
    misses: AtomicU64,
    /// How long an answer takes, and how much that varies, smoothed; nanoseconds, 0 before the first.
    round_trip: AtomicU64,
    deviation: AtomicU64,
    /// Of those, how many came in a row.
    missed: AtomicU32,
    past: Mutex<Past>,
}

struct Past {
    since: Instant,
    /// The first failure of those since the last success.
    failing: Option<Instant>,
    /// When the last wait without an answer ended.
    last_miss: Option<Instant>,
    last_error: Option<String>,
}

/// What people are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// What the store is, and where.
    pub engine: String,
    pub away: bool,
    pub on_failure: OnFailure,
    /// Since it shares, or is alone.
    pub since: Instant,
    pub last_error: Option<String>,
    pub processes: u32,
    /// What the store was not told yet: cooldowns, budgets, and takings to be settled.
    pub pending: usize,
    /// Waits of calls without an answer.
    pub misses: u64,
}

impl Standing {
    pub fn new(on_failure: OnFailure) -> Self {
        let past = Past { since: clock::now(), failing: None, last_miss: None, last_error: None };
        Self {
            away: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            on_failure,
            processes: AtomicU32::new(1),
            unanswered: AtomicBool::new(true),
            misses: AtomicU64::new(0),
            round_trip: AtomicU64::new(0),
            deviation: AtomicU64::new(0),
            missed: AtomicU32::new(0),
            past: Mutex::new(past),
        }
    }

    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Acquire)
    }

    /// Nobody waits for it.
    pub fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Acquire)
    }

    pub fn processes(&self) -> u32 {
        self.processes.load(Ordering::Relaxed).max(1)
    }

    pub fn saw(&self, processes: u32) {
        self.processes.store(processes.max(1), Ordering::Relaxed);
    }

    /// Takes in how long an answer took, as TCP does. On a machine that is busy answers take long, and that is no fault of the store.
    pub fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 8).clamp(1, u64::MAX / 8);
        let (mean, deviation) = (self.round_trip.load(Ordering::Relaxed), self.deviation.load(Ordering::Relaxed));
        let (mean, deviation) = match mean {
            0 => (time, time / 2),
            _ => (mean - mean / 8 + time / 8, deviation - deviation / 4 + mean.abs_diff(time) / 4),
        };
        self.round_trip.store(mean, Ordering::Relaxed);
        self.deviation.store(deviation, Ordering::Relaxed);
    }

    /// How long a wait lasts that is a miss: the configured time, or what answers take if that is longer.
    pub fn patience(&self, configured: Duration) -> Duration {
        let (mean, deviation) = (self.round_trip.load(Ordering::Relaxed), self.deviation.load(Ordering::Relaxed));
        let usual = match mean {
            _ if configured.is_zero() => configured,
            0 => FIRST_PATIENCE,
            _ => Duration::from_nanos(mean.saturating_add(deviation.saturating_mul(4))),
        };
        usual.min(MOST_PATIENCE).max(configured)
    }

    /// The store is asked, from here until it has [answered](Standing::answered).
    pub fn ask(&self) {
        self.unanswered.store(true, Ordering::Release);
    }

    /// A task runs that asks when there is something to ask. Without one nothing is ever answered.
    pub fn serve(&self, runs: bool) {
        self.unanswered.store(!runs, Ordering::Release);
    }

    /// Whether a wait without an answer is the store's fault, and not that of a process which is too busy to ask.
    pub fn is_unanswered(&self) -> bool {
        self.unanswered.load(Ordering::Acquire)
    }

    /// The store answered: leases count again.
    pub fn answered(&self, name: &str) {
        let mut past = self.lock();
        past.failing = None;
        self.unanswered.store(false, Ordering::Release);
        self.heard();
        self.silent.store(false, Ordering::Release);
        if self.away.swap(false, Ordering::AcqRel) {
            past.since = clock::now();
            log::info!(store = name; "the shared state is back: limits hold over all processes again");
        }
    }

    /// A call had its answer in time.
    pub fn heard(&self) {
        if self.missed.load(Ordering::Relaxed) > 0 {
            self.missed.store(0, Ordering::Relaxed);
        }
    }

    /// The store gave no answer to what was asked at `asked`.
    pub fn failed(&self, name: &str, error: &StoreError, asked: Instant) {
        let mut past = self.lock();
        past.last_error = Some(error.0.clone());
        let failing = *past.failing.get_or_insert(asked);
        if clock::now().saturating_duration_since(failing) >= TRUSTED {
            self.leave(name, &mut past);
        }
    }

    /// A call that began to wait at `began` had no answer. Those that waited beside each other count once.
    pub fn missed(&self, began: Instant, patience: Duration) {
        let mut past = self.lock();
        self.misses.fetch_add(1, Ordering::Relaxed);
        if past.last_miss.is_some_and(|last| began < last) {
            return;
        }
        past.last_miss = Some(clock::now());
        // Where the store says itself what is wrong, that is why nobody gets an answer.
        if past.failing.is_none() {
            past.last_error = Some(format!("no answer within {} s", patience.as_secs_f64()));
        }
        if self.missed.fetch_add(1, Ordering::Relaxed) + 1 >= MISSES {
            self.silent.store(true, Ordering::Release);
        }
    }

    fn leave(&self, name: &str, past: &mut Past) {
        self.silent.store(true, Ordering::Release);
        if !self.away.swap(true, Ordering::AcqRel) {
            past.since = clock::now();
            let (mode, error) = (self.on_failure.name(), past.last_error.as_deref().unwrap_or_default());
            log::warn!(store = name, mode, error; "the shared state is away: each process is alone until it is back");
        }
    }

    pub fn status(&self, engine: String, pending: usize) -> Status {
        let past = self.lock();
        Status {
            engine,
            away: self.is_away(),
            on_failure: self.on_failure,
            since: past.since,
            last_error: past.last_error.clone(),
            processes: self.processes(),
            pending,
            misses: self.misses.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(5);

    fn broken() -> StoreError {
        StoreError("broken".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn three_misses_in_a_row_and_those_beside_each_other_are_one() {
        let standing = Standing::new(OnFailure::FailOpen);
        let start = clock::now();
        tokio::time::advance(PATIENCE).await;
        (0..100).for_each(|_| standing.missed(start, PATIENCE));
        assert!(!standing.is_silent());
        for _ in 0..2 {
            let began = clock::now();
            tokio::time::advance(PATIENCE).await;
            standing.missed(began, PATIENCE);
        }
        assert!(standing.is_silent() && !standing.is_away());
        assert_eq!(standing.status("s".to_owned(), 0).misses, 102);
        standing.answered("s");
        assert!(!standing.is_silent());
        standing.missed(clock::now(), PATIENCE);
        assert!(!standing.is_silent(), "they are counted anew");
    }

    #[test]
    fn patience_is_what_answers_take() {
        let standing = Standing::new(OnFailure::FailOpen);
        assert_eq!(standing.patience(PATIENCE), FIRST_PATIENCE);
        (0..50).for_each(|_| standing.took(PATIENCE / 50));
        assert_eq!(standing.patience(PATIENCE), PATIENCE);
        // The machine has become busy, and then is so no more.
        (0..50).for_each(|time| standing.took(PATIENCE * (4 + time % 2)));
        let busy = standing.patience(PATIENCE);
        assert!(busy > PATIENCE * 5 && busy < PATIENCE * 10, "{busy:?}");
        (0..100).for_each(|_| standing.took(PATIENCE / 50));
        assert_eq!(standing.patience(PATIENCE), PATIENCE);
        standing.took(Duration::MAX);
        assert_eq!(standing.patience(PATIENCE), MOST_PATIENCE);
        assert_eq!(Standing::new(OnFailure::FailOpen).patience(Duration::ZERO), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_store_said_explains_the_misses() {
        let standing = Standing::new(OnFailure::FailOpen);
        let why = || standing.status("s".to_owned(), 0).last_error;
        standing.missed(clock::now(), PATIENCE);
        assert_eq!(why().as_deref(), Some("no answer within 0.005 s"));
        standing.failed("s", &broken(), clock::now());
        tokio::time::advance(PATIENCE).await;
        standing.missed(clock::now(), PATIENCE);
        assert_eq!(why().as_deref(), Some("broken"));
        standing.answered("s");
        standing.missed(clock::now(), PATIENCE);
        assert_eq!(why().as_deref(), Some("no answer within 0.005 s"));
    }

    #[tokio::test(start_paused = true)]
    async fn away_when_it_has_failed_for_long() {
        let standing = Standing::new(OnFailure::FailOpen);
        standing.failed("s", &broken(), clock::now());
        tokio::time::advance(TRUSTED / 2).await;
        standing.failed("s", &broken(), clock::now());
        standing.answered("s");
        tokio::time::advance(TRUSTED / 2).await;
        standing.failed("s", &broken(), clock::now());
        assert!(!standing.is_away(), "it answered meanwhile");
        tokio::time::advance(TRUSTED).await;
        standing.failed("s", &broken(), clock::now());
        assert!(standing.is_away() && standing.is_silent());
        assert_eq!(standing.status("s".to_owned(), 0).last_error.as_deref(), Some("broken"));
    }
}
