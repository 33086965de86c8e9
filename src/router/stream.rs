//! One attempt's stream: opened by the attempt loop at its first content, then read to its one end.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use crate::cache::Entry;
use crate::chat::{Chunk, Request, Tokens, Verb, tokens_of};
use crate::clock;
use crate::config::TimeoutConfig;
use crate::error::Error;
use crate::observe::{Heard, Told};
use crate::provider::{Chunks, Encoded, Endpoint, Opened, Patience};
use crate::tokens::{Exchange, Spent};
use crate::transport::{HeaderMap, shown_headers};

use super::caching::{Keep, Recording, producer};
use super::form::Form;
use super::ledger::{Attempt, Measured};
use super::replayed::Replayed;
use super::timeout::{Bound, of_stream};
use super::trail::Trail;
use crate::observe::Record;

/// What is held back until the first content comes; framing is small, and whoever sends more of it is not well.
const MOST_HELD: usize = 64 * 1024;

/// The answer in chunks.
pub struct Streamed<'r> {
    pub timeouts: &'r TimeoutConfig,
    pub start: Instant,
    /// Whether a cache may answer.
    pub is_cached: bool,
}

/// A stream that can be read.
pub enum Source {
    /// A provider writes it.
    Open(Box<OpenStream>),
    /// It was kept.
    Kept(Box<Replayed>),
}

/// A stream at its first content.
pub struct Opening {
    chunks: Chunks,
    held: VecDeque<Chunk>,
    usage_is_ours: bool,
    ttft: Duration,
    /// The same from the attempt's beginning, not the call's.
    own_ttft: Duration,
    patience: Patience,
    exchange: Exchange,
    verb: Verb,
}

impl Form for Streamed<'_> {
    type Received = Opening;
    type Output = Source;
    const IS_STREAM: bool = true;

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<Encoded, Error> {
        endpoint.encode_stream(request)
    }

    fn bound(&self, request: &Request, own: Bound, endpoint: &Endpoint) -> Bound {
        let first = of_stream(request, endpoint.deployment(), self.timeouts).first;
        if own.is_share && own.time < first.time { own } else { first }
    }

    /// Reads up to the first content: whatever goes wrong before it, the next attempt is a clean stream.
    async fn receive(&self, opened: Opened<'_>, usage_is_ours: bool) -> Result<Opening, Error> {
        let bounds = of_stream(opened.request(), opened.endpoint().deployment(), self.timeouts);
        let (start, until) = (opened.start(), opened.until());
        let (deployment, model) = (opened.endpoint().deployment(), opened.endpoint().model());
        let exchange = Exchange::begin(opened.request(), deployment.base_model(model));
        let verb = opened.request().verb();
        let waited = opened.waited();
        let mut chunks = opened.stream()?;
        let mut held = VecDeque::new();
        let mut bytes = 0;
        loop {
            let left = until.saturating_duration_since(clock::now());
            let next = waited.during(pin!(chunks.next(Patience { chunk: left, idle: bounds.idle }))).await?;
            let Some(chunk) = next else { break };
            let is_content = chunk.has_content();
            bytes += chunk.json().len();
            held.push_back(chunk);
            if is_content {
                break;
            }
            if bytes > MOST_HELD {
                let message = format!("{MOST_HELD} bytes came and no content among them");
                return Err(chunks.endpoint().flaw(&message));
            }
        }
        let now = clock::now();
        let (ttft, own_ttft) = (now.saturating_duration_since(self.start), now.saturating_duration_since(start));
        let patience = Patience { chunk: bounds.gap, idle: bounds.idle };
        Ok(Opening { chunks, held, usage_is_ours, ttft, own_ttft, patience, exchange, verb })
    }

    fn is_filtered(&self, opening: &Opening) -> bool {
        opening.held.iter().any(|chunk| chunk.finish_reason() == Some("content_filter"))
    }

    fn settle(&self, opening: Opening, attempt: Attempt, _trail: &mut Trail) -> Source {
        let watcher = attempt.watcher();
        let first =
            watcher.and_then(|_| opening.held.front()).map(|chunk| Bytes::copy_from_slice(chunk.json().as_bytes()));
        let heard = watcher.filter(|watcher| watcher.wants_content()).map(|_| Box::new(Heard::new(opening.verb)));
        Source::Open(Box::new(OpenStream {
            deadline: None,
            opening,
            attempt: Some(attempt),
            usage: None,
            trail: None,
            before: Spent::default(),
            recording: None,
            heard,
            first,
        }))
    }

    fn is_cached(&self) -> bool {
        self.is_cached
    }

    fn kept(&self, entry: &Entry, request: &Request) -> Option<Source> {
        Replayed::new(entry, request).map(|replayed| Source::Kept(Box::new(replayed)))
    }

    fn keep(&self, source: &mut Source, keep: Keep, _trail: &Trail) {
        if let Source::Open(open) = source {
            let producer = open.asked().as_ref().and_then(producer);
            open.recording = producer.map(|producer| Box::new(Recording::new(keep, producer)));
        }
    }
}

/// A stream that is read.
pub struct OpenStream {
    opening: Opening,
    deadline: Option<Instant>,
    /// `None` once it has ended.
    attempt: Option<Attempt>,
    usage: Option<String>,
    trail: Option<Trail>,
    /// By streams that this one goes on for.
    before: Spent,
    /// What is kept of it. Dropped before the end, nothing is.
    recording: Option<Box<Recording>>,
    /// What it says, for those who are to see that.
    heard: Option<Box<Heard>>,
    /// Its first chunk, for those who hear of it.
    first: Option<Bytes>,
}

/// How a stream went, once it has ended.
pub struct Ended {
    pub trail: Trail,
    pub headers: HeaderMap,
    pub usage: Usage,
    pub ttft: Duration,
    /// What is left of the body behind the end, if it ended well.
    rest: Option<Chunks>,
}

impl Ended {
    /// Of a stream behind which nothing is left.
    pub fn of(trail: Trail, headers: HeaderMap, usage: Usage, ttft: Duration) -> Self {
        Self { trail, headers, usage, ttft, rest: None }
    }

    /// Takes what is left of the body, so that the connection can be used again. Nobody waits for it.
    pub async fn finish(&mut self) {
        if let Some(rest) = self.rest.take() {
            rest.finish().await;
        }
    }
}

/// What was used.
#[derive(Clone, Debug, PartialEq)]
pub enum Usage {
    /// As the provider said it, JSON.
    Told(String),
    /// From the length of what went there and back.
    Estimated { prompt: u64, completion: u64 },
}

impl OpenStream {
    /// Takes the trail over, and the end of the call's time.
    pub(super) fn carry(&mut self, trail: Trail, deadline: Option<Instant>) {
        self.trail = Some(trail);
        self.deadline = deadline;
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.opening.chunks.endpoint()
    }

    /// The attempt that answers.
    pub(super) fn asked(&self) -> Option<Record> {
        self.attempt.as_ref().map(Attempt::so_far)
    }

    /// The response that the first event names, as JSON.
    pub(super) fn named(&self) -> Option<String> {
        let event: Value = serde_json::from_str(self.opening.held.front()?.json()).ok()?;
        event.get("response").map(Value::to_string)
    }

    pub(super) fn before(&self) -> Spent {
        self.before
    }

    /// Takes the trail out of a stream that has ended.
    pub(super) fn take_trail(&mut self) -> Option<Trail> {
        self.trail.take()
    }

    pub(super) fn give_back(&mut self, trail: Trail) {
        self.trail = Some(trail);
    }

    /// Goes on with another stream, whose framing the reader has had before.
    pub(super) fn replace(&mut self, mut next: OpenStream) {
        next.opening
            .held
            .retain(|chunk| chunk.has_content() || chunk.finish_reason().is_some() || chunk.usage().is_some());
        next.opening.ttft = self.opening.ttft;
        let own = self.opening.exchange.spent();
        next.before =
            Spent { prompt: self.before.prompt + own.prompt, completion: self.before.completion + own.completion };
        *self = next;
    }

    /// What was used of this deployment.
    pub(super) fn own_usage(&self) -> Usage {
        self.usage.clone().map_or_else(
            || {
                let Spent { prompt, completion } = self.opening.exchange.spent();
                Usage::Estimated { prompt, completion }
            },
            Usage::Told,
        )
    }

    /// What was used, by those before as well.
    fn usage(&mut self) -> Usage {
        let told = match self.usage.take() {
            Some(told) if self.before == Spent::default() => return Usage::Told(told),
            told => told.as_deref().and_then(tokens_of),
        };
        let own = told.map_or_else(
            || self.opening.exchange.spent(),
            |told| Spent { prompt: told.input, completion: told.output },
        );
        let (prompt, completion) = (self.before.prompt + own.prompt, self.before.completion + own.completion);
        Usage::Estimated { prompt, completion }
    }

    /// What can be told while it goes on.
    pub fn so_far(&self) -> Trail {
        let mut trail = self.trail.clone().unwrap_or_else(|| Trail::new(0));
        trail.records.extend(self.attempt.as_ref().map(|attempt| attempt.so_far().into()));
        trail
    }

    pub fn headers(&self) -> &HeaderMap {
        self.opening.chunks.headers()
    }

    pub fn ttft(&self) -> Duration {
        self.opening.ttft
    }

    /// The next chunk that is the caller's; `None` behind the last. After an error or `None` there is nothing more.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        loop {
            let chunk = match self.opening.held.pop_front() {
                Some(chunk) => Some(chunk),
                None => self.read().await?,
            };
            let Some(chunk) = chunk else {
                self.end(None);
                if let Some(recording) = self.recording.take() {
                    recording.finish();
                }
                return Ok(None);
            };
            if let Some(recording) = &mut self.recording {
                recording.add(&chunk);
            }
            if let Some(heard) = &mut self.heard {
                heard.add(&chunk);
            }
            if let Some(usage) = chunk.usage() {
                self.usage = Some(usage.to_owned());
            }
            if let Some(text) = chunk.delta_text() {
                self.opening.exchange.said(&text);
            }
            // Asked for by us and not by the caller: it is for the metadata alone.
            if !(self.opening.usage_is_ours && chunk.is_usage_only()) {
                return Ok(Some(chunk));
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Chunk>, Error> {
        let mut patience = self.opening.patience;
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(clock::now()));
        let is_share = left.is_some_and(|left| left < patience.chunk);
        patience.chunk = left.map_or(patience.chunk, |left| left.min(patience.chunk));
        let read = self.opening.chunks.next(patience).await;
        if let Err(error) = &read {
            if let Some(recording) = self.recording.take() {
                recording.failed();
            }
            self.end(Some((error, is_share)));
        }
        read
    }

    /// Of this attempt, so far.
    fn tokens(&self) -> Tokens {
        self.usage.as_deref().and_then(tokens_of).unwrap_or_else(|| {
            let Spent { prompt, completion } = self.opening.exchange.spent();
            let expected = self.attempt.as_ref().and_then(Attempt::expected_input);
            Tokens { input: expected.unwrap_or(prompt), output: completion }
        })
    }

    /// What can be measured of it.
    fn measured(&self) -> Measured {
        Measured { tokens: Some(self.tokens()), ttft: Some(self.opening.own_ttft) }
    }

    /// What it has said, if anybody hears of that.
    fn told(&mut self) -> Option<Told> {
        self.attempt.as_ref()?.watcher()?;
        Some(Told {
            usage: self.usage.clone(),
            estimated: Some(self.opening.exchange.spent()),
            heard: self.heard.take().map(|heard| *heard),
            first: self.first.take(),
            headers: shown_headers(self.opening.chunks.headers()),
            ..Told::default()
        })
    }

    fn end(&mut self, failure: Option<(&Error, bool)>) {
        let (measured, told) = (self.measured(), self.told());
        if let (Some(attempt), Some(trail)) = (self.attempt.take(), &mut self.trail) {
            trail.push(match failure {
                None => attempt.succeeded(measured, told),
                Some((error, by_deadline)) => attempt.broken(error, by_deadline, measured, told),
            });
        }
    }

    /// The caller has gone: the attempt is nobody's failure.
    pub fn cancel(&mut self) {
        let (measured, told) = (self.measured(), self.told());
        if let (Some(attempt), Some(trail)) = (self.attempt.take(), &mut self.trail) {
            trail.push(attempt.cancelled(measured, told));
        }
    }

    /// Closes the connection, and says how it went. What was not ended is cancelled.
    pub fn close(mut self) -> Ended {
        self.cancel();
        let mut trail = self.trail.take().unwrap_or_else(|| Trail::new(0));
        trail.stop_reading();
        let own = self.own_usage();
        let usage = self.usage();
        if let (Some(parts), Usage::Estimated { prompt, completion }) = (trail.parts(), &usage) {
            parts.last = Some(own);
            parts.joined.spent = Spent { prompt: *prompt, completion: *completion };
        }
        let (headers, ttft) = (self.opening.chunks.headers().clone(), self.opening.ttft);
        Ended { trail, headers, usage, ttft, rest: Some(self.opening.chunks).filter(Chunks::is_done) }
    }
}
