//! How much a router says in the log.
//!
//! A change of state is a record of its own, in every router: it comes seldom. What happens to a single request does so as often
//! as there are requests, most of all in an outage: only a router that is verbose tells it, and only if somebody hears it.

use log::{Level, max_level};

/// Whether a router tells what happens to single requests. Copied to whatever tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbosity {
    is_verbose: bool,
}

impl Verbosity {
    pub fn new(is_verbose: bool) -> Self {
        Self { is_verbose }
    }

    /// Whether a record of a single request is made now. The listener's level is the ceiling.
    pub fn tells_requests(self) -> bool {
        self.is_verbose && max_level() >= Level::Debug
    }
}

/// A record of a single request: as `log::debug!`, behind the [`Verbosity`] of its router.
macro_rules! of_request {
    ($verbosity:expr, $($record:tt)+) => {
        if $verbosity.tells_requests() {
            log::debug!($($record)+);
        }
    };
}
pub(crate) use of_request;
