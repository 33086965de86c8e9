//! Finding things by what they are called. An entry is a hash of 128 bits of the namespace and the name, within a few
//! places from where the hash says; so one that is over can be given to another thing without moving any.
//!
//! Anybody looks without a lock. Entries are made under the lock of the file, so nothing ever has two.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::digest::{SHA256, digest};

use super::layout::{INDEX, Table};
use super::opening;
use crate::store::StoreError;

const KEPT_UNTIL: usize = 2;
/// Nobody means more, in milliseconds, by an end or a period: what says so is nonsense.
pub const FOREVER: u64 = 400 * 24 * 3_600 * 1_000;
/// So much longer than it must be something is kept, so that this isn't written down each time.
const COARSE: u64 = 60_000;

/// What a thing is found by; never zero in either half, since zero is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u64; 2]);

impl Key {
    pub fn new(namespace: &str, name: &str) -> Self {
        // The length keeps "a" + "bc" and "ab" + "c" apart.
        let length = (namespace.len() as u64).to_le_bytes();
        let text = [&length[..], namespace.as_bytes(), name.as_bytes()].concat();
        let hash = digest(&SHA256, &text);
        let half =
            |at| hash.as_ref().get(at..at + 8).and_then(|half| half.try_into().ok()).map_or(1, u64::from_le_bytes);
        Self([half(0).max(1), half(8).max(1)])
    }
}

/// The entries of one table.
#[derive(Clone, Copy)]
pub struct Index<'a> {
    pub words: &'a [AtomicU64],
    pub table: &'static Table,
}

impl<'a> Index<'a> {
    fn word(self, entry: usize, word: usize) -> &'a AtomicU64 {
        &self.words[self.table.index + entry * INDEX + word]
    }

    /// What stands at an entry; `None` if it is free.
    pub fn key(self, entry: usize) -> Option<Key> {
        let one = self.word(entry, 0).load(Ordering::Acquire);
        let other = self.word(entry, 1).load(Ordering::Relaxed);
        (one != 0 && other != 0).then_some(Key([one, other]))
    }

    fn places(self, key: Key) -> impl Iterator<Item = usize> {
        let entries = self.table.entries;
        let first = usize::try_from(key.0[0] % entries as u64).unwrap_or(0);
        (0..Table::PROBES.min(entries)).map(move |step| (first + step) % entries)
    }

    pub fn find(self, key: Key) -> Option<usize> {
        self.places(key).find(|entry| self.key(*entry) == Some(key))
    }

    /// Makes an entry with an empty body, if there is none; kept until then unless that is put off. Under the lock of
    /// the file.
    pub fn insert(self, file: &File, key: Key, until: u64, now: u64) -> Result<usize, StoreError> {
        if let Some(entry) = self.find(key) {
            return Ok(entry);
        }
        let is_over = |entry: &usize| {
            let until = self.word(*entry, KEPT_UNTIL).load(Ordering::Relaxed);
            self.key(*entry).is_none() || until < now || until > now.saturating_add(2 * FOREVER)
        };
        let full = || StoreError(format!("the file of shared state is full: no room for more {}", self.table.of));
        let entry = self.places(key).find(is_over).ok_or_else(full)?;
        self.word(entry, 0).store(0, Ordering::SeqCst);
        opening::clear(file, self.table.at(entry), self.table.body)
            .map_err(|error| StoreError(format!("the file of shared state can't grow: {error}")))?;
        self.word(entry, KEPT_UNTIL).store(until.saturating_add(COARSE), Ordering::Relaxed);
        self.word(entry, 1).store(key.0[1], Ordering::Relaxed);
        self.word(entry, 0).store(key.0[0], Ordering::Release);
        Ok(entry)
    }

    /// Keeps an entry for longer.
    pub fn keep(self, entry: usize, until: u64) {
        let word = self.word(entry, KEPT_UNTIL);
        let kept = word.load(Ordering::Relaxed);
        if kept < until || kept > until.saturating_add(FOREVER) {
            word.store(until.saturating_add(COARSE), Ordering::Relaxed);
        }
    }

    pub fn body(self, entry: usize) -> &'a [AtomicU64] {
        let at = self.table.at(entry);
        &self.words[at..at + self.table.body]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::file::layout::{BUDGET_TABLE, WORDS};
    use crate::store::mapped::Mapped;

    const NOW: u64 = 1_000_000;

    fn table() -> (File, Mapped) {
        let path = std::env::temp_dir().join(format!("llmrouter-index-{}-{}", std::process::id(), fastrand::u64(..)));
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        file.set_len(WORDS as u64 * 8).unwrap();
        let words = Mapped::new(&file, WORDS).unwrap();
        (file, words)
    }

    #[test]
    fn keys_are_of_the_whole_name() {
        let keys = [Key::new("a", "bc"), Key::new("ab", "c"), Key::new("", "abc"), Key::new("a", "b")];
        for (place, key) in keys.iter().enumerate() {
            assert!(keys.iter().skip(place + 1).all(|other| other != key));
        }
        assert_eq!(Key::new("a", "bc"), Key::new("a", "bc"));
    }

    #[test]
    fn entries_are_found_until_they_are_over() {
        let (file, words) = table();
        let index = Index { words: words.words(), table: &BUDGET_TABLE };
        let key = |number: usize| Key::new("n", &number.to_string());
        let mut made = 0;
        let error = loop {
            match index.insert(&file, key(made), NOW + 10, NOW) {
                Ok(entry) => {
                    assert_eq!((index.find(key(made)), index.key(entry)), (Some(entry), Some(key(made))));
                    index.body(entry)[1].store(7, Ordering::Relaxed);
                    made += 1;
                }
                Err(error) => break error,
            }
        };
        assert_eq!(error, StoreError("the file of shared state is full: no room for more budgets".to_owned()));
        assert!(made > BUDGET_TABLE.entries * 3 / 4, "{made}");
        assert!((0..made).all(|number| index.find(key(number)).is_some()));
        // One is kept longer and stays; the others' places are free, and their bodies made empty.
        index.keep(index.find(key(3)).unwrap(), NOW + 3 * COARSE);
        let later = NOW + 2 * COARSE;
        let entry = index.insert(&file, key(made), later + 100, later).unwrap();
        assert_eq!(index.body(entry)[1].load(Ordering::Relaxed), 0);
        for number in 0..BUDGET_TABLE.entries {
            let _ = index.insert(&file, Key::new("m", &number.to_string()), later + 100, later);
        }
        assert!(index.find(key(3)).is_some());
    }

    #[test]
    fn what_is_half_written_is_free() {
        let (file, words) = table();
        let index = Index { words: words.words(), table: &BUDGET_TABLE };
        let key = Key::new("n", "x");
        let entry = index.insert(&file, key, NOW + 10, NOW).unwrap();
        index.word(entry, 1).store(0, Ordering::Relaxed);
        assert_eq!(index.find(key), None);
        assert_eq!(index.insert(&file, key, NOW + 10, NOW), Ok(entry));
        // Kept until a time that nobody can mean.
        index.word(entry, KEPT_UNTIL).store(u64::MAX, Ordering::Relaxed);
        index.word(entry, 0).store(key.0[0] ^ 1 << 63, Ordering::Relaxed);
        let found = index.insert(&file, key, NOW + 10, NOW).unwrap();
        assert_eq!(index.find(key), Some(found));
    }
}
