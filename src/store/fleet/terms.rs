//! By what limits go at this moment.

use crate::config::{OnFailure, SharedLimits};

use super::standing::Standing;

/// How a shared limit is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// By the part that this process holds.
    Leased,
    /// The store is asked each time; slots by the part that this process holds.
    Exact,
    /// The store is away.
    Alone(OnFailure),
    /// It did not answer a call in time, and is not known to be away. The call goes by what the process holds, and its equal part
    /// of what was left to all.
    Missed(OnFailure),
}

impl Terms {
    pub(super) fn now(standing: &Standing, limits: SharedLimits) -> Self {
        match limits {
            _ if standing.is_away() => Terms::Alone(standing.on_failure),
            _ if standing.is_silent() => Terms::Missed(standing.on_failure),
            SharedLimits::Leases => Terms::Leased,
            SharedLimits::Exact => Terms::Exact,
        }
    }

    /// It goes without the store: nobody is asked for more.
    pub fn is_unanswered(self) -> bool {
        matches!(self, Terms::Alone(_) | Terms::Missed(_))
    }

    /// Whatever has a limit is refused.
    pub fn refuses(self) -> bool {
        self == Terms::Alone(OnFailure::FailClosed)
    }
}
