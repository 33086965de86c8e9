//! A call's event as traces need it: its attempts with what they failed with, and moments as OTLP counts them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::{Status, status::StatusCode};

use crate::deployment::Deployment;
use crate::pricing::Tokens;

use super::super::event::{CallEnded, Event};
use super::super::record::Record;
use super::answered::Answered;
use super::failures;

/// A call that has ended.
pub struct Story<'a> {
    pub event: &'a Event,
    pub ended: &'a CallEnded,
    /// In order.
    pub attempts: Vec<Asked<'a>>,
    /// What the answer says of itself; nothing without one.
    pub answered: Answered,
    pub tokens: Option<Tokens>,
    /// Dollars; see [`Event::cost`].
    pub cost: Option<f64>,
    /// Unix nanoseconds of its beginning.
    base: u64,
    content: bool,
}

/// A deployment that was asked.
pub struct Asked<'a> {
    /// From 1.
    pub number: u32,
    pub record: &'a Record,
    pub deployment: &'a Arc<Deployment>,
    /// What it failed with: its words, or at least the class.
    pub failure: Option<String>,
    /// It answered, or was the last one of a call that failed.
    pub is_last: bool,
}

impl<'a> Story<'a> {
    /// `noted`: what attempts failed with, as far as somebody remembers; `content`: prompts may be seen.
    pub fn of(event: &'a Event, ended: &'a CallEnded, noted: &[(u32, String)], content: bool) -> Self {
        let answered = event.told.as_deref().map(Answered::of).unwrap_or_default();
        let records = ended.records.iter().filter(|record| record.is_attempt());
        let mut attempts = Vec::new();
        for (record, number) in records.zip(1_u32..) {
            let Some(deployment) = &record.deployment else { continue };
            let words = |class: &str| {
                let noted = noted.iter().find(|(other, _)| *other == number);
                noted.map_or_else(|| class.to_owned(), |(_, message)| message.clone())
            };
            attempts.push(Asked { number, record, deployment, failure: record.error.map(words), is_last: false });
        }
        // What was kept was nobody's answer.
        if let (None, Some(last)) = (&ended.kept, attempts.last_mut()) {
            last.is_last = true;
        }
        let base = (event.call.started() * 1e6).round() as u64 * 1000;
        let (tokens, cost) = (event.usage().and_then(|usage| usage.tokens), event.cost());
        Self { event, ended, attempts, answered, tokens, cost, base, content }
    }

    /// Unix nanoseconds.
    pub fn at(&self, moment: Instant) -> u64 {
        self.base + nanos(moment.saturating_duration_since(self.event.call.start))
    }

    /// When it began and when it ended. It holds all its attempts.
    pub fn span(&self) -> (u64, u64) {
        let own = self.base + nanos(self.ended.took);
        let ends = self.attempts.iter().map(|asked| self.of_attempt(asked.record).1);
        (self.base, ends.fold(own, u64::max))
    }

    pub fn of_attempt(&self, record: &Record) -> (u64, u64) {
        let start = self.at(record.start);
        (start, start + nanos(record.took))
    }

    /// The call's status, by what it failed with.
    pub fn status(&self) -> Option<Status> {
        failures::message(self.event, self.content).map(failed)
    }

    /// The attempt whose answer it is, or whose failure.
    pub fn last(&self) -> Option<&Asked<'a>> {
        self.attempts.last().filter(|asked| asked.is_last)
    }
}

impl Asked<'_> {
    pub fn status(&self) -> Option<Status> {
        self.failure.clone().map(failed)
    }
}

fn failed(message: String) -> Status {
    Status { message, code: StatusCode::Error.into() }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
