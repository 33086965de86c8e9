//! The response cache: a request that was answered before is answered again by what was kept.
//!
//! Answers are kept as a whole, in memory and, where processes share them, on a [`Shelf`]. Who asks by a stream gets the
//! same answer in chunks.

mod entry;
mod flight;
mod inputs;
mod key;
mod memory;
mod repeats;
mod rules;
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

pub use entry::{Entry, Producer};
pub use flight::{Follower, Lead, Outcome, Turn};
pub use inputs::{inputs, join, only, split};
pub use key::{Key, Place, fingerprint, of_inputs, of_request};
pub use repeats::Repeats;
pub use rules::{Wish, is_whole, wish};

use crate::config::CacheConfig;
use crate::store::Shelf;

use flight::Flights;
use memory::Memory;
use shared::Shared;

/// What is kept, and who waits for what will be.
pub struct Cache {
    config: CacheConfig,
    memory: Memory,
    shared: Option<Arc<Shared>>,
    flights: Arc<Flights>,
    hits: AtomicU64,
    misses: AtomicU64,
    stored: AtomicU64,
    joined: AtomicU64,
}

impl Cache {
    /// `patience` is the most that a request waits for the shelf.
    pub fn new(config: &CacheConfig, shelf: Option<Arc<dyn Shelf>>, patience: Duration) -> Self {
        // A part of the bytes is for the repeated requests' texts.
        let bytes = config.max_bytes - Repeats::share(config);
        Self {
            memory: Memory::new(bytes),
            shared: shelf.map(|shelf| Shared::new(shelf, patience, config.namespace.as_deref())),
            flights: Arc::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            joined: AtomicU64::new(0),
            config: config.clone(),
        }
    }

    /// Where answers are shared, if they are.
    pub fn shelf(&self) -> Option<Arc<dyn Shelf>> {
        self.shared.as_ref().map(|shared| shared.shelf())
    }

    pub fn config(&self) -> &CacheConfig {
        &self.config
    }

    /// What memory has, if it is no older.
    pub fn peek(&self, key: Key, max_age: Option<Duration>) -> Option<Arc<Entry>> {
        self.memory.get(key).filter(|entry| is_fresh(entry, max_age))
    }

    /// What memory has, or the shelf, if it is no older.
    pub async fn look(&self, key: Key, max_age: Option<Duration>) -> Option<Arc<Entry>> {
        if let Some(entry) = self.peek(key, max_age) {
            return Some(entry);
        }
        Box::pin(self.fetch(&[key], max_age)).await.pop().flatten()
    }

    /// The same for several, in their order.
    pub async fn look_all(&self, keys: &[Key], max_age: Option<Duration>) -> Vec<Option<Arc<Entry>>> {
        let mut found: Vec<_> = keys.iter().map(|key| self.peek(*key, max_age)).collect();
        let missing: Vec<Key> =
            keys.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(key, _)| *key).collect();
        if !missing.is_empty() {
            let mut fetched = Box::pin(self.fetch(&missing, max_age)).await.into_iter();
            for place in found.iter_mut().filter(|place| place.is_none()) {
                *place = fetched.next().flatten();
            }
        }
        found
    }

    /// From the shelf alone. What is there is in memory from now on, for what is left of its time.
    pub async fn fetch(&self, keys: &[Key], max_age: Option<Duration>) -> Vec<Option<Arc<Entry>>> {
        let Some(shared) = &self.shared else { return keys.iter().map(|_| None).collect() };
        let found = shared.get(keys).await;
        let taken = keys.iter().zip(found).map(|(key, found)| {
            let (entry, left) = found?;
            self.memory.put(*key, Arc::clone(&entry), left.min(self.config.local_ttl));
            Some(entry).filter(|entry| is_fresh(entry, max_age))
        });
        taken.collect()
    }

    /// Keeps an answer.
    pub fn put(&self, key: Key, entry: &Arc<Entry>, wish: &Wish) {
        self.put_all(vec![(key, Arc::clone(entry))], wish);
    }

    /// Keeps several.
    pub fn put_all(&self, entries: Vec<(Key, Arc<Entry>)>, wish: &Wish) {
        self.stored.fetch_add(entries.len() as u64, Ordering::Relaxed);
        for (key, entry) in &entries {
            self.memory.put(*key, Arc::clone(entry), wish.local_ttl);
        }
        if let Some(shared) = &self.shared {
            shared.put(entries, wish.shared_ttl);
        }
    }

    /// Joins an equal call that is out, or goes first.
    pub fn join(&self, key: Key, is_stream: bool) -> Turn {
        self.flights.join(key, is_stream)
    }

    /// Counts how a look at the cache went.
    pub fn count(&self, is_hit: bool) {
        let counter = if is_hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer of another call's that came while this one waited.
    pub fn count_joined(&self) {
        self.joined.fetch_add(1, Ordering::Relaxed);
    }

    /// How it is, as JSON.
    pub fn snapshot(&self) -> Value {
        let filling = self.memory.filling();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "entries": filling.entries,
            "bytes": filling.bytes,
            "max_bytes": self.config.max_bytes,
            "hits": count(&self.hits),
            "misses": count(&self.misses),
            "joined": count(&self.joined),
            "stored": count(&self.stored),
            "evicted": filling.evicted,
            "shared": self.shared.as_ref().map(|shared| shared.snapshot()),
        })
    }
}

fn is_fresh(entry: &Entry, max_age: Option<Duration>) -> bool {
    max_age.is_none_or(|most| entry.age() <= most)
}

#[cfg(test)]
pub mod tests;
