//! What was used in the last minute, and room for more: a sliding window, so that no 60 s hold more than a limit allows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::limits::Limits;
use super::moment::Moment;

/// The minute, and the running second: whatever 60 s are looked at, they lie within so many buckets.
const BUCKETS: usize = 61;

/// Requests and tokens in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub requests: u64,
    /// Of prompts and completions.
    pub input: u64,
    pub output: u64,
}

impl Used {
    pub fn tokens(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Sums of each.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }

    /// What is left of each, at least 0.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            input: self.input.saturating_sub(other.input),
            output: self.output.saturating_sub(other.output),
        }
    }
}

/// The use of one deployment, second by second.
#[repr(C)]
pub struct Window {
    /// The total and the moment until which it holds, for readers who only look: requests, input, output, moment.
    seen: [AtomicU64; 4],
    born: Moment,
    /// Elsewhere, since a pick looks at the total alone.
    inner: Mutex<Box<Inner>>,
}

struct Inner {
    /// The second that each bucket is of, and what was used in it.
    buckets: [(u64, Used); BUCKETS],
    total: Used,
    /// The newest second that was looked at.
    newest: u64,
    /// No bucket is too old before this second.
    expires: u64,
}

/// What was taken before the attempt; settled when its real use is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    second: u64,
    used: Used,
}

impl Reserved {
    pub fn used(&self) -> Used {
        self.used
    }

    /// Tokens of the prompt, as estimated; 0 where no limit asked for that.
    pub fn input(&self) -> u64 {
        self.used.input
    }
}

impl Window {
    pub fn new(now: Instant) -> Self {
        let (buckets, total) = ([(0, Used::default()); BUCKETS], Used::default());
        Self {
            seen: [0, 0, 0, u64::MAX].map(AtomicU64::new),
            born: now.into(),
            inner: Mutex::new(Box::new(Inner { buckets, total, newest: 0, expires: u64::MAX })),
        }
    }

    /// What was used in the minute before `now`.
    pub fn used(&self, now: impl Into<Moment>) -> Used {
        let now = now.into();
        let [requests, input, output, until] = &self.seen;
        if now.nanos() >= until.load(Ordering::Acquire) {
            self.look_again(now);
        }
        Used {
            requests: requests.load(Ordering::Relaxed),
            input: input.load(Ordering::Relaxed),
            output: output.load(Ordering::Relaxed),
        }
    }

    /// Out of the way of a pick among many, which hardly ever comes here; without a result, which would need a place in memory.
    #[cold]
    #[inline(never)]
    fn look_again(&self, now: Moment) {
        let mut inner = self.lock();
        inner.roll(self.second(now));
        self.show(&inner);
    }

    /// Whether there is room for more.
    pub fn has_room(&self, more: Used, limits: &Limits, now: impl Into<Moment>) -> bool {
        limits.allow(self.used(now).plus(more))
    }

    /// Takes room for an attempt, all of it or nothing: of many who ask at once no more get it than the limits allow. `None`
    /// if there is none.
    pub fn reserve(&self, more: Used, limits: &Limits, now: Instant) -> Option<Reserved> {
        self.reserve_by(more, || *limits, now)
    }

    /// The same by limits that change: they are looked at when nobody else can reserve.
    pub fn reserve_by(&self, more: Used, limits: impl FnOnce() -> Limits, now: Instant) -> Option<Reserved> {
        let second = self.second(now.into());
        let mut inner = self.lock();
        inner.roll(second);
        if !limits().allow(inner.total.plus(more)) {
            self.show(&inner);
            return None;
        }
        inner.add(second, more);
        self.show(&inner);
        Some(Reserved { second, used: more })
    }

    /// Hands over what was used in the minute before `now`, while nobody can reserve.
    pub fn look<T>(&self, now: Instant, look: impl FnOnce(Used) -> T) -> T {
        let mut inner = self.lock();
        inner.roll(self.second(now.into()));
        self.show(&inner);
        look(inner.total)
    }

    /// Puts what was really used in the place of what was reserved.
    pub fn settle(&self, reserved: Reserved, real: Used, now: Instant) {
        let mut inner = self.lock();
        inner.roll(self.second(now.into()));
        inner.remove(reserved);
        inner.add(reserved.second, real);
        self.show(&inner);
    }

    /// How long until there is room; `None` if there never is.
    pub fn wait(&self, more: Used, limits: &Limits, now: Instant) -> Option<Duration> {
        let now = Moment::from(now);
        let mut inner = self.lock();
        inner.roll(self.second(now));
        let mut left = inner.total;
        if limits.allow(left.plus(more)) {
            return Some(Duration::ZERO);
        }
        let mut buckets: Vec<_> = inner.buckets.iter().filter(|(at, _)| inner.is_live(*at)).copied().collect();
        buckets.sort_unstable_by_key(|(at, _)| *at);
        for (at, used) in buckets {
            left = left.minus(used);
            if limits.allow(left.plus(more)) {
                return Some(self.start_of(at + BUCKETS as u64).since(now));
            }
        }
        None
    }

    fn second(&self, now: Moment) -> u64 {
        now.since(self.born).as_secs()
    }

    fn start_of(&self, second: u64) -> Moment {
        self.born.after(Duration::from_secs(second))
    }

    fn lock(&self) -> MutexGuard<'_, Box<Inner>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, inner: &Inner) {
        let [requests, input, output, until] = &self.seen;
        requests.store(inner.total.requests, Ordering::Relaxed);
        input.store(inner.total.input, Ordering::Relaxed);
        output.store(inner.total.output, Ordering::Relaxed);
        until.store(self.start_of(inner.expires).nanos(), Ordering::Release);
    }
}

impl Inner {
    /// Drops what is older than the window.
    fn roll(&mut self, second: u64) {
        if second <= self.newest {
            return;
        }
        self.newest = second;
        if second < self.expires {
            return;
        }
        self.expires = u64::MAX;
        for (at, used) in self.buckets.iter_mut().filter(|(_, used)| *used != Used::default()) {
            let end = *at + BUCKETS as u64;
            if end <= second {
                self.total = self.total.minus(*used);
                *used = Used::default();
            } else {
                self.expires = self.expires.min(end);
            }
        }
    }

    fn is_live(&self, second: u64) -> bool {
        second + BUCKETS as u64 > self.newest
    }

    #[allow(clippy::cast_possible_truncation)]
    fn add(&mut self, second: u64, more: Used) {
        if !self.is_live(second) {
            return;
        }
        if let Some((at, used)) = self.buckets.get_mut((second % BUCKETS as u64) as usize) {
            *at = second;
            *used = used.plus(more);
            self.total = self.total.plus(more);
            self.expires = self.expires.min(second + BUCKETS as u64);
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn remove(&mut self, reserved: Reserved) {
        // What has left the window has left the total, too.
        if !self.is_live(reserved.second) {
            return;
        }
        if let Some((at, used)) = self.buckets.get_mut((reserved.second % BUCKETS as u64) as usize)
            && *at == reserved.second
        {
            *used = used.minus(reserved.used);
            self.total = self.total.minus(reserved.used);
        }
    }
}

#[cfg(test)]
mod tests;
