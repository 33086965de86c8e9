//! Cooldowns of the fleet: told when they begin, read before the first pick and again and again, and heard of meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock;
use crate::deployment::Bench;
use crate::error::ErrorKind;

use super::super::{Cooled, StoreError};
use super::common::Common;
use super::lease::Lease;

/// Two readings of one end differ by the time that an answer takes; one that is later by more is another end.
const SAME: Duration = Duration::from_millis(250);
/// For a cause that this version does not know.
const UNKNOWN_CAUSE: &str = "APIError";

/// What the others are to hear of, and what was heard.
#[derive(Default)]
pub struct Cooling {
    /// By what rests: until when, and why. The later end wins.
    untold: Mutex<HashMap<Arc<str>, (Instant, &'static str)>>,
    /// The latest end that this process knows of each. What was lifted here is not benched again by the same end.
    known: Mutex<HashMap<Arc<str>, Instant>>,
    pub wake: Notify,
    is_read: AtomicBool,
    pub read: Notify,
}

impl Lease {
    /// Tells the fleet that the deployment rests.
    pub fn cool(&self, now: Instant, time: Duration, cause: &'static str) {
        self.common.cooling.tell(&self.member.id, now, time, cause);
    }

    /// Tells the fleet that its key rests, wherever it is used.
    pub fn cool_key(&self, now: Instant, time: Duration, cause: &'static str) {
        if let Some(key) = &self.member.key {
            self.common.cooling.tell(key, now, time, cause);
        }
    }
}

impl Cooling {
    fn tell(&self, what: &Arc<str>, now: Instant, time: Duration, cause: &'static str) {
        let Some(until) = now.checked_add(time) else { return };
        lock(&self.known).entry(Arc::clone(what)).and_modify(|end| *end = until.max(*end)).or_insert(until);
        let mut untold = lock(&self.untold);
        if untold.get(what).is_none_or(|(end, _)| *end < until) {
            untold.insert(Arc::clone(what), (until, cause));
        }
        drop(untold);
        self.wake.notify_one();
    }

    /// How many the store was not told of yet.
    pub fn pending(&self) -> usize {
        lock(&self.untold).len()
    }

    /// Tells the store. What it does not take in is told again.
    pub async fn flush(&self, common: &Common) -> Result<(), StoreError> {
        let now = clock::now();
        let told: Vec<_> = {
            let mut untold = lock(&self.untold);
            untold.retain(|_, (until, _)| *until > now);
            untold.iter().map(|(what, (until, cause))| (Arc::clone(what), *until, *cause)).collect()
        };
        if told.is_empty() {
            return Ok(());
        }
        let cooled: Vec<_> = told
            .iter()
            .map(|(what, until, cause)| Cooled {
                what: Arc::clone(what),
                left: until.saturating_duration_since(now),
                cause: (*cause).to_owned(),
            })
            .collect();
        common.answer(common.engine.cool(&cooled)).await?;
        let mut untold = lock(&self.untold);
        for (what, until, _) in told {
            if untold.get(&what).is_some_and(|(end, _)| *end == until) {
                untold.remove(&what);
            }
        }
        Ok(())
    }

    /// Benches what another process said rests, unless that is known.
    pub fn hear(&self, cooled: &Cooled, bench: &Bench, now: Instant) {
        let Some(until) = now.checked_add(cooled.left) else { return };
        let mut known = lock(&self.known);
        known.retain(|_, end| *end > now);
        if known.get(&cooled.what).is_some_and(|end| until <= *end + SAME) {
            return;
        }
        known.insert(Arc::clone(&cooled.what), until);
        let cause = ErrorKind::class_named(&cooled.cause).unwrap_or(UNKNOWN_CAUSE);
        if bench.start_from_fleet(now, cooled.left, cause) {
            let seconds = cooled.left.as_secs_f64();
            log::info!(what = &*cooled.what, cause, seconds; "cools down, as another process told");
        }
    }

    /// Whether all that rests was read once.
    pub fn is_read(&self) -> bool {
        self.is_read.load(Ordering::Acquire)
    }

    pub fn set_read(&self) {
        if !self.is_read.swap(true, Ordering::AcqRel) {
            self.read.notify_waiters();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
