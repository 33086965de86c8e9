//! One call that is watched: what its attempts and itself come to is told, each once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::chat::{Body, Request};
use crate::clock;
use crate::error::{Error, ErrorKind};

use super::event::{AttemptEnded, Call, CallEnded, Ended, Event, attempts_at};
use super::observer::Observer;
use super::record::Record;
use super::told::Told;

/// Held by the call and by each of its attempts.
pub struct Watcher {
    observer: Arc<Observer>,
    call: Arc<Call>,
    heard: Mutex<Heard>,
    ended: AtomicBool,
}

/// What was heard of the call so far.
#[derive(Default)]
struct Heard {
    /// Its attempts, in case that nobody is left to tell of them.
    records: Vec<Arc<Record>>,
    /// What the answer says.
    told: Option<Arc<Told>>,
}

impl Watcher {
    pub fn new(observer: Arc<Observer>, number: u64, request: &Request, is_stream: bool, start: Instant) -> Self {
        let prices = Arc::clone(observer.prices());
        let call = Call::new(number, request, is_stream, start, prices);
        let call = Arc::new(if observer.shows_key_info() { call } else { call.without_key_info() });
        Self { observer, call, heard: Mutex::default(), ended: AtomicBool::new(false) }
    }

    /// Whether somebody reads what was asked and answered.
    pub fn wants_content(&self) -> bool {
        self.observer.wants_content()
    }

    /// An attempt has ended.
    pub fn attempt(&self, record: &Arc<Record>, error: Option<&Error>, told: Option<Told>) {
        let told = told.map(Arc::new);
        let ended = {
            let mut heard = self.heard();
            let retries = attempts_at(&heard.records, &record.group);
            heard.records.push(Arc::clone(record));
            // Who was asked last may have failed to go on with what another one has said.
            if told.is_some() {
                heard.told.clone_from(&told);
            }
            let number = u32::try_from(heard.records.len()).unwrap_or(u32::MAX);
            AttemptEnded { number, retries, fallbacks: fallbacks(&heard.records, None), record: Arc::clone(record) }
        };
        self.tell(Ended::Attempt(ended), error.cloned(), told);
    }

    /// The call has ended, with an answer that was `kept` if there is one. What comes after that is nothing.
    pub fn end(&self, ended: CallEnded, error: Option<Error>, kept: Option<Body>) {
        if !self.ended.swap(true, Ordering::AcqRel) {
            let told = match kept {
                Some(body) => Some(Arc::new(Told { body: Some(body), ..Told::default() })),
                None => self.heard().told.take(),
            };
            self.tell(Ended::Call(Box::new(ended)), error, told);
        }
    }

    /// The call ends without an outcome: it was cancelled, the router is being freed, or it panicked.
    pub fn drop_call(&self) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        let Heard { records, told } = std::mem::take(&mut *self.heard());
        let error = match () {
            () if std::thread::panicking() => Error::new(ErrorKind::Internal, "the call panicked"),
            () => self.observer.ending(),
        };
        let took = clock::now().saturating_duration_since(self.call.start);
        let fallbacks = fallbacks(&records, None);
        let ended = CallEnded {
            took,
            overhead: None,
            ttft: None,
            records,
            fallbacks,
            kept: None,
            joined: None,
            missed: false,
            dropped_params: Vec::new(),
        };
        self.tell(Ended::Call(Box::new(ended)), Some(error), told);
    }

    /// What a call or an attempt ends with that nobody ended.
    pub fn ending(&self) -> Error {
        self.observer.ending()
    }

    fn tell(&self, ended: Ended, error: Option<Error>, told: Option<Arc<Told>>) {
        self.observer.tell(&Arc::new(Event::new(Arc::clone(&self.call), ended, error, told)));
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many groups were asked before the last one: `kept` is the one whose kept answer was given.
pub fn fallbacks(records: &[Arc<Record>], kept: Option<&str>) -> usize {
    if records.len() < 2 && kept.is_none() {
        return 0;
    }
    let mut groups: Vec<&str> =
        records.iter().filter(|record| record.skipped.is_none()).map(|record| &*record.group).collect();
    groups.extend(kept);
    groups.dedup();
    groups.len().saturating_sub(1)
}
