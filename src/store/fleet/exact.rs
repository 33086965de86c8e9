//! Limits that hold exactly: the store is asked before each attempt, and told afterwards what it really took.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

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
#[derive(Debug)]
pub enum Took {
    /// Taken there; the number is for [`Lease::settle`].
    Yes(u64),
    /// No room for so long; `None` if nobody knows.
    No(Option<Duration>),
    /// It did not answer in time.
    Unanswered(Late),
}

/// A taking whose answer comes after the call went on without it, if it comes at all. What was taken is given back then, unless
/// the call uses it all the same.
#[derive(Debug, Default)]
pub struct Late {
    is_used: Arc<AtomicBool>,
}

impl Late {
    /// The call goes out: what the store took counts.
    pub fn stays(&self) {
        self.is_used.store(true, Ordering::Release);
    }
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
        let late = Late::default();
        let (sender, answer) = oneshot::channel();
        let (asked, id, is_used) = (Arc::clone(common), Arc::clone(&self.member.id), Arc::clone(&late.is_used));
        // By itself, so that an answer is heard that nobody waits for any more.
        tokio::spawn(async move {
            let answer = asked.engine.take(&id, more, limits).await;
            if let Err(Ok(Taken::Yes(place))) = sender.send(answer)
                && !is_used.load(Ordering::Acquire)
            {
                asked.settlements.add(Settlement { id, place, taken: more, real: Amounts::ZERO });
            }
        });
        let mut answer = pin!(answer);
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
                return Took::Unanswered(late);
            }
        };
        match answer {
            Ok(Ok(taken)) => {
                common.standing.took(clock::now().saturating_duration_since(began));
                common.standing.heard();
                match taken {
                    Taken::Yes(place) => Took::Yes(place),
                    Taken::No(wait) => Took::No(wait),
                }
            }
            Ok(Err(error)) => {
                common.standing.missed(began, common.config.patience);
                common.standing.failed(&common.name, &error, began);
                Took::Unanswered(late)
            }
            // The task is gone, and with it the runtime.
            Err(_) => Took::Unanswered(late),
        }
    }

    /// Puts what was really used in the place of what was taken at `place`; the store is told in the background.
    pub fn settle(&self, place: u64, taken: Used, real: Used) {
        let amounts = |used| Amounts { slots: 0, ..Demand::of(used).0 };
        let (taken, real) = (amounts(taken), amounts(real));
        if taken == real {
            return;
        }
        self.common.settlements.add(Settlement { id: Arc::clone(&self.member.id), place, taken, real });
    }
}

impl Settlements {
    fn add(&self, settlement: Settlement) {
        let mut waiting = self.lock();
        if waiting.len() >= MOST {
            waiting.pop_front();
        }
        waiting.push_back(settlement);
    }

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
