//! Of equal calls at one time one goes out, and the others wait for what it brings.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::{Entry, Key};

/// A call that has waited for so many that failed waits for nobody else.
const MOST_FAILURES: u32 = 3;
const SHARDS: usize = 16;

/// Calls that are out, by their keys.
#[derive(Default)]
pub struct Flights {
    shards: [Mutex<HashMap<Key, Flight>>; SHARDS],
}

struct Flight {
    waiting: VecDeque<oneshot::Sender<Outcome>>,
    is_stream: bool,
    /// Leaders that have failed.
    failures: u32,
}

/// What a call does that came at such a time.
pub enum Turn {
    /// Goes out itself, for the others as well.
    Lead(Lead),
    /// Waits for another one.
    Follow(Follower),
}

/// What becomes of waiting.
pub enum Outcome {
    Answered(Arc<Entry>),
    /// The one that was waited for has failed or has gone: this call is next.
    Lead(Lead),
    /// Nobody is waited for any more.
    Alone,
}

/// The duty to tell the others. Dropped, as whoever is cancelled does, it goes over to the next one who waits.
pub struct Lead {
    flights: Arc<Flights>,
    key: Key,
    told: bool,
}

/// A place among those who wait; given up by dropping it.
pub struct Follower {
    outcome: oneshot::Receiver<Outcome>,
    flights: Arc<Flights>,
    key: Key,
}

impl Flights {
    /// Joins who is out with this key, or goes first.
    pub fn join(self: &Arc<Self>, key: Key, is_stream: bool) -> Turn {
        let mut flights = self.shard(key);
        if let Some(flight) = flights.get_mut(&key) {
            let (sender, outcome) = oneshot::channel();
            // Those who have given up leave their places when somebody else comes, half of them at most at a time.
            if flight.waiting.len() == flight.waiting.capacity() {
                flight.waiting.retain(|waiting| !waiting.is_closed());
            }
            flight.waiting.push_back(sender);
            return Turn::Follow(Follower { outcome, flights: Arc::clone(self), key });
        }
        flights.insert(key, Flight { waiting: VecDeque::new(), is_stream, failures: 0 });
        Turn::Lead(Lead { flights: Arc::clone(self), key, told: false })
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, HashMap<Key, Flight>> {
        let [first, rest @ ..] = &self.shards;
        let shard = match usize::try_from(key.short() >> 32).unwrap_or_default() % SHARDS {
            0 => first,
            other => rest.get(other - 1).unwrap_or(first),
        };
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, key: Key) -> VecDeque<oneshot::Sender<Outcome>> {
        self.shard(key).remove(&key).map(|flight| flight.waiting).unwrap_or_default()
    }
}

impl Lead {
    /// Whether the one that leads from now on is a stream.
    pub fn is_stream(&self, is_stream: bool) {
        if let Some(flight) = self.flights.shard(self.key).get_mut(&self.key) {
            flight.is_stream = is_stream;
        }
    }

    /// Everybody has this answer.
    pub fn answered(mut self, entry: &Arc<Entry>) {
        self.told = true;
        for waiting in self.flights.end(self.key) {
            let _ = waiting.send(Outcome::Answered(Arc::clone(entry)));
        }
    }

    /// There is an answer, but none for others: each goes by itself.
    pub fn alone(mut self) {
        self.told = true;
        self.dismiss();
    }

    fn dismiss(&self) {
        for waiting in self.flights.end(self.key) {
            let _ = waiting.send(Outcome::Alone);
        }
    }

    /// There is no answer: the next one tries, unless too many have.
    pub fn failed(self) {
        let is_enough = self.flights.shard(self.key).get_mut(&self.key).is_none_or(|flight| {
            flight.failures += 1;
            flight.failures >= MOST_FAILURES
        });
        if is_enough {
            self.alone();
        }
    }

    /// Hands the lead on; whoever has gone meanwhile is passed over.
    fn hand_on(&self) {
        loop {
            let next = self.flights.shard(self.key).get_mut(&self.key).and_then(|flight| flight.waiting.pop_front());
            let Some(next) = next else { return self.dismiss() };
            let lead = Lead { flights: Arc::clone(&self.flights), key: self.key, told: false };
            match next.send(Outcome::Lead(lead)) {
                Ok(()) => return,
                Err(Outcome::Lead(mut lead)) => lead.told = true,
                Err(_) => {}
            }
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.told {
            self.hand_on();
        }
    }
}

impl Follower {
    /// Whether the one that is waited for now is a stream, whose reader may take his time.
    pub fn is_behind_stream(&self) -> bool {
        self.flights.shard(self.key).get(&self.key).is_some_and(|flight| flight.is_stream)
    }

    pub async fn outcome(&mut self) -> Outcome {
        (&mut self.outcome).await.unwrap_or(Outcome::Alone)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::chat;
    use super::super::key::tests::key;
    use super::*;

    fn lead(flights: &Arc<Flights>) -> Lead {
        match flights.join(key(1), false) {
            Turn::Lead(lead) => lead,
            Turn::Follow(_) => panic!("somebody leads"),
        }
    }

    fn follow(flights: &Arc<Flights>) -> Follower {
        match flights.join(key(1), false) {
            Turn::Follow(follower) => follower,
            Turn::Lead(_) => panic!("nobody leads"),
        }
    }

    async fn told(mut follower: Follower) -> Outcome {
        follower.outcome().await
    }

    #[tokio::test]
    async fn all_get_the_leaders_answer() {
        let flights = Arc::default();
        let first = lead(&flights);
        let followers: Vec<_> = (0..100).map(|_| follow(&flights)).collect();
        let entry = chat("a");
        first.answered(&entry);
        for follower in followers {
            assert!(matches!(told(follower).await, Outcome::Answered(own) if Arc::ptr_eq(&own, &entry)));
        }
        drop(lead(&flights));
        drop(lead(&flights));
    }

    #[tokio::test]
    async fn a_failure_promotes_one_who_is_still_there() {
        let flights = Arc::default();
        let first = lead(&flights);
        let (gone, next, mut last) = (follow(&flights), follow(&flights), follow(&flights));
        drop(gone);
        drop(first);
        let Outcome::Lead(second) = told(next).await else { panic!("the next one leads") };
        assert!(last.outcome.try_recv().is_err(), "one is promoted, not all");
        second.answered(&chat("a"));
        assert!(matches!(told(last).await, Outcome::Answered(_)));
        // Promoted and gone before it took notice.
        let first = lead(&flights);
        let (promoted, last) = (follow(&flights), follow(&flights));
        drop(first);
        drop(promoted);
        assert!(matches!(told(last).await, Outcome::Lead(_)));
        drop(lead(&flights));
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_for_those_who_fail() {
        let flights = Arc::default();
        let mut leader = lead(&flights);
        let mut followers: VecDeque<_> = (0..9).map(|_| follow(&flights)).collect();
        for _ in 1..MOST_FAILURES {
            leader.failed();
            let Outcome::Lead(next) = told(followers.pop_front().unwrap()).await else { panic!("the next one leads") };
            leader = next;
        }
        leader.failed();
        for follower in followers {
            assert!(matches!(told(follower).await, Outcome::Alone));
        }
        lead(&flights).alone();
        drop(lead(&flights));
    }
}
