//! How long answers took lately: the newest so many, each for a while. Looking costs no lock unless one has run out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::moment::Moment;

/// What LiteLLM notes for a time-out, in seconds: longer than any answer that is worth a wait.
const FAILURE_SECONDS: f64 = 1000.0;
/// A failure is forgiven sooner than a sample runs out: then the deployment is tried again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// Nothing is known.
const NONE: u64 = u64::MAX;

/// Which number stands for all samples, and which samples there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistic {
    /// From 0 to 1; the mean if there is none.
    pub percentile: Option<f64>,
    /// At most so many samples.
    pub size: usize,
    /// How long each counts.
    pub ttl: Duration,
}

/// Samples of one deployment.
pub struct Samples {
    /// The statistic's bits, and the moment until which it holds.
    value: AtomicU64,
    until: AtomicU64,
    /// Elsewhere, since a pick looks at the statistic alone.
    inner: Mutex<Box<Inner>>,
}

struct Inner {
    statistic: Statistic,
    list: VecDeque<Sample>,
}

#[derive(Clone, Copy)]
struct Sample {
    seconds: f64,
    until: Moment,
}

impl Samples {
    pub fn new(statistic: Statistic) -> Self {
        Self {
            value: AtomicU64::new(NONE),
            until: AtomicU64::new(u64::MAX),
            inner: Mutex::new(Box::new(Inner { statistic, list: VecDeque::new() })),
        }
    }

    pub fn add(&self, seconds: f64, now: Instant) {
        self.put(seconds, Duration::MAX, now);
    }

    /// A failure never looks fast.
    pub fn add_failure(&self, now: Instant) {
        self.put(FAILURE_SECONDS, FORGIVEN_AFTER, now);
    }

    /// Goes by another statistic from now on. What runs out when is not changed.
    pub fn follow(&self, statistic: Statistic, now: Instant) {
        let mut inner = self.lock();
        inner.statistic = statistic;
        self.renew(&mut inner, now.into());
    }

    /// The statistic in seconds; `None` without a sample.
    pub fn value(&self, now: impl Into<Moment>) -> Option<f64> {
        let now = now.into();
        if now.nanos() >= self.until.load(Ordering::Acquire) {
            self.look_again(now);
        }
        let bits = self.value.load(Ordering::Relaxed);
        (bits != NONE).then(|| f64::from_bits(bits))
    }

    /// Out of the way of a pick among many, which hardly ever comes here.
    #[cold]
    #[inline(never)]
    fn look_again(&self, now: Moment) {
        self.renew(&mut self.lock(), now);
    }

    /// Notes a sample, for its time or this one if that is shorter.
    fn put(&self, seconds: f64, at_most: Duration, now: Instant) {
        let (mut inner, now) = (self.lock(), Moment::from(now));
        let until = now.after(inner.statistic.ttl.min(at_most));
        inner.list.push_back(Sample { seconds, until });
        self.renew(&mut inner, now);
    }

    fn renew(&self, inner: &mut Inner, now: Moment) {
        let Inner { statistic, list } = inner;
        list.retain(|sample| sample.until > now);
        while list.len() > statistic.size {
            list.pop_front();
        }
        let value = value_of(list, statistic.percentile);
        self.value.store(value.map_or(NONE, f64::to_bits), Ordering::Relaxed);
        self.until.store(list.iter().map(|sample| sample.until.nanos()).min().unwrap_or(u64::MAX), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Box<Inner>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn value_of(list: &VecDeque<Sample>, percentile: Option<f64>) -> Option<f64> {
    let count = list.len();
    let Some(percentile) = percentile else {
        let sum: f64 = list.iter().map(|sample| sample.seconds).sum();
        return (count > 0).then(|| sum / count as f64);
    };
    let mut sorted: Vec<f64> = list.iter().map(|sample| sample.seconds).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = (percentile * count as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1).min(count.saturating_sub(1))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn samples(percentile: Option<f64>, size: usize) -> (Samples, Instant) {
        let now = Instant::now();
        (Samples::new(Statistic { percentile, size, ttl: 100 * SECOND }), now)
    }

    #[test]
    fn the_newest_count() {
        let (samples, now) = samples(None, 3);
        assert_eq!(samples.value(now), None);
        for seconds in [100.0, 1.0, 2.0, 3.0] {
            samples.add(seconds, now);
        }
        assert_eq!(samples.value(now), Some(2.0));
        samples.add(7.0, now);
        assert_eq!(samples.value(now), Some(4.0));
    }

    #[test]
    fn each_counts_for_its_time() {
        let (samples, now) = samples(None, 10);
        samples.add(1.0, now);
        samples.add(3.0, now + 50 * SECOND);
        assert_eq!(samples.value(now + 99 * SECOND), Some(2.0));
        assert_eq!(samples.value(now + 100 * SECOND), Some(3.0));
        assert_eq!(samples.value(now + 150 * SECOND), None);
    }

    #[test]
    fn a_failure_is_slow_and_forgiven_sooner() {
        let (samples, now) = samples(None, 10);
        samples.add(0.001, now);
        samples.add_failure(now);
        assert!(samples.value(now + 59 * SECOND).unwrap() > 400.0);
        assert_eq!(samples.value(now + 60 * SECOND), Some(0.001));
    }

    #[test]
    fn a_percentile_sees_the_tail() {
        let (p95, now) = samples(Some(0.95), 100);
        let (mean, _) = samples(None, 100);
        for place in 0..100 {
            let seconds = if place % 20 < 2 { 1.5 } else { 0.1 };
            p95.add(seconds, now);
            mean.add(seconds, now);
        }
        assert_eq!(p95.value(now), Some(1.5));
        assert!(mean.value(now).unwrap() < 0.3);
        let (median, now) = samples(Some(0.5), 100);
        [3.0, 1.0, 2.0].into_iter().for_each(|seconds| median.add(seconds, now));
        assert_eq!(median.value(now), Some(2.0));
    }
}
