//! One answer on its way in: its headers are here, its body still to come.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderValue};

use crate::clock;

/// The largest body read, decompressed. Above any completion; a hostile server can't fill the host's memory.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// What is reserved ahead at the most: a length that a server only claims costs it nothing.
const MAX_RESERVED_BYTES: u64 = 1024 * 1024;

/// An answer whose headers have come.
pub struct Exchange {
    pub status: u16,
    pub headers: HeaderMap,
    body: Incoming,
}

enum Incoming {
    Network(Response),
    Ready(Bytes),
}

/// An answer that needs no network: what a mock deployment gives.
#[derive(Clone, Debug)]
pub struct Canned {
    pub delay: Duration,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Canned {
    /// Gives the answer after its delay.
    pub async fn play(self) -> Exchange {
        clock::sleep(self.delay).await;
        Exchange { status: self.status, headers: self.headers, body: Incoming::Ready(self.body) }
    }
}

impl Exchange {
    pub(super) fn open(mut response: Response) -> Self {
        let headers = std::mem::take(response.headers_mut());
        Self { status: response.status().as_u16(), headers, body: Incoming::Network(response) }
    }

    /// Takes the headers out, for long: as they came, their values lie in the buffer that the connection was read into,
    /// and a stream would hold that for as long as it is open.
    pub fn take_headers(&mut self) -> HeaderMap {
        let mut headers = std::mem::take(&mut self.headers);
        for value in headers.values_mut() {
            if let Ok(own) = HeaderValue::from_bytes(value.as_bytes()) {
                *value = own;
            }
        }
        headers
    }

    /// The next piece of the body, as it comes; `None` at its end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        match &mut self.body {
            Incoming::Ready(bytes) => Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())),
            Incoming::Network(response) => response.chunk().await.map_err(Fault::from_reading),
        }
    }

    /// Reads the whole body, with room for one byte more.
    pub async fn read(&mut self) -> Result<Vec<u8>, Fault> {
        let response = match &mut self.body {
            Incoming::Ready(bytes) => return Ok(Vec::from(std::mem::take(bytes))),
            Incoming::Network(response) => response,
        };
        let expected = response.content_length().unwrap_or(0).min(MAX_RESERVED_BYTES);
        let mut body = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1);
        while let Some(chunk) = response.chunk().await.map_err(Fault::from_reading)? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                let message = format!("the answer has more than {MAX_BODY_BYTES} bytes");
                return Err(Fault { kind: FaultKind::TooLarge, message });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// What went wrong between us and the server.
#[derive(Clone, Debug)]
pub struct Fault {
    pub kind: FaultKind,
    /// Lower case, without URL or header.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Name look-up, TCP or TLS: nothing was sent.
    Connect,
    /// The connection took too long to open: nothing was sent.
    ConnectTimeout,
    /// The connection broke before the answer was whole.
    Broken,
    TooLarge,
}

impl Fault {
    /// A fault that a mock deployment plays.
    pub fn played(kind: FaultKind, message: String) -> Self {
        Self { kind, message }
    }

    pub(super) fn from_sending(error: reqwest::Error) -> Self {
        let (kind, what) = match (error.is_connect(), error.is_timeout()) {
            (_, true) => (FaultKind::ConnectTimeout, "the connection took too long to open"),
            (true, _) => (FaultKind::Connect, "can't connect"),
            _ => (FaultKind::Broken, "the connection broke before the answer"),
        };
        Self { kind, message: with_cause(what, &error) }
    }

    fn from_reading(error: reqwest::Error) -> Self {
        let message = with_cause("the connection broke within the answer", &error);
        Self { kind: FaultKind::Broken, message }
    }
}

/// "Connection refused" is "connection refused" within a sentence; names such as "TLS" stay.
fn begun_small(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// The innermost cause says most, and holds no URL.
fn with_cause(what: &str, error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| what.to_owned(), |cause| format!("{what}: {}", begun_small(&cause.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_are_taken_hold_nothing_else() {
        let read = Bytes::from(b"x-request-id: req-7\r\n\r\n".to_vec());
        let value = HeaderValue::from_maybe_shared(read.slice(14..19)).unwrap();
        let headers = HeaderMap::from_iter([("x-request-id".parse().unwrap(), value)]);
        let mut exchange = Exchange { status: 200, headers, body: Incoming::Ready(Bytes::new()) };
        assert!(!read.is_unique());
        let headers = exchange.take_headers();
        assert_eq!(headers["x-request-id"], "req-7");
        assert!(read.is_unique(), "the buffer is free");
    }
}
