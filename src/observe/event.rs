//! What happened, as facts: one event for each attempt that ended, and one for each call.
//!
//! An event is cheap to make, for it is made on the way of a call. What is to be read of it is worked out by whoever
//! reads it: the payload in `payload`, spans, metrics.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::chat::{Request, usage_of};
use crate::clock;
use crate::error::Error;
use crate::pricing::Usage;
use crate::tokens::Spent;

use super::costs::Cost;
use super::origin::Origin;
use super::prices::Prices;
use super::record::Record;
use super::told::Told;

/// What all events of a call have in common.
pub struct Call {
    /// `call_id` of the metadata.
    pub number: u64,
    pub request: Request,
    pub is_stream: bool,
    pub start: Instant,
    /// Random: what the call is named by where its caller gave it no name.
    pub id: u128,
    /// Members of the metadata that tell of the caller's key may be seen.
    key_info: bool,
    started: OnceLock<f64>,
    origin: OnceLock<Origin>,
    pub(super) prices: Arc<Prices>,
}

/// The answer was kept: who gave it, and where it lies.
pub struct Kept {
    pub deployment: String,
    pub provider: String,
    pub model: String,
    pub group: String,
    /// The cache's key.
    pub key: String,
}

/// A stream came from more than one deployment: what is told of the last part is not all.
#[derive(Clone, Copy, Default)]
pub struct Joined {
    /// What the parts before the last one cost, if that is known.
    pub cost_before: Option<f64>,
    /// By all parts.
    pub spent: Spent,
}

/// An attempt at a deployment has ended.
pub struct AttemptEnded {
    /// From 1, in the order of their ends.
    pub number: u32,
    /// Attempts at this group before it.
    pub retries: usize,
    /// Groups that were asked before this one, and left behind.
    pub fallbacks: usize,
    pub record: Arc<Record>,
}

/// A call has ended.
pub struct CallEnded {
    pub took: Duration,
    /// What it took beyond attempts and waits; `None` if it was cancelled.
    pub overhead: Option<Duration>,
    /// Until the first content of a stream.
    pub ttft: Option<Duration>,
    /// All that happened, in order.
    pub records: Vec<Arc<Record>>,
    /// Groups that were asked and left behind.
    pub fallbacks: usize,
    pub kept: Option<Kept>,
    pub joined: Option<Joined>,
    /// It looked in the cache in vain, at least for one group.
    pub missed: bool,
    pub dropped_params: Vec<String>,
}

/// Which of both.
pub enum Ended {
    Attempt(AttemptEnded),
    Call(Box<CallEnded>),
}

/// Something that has ended, once.
pub struct Event {
    pub call: Arc<Call>,
    pub ended: Ended,
    /// `None` on success.
    pub error: Option<Box<Error>>,
    /// What the answer says, if there is one.
    pub told: Option<Arc<Told>>,
    /// What its payload is, once somebody has asked.
    pub(super) payload: OnceLock<Arc<str>>,
    pub(super) costs: OnceLock<Option<Cost>>,
    pub(super) accounted: OnceLock<()>,
}

impl Call {
    pub fn new(number: u64, request: &Request, is_stream: bool, start: Instant, prices: Arc<Prices>) -> Self {
        let (request, id) = (request.clone(), fastrand::u128(..));
        let (started, origin) = (OnceLock::new(), OnceLock::new());
        Self { number, request, is_stream, start, id, key_info: true, started, origin, prices }
    }

    /// What the metadata says of the caller's key is told to nobody.
    pub fn without_key_info(self) -> Self {
        Self { key_info: false, ..self }
    }

    /// When it began, in seconds since 1970.
    pub fn started(&self) -> f64 {
        *self.started.get_or_init(|| clock::unix_seconds_of(self.start))
    }

    /// What its request says about it, for those who read events.
    pub fn origin(&self) -> &Origin {
        self.origin.get_or_init(|| Origin::of(&self.request, self.id, self.key_info))
    }

    /// A moment of the call, in seconds since 1970.
    pub fn moment(&self, moment: Instant) -> f64 {
        self.started() + moment.saturating_duration_since(self.start).as_secs_f64()
    }
}

impl Event {
    pub fn new(call: Arc<Call>, ended: Ended, error: Option<Error>, told: Option<Arc<Told>>) -> Self {
        Self {
            call,
            ended,
            error: error.map(Box::new),
            told,
            payload: OnceLock::new(),
            costs: OnceLock::new(),
            accounted: OnceLock::new(),
        }
    }

    /// Which model group is spoken of: an attempt's, or that of the call's answer or last attempt.
    pub fn group(&self) -> &str {
        match &self.ended {
            Ended::Attempt(attempt) => &attempt.record.group,
            Ended::Call(call) => match &call.kept {
                Some(kept) => &kept.group,
                None => call.last().map_or_else(|| self.call.request.model(), |record| &record.group),
            },
        }
    }

    /// The attempt that it is about, or the call's last one.
    pub fn attempt(&self) -> Option<&Record> {
        match &self.ended {
            Ended::Attempt(attempt) => Some(&attempt.record),
            Ended::Call(call) => call.last().filter(|_| call.kept.is_none()),
        }
    }

    pub(super) fn joined(&self) -> Option<&Joined> {
        match &self.ended {
            Ended::Attempt(_) => None,
            Ended::Call(call) => call.joined.as_ref(),
        }
    }

    /// The attempts of it.
    pub fn records(&self) -> &[Arc<Record>] {
        match &self.ended {
            Ended::Attempt(attempt) => std::slice::from_ref(&attempt.record),
            Ended::Call(call) => &call.records,
        }
    }

    /// Attempts at the last group before the last one.
    pub fn retries(&self) -> usize {
        match &self.ended {
            Ended::Attempt(attempt) => attempt.retries,
            Ended::Call(call) => {
                call.last().map_or(0, |last| attempts_at(&call.records, &last.group).saturating_sub(1))
            }
        }
    }

    /// Groups that were asked before the last one.
    pub fn fallbacks(&self) -> usize {
        match &self.ended {
            Ended::Attempt(attempt) => attempt.fallbacks,
            Ended::Call(call) => call.fallbacks,
        }
    }

    pub fn took(&self) -> Duration {
        match &self.ended {
            Ended::Attempt(attempt) => attempt.record.took,
            Ended::Call(call) => call.took,
        }
    }

    pub fn start(&self) -> Instant {
        match &self.ended {
            Ended::Attempt(attempt) => attempt.record.start,
            Ended::Call(_) => self.call.start,
        }
    }

    pub fn is_call(&self) -> bool {
        matches!(self.ended, Ended::Call(_))
    }

    pub fn kept(&self) -> Option<&Kept> {
        match &self.ended {
            Ended::Attempt(_) => None,
            Ended::Call(call) => call.kept.as_ref(),
        }
    }

    /// The caller has gone, or the router: nobody's failure.
    pub fn is_cancelled(&self) -> bool {
        use crate::error::ErrorKind::{Cancelled, ShutDown};
        self.error.as_ref().is_some_and(|error| matches!(error.kind(), Cancelled | ShutDown))
    }

    /// What was used; `None` where nothing is known of it.
    pub fn usage(&self) -> Option<Usage> {
        match self.joined() {
            Some(Joined { spent, .. }) => Some(Usage::of_tokens(spent.prompt, spent.completion)),
            None => self.own_usage(),
        }
    }

    /// Of a stream that came in parts, of the last one.
    pub(super) fn own_usage(&self) -> Option<Usage> {
        if let Some(told) = &self.told {
            return Some(told.usage(&self.call).clone());
        }
        let tokens = self.attempt()?.tokens?;
        Some(Usage::of_tokens(tokens.input, tokens.output))
    }

    /// The bytes that it holds in memory, by and large.
    pub fn weight(&self) -> usize {
        let own = size_of::<Self>() + size_of_val(self.records());
        own + self.call.request.text_len() + self.told.as_ref().map_or(0, |told| told.weight())
    }

    /// The `usage` member of the answer, as the provider wrote it; of a stream in parts, the sum.
    pub fn usage_json(&self) -> Option<Value> {
        if let Some(Joined { spent: Spent { prompt, completion }, .. }) = self.joined().copied() {
            let total = prompt + completion;
            return Some(json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}));
        }
        let told = self.told.as_ref()?;
        let usage = match &told.body {
            Some(body) if body.usage().is_none() => usage_of(body.json()?)?.get().to_owned(),
            _ => told.usage_text()?.to_owned(),
        };
        serde_json::from_str(&usage).ok()
    }
}

/// Attempts at a group.
pub fn attempts_at(records: &[Arc<Record>], group: &str) -> usize {
    records.iter().filter(|record| record.is_attempt() && &*record.group == group).count()
}

impl CallEnded {
    /// The last attempt.
    fn last(&self) -> Option<&Record> {
        self.records.iter().rev().find(|record| record.is_attempt()).map(Arc::as_ref)
    }
}
