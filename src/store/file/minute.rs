//! The exact sliding minute of a deployment: buckets of a second, for all processes together.
//!
//! Each word is the second that it is of, and a count; so a bucket is begun anew and counted up in one step each,
//! whoever else is at it. Whoever takes counts first and looks afterwards, and takes back what was too much: the limit
//! holds whatever becomes of the lock and of its owners.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use super::layout::{AT_MINUTE, BUCKETS, COUNTED, LOCK};
use super::session::Session;
use crate::store::{Amounts, StoreError, Taken};

/// A count has half a word; no second holds more.
const MOST: u64 = 0xffff_ffff;
/// So far ahead, in seconds, the clock of another process may be.
const AHEAD: u64 = 1;

/// Counted in a minute, in this order; slots are not.
type Counts = [u64; COUNTED];

fn counts(amounts: Amounts) -> Counts {
    [amounts.requests, amounts.tokens, amounts.input, amounts.output]
}

/// Times that a second may be over before it is counted in.
const TRIES: usize = 3;

pub fn take(
    session: &Session,
    body: &[AtomicU64],
    more: Amounts,
    limits: Amounts,
    clock: &dyn Fn() -> u64,
) -> Result<Taken, StoreError> {
    let (more, limits) = (counts(more), counts(limits));
    if more.iter().zip(limits).any(|(more, limit)| *more > limit) {
        return Ok(Taken::No(None));
    }
    let _held = session.lock(&body[LOCK], clock())?;
    for _ in 0..TRIES {
        // By the time that it is when nobody else is at it.
        let now = clock();
        let minute = Minute { body, second: now / 1_000, clock };
        if minute.add(more) {
            return Ok(minute.answer(more, limits, now));
        }
    }
    Err(StoreError("the file of shared state is busy".to_owned()))
}

/// Exchanges what was taken for what was used, in the second in which it was taken.
pub fn settle(body: &[AtomicU64], place: u64, taken: Amounts, real: Amounts, clock: &dyn Fn() -> u64) {
    let second = clock() / 1_000;
    // What is older than the minute counts no more, whatever it was.
    if place <= second + AHEAD && place.saturating_add(BUCKETS as u64) > second {
        let (taken, real) = (counts(taken), counts(real));
        let minute = Minute { body, second: place, clock };
        minute.add(std::array::from_fn(|each| real[each].saturating_sub(taken[each])));
        minute.remove(std::array::from_fn(|each| taken[each].saturating_sub(real[each])));
    }
}

/// The buckets, looked at in a certain second.
struct Minute<'a> {
    body: &'a [AtomicU64],
    second: u64,
    clock: &'a dyn Fn() -> u64,
}

impl<'a> Minute<'a> {
    /// Whether what was just added is within the limits; if not, it is taken away again.
    fn answer(&self, more: Counts, limits: Counts, now: u64) -> Taken {
        fence(Ordering::SeqCst);
        let used = self.used();
        let short = std::array::from_fn(|place| match limits[place] {
            u64::MAX => 0,
            limit => used[place].saturating_sub(limit),
        });
        if short == [0; COUNTED] {
            return Taken::Yes(self.second);
        }
        self.remove(more);
        let free = self.until_free(short) * 1_000;
        Taken::No(Some(Duration::from_millis(free.saturating_sub(now))))
    }

    fn word(&self, second: u64, amount: usize) -> &'a AtomicU64 {
        let bucket = usize::try_from(second % BUCKETS as u64).unwrap_or(0);
        &self.body[AT_MINUTE + bucket * COUNTED + amount]
    }

    /// False if the second was over a minute ago by now, and its bucket is another's.
    fn add(&self, more: Counts) -> bool {
        let add = |(amount, more): (usize, u64)| {
            more == 0 || self.change(amount, |counted| counted.saturating_add(more).min(MOST))
        };
        more.into_iter().enumerate().all(add)
    }

    fn remove(&self, less: Counts) {
        for (amount, less) in less.into_iter().enumerate().filter(|(_, less)| *less > 0) {
            self.change(amount, |counted| counted.saturating_sub(less));
        }
    }

    /// Changes the count of this second, begun anew if the bucket is of an older one, or of one that can't be.
    fn change(&self, amount: usize, change: impl Fn(u64) -> u64) -> bool {
        let new = |word: u64| {
            let at = word >> 32;
            let is_newer = at > self.second && at <= (self.clock)() / 1_000 + AHEAD;
            let counted = if at == self.second { word & MOST } else { 0 };
            (!is_newer).then(|| self.second << 32 | change(counted))
        };
        self.word(self.second, amount).fetch_update(Ordering::AcqRel, Ordering::Relaxed, new).is_ok()
    }

    /// What a second counts. Each is looked for where it would be: what stands there may be older, or nonsense.
    fn counted(&self, second: u64) -> Counts {
        std::array::from_fn(|amount| {
            let word = self.word(second, amount).load(Ordering::Relaxed);
            if word >> 32 == second { word & MOST } else { 0 }
        })
    }

    /// The minute, and what others may already have counted in the next second.
    fn seconds(&self) -> impl Iterator<Item = u64> {
        (self.second + 1).saturating_sub(BUCKETS as u64)..=self.second + AHEAD
    }

    fn used(&self) -> Counts {
        let mut used = [0; COUNTED];
        for second in self.seconds() {
            for (used, counted) in used.iter_mut().zip(self.counted(second)) {
                *used += counted;
            }
        }
        used
    }

    /// The second in which so much has left the minute.
    fn until_free(&self, mut short: Counts) -> u64 {
        for second in self.seconds() {
            for (short, counted) in short.iter_mut().zip(self.counted(second)) {
                *short = short.saturating_sub(counted);
            }
            if short == [0; COUNTED] {
                return second + BUCKETS as u64;
            }
        }
        // Others have given back in the meantime.
        self.second
    }
}
