//! Limits that hold exactly: the store is asked before each attempt, and told afterwards what it really took.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock;
use crate::config::SharedLimits;
use crate::deployment::Used;

use super::super::{Amounts, StoreError, Taken};
use super::common::Common;
use super::lease::Lease;
use super::waiting::{Demand, SILENCES, is_on_time};

/// So many takings wait to be settled while the store is away. What is forgotten above it stays taken for its minute.
const MOST: usize = 10_000;

/// What the store said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// Taken there; the number is for [`Lease::settle`].
    Yes(u64),
    /// No room for so long; `None` if nobody knows.
    No(Option<Duration>),
    /// It did not answer in time.
    Unanswered,
}

/// Takings whose real use is known, and the store does not know it yet.
#[derive(Default)]
pub struct Settlements(Mutex<VecDeque<Settlement>>);

struct Settlement {
    id: Arc<str>,
    place: u64,
    taken: Amounts,
    real: Amounts,
}

impl Lease {
    /// Whether the store is asked before each attempt.
    pub fn is_exact(&self) -> bool {
        self.common.config.limits == SharedLimits::Exact && !self.common.standing.is_silent()
    }

    /// Takes room in the store's own minute, within the patience.
    pub async fn take(&self, demand: Demand, limits: [u64; 4]) -> Took {
        let (common, began) = (&self.common, clock::now());
        let [requests, tokens, input, output] = limits;
        let limits = Amounts { requests, tokens, input, output, slots: u64::MAX };
        let more = Amounts { slots: 0, ..demand.0 };
        let mut answer = pin!(common.engine.take(&self.member.id, more, limits));
        let mut silences = 0;
        let answer = loop {
            let (from, patience) = (clock::now(), common.standing.patience(common.config.patience));
            match clock::within(patience, answer.as_mut()).await {
                Some(answer) => break answer,
                None if is_on_time(from, patience) => {
                    common.standing.missed(from, patience);
                    silences += 1;
                }
                None => {}
            }
            if silences >= SILENCES || common.standing.is_silent() {
                return Took::Unanswered;
            }
        };
        match answer {
            Ok(taken) => {
                common.standing.took(clock::now().saturating_duration_since(began));
                common.standing.heard();
                match taken {
                    Taken::Yes(place) => Took::Yes(place),
                    Taken::No(wait) => Took::No(wait),
                }
            }
            Err(error) => {
                common.standing.missed(began, common.config.patience);
                common.standing.failed(&common.name, &error, began);
                Took::Unanswered
            }
        }
    }

    /// Puts what was really used in the place of what was taken at `place`; the store is told in the background.
    pub fn settle(&self, place: u64, taken: Used, real: Used) {
        let amounts = |used| Amounts { slots: 0, ..Demand::of(used).0 };
        let (taken, real) = (amounts(taken), amounts(real));
        if taken == real {
            return;
        }
        let mut waiting = self.common.settlements.lock();
        if waiting.len() >= MOST {
            waiting.pop_front();
        }
        waiting.push_back(Settlement { id: Arc::clone(&self.member.id), place, taken, real });
    }
}

impl Settlements {
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Tells the store of all that wait. What it does not take in is told again.
    pub async fn flush(&self, common: &Common) -> Result<(), StoreError> {
        loop {
            let Some(next) = self.lock().pop_front() else { return Ok(()) };
            let settled = common.engine.settle(&next.id, next.place, next.taken, next.real);
            if let Err(error) = common.answer(settled).await {
                self.lock().push_front(next);
                return Err(error);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Settlement>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
