//! The only place that reads time.
//!
//! Built on tokio's clock, so a test that pauses it turns time by hand everywhere.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Monotonic time, for everything that is measured or awaited.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Milliseconds since 1970, for what people and other systems read.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The Unix time, in milliseconds, of a moment of the monotonic clock.
pub fn unix_ms_of(moment: Instant) -> u64 {
    let now = now();
    let ahead = moment.saturating_duration_since(now);
    let behind = now.saturating_duration_since(moment);
    unix_ms().saturating_add(millis(ahead)).saturating_sub(millis(behind))
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
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
