//! Answers in this process's memory: bounded in bytes, each with an end, the least used forgotten first.
//!
//! Who may stay is decided by S3-FIFO: what comes in stands in a small queue; what is asked for again before it is out of
//! that goes on into the large one, all else is forgotten, so that answers that nobody wants twice push nobody out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

use super::{Entry, Key};

/// What an entry takes beside itself: its slot, its places in the queues and in the table, with the room that these grow by.
const OVERHEAD: usize = 320;
/// More shards mean fewer threads that meet; but an entry has to fit into one.
const SHARD_BYTES: usize = 4 * 1024 * 1024;
const MOST_SHARDS: usize = 16;
/// The small queue's part of a shard.
const SMALL_PART: usize = 10;
/// So often has it to be asked for again before it counts no more.
const MOST_USES: u8 = 3;

/// What is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filling {
    pub entries: usize,
    pub bytes: usize,
    pub evicted: u64,
}

pub struct Memory {
    shards: Box<[Mutex<Shard>]>,
}

struct Shard {
    cap: usize,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// By the short form of their keys.
    places: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    small: Queue,
    main: Queue,
    /// Short keys of what was forgotten from the small queue: asked for again, it goes into the main one at once.
    ghosts: VecDeque<u64>,
    known: HashSet<u64, BuildHasherDefault<AsIs>>,
    evicted: u64,
}

#[derive(Default)]
struct Queue {
    slots: VecDeque<u32>,
    bytes: usize,
}

struct Slot {
    key: Key,
    /// `None` in a free slot.
    entry: Option<Arc<Entry>>,
    until: Instant,
    weight: usize,
    uses: u8,
    is_main: bool,
}

/// Keys are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

impl Memory {
    /// Takes at most so many bytes.
    pub fn new(bytes: u64) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let count = (bytes / SHARD_BYTES).clamp(1, MOST_SHARDS);
        Self { shards: (0..count).map(|_| Mutex::new(Shard::new(bytes / count))).collect() }
    }

    pub fn get(&self, key: Key) -> Option<Arc<Entry>> {
        self.shard(key)?.get(key)
    }

    /// Keeps an entry for so long from now, in the place of another of its key. One that is too large is not kept.
    pub fn put(&self, key: Key, entry: Arc<Entry>, ttl: Duration) {
        let now = clock::now();
        let Some(until) = now.checked_add(ttl).filter(|until| *until > now) else { return };
        if let Some(mut shard) = self.shard(key) {
            // Dropped when the lock is free.
            let _forgotten = shard.put(key, entry, until, now);
            drop(shard);
        }
    }

    pub fn filling(&self) -> Filling {
        let mut all = Filling::default();
        for shard in &self.shards {
            let shard = lock(shard);
            all.entries += shard.places.len();
            all.bytes += shard.small.bytes + shard.main.bytes;
            all.evicted += shard.evicted;
        }
        all
    }

    fn shard(&self, key: Key) -> Option<MutexGuard<'_, Shard>> {
        // Other bits than those by which a table finds its places.
        let place = usize::try_from(key.short() >> 40).unwrap_or_default() % self.shards.len();
        self.shards.get(place).map(lock)
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    fn new(cap: usize) -> Self {
        Self {
            cap,
            slots: Vec::new(),
            free: Vec::new(),
            places: HashMap::default(),
            small: Queue::default(),
            main: Queue::default(),
            ghosts: VecDeque::new(),
            known: HashSet::default(),
            evicted: 0,
        }
    }

    fn slot(&mut self, key: Key) -> Option<&mut Slot> {
        let place = *self.places.get(&key.short())?;
        self.slots.get_mut(usize::try_from(place).ok()?)
    }

    fn get(&mut self, key: Key) -> Option<Arc<Entry>> {
        let slot = self.slot(key).filter(|slot| slot.key == key)?;
        if slot.until <= clock::now() {
            return None;
        }
        slot.uses = (slot.uses + 1).min(MOST_USES);
        slot.entry.clone()
    }

    fn put(&mut self, key: Key, entry: Arc<Entry>, until: Instant, now: Instant) -> Vec<Arc<Entry>> {
        let weight = entry.weight() + OVERHEAD;
        if weight > self.cap {
            return vec![entry];
        }
        let mut forgotten = Vec::new();
        if let Some(slot) = self.slot(key) {
            // It keeps its place in its queue; its end is the new one's.
            let (old, is_main) = (slot.weight, slot.is_main);
            forgotten.extend(slot.entry.replace(entry));
            (slot.key, slot.until, slot.weight) = (key, until, weight);
            let queue = if is_main { &mut self.main } else { &mut self.small };
            queue.bytes = queue.bytes - old + weight;
        } else {
            let is_main = self.known.remove(&key.short());
            let slot = Slot { key, entry: Some(entry), until, weight, uses: 0, is_main };
            let place = self.place(slot);
            self.places.insert(key.short(), place);
            self.queue(is_main).slots.push_back(place);
            self.queue(is_main).bytes += weight;
        }
        while self.small.bytes + self.main.bytes > self.cap && self.make_room(now, &mut forgotten) {}
        forgotten
    }

    fn place(&mut self, slot: Slot) -> u32 {
        if let Some(place) = self.free.pop() {
            if let Some(free) = self.slots.get_mut(place as usize) {
                *free = slot;
            }
            return place;
        }
        self.slots.push(slot);
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    fn queue(&mut self, is_main: bool) -> &mut Queue {
        if is_main { &mut self.main } else { &mut self.small }
    }

    /// One step: forgets an entry, or gives it another chance. False if nobody is left.
    fn make_room(&mut self, now: Instant, forgotten: &mut Vec<Arc<Entry>>) -> bool {
        let from_main =
            self.small.slots.is_empty() || (self.small.bytes <= self.cap / SMALL_PART && !self.main.slots.is_empty());
        let queue = self.queue(from_main);
        let Some(place) = queue.slots.pop_front() else { return false };
        let Some(slot) = self.slots.get_mut(place as usize) else { return true };
        let (weight, short, uses) = (slot.weight, slot.key.short(), slot.uses);
        if uses > 0 && slot.until > now {
            slot.uses = if from_main { uses - 1 } else { 0 };
            slot.is_main = true;
            self.queue(from_main).bytes -= weight;
            self.main.bytes += weight;
            self.main.slots.push_back(place);
            return true;
        }
        let is_over = slot.until <= now;
        forgotten.extend(slot.entry.take());
        self.places.remove(&short);
        self.free.push(place);
        self.queue(from_main).bytes -= weight;
        self.evicted += 1;
        if !from_main && !is_over {
            self.remember(short);
        }
        true
    }

    /// At most as many as there are entries.
    fn remember(&mut self, short: u64) {
        self.known.insert(short);
        self.ghosts.push_back(short);
        while self.ghosts.len() > self.places.len() {
            if let Some(old) = self.ghosts.pop_front() {
                self.known.remove(&old);
            }
        }
    }
}

#[cfg(test)]
#[path = "tests/memory.rs"]
mod tests;
