//! What was used in the last minute, and room for more: a sliding window, so that no 60 s hold more than a limit allows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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

    fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            input: self.input.saturating_sub(other.input),
            output: self.output.saturating_sub(other.output),
        }
    }
}

/// How much may be used in any minute. Whole numbers, since use is counted in them and compared in every pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    requests: u64,
    tokens: u64,
    input: u64,
    output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: u64::MAX, tokens: u64::MAX, input: u64::MAX, output: u64::MAX }
    }
}

impl Limits {
    /// What is `None` has no limit. Half a request fits in no more than none.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn new(requests: Option<f64>, tokens: Option<f64>, input: Option<f64>, output: Option<f64>) -> Self {
        let whole = |limit: Option<f64>| limit.map_or(u64::MAX, |limit| limit as u64);
        Self { requests: whole(requests), tokens: whole(tokens), input: whole(input), output: whole(output) }
    }

    /// Whether it matters how many tokens a call takes.
    pub fn counts_tokens(&self) -> bool {
        *self != Self { requests: self.requests, ..Self::default() }
    }

    /// Whether so much is within all limits.
    fn allow(&self, used: Used) -> bool {
        // `&` and not `&&`: nearly always all hold, and one jump is less than four.
        (used.requests <= self.requests)
            & (used.tokens() <= self.tokens)
            & (used.input <= self.input)
            & (used.output <= self.output)
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
        let second = self.second(now.into());
        let mut inner = self.lock();
        inner.roll(second);
        if !limits.allow(inner.total.plus(more)) {
            self.show(&inner);
            return None;
        }
        inner.add(second, more);
        self.show(&inner);
        Some(Reserved { second, used: more })
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);
    const ONE: Used = Used { requests: 1, input: 0, output: 0 };

    fn rpm(limit: f64) -> Limits {
        Limits::new(Some(limit), None, None, None)
    }

    #[test]
    fn exactly_so_many_are_let_in() {
        let now = Instant::now();
        let window = Window::new(now);
        let let_in = |at: u64| window.reserve(ONE, &rpm(3.0), now + SECOND * at as u32).is_some();
        assert_eq!([let_in(0), let_in(0), let_in(30), let_in(59)], [true, true, true, false]);
        assert_eq!(window.wait(ONE, &rpm(3.0), now + SECOND * 59), Some(SECOND * 2));
        assert_eq!([let_in(60), let_in(61), let_in(61), let_in(61)], [false, true, true, false]);
        assert_eq!(window.used(now + SECOND * 200), Used::default());
        assert_eq!(window.wait(ONE, &rpm(0.5), now), None);
    }

    #[test]
    fn what_was_reserved_is_settled() {
        let now = Instant::now();
        let window = Window::new(now);
        let limits = Limits::new(None, Some(100.0), None, None);
        let asked = |input| Used { requests: 1, input, output: 0 };
        let first = window.reserve(asked(90), &limits, now).unwrap();
        assert!(!window.has_room(asked(20), &limits, now) && window.reserve(asked(20), &limits, now).is_none());
        window.settle(first, Used { requests: 1, input: 10, output: 30 }, now);
        assert_eq!(window.used(now), Used { requests: 1, input: 10, output: 30 });
        assert!(window.reserve(asked(60), &limits, now).is_some());
        // What is settled after its minute changes nothing any more.
        let late = window.reserve(asked(0), &limits, now).unwrap();
        window.settle(late, asked(50), now + SECOND * 100);
        assert_eq!(window.used(now + SECOND * 100), Used::default());
    }

    #[test]
    fn what_ends_after_its_minute_leaves_the_others_use_alone() {
        let now = Instant::now();
        let window = Window::new(now);
        let long = window.reserve(ONE, &rpm(1.0), now).unwrap();
        let later = now + SECOND * 100;
        window.reserve(ONE, &rpm(1.0), later).unwrap();
        window.settle(long, Used { requests: 1, input: 7, output: 7 }, later);
        assert_eq!(window.used(later), ONE);
        assert!(window.reserve(ONE, &rpm(1.0), later).is_none());
    }

    #[test]
    fn of_a_thousand_at_once_no_more_than_the_limit() {
        let now = Instant::now();
        let window = Window::new(now);
        let let_in = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..125 {
                        if window.reserve(ONE, &rpm(100.0), now).is_some() {
                            let_in.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(let_in.into_inner(), 100);
    }

    proptest! {
        /// In any minute no more than the limit, and under pressure hardly less.
        #[test]
        fn no_minute_holds_more(limit in 1u32..200, steps in prop::collection::vec(0u64..3000, 1..400)) {
            let born = Instant::now();
            let window = Window::new(born);
            let (mut now, mut let_in) = (born, Vec::new());
            for step in steps {
                now += Duration::from_millis(step);
                if window.reserve(ONE, &rpm(f64::from(limit)), now).is_some() {
                    let_in.push(now);
                }
            }
            for (place, start) in let_in.iter().enumerate() {
                let minute = let_in[place..].iter().take_while(|at| **at < *start + SECOND * 60).count();
                prop_assert!(minute <= limit as usize, "{minute} of {limit}");
            }
        }

        #[test]
        fn the_total_is_that_of_the_buckets(ops in prop::collection::vec((0u64..20, 0u64..50, any::<bool>()), 1..100)) {
            let born = Instant::now();
            let window = Window::new(born);
            let (mut now, mut open) = (born, Vec::new());
            for (step, input, settles) in ops {
                now += SECOND * step as u32;
                let more = Used { requests: 1, input, output: 0 };
                open.extend(window.reserve(more, &Limits::default(), now));
                // The oldest ends first, often after its minute.
                if settles && open.len() > 3 {
                    let reserved = open.remove(0);
                    window.settle(reserved, Used { requests: 1, input: input / 2, output: 1 }, now);
                }
                let used = window.used(now);
                let inner = window.lock();
                let sum = inner.buckets.iter().filter(|(at, _)| inner.is_live(*at)).fold(Used::default(), |sum, (_, used)| sum.plus(*used));
                prop_assert_eq!(used, sum);
            }
        }
    }

    #[test]
    fn under_pressure_hardly_less_than_the_limit_is_let_in() {
        let born = Instant::now();
        let window = Window::new(born);
        let tries = (0..600 * 20)
            .filter(|at| window.reserve(ONE, &rpm(600.0), born + Duration::from_millis(50) * *at).is_some());
        let minutes = 10.0;
        assert!(tries.count() as f64 >= 0.95 * 600.0 * minutes);
    }
}
