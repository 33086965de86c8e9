//! A call whose part is used up, while the fleet has room: it waits for one renewal, and no longer than its patience.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::clock;
use crate::deployment::Used;

use super::super::{Amounts, TRUSTED};
use super::lease::Lease;
use super::terms::Terms;
use super::{RETRY, TICK};

/// After so many silences a call goes without the store.
pub(super) const SILENCES: u32 = 2;

/// Whether a wait that ended without an answer ended when it should. Where it did not, this process is too busy to hear
/// anything, and the store may be well.
pub(super) fn is_on_time(began: Instant, wait: Duration) -> bool {
    since(began) < wait + wait / 2
}

fn since(start: Instant) -> Duration {
    clock::now().saturating_duration_since(start)
}

/// What a call is going to take of a deployment, a slot included.
#[derive(Clone, Copy, Debug)]
pub struct Demand(pub(super) Amounts);

impl Demand {
    pub fn of(used: Used) -> Self {
        let Used { requests, input, output } = used;
        Self(Amounts { requests, tokens: used.tokens(), input, output, slots: 1 })
    }
}

/// A call that waits for a renewal.
struct Waiting<'a> {
    lease: &'a Lease,
    demand: Demand,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        for (waiting, less) in self.lease.waiting.iter().zip(self.demand.0.each()) {
            waiting.fetch_sub(less, Ordering::Relaxed);
        }
    }
}

impl Lease {
    pub(super) fn waiting(&self) -> Amounts {
        Amounts::of(self.waiting.each_ref().map(|waiting| waiting.load(Ordering::Relaxed)))
    }

    /// Says that a call waits for so much, for as long as what is returned lives.
    fn wait_for(&self, demand: Demand) -> Waiting<'_> {
        for (waiting, more) in self.waiting.iter().zip(demand.0.each()) {
            waiting.fetch_add(more, Ordering::Relaxed);
        }
        Waiting { lease: self, demand }
    }

    /// Asks for more, and tries again with each renewal that comes. `attempt` is given the terms that it goes by. `None` if there
    /// is nothing for this call, or the store has failed and the limits hold without it.
    pub async fn obtain<T>(&self, demand: Demand, mut attempt: impl FnMut(Terms) -> Option<T>) -> Option<T> {
        let (common, start) = (&self.common, clock::now());
        let (standing, configured) = (&common.standing, common.config.patience);
        let _waiting = self.wait_for(demand);
        let mut silences = 0;
        while !standing.is_silent() && silences < SILENCES && since(start) < TRUSTED {
            let (began, patience) = (clock::now(), standing.patience(configured));
            let renewed = pin!(self.renewed.notified());
            common.wake.notify_one();
            if clock::within(patience, renewed).await.is_some() {
                if let Some(obtained) = attempt(self.terms()) {
                    return Some(obtained);
                }
                // What was granted may be gone to others of this process, who were quicker: that is no denial.
                if self.was_denied() && since(start) >= configured {
                    self.set_short(clock::now(), TICK);
                    return None;
                }
                // Whoever holds more than it uses is told to give back, and does so in a moment.
                clock::sleep(RETRY).await;
            } else if patience.is_zero() {
                break;
            } else if is_on_time(began, patience) && standing.is_unanswered() {
                standing.missed(began, patience);
                silences += 1;
            }
        }
        attempt(self.terms_unanswered())
    }

    /// As [`Lease::set_short`], for a store that said how long there is no room.
    pub fn refused_for(&self, wait: Option<Duration>) {
        self.set_short(clock::now(), wait.unwrap_or(super::HEARTBEAT).min(super::HEARTBEAT));
    }
}
