//! The only place that reads time.
//!
//! Built on tokio's clock, so a test that pauses it turns time by hand everywhere.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::Sleep;

/// Monotonic time, for everything that is measured or awaited.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Milliseconds since 1970, for what people and other systems read.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds since 1970, to the microsecond, of a moment of the monotonic clock.
pub fn unix_seconds_of(moment: Instant) -> f64 {
    let (now, since) = (now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    let behind = now.saturating_duration_since(moment);
    let ahead = moment.saturating_duration_since(now);
    (since.saturating_sub(behind) + ahead).as_micros() as f64 / 1e6
}

/// The Unix time, in milliseconds, of a moment of the monotonic clock.
pub fn unix_ms_of(moment: Instant) -> u64 {
    Wall::look().ms_of(moment)
}

/// One moment by both clocks, by which many others can be told.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    pub now: Instant,
    pub unix_ms: u64,
}

impl Wall {
    pub fn look() -> Self {
        Self { now: now(), unix_ms: unix_ms() }
    }

    /// The Unix time, in milliseconds, of a moment of the monotonic clock.
    pub fn ms_of(&self, moment: Instant) -> u64 {
        let ahead = moment.saturating_duration_since(self.now);
        let behind = self.now.saturating_duration_since(moment);
        self.unix_ms.saturating_add(millis(ahead)).saturating_sub(millis(behind))
    }
}

/// Time that processes of one machine read alike, so that they can leave moments for each other.
#[derive(Clone, Copy, Debug)]
pub struct Shared {
    /// The same moment, here and by the clock of the machine.
    here: Instant,
    there: Duration,
}

impl Shared {
    /// `machine` reads the clock of the machine, which must go as fast as [`now`] does.
    pub fn new(machine: impl Fn() -> Duration) -> Self {
        // Whoever is interrupted between two looks reads two moments: the closest looks of a few count.
        let look = || {
            let before = now();
            let there = machine();
            let apart = now().saturating_duration_since(before);
            (apart, Self { here: before + apart / 2, there })
        };
        let looks = std::iter::repeat_with(look).take(8);
        looks.min_by_key(|(apart, _)| *apart).map_or_else(|| look().1, |(_, closest)| closest)
    }

    /// Milliseconds, after an origin that the processes share.
    pub fn ms(&self) -> u64 {
        millis(self.there + now().saturating_duration_since(self.here))
    }
}

/// Waits. Returns at once for zero.
pub async fn sleep(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// Gives `future` at most `time`; `None` when it was not enough.
///
/// Pinned by the caller: a future handed over by value would be stored once more at each step of the way.
pub async fn within<F: Future>(time: Duration, future: Pin<&mut F>) -> Option<F::Output> {
    tokio::time::timeout(time, future).await.ok()
}

/// A limit for many waits, one after the other.
///
/// Most waits end well within it, so the timer is left as it was set for an earlier one: it rings too early at worst,
/// and is set again then.
#[derive(Default)]
pub struct Limit {
    timer: Option<Pin<Box<Sleep>>>,
}

/// What no wait lasts for, where a longer one can't be told.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

impl Limit {
    /// As [`within`], for a wait that began at `start`: whoever knows it spares a look at the clock.
    pub async fn within<F: Future>(
        &mut self,
        start: Instant,
        time: Duration,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        let until = tokio::time::Instant::from_std(start) + time.min(FAR);
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            if timer.deadline() > until {
                timer.as_mut().reset(until);
            }
            while timer.as_mut().poll(context).is_ready() {
                if timer.deadline() >= until {
                    return Poll::Ready(None);
                }
                timer.as_mut().reset(until);
            }
            Poll::Pending
        })
        .await
    }
}

/// Sums up the time that a call spends waiting for others, so that what is left is our own.
#[derive(Default)]
pub struct Waited(AtomicU64);

impl Clone for Waited {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

impl Waited {
    /// Waits for `future` and adds how long that took.
    pub async fn during<F: Future + Unpin>(&self, future: F) -> F::Output {
        let start = now();
        let output = future.await;
        let nanos = u64::try_from(now().saturating_duration_since(start).as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
        output
    }

    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    /// So much it was, whatever was counted.
    pub fn set(&self, total: Duration) {
        self.0.store(u64::try_from(total.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::pin::pin;

    const SECOND: Duration = Duration::from_secs(1);

    /// How long a wait for what never comes takes.
    async fn wait(limit: &mut Limit, time: Duration) -> Duration {
        let start = now();
        assert_eq!(limit.within(start, time, pin!(pending::<()>())).await, None);
        now().saturating_duration_since(start)
    }

    #[tokio::test(start_paused = true)]
    async fn shared_time_is_the_machines_and_turned_by_hand() {
        let shared = Shared::new(|| Duration::from_millis(5_000));
        assert_eq!(shared.ms(), 5_000);
        tokio::time::advance(SECOND).await;
        assert_eq!(shared.ms(), 6_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_holds_for_each_wait() {
        let mut limit = Limit::default();
        for seconds in [9, 3, 3, 6] {
            assert_eq!(wait(&mut limit, SECOND * seconds).await.as_secs(), u64::from(seconds));
        }
        assert!(wait(&mut limit, Duration::ZERO).await < SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_counts_from_the_wait_it_is_for() {
        let mut limit = Limit::default();
        // The timer is set for ten seconds from here, and rings in the midst of a later wait.
        for _ in 0..4 {
            let came = limit.within(now(), SECOND * 10, pin!(sleep(SECOND * 4))).await;
            assert_eq!(came, Some(()));
        }
        assert_eq!(wait(&mut limit, SECOND * 10).await.as_secs(), 10);
        // Set for later than this one wants.
        assert!(limit.within(now(), SECOND * 10, pin!(sleep(SECOND))).await.is_some());
        assert_eq!(wait(&mut limit, SECOND * 2).await.as_secs(), 2);
        assert_eq!(limit.within(now(), Duration::MAX, pin!(sleep(SECOND))).await, Some(()));
    }
}
