//! The renewal of leases: all that is due, in one message a tick.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::SharedLimits;

use super::super::{ALIVE, Amounts, Ask, StoreError};
use super::headroom::{Need, headroom};
use super::lease::{Book, Lease};
use super::{Fleet, HEARTBEAT, TICK};

/// After somebody else was short, nothing beyond what is used for so long.
const YIELDS: Duration = TICK;
/// And nothing is given back twice within this.
const AGAIN: Duration = Duration::from_millis(2);

impl Fleet {
    /// Renews until the end.
    pub(super) async fn renew(&self) {
        let common = &*self.common;
        let mut pause = TICK;
        while !common.is_ending() {
            // A call that waits for more does not wait for the tick.
            clock::within(pause, pin!(common.wake.notified())).await;
            if common.is_ending() {
                return;
            }
            pause = self.share(clock::now()).await;
        }
    }

    /// Renews what is due at `now`. Returns how long the next look may wait.
    async fn share(&self, now: Instant) -> Duration {
        let common = &*self.common;
        let (mut asks, mut asked, mut is_busy) = (Vec::new(), Vec::new(), false);
        for lease in self.leases() {
            let mut book = lease.book();
            is_busy |= lease.look(&mut book, now);
            if let Some(ask) = lease.ask(&mut book, now) {
                asks.push(ask);
                drop(book);
                asked.push(lease);
            }
        }
        let is_away = common.standing.is_away();
        if !asks.is_empty() {
            common.standing.ask();
            match common.answer(common.engine.share(&asks)).await {
                Ok(grants) if grants.len() == asks.len() => {
                    common.standing.took(clock::now().saturating_duration_since(now));
                    for ((lease, ask), grant) in asked.iter().zip(&asks).zip(&grants) {
                        lease.book().processes = grant.processes;
                        lease.note_ask(ask, grant);
                        lease.renew(grant, now);
                    }
                    self.count_processes(now);
                    common.standing.answered(&common.name);
                }
                Ok(grants) => {
                    let message = format!("{} answers to {} questions", grants.len(), asks.len());
                    common.standing.failed(&common.name, &StoreError(message), now);
                }
                Err(error) => common.standing.failed(&common.name, &error, now),
            }
        }
        if is_busy && !is_away { TICK } else { HEARTBEAT }
    }

    /// The processes that are alive: as many as any deployment is known to, of those that were asked for not long ago.
    fn count_processes(&self, now: Instant) {
        let of_one = |lease: &Arc<Lease>| {
            let book = lease.book();
            let asked = book.asked.filter(|asked| now.saturating_duration_since(*asked) < ALIVE);
            asked.map(|_| book.processes)
        };
        self.common.standing.saw(self.leases().iter().filter_map(of_one).max().unwrap_or(1));
    }

    /// The cooldowns were read. With nothing to renew, that is all that can be known of the store.
    pub(super) fn read_at(&self, asked: Instant) {
        let holds = |lease: &Arc<Lease>| {
            let book = lease.book();
            book.has_row || !book.pace.rests(asked)
        };
        if !self.leases().iter().any(holds) {
            self.common.standing.answered(&self.common.name);
        }
    }
}

impl Lease {
    /// Takes in what was used since the last look. Whether calls come that a limit is held for.
    fn look(&self, book: &mut Book, now: Instant) -> bool {
        let slots = self.member.state.in_flight().into();
        book.pace.look(now, self.taken(), slots);
        let is_busy = book.pace.idle(now) <= HEARTBEAT || self.waiting() != Amounts::ZERO;
        is_busy && self.member.limits != Amounts::UNLIMITED
    }

    /// Somebody else is short. Whether there is something to give back, and it was not done a moment ago. Who is short itself gives
    /// nothing: two of those would ask each other for ever.
    pub(super) fn gives_back(&self, now: Instant) -> bool {
        if self.waiting() != Amounts::ZERO || !self.has_headroom(now) {
            return false;
        }
        let mut book = self.book();
        if book.yields.is_some_and(|since| now.saturating_duration_since(since) < AGAIN) {
            return false;
        }
        (book.yields, book.gives_back) = (Some(now), true);
        true
    }

    /// What is to be asked now; `None` if nothing is due.
    fn ask(&self, book: &mut Book, now: Instant) -> Option<Ask> {
        let waiting = self.waiting();
        let hungry = waiting != Amounts::ZERO;
        let yields = book.yields.is_some_and(|since| now.saturating_duration_since(since) < YIELDS);
        let must = hungry | std::mem::take(&mut book.gives_back);
        let is_busy = book.pace.idle(now) <= HEARTBEAT && self.member.limits != Amounts::UNLIMITED;
        let every = if is_busy { TICK } else { HEARTBEAT };
        let due = book.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= every);
        let is_empty = !book.has_row && book.pace.rests(now) && !self.knows_others();
        if !must && (!due || is_empty) {
            return None;
        }
        let others = self.others_amounts(now);
        let rests = yields || book.pace.rests(now);
        let call = self.call();
        let limits = self.shared_limits();
        let want = |used: Amounts| {
            let likely = book.pace.likely(used.slots).each();
            let (used, waiting, call, others) = (used.each(), waiting.each(), call.each(), others.each());
            let (limits, processes) = (limits.each(), book.processes);
            Amounts::of(std::array::from_fn(|place| {
                let [used, others, limit] = [used[place], others[place], limits[place]];
                let [likely, call, waiting] = [likely[place], call[place], waiting[place]];
                let need = Need { limit, used, others, processes, likely, call, waiting, rests };
                used.saturating_add(headroom(&need))
            }))
        };
        let (used, want) = self.lower(now, want);
        book.asked = Some(now);
        book.has_row = used != Amounts::ZERO || want != Amounts::ZERO;
        let seconds = self.common.config.latency.then(|| self.member.state.latency.value(now)).flatten();
        Some(Ask { id: Arc::clone(&self.member.id), limits, used, want, hungry, seconds })
    }

    /// What leases are held of: in the exact way of slots alone.
    fn shared_limits(&self) -> Amounts {
        match self.common.config.limits {
            SharedLimits::Leases => self.member.limits,
            SharedLimits::Exact => Amounts { slots: self.member.limits.slots, ..Amounts::UNLIMITED },
        }
    }
}
