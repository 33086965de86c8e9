//! Answers that all processes share, on a shelf that may be slow or gone: it costs bounded time, and then none.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::clock;
use crate::store::Shelf;

use super::{Entry, Key};

/// Reads in a row that failed or came too late, after which the shelf is left alone.
const MOST_FAILURES: u32 = 3;
/// How long it is left alone before somebody looks after it, and how long that may take.
const PAUSE: Duration = Duration::from_secs(1);
const PROBE: Duration = Duration::from_secs(1);
/// Writes at one time; what comes beyond is not written.
const MOST_WRITES: usize = 64;

pub struct Shared {
    shelf: Arc<dyn Shelf>,
    patience: Duration,
    /// What all keys begin with.
    prefix: String,
    failures: AtomicU32,
    is_away: AtomicBool,
    probing: AtomicBool,
    /// When it was last looked after.
    looked: Mutex<Option<Instant>>,
    writes: Arc<Semaphore>,
    hits: AtomicU64,
    unwritten: AtomicU64,
}

impl Shared {
    /// `patience` is the most that a request waits.
    pub fn new(shelf: Arc<dyn Shelf>, patience: Duration, namespace: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            shelf,
            patience,
            prefix: namespace.unwrap_or("llmrouter").to_owned(),
            failures: AtomicU32::new(0),
            is_away: AtomicBool::new(false),
            probing: AtomicBool::new(false),
            looked: Mutex::default(),
            writes: Arc::new(Semaphore::new(MOST_WRITES)),
            hits: AtomicU64::new(0),
            unwritten: AtomicU64::new(0),
        })
    }

    pub fn shelf(&self) -> Arc<dyn Shelf> {
        Arc::clone(&self.shelf)
    }

    fn name_of(&self, key: Key) -> String {
        format!("{}:{}", self.prefix, key.hex())
    }

    /// What is there of these, in their order, and for how long it still counts. What can't be read is not there.
    pub async fn get(self: &Arc<Self>, keys: &[Key]) -> Vec<Option<(Arc<Entry>, Duration)>> {
        let nothing = || keys.iter().map(|_| None).collect();
        if self.is_away.load(Ordering::Relaxed) {
            self.look_after();
            return nothing();
        }
        let names: Vec<_> = keys.iter().map(|key| self.name_of(*key)).collect();
        let values = match clock::within(self.patience, pin!(self.shelf.get(&names))).await {
            Some(Ok(values)) => {
                self.failures.store(0, Ordering::Relaxed);
                values
            }
            Some(Err(error)) => return self.failed(&error.0, nothing()),
            None => return self.failed("it is slow", nothing()),
        };
        let mut values = values.into_iter();
        let mut read = |key: &Key| Entry::decode(&values.next().flatten()?, *key);
        let found: Vec<_> = keys.iter().map(&mut read).collect();
        self.hits.fetch_add(found.iter().flatten().count() as u64, Ordering::Relaxed);
        found
    }

    /// Writes entries, in the background.
    pub fn put(self: &Arc<Self>, entries: Vec<(Key, Arc<Entry>)>, ttl: Duration) {
        if ttl.is_zero() {
            return;
        }
        let turn = Arc::clone(&self.writes).try_acquire_owned();
        let (Ok(turn), false) = (turn, self.is_away.load(Ordering::Relaxed)) else {
            self.unwritten.fetch_add(entries.len() as u64, Ordering::Relaxed);
            return;
        };
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let written = |(key, entry): &(Key, Arc<Entry>)| (shared.name_of(*key), entry.encode(*key, ttl), ttl);
            let values: Vec<_> = entries.iter().map(written).collect();
            if shared.shelf.put(&values).await.is_err() {
                shared.unwritten.fetch_add(values.len() as u64, Ordering::Relaxed);
            }
            drop(turn);
        });
    }

    fn failed<T>(&self, why: &str, nothing: T) -> T {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures >= MOST_FAILURES && !self.is_away.swap(true, Ordering::Relaxed) {
            *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock::now());
            log::warn!(store = self.shelf.name().as_str(); "cached answers are not shared for now: {why}");
        }
        nothing
    }

    /// Looks whether it is there again, one at a time and not too often, while nobody waits for it.
    fn look_after(self: &Arc<Self>) {
        let now = clock::now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = looked.is_none_or(|looked| now.saturating_duration_since(looked) >= PAUSE);
        if !is_time || self.probing.swap(true, Ordering::AcqRel) {
            return;
        }
        *looked = Some(now);
        drop(looked);
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let key = [format!("{}:probe", shared.prefix)];
            let start = clock::now();
            let probe = clock::within(PROBE, pin!(shared.shelf.get(&key))).await;
            let took = clock::now().saturating_duration_since(start);
            // One that is there but slower than a request waits is as good as away.
            if matches!(probe, Some(Ok(_))) && took <= shared.patience {
                shared.failures.store(0, Ordering::Relaxed);
                shared.is_away.store(false, Ordering::Relaxed);
                log::info!(store = shared.shelf.name().as_str(); "cached answers are shared again");
            }
            shared.probing.store(false, Ordering::Release);
        });
    }

    pub fn snapshot(&self) -> Value {
        json!({
            "name": self.shelf.name(),
            "state": if self.is_away.load(Ordering::Relaxed) { "away" } else { "ready" },
            "hits": self.hits.load(Ordering::Relaxed),
            "unwritten": self.unwritten.load(Ordering::Relaxed),
        })
    }
}

#[cfg(test)]
#[path = "tests/shared.rs"]
pub mod tests;
