//! One stay in one file: from the moment a process takes its place in it until it gives it back.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::index::{Index, Key};
use super::layout::{PROCESSES, Table};
use super::lock::{self, Held};
use super::opening;
use super::process::{self, Identity, Me, Processes};
use crate::clock;
use crate::store::StoreError;
use crate::store::mapped::{self, Mapped};

/// How often, at most, one looks for those that are gone while somebody is short, in milliseconds.
const LOOK: u64 = 100;
/// Tries to lock the file, where the clock does not end them before.
const TRIES: usize = 10_000;

pub struct Session {
    /// Locked by the system while entries are made; here too, since that lock is the process's and not the thread's.
    file: Mutex<File>,
    memory: Mapped,
    pub me: Me,
    identity: Identity,
    /// The process that took the place; a child of it has none.
    process: u32,
    patience: Duration,
    looked: AtomicU64,
}

impl Session {
    /// Opens the file and takes a place. `waits` is how long others may be at the file meanwhile, `patience` later.
    pub fn new(path: &Path, clock: &clock::Shared, waits: Duration, patience: Duration) -> Result<Self, StoreError> {
        let (file, memory) = opening::open(path, process::boot(), waits)?;
        let identity = Identity::own();
        let locked = Locked::wait(&file, waits)?;
        let me = Processes(memory.words()).join(&identity, clock.ms());
        drop(locked);
        let me = me.ok_or_else(|| {
            StoreError(format!("the file of shared state is full: {PROCESSES} processes use {}", path.display()))
        })?;
        let (process, looked) = (std::process::id(), AtomicU64::new(0));
        Ok(Self { file: Mutex::new(file), memory, me, identity, process, patience, looked })
    }

    pub fn words(&self) -> &[AtomicU64] {
        self.memory.words()
    }

    pub fn processes(&self) -> Processes<'_> {
        Processes(self.words())
    }

    pub fn index(&self, table: &'static Table) -> Index<'_> {
        Index { words: self.words(), table }
    }

    /// Whether this is the process that took the place, and it still has it.
    pub fn is_ours(&self) -> bool {
        self.is_own_process() && self.processes().holds(self.me)
    }

    pub fn is_own_process(&self) -> bool {
        self.process == std::process::id()
    }

    /// Whether the file is where it was.
    pub fn is_at(&self, path: &Path) -> bool {
        opening::is_at(&self.file(), path)
    }

    /// The entry of a thing, made if there is none.
    pub fn entry(&self, table: &'static Table, key: Key, until: u64, now: u64) -> Result<usize, StoreError> {
        let index = self.index(table);
        if let Some(entry) = index.find(key) {
            index.keep(entry, until);
            return Ok(entry);
        }
        let file = self.file();
        let _locked = Locked::wait(&file, self.patience)?;
        index.insert(&file, key, until, now)
    }

    /// Locks one thing.
    pub fn lock<'a>(&'a self, word: &'a AtomicU64, now: u64) -> Result<Held<'a>, StoreError> {
        let is_gone = |place| self.processes().is_gone(place, &self.identity, now);
        lock::lock(word, self.me.place, self.patience, is_gone)
    }

    /// Frees the places of those that are gone, not too often; how many.
    pub fn bury(&self, now: u64) -> usize {
        let looked = self.looked.load(Ordering::Relaxed);
        if now.saturating_sub(looked) < LOOK {
            return 0;
        }
        self.looked.store(now, Ordering::Relaxed);
        self.processes().bury(&self.identity, now)
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.is_own_process() {
            self.processes().leave(self.me);
        }
    }
}

/// The lock of the system on the file.
struct Locked<'a>(&'a File);

impl<'a> Locked<'a> {
    fn wait(file: &'a File, patience: Duration) -> Result<Self, StoreError> {
        let start = clock::now();
        for _ in 0..TRIES {
            match mapped::try_lock(file) {
                Ok(true) => return Ok(Self(file)),
                Ok(false) if clock::now().saturating_duration_since(start) > patience => break,
                Ok(false) => thread::yield_now(),
                Err(error) => return Err(StoreError(format!("the file of shared state can't be locked: {error}"))),
            }
        }
        Err(StoreError("the file of shared state is locked by another process".to_owned()))
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        mapped::unlock(self.0);
    }
}
