//! A streamed answer on its way in: bytes to events, events to chunks, and an end that is never mistaken.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::chat::{Chunk, Ends};
use crate::clock::{self, Limit};
use crate::error::{Error, ErrorKind};
use crate::transport::{EventDecoder, Exchange, HeaderMap};

use super::classify;
use super::{Endpoint, Progress, StreamFault, StreamReader};

/// How long the end of a body may come behind the end of its answer, and how much may stand between them.
const PATIENCE_BEHIND: Duration = Duration::from_millis(100);
const MOST_BEHIND: usize = 4096;

/// How long to wait for a chunk.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the chunk itself, whatever else comes.
    pub chunk: Duration,
    /// Without a byte.
    pub idle: Duration,
}

/// The chunks of one answer. Dropping it closes the connection.
pub struct Chunks {
    endpoint: Arc<Endpoint>,
    exchange: Box<Exchange>,
    headers: HeaderMap,
    events: EventDecoder,
    reader: Box<dyn StreamReader>,
    /// What the reader has made of one event: beside a queue none, else at most one.
    ready: Vec<Chunk>,
    queue: VecDeque<Chunk>,
    limit: Limit,
    /// The provider's own terminator has come.
    done: bool,
    /// What is known of the choices, and how many were asked for.
    ends: Ends,
    choices: u32,
}

impl Chunks {
    /// An error if the answer is no event stream.
    pub(super) fn new(
        endpoint: &Arc<Endpoint>,
        mut exchange: Box<Exchange>,
        reader: Box<dyn StreamReader>,
        choices: u32,
    ) -> Result<Self, Error> {
        let headers = exchange.take_headers();
        let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        // Other types than the right one have been seen on streams; a whole answer and a page are none.
        if ["application/json", "text/html"].iter().any(|none| kind.starts_with(none)) {
            return Err(endpoint.flaw("a stream was asked for, and the answer is none"));
        }
        Ok(Self {
            endpoint: Arc::clone(endpoint),
            exchange,
            headers,
            events: EventDecoder::new(),
            reader,
            ready: Vec::new(),
            queue: VecDeque::new(),
            limit: Limit::default(),
            done: false,
            ends: Ends::default(),
            choices,
        })
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// The next chunk; `None` behind the last of a whole answer. An error is the end, too.
    pub async fn next(&mut self, patience: Patience) -> Result<Option<Chunk>, Error> {
        let mut start = None;
        loop {
            if let Some(chunk) = self.queue.pop_front().or_else(|| self.ready.pop()) {
                self.ends.add(chunk.ends());
                return Ok(Some(chunk));
            }
            if self.done {
                return Ok(None);
            }
            if let Some(event) = self.events.next() {
                self.take(event.name.as_deref(), event.data)?;
                continue;
            }
            match self.piece(patience, &mut start).await? {
                Some(piece) => {
                    let fed = self.events.feed(piece);
                    fed.map_err(|overflow| self.endpoint.flaw(&overflow.message()))?;
                }
                None => self.ended()?,
            }
        }
    }

    /// Whether the answer is whole, as its provider said.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Reads what comes behind the end, which is nothing but the end of the body, for a moment: a connection whose body was
    /// read to its end is used again.
    pub async fn finish(mut self) {
        let rest = pin!(async {
            let mut bytes = 0;
            while let Ok(Some(piece)) = self.exchange.piece().await {
                bytes += piece.len();
                if bytes > MOST_BEHIND {
                    return;
                }
            }
        });
        clock::within(PATIENCE_BEHIND, rest).await;
    }

    async fn piece(&mut self, patience: Patience, start: &mut Option<Instant>) -> Result<Option<Bytes>, Error> {
        let now = clock::now();
        let waited = now.saturating_duration_since(*start.get_or_insert(now));
        let left = patience.chunk.saturating_sub(waited);
        let reading = pin!(self.exchange.piece());
        match self.limit.within(now, left.min(patience.idle), reading).await {
            Some(piece) => piece.map_err(|fault| self.endpoint.fault(&fault)),
            None if left <= patience.idle => Err(self.endpoint.late("no content", patience.chunk)),
            None => Err(self.endpoint.late("nothing was heard", patience.idle)),
        }
    }

    fn take(&mut self, name: Option<&str>, data: Bytes) -> Result<(), Error> {
        let progress = self.reader.event(name, data, &mut self.ready);
        // Mostly one, which needs no place to wait.
        if self.ready.len() > 1 || !self.queue.is_empty() {
            self.queue.extend(self.ready.drain(..));
        }
        match progress {
            Ok(Progress::More) => Ok(()),
            Ok(Progress::Done) => {
                self.done = true;
                Ok(())
            }
            Err(StreamFault::InBand { body, status }) => {
                Err(classify::refusal(&self.endpoint, status, &self.headers, &body))
            }
            Err(StreamFault::Flaw(flaw)) => Err(self.endpoint.flaw(&flaw.message())),
        }
    }

    /// The body is over. Without the provider's terminator the answer is whole only if each choice said why it ended.
    fn ended(&mut self) -> Result<(), Error> {
        while let Some(event) = self.events.finish() {
            self.take(event.name.as_deref(), event.data)?;
        }
        let mut ends = self.ends;
        self.queue.iter().chain(&self.ready).for_each(|chunk| ends.add(chunk.ends()));
        let finished = ends.are_whole(self.choices);
        if !self.done && !finished {
            return Err(self.endpoint.error(ErrorKind::StreamTruncated, "the stream ended before the answer did"));
        }
        self.done = true;
        Ok(())
    }
}
