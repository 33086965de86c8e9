//! A call whose part is used up, while the fleet has room: it waits for one renewal, and no longer than its patience.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::clock;
use crate::deployment::Used;

use super::super::Amounts;
use super::lease::Lease;
use super::terms::Terms;
use super::{RETRY, TICK};

/// A store that answers, and gives what is asked, is waited for so many times as long as one that is silent: others of this
/// process were quicker, and the next answer is for the rest of them.
const MOST_PATIENCES: u32 = 10;

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

    /// Asks for more, and tries again with each renewal that comes within the patience. `attempt` is given the terms that it
    /// goes by. `None` if there is nothing for this call, or the store has failed and the limits hold without it.
    pub async fn obtain<T>(&self, demand: Demand, mut attempt: impl FnMut(Terms) -> Option<T>) -> Option<T> {
        let (common, start) = (&self.common, clock::now());
        let mut began = start;
        let (standing, patience) = (&common.standing, common.config.patience);
        let _waiting = self.wait_for(demand);
        let mut was_denied = patience.is_zero();
        while !standing.is_away() {
            let left = patience.saturating_sub(clock::now().saturating_duration_since(began));
            let renewed = pin!(self.renewed.notified());
            common.wake.notify_one();
            if left.is_zero() || clock::within(left, renewed).await.is_none() {
                break;
            }
            // What was granted may be gone to others of this process, who were quicker: that is no denial.
            was_denied = self.was_denied();
            let now = clock::now();
            if !was_denied && now.saturating_duration_since(start) < patience * MOST_PATIENCES {
                began = now;
            }
            if let Some(obtained) = attempt(self.terms()) {
                return Some(obtained);
            }
            // Whoever holds more than it uses is told to give back, and does so in a moment.
            clock::sleep(RETRY.min(left)).await;
        }
        if was_denied && !standing.is_away() {
            self.set_short(clock::now(), TICK);
            return None;
        }
        if !standing.is_away() && standing.is_unanswered() {
            standing.missed(&common.name, began, patience);
        }
        attempt(self.terms_unanswered())
    }

    /// As [`Lease::set_short`], for a store that said how long there is no room.
    pub fn refused_for(&self, wait: Option<Duration>) {
        self.set_short(clock::now(), wait.unwrap_or(super::HEARTBEAT).min(super::HEARTBEAT));
    }
}
