//! The queue of an exporter, and the account of what became of its items.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::clock;

use super::super::status::SinkStatus;
use super::{Limits, MOST_BYTES, MOST_ITEMS, Outcome};

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    /// For the task: a batch is full, is to go out now, or there will be none any more.
    work: Notify,
    /// For those who wait until all has gone out.
    idle: Condvar,
}

#[derive(Default)]
struct State {
    items: VecDeque<Bytes>,
    bytes: usize,
    /// When the oldest came.
    since: Option<Instant>,
    /// There was no room for an item, and no batch has gone since.
    is_out_of_room: bool,
    /// Items that are being sent.
    sending: usize,
    /// Whatever waits is to go out now.
    hurry: bool,
    /// The next wait between two tries is left out.
    skip_pause: bool,
    /// The receiver wants nothing before then.
    quiet_until: Option<Instant>,
    ended: bool,
    sent: u64,
    lost: u64,
    failing: bool,
    /// Unix milliseconds.
    changed: Option<u64>,
    last_error: Option<String>,
}

impl Queue {
    pub fn has_room(&self) -> bool {
        let mut state = self.lock();
        let room = !state.ended && !state.is_quiet() && state.items.len() < MOST_ITEMS && !state.is_out_of_room;
        state.lost += u64::from(!room);
        room
    }

    pub fn put(&self, item: Bytes, limits: &Limits) {
        let mut state = self.lock();
        if state.ended || state.items.len() >= MOST_ITEMS || state.bytes + item.len() > MOST_BYTES {
            state.lost += 1;
            // The next one need not be rendered to find out. An item that is too large for all of it says nothing.
            state.is_out_of_room = !state.items.is_empty() && item.len() <= MOST_BYTES;
            return;
        }
        let (was_empty, was_full) = (state.items.is_empty(), state.is_full(limits));
        if was_empty {
            state.since = Some(clock::now());
        }
        state.bytes += item.len();
        state.items.push_back(item);
        // A task that waits, for its time or between two tries, need not be woken by every item.
        let wake = was_empty || (!was_full && state.is_full(limits));
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    /// The next batch, once it is full or its time has come; `None` at the end.
    pub async fn batch(&self, limits: &Limits) -> Option<Vec<Bytes>> {
        loop {
            let woken = self.work.notified();
            let wait = {
                let mut state = self.lock();
                if state.ended {
                    return None;
                }
                let age = state.since.map(|since| clock::now().saturating_duration_since(since));
                let is_due = state.hurry || state.is_full(limits) || age.is_some_and(|age| age >= limits.interval);
                if is_due && !state.items.is_empty() {
                    state.skip_pause = state.hurry;
                    return Some(state.take(limits));
                }
                state.hurry = false;
                age.map(|age| limits.interval.saturating_sub(age))
            };
            let woken = std::pin::pin!(woken);
            match wait {
                Some(wait) => {
                    let _ = clock::within(wait, woken).await;
                }
                None => woken.await,
            }
        }
    }

    /// A batch has gone out, or was lost, or some of it. What changes by that, if anything does.
    pub fn delivered(&self, items: usize, outcome: Outcome) -> Option<Result<(), String>> {
        let mut state = self.lock();
        state.sending = 0;
        let lost = outcome.lost.min(items);
        state.lost += lost as u64;
        state.sent += (items - lost) as u64;
        let change = match outcome.why {
            None => state.works().then_some(Ok(())),
            Some(why) => state.fails(&why).then_some(Err(why)),
        };
        drop(state);
        self.idle.notify_all();
        change
    }

    /// A try has failed, and others follow.
    pub fn note(&self, why: &str) {
        self.lock().last_error = Some(why.to_owned());
    }

    /// Waits between two tries; not while somebody waits for all to go out, or for the end.
    pub async fn pause(&self, wait: Duration) {
        let until = clock::now() + wait;
        loop {
            let woken = self.work.notified();
            let left = until.saturating_duration_since(clock::now());
            {
                let mut state = self.lock();
                if state.ended || left.is_zero() || std::mem::take(&mut state.skip_pause) {
                    return;
                }
            }
            let _ = clock::within(left, std::pin::pin!(woken)).await;
        }
    }

    pub fn hurry(&self) {
        {
            let mut state = self.lock();
            (state.hurry, state.skip_pause) = (true, true);
        }
        self.work.notify_one();
    }

    /// The receiver wants nothing for so long: what comes is lost, and counted.
    pub fn quiet(&self, wait: Duration) {
        let until = clock::now() + wait;
        let mut state = self.lock();
        state.quiet_until = state.quiet_until.max(Some(until));
    }

    pub fn is_quiet(&self) -> bool {
        self.lock().is_quiet()
    }

    pub fn flush(&self, until: Instant) {
        self.hurry();
        let mut state = self.lock();
        while !state.ended && (!state.items.is_empty() || state.sending > 0) {
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() {
                return;
            }
            state = self.idle.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.lost += state.items.len() as u64;
        state.items.clear();
        state.bytes = 0;
        drop(state);
        self.work.notify_one();
        self.idle.notify_all();
    }

    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    pub fn status(&self) -> SinkStatus {
        let state = self.lock();
        SinkStatus {
            name: String::new(),
            state: if state.failing { "failing" } else { "on" },
            sent: state.sent,
            lost: state.lost,
            waiting: (state.items.len() + state.sending) as u64,
            since: state.changed,
            last_error: state.last_error.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_full(&self, limits: &Limits) -> bool {
        self.items.len() >= limits.batch || self.bytes >= limits.batch_bytes
    }

    fn take(&mut self, limits: &Limits) -> Vec<Bytes> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(item) = self.items.front() {
            let fits = bytes + item.len() <= limits.batch_bytes || batch.is_empty();
            if batch.len() >= limits.batch || !fits {
                break;
            }
            bytes += item.len();
            batch.extend(self.items.pop_front());
        }
        self.bytes -= bytes;
        self.is_out_of_room = false;
        self.sending = batch.len();
        // Those that are left came about now, or later: none waits longer than twice its time.
        self.since = (!self.items.is_empty()).then(clock::now);
        batch
    }

    fn is_quiet(&self) -> bool {
        self.quiet_until.is_some_and(|until| clock::now() < until)
    }

    /// Whether that is a change.
    fn works(&mut self) -> bool {
        let changes = std::mem::take(&mut self.failing);
        if changes {
            self.changed = Some(clock::unix_ms());
            self.last_error = None;
        }
        changes
    }

    fn fails(&mut self, why: &str) -> bool {
        let changes = !std::mem::replace(&mut self.failing, true);
        if changes {
            self.changed = Some(clock::unix_ms());
        }
        self.last_error = Some(why.to_owned());
        changes
    }
}
