//! Requests that were answered from the cache, by their very bytes: the same bytes again need no parsing.
//!
//! It holds for one configuration: in another one the same bytes may lead elsewhere.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::chat::Verb;
use crate::config::CacheConfig;

use super::Key;

/// The part of the cache's bytes that the texts may take.
const PART: u64 = 10;
/// Longer ones are parsed each time, which is little beside the rest of them.
const LONGEST: usize = 16 * 1024;
/// What a text takes beside itself.
const OVERHEAD: usize = 160;
const SHARDS: usize = 8;

pub struct Repeats {
    hasher: RandomState,
    most: usize,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    /// By a hash that nobody outside can foresee. The text itself decides.
    keys: HashMap<u64, (Verb, Box<str>, Key)>,
    bytes: usize,
}

impl Repeats {
    /// The bytes that it takes of the cache's.
    pub fn share(config: &CacheConfig) -> u64 {
        config.max_bytes / PART
    }

    pub fn new(config: &CacheConfig) -> Self {
        let most = usize::try_from(Self::share(config)).unwrap_or(usize::MAX) / SHARDS;
        Self { hasher: RandomState::new(), most, shards: Default::default() }
    }

    /// The key under which the answer to this text was found.
    pub fn get(&self, verb: Verb, text: &str) -> Option<Key> {
        if text.len() > LONGEST {
            return None;
        }
        let hash = self.hasher.hash_one(text);
        let shard = self.shard(hash);
        let (own, known, key) = shard.keys.get(&hash)?;
        (*own == verb && **known == *text).then_some(*key)
    }

    pub fn put(&self, verb: Verb, text: &str, key: Key) {
        let weight = text.len() + OVERHEAD;
        if text.len() > LONGEST || weight > self.most {
            return;
        }
        let hash = self.hasher.hash_one(text);
        let mut shard = self.shard(hash);
        if shard.bytes + weight > self.most {
            // Those that are asked for again are known again soon.
            *shard = Shard::default();
        }
        let before = shard.keys.insert(hash, (verb, text.into(), key));
        shard.bytes = shard.bytes + weight - before.map_or(0, |(_, text, _)| text.len() + OVERHEAD);
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        let [first, rest @ ..] = &self.shards;
        let shard = match usize::try_from(hash >> 32).unwrap_or_default() % SHARDS {
            0 => first,
            other => rest.get(other - 1).unwrap_or(first),
        };
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::tests::key;
    use super::super::rules::tests::config;
    use super::*;

    #[test]
    fn the_same_bytes_are_known_again_and_no_others() {
        let repeats = Repeats::new(&config(""));
        repeats.put(Verb::Chat, "text", key(1));
        assert_eq!(repeats.get(Verb::Chat, "text"), Some(key(1)));
        assert_eq!([repeats.get(Verb::Responses, "text"), repeats.get(Verb::Chat, "text ")], [None, None]);
        repeats.put(Verb::Chat, "text", key(2));
        assert_eq!(repeats.get(Verb::Chat, "text"), Some(key(2)));
        repeats.put(Verb::Chat, &"x".repeat(LONGEST + 1), key(3));
        assert_eq!(repeats.get(Verb::Chat, &"x".repeat(LONGEST + 1)), None);
    }

    #[test]
    fn it_is_bounded() {
        let repeats = Repeats::new(&config("llmrouter_settings: {cache: {max_bytes: 1000000}}"));
        for number in 0..100_000 {
            repeats.put(Verb::Chat, &number.to_string(), key(number));
        }
        let bytes: usize = repeats.shards.iter().map(|shard| shard.lock().unwrap().bytes).sum();
        assert!(bytes <= 100_000 && bytes > 10_000, "{bytes}");
        assert_eq!(repeats.get(Verb::Chat, "99999"), Some(key(99_999)));
    }
}
