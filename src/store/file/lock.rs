//! A lock in the file, for so long as a few hundred nanoseconds.
//!
//! It keeps processes out of each other's way, so that of two who ask at once each gets what it can get. That no limit
//! is exceeded does not hang on it: whoever takes first says what it takes, and then looks what others have (`rows.rs`,
//! `minute.rs`). So a lock may be taken over from an owner that has died, or that the system has stopped in the midst,
//! without asking what it was about to write.

use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock;
use crate::store::StoreError;

/// The owner's place and one; 0 if free. Above it a generation, so that each time it is held is another word.
const OWNER: u64 = 0xffff;
const GENERATION: u64 = OWNER + 1;

/// An owner that holds it for so long is stopped or dead.
const STUCK: Duration = Duration::from_millis(1);
/// Looks before others get the processor, before the owner is looked for, and before it counts as stuck whatever the
/// clock says.
const SPINS: u32 = 64;
const LOOK: u32 = 48;
const STUCK_LOOKS: u32 = 8_192;
/// Looks in all.
const LOOKS: u32 = 65_536;

/// Held until dropped.
pub struct Held<'a> {
    lock: &'a AtomicU64,
    word: u64,
}

/// Waits for the lock no longer than `patience`, or than it takes to see that its owner is stuck. `is_gone` says, at
/// some cost, whether the process of a place is.
pub fn lock(
    lock: &AtomicU64,
    place: usize,
    patience: Duration,
    is_gone: impl Fn(usize) -> bool,
) -> Result<Held<'_>, StoreError> {
    let (own, patience) = (place as u64 + 1, patience.max(STUCK * 2));
    // The word seen last, for how many looks, and since when.
    let (mut last, mut looks, mut since) = (0, 0, None);
    let mut start = None;
    for round in 0..LOOKS {
        let seen = lock.load(Ordering::Relaxed);
        let owner = seen & OWNER;
        (last, looks, since) = if seen == last { (last, looks + 1, since) } else { (seen, 0, None) };
        let now = (round >= SPINS).then(clock::now);
        let for_as_long = |begun: Option<Instant>, time| {
            now.zip(begun).is_some_and(|(now, begun)| now.saturating_duration_since(begun) >= time)
        };
        let is_dead = || looks == LOOK && is_gone(usize::try_from(owner - 1).unwrap_or(0));
        if owner == 0 || looks >= STUCK_LOOKS || for_as_long(since, STUCK) || is_dead() {
            let word = ((seen & !OWNER).wrapping_add(GENERATION)) | own;
            if lock.compare_exchange(seen, word, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return Ok(Held { lock, word });
            }
        }
        if for_as_long(start, patience) {
            break;
        }
        (since, start) = (since.or(now), start.or(now));
        if now.is_none() { hint::spin_loop() } else { thread::yield_now() }
    }
    Err(StoreError("the file of shared state is busy".to_owned()))
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // If it was taken over, it is no longer ours to give back.
        let _ = self.lock.compare_exchange(self.word, self.word & !OWNER, Ordering::Release, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn owner(lock: &AtomicU64) -> u64 {
        lock.load(Ordering::Relaxed) & OWNER
    }

    #[test]
    fn one_at_a_time() {
        let (word, total) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for place in 0..4 {
                let (word, total) = (&word, &total);
                scope.spawn(move || {
                    for _ in 0..2_000 {
                        let held = lock(word, place, PATIENCE, |_| false).unwrap();
                        // Not one step: two at a time would lose some.
                        let seen = total.load(Ordering::Relaxed);
                        if word.load(Ordering::Relaxed) == held.word {
                            let _ = total.compare_exchange(seen, seen + 1, Ordering::Relaxed, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        // Whoever was stopped for a millisecond in the midst has lost the lock and not counted.
        assert!((7_900..=8_000).contains(&total.load(Ordering::Relaxed)), "{total:?}");
        assert_eq!(owner(&word), 0);
    }

    #[test]
    fn it_is_taken_from_the_dead_at_once() {
        let (word, asked) = (AtomicU64::new(0), Cell::new(None));
        let dead = lock(&word, 6, PATIENCE, |_| false).unwrap();
        let held = lock(&word, 2, PATIENCE, |place| asked.replace(Some(place)).is_none()).unwrap();
        assert_eq!((asked.get(), owner(&word)), (Some(6), 3));
        // Who was not dead at all frees nothing that is no longer its own.
        drop(dead);
        assert_eq!(owner(&word), 3);
        drop(held);
        assert_eq!(owner(&word), 0);
    }

    #[test]
    fn it_is_taken_from_who_holds_it_too_long() {
        let word = AtomicU64::new(0);
        let _stopped = lock(&word, 6, PATIENCE, |_| false).unwrap();
        let start = std::time::Instant::now();
        let _held = lock(&word, 2, PATIENCE, |_| false).unwrap();
        assert_eq!(owner(&word), 3);
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_stands_stops_nobody() {
        let word = AtomicU64::new(0);
        let _stopped = lock(&word, 6, PATIENCE, |_| false).unwrap();
        assert!(lock(&word, 2, PATIENCE, |_| false).is_ok());
    }

    #[test]
    fn whatever_stands_there_it_ends() {
        for garbage in [u64::MAX, OWNER, GENERATION, 0xdead_beef_dead_beef, u64::MAX - 1] {
            let word = AtomicU64::new(garbage);
            drop(lock(&word, 0, PATIENCE, |place| place > 128).unwrap());
            assert_eq!(owner(&word), 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_gets_it_is_told() {
        let word = AtomicU64::new(9);
        // Each time that somebody looks it has gone from one to the next.
        let goes_on = |_| {
            word.fetch_add(GENERATION, Ordering::Relaxed);
            false
        };
        let told = lock(&word, 2, PATIENCE, goes_on).err();
        assert_eq!(told, Some(StoreError("the file of shared state is busy".to_owned())));
    }

    #[test]
    fn impatience_does_not_leave_a_lock_with_the_stopped() {
        let word = AtomicU64::new(0);
        let _stopped = lock(&word, 6, PATIENCE, |_| false).unwrap();
        assert!(lock(&word, 2, Duration::ZERO, |_| false).is_ok());
    }
}
