//! A moment as one number, so that a look at many deployments reckons with time once.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds after an origin that all moments share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// How long before the first moment that is asked for the origin lies: others may be a little earlier.
const BEFORE: Duration = Duration::from_secs(365 * 24 * 3600);

impl Moment {
    pub fn nanos(self) -> u64 {
        self.0
    }

    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Nothing if `earlier` is the later one.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<Instant> for Moment {
    fn from(at: Instant) -> Self {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        let origin = ORIGIN.get_or_init(|| at.checked_sub(BEFORE).unwrap_or(at));
        Self(0).after(at.saturating_duration_since(*origin))
    }
}
