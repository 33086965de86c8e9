//! One attempt at an endpoint: encode, send, and tell an answer from a failure.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chat::{Body, Flaw, Request, Verb};
use crate::clock::{self, Waited};
use crate::error::{Error, ErrorKind};
use crate::transport::{Exchange, Fault, FaultKind, HeaderMap, HeaderName, HeaderValue, Steps, header};

use super::chunks::Chunks;
use super::encoded::{STREAM_OPTIONS, with_usage};
use super::entra::NoToken;
use super::openai::OpenAi;
use super::stream::mock as streamed_mock;
use super::{Adapter, BodyForm, Encoded, Endpoint, StreamReader, classify, mock};

/// A request's extra headers that would stand in for a credential, or break or repack the message.
const RESERVED_HEADERS: [&str; 14] = [
    "accept-encoding",
    "content-encoding",
    "content-type",
    "expect",
    "trailer",
    "authorization",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "proxy-authorization",
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
];

/// A whole answer and the headers that came with it.
pub struct Answer {
    pub body: Body,
    pub headers: HeaderMap,
}

/// What is checked in a request's extra headers before anything is sent.
pub fn extra_headers(request: &Request) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let checked = request.options().extra_headers.iter().map(|(name, value)| {
        if RESERVED_HEADERS.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(Error::bad_parameter("extra_headers", format!("a request can't set the header \"{name}\"")));
        }
        header(name, value).map_err(|message| Error::bad_parameter("extra_headers", message))
    });
    checked.collect()
}

impl Endpoint {
    /// The request as this deployment's provider wants it; an error if the two don't go together.
    pub fn encode(&self, request: &Request) -> Result<Encoded, Error> {
        self.encode_as(request, BodyForm::Whole)
    }

    /// The same for an answer that is streamed. Its usage is asked for wherever that is not refused.
    pub fn encode_stream(&self, request: &Request) -> Result<Encoded, Error> {
        let usage = request.verb().has_stream_usage()
            && self.sieve().takes(STREAM_OPTIONS, &with_usage(None), request.options());
        self.encode_as(request, BodyForm::Stream { usage })
    }

    fn encode_as(&self, request: &Request, form: BodyForm) -> Result<Encoded, Error> {
        // What is played is played for every verb, in OpenAI's shape.
        if request.verb() != Verb::Chat && mock::is_played(self.mock(), request) {
            return OpenAi.body(self, request, form);
        }
        self.target(request.verb())?;
        self.adapter.body(self, request, form)
    }

    /// What reads the stream that answers this request.
    pub fn reader(&self, request: &Request) -> Box<dyn StreamReader> {
        self.adapter_for(request).stream(self, request)
    }

    /// What reads the answer to this request. A mock speaks OpenAI's wire, whoever's request plays it.
    fn adapter_for(&self, request: &Request) -> &'static dyn Adapter {
        if mock::is_played(self.mock(), request) { &OpenAi } else { self.adapter }
    }

    /// Sends the request and waits, at most `timeout`, for an answer with a good status.
    pub async fn open<'a>(
        self: &'a Arc<Self>,
        request: &'a Request,
        encoded: Encoded,
        timeout: Duration,
        waited: &'a Waited,
        steps: &Arc<Steps>,
    ) -> Result<Opened<'a>, Error> {
        let start = clock::now();
        let played = if encoded.form.is_stream() { streamed_mock::canned } else { mock::canned };
        let exchange = match played(self.mock(), request, self.model(), timeout) {
            Some(played) => {
                let mut playing = Box::pin(played.map_err(|fault| self.fault(&fault))?.play());
                let played = pin!(clock::within(timeout, playing.as_mut()));
                waited.during(played).await.ok_or_else(|| self.late(NO_ANSWER, timeout))?
            }
            None => {
                let target = self.target(request.verb())?;
                let target = target.ok_or_else(|| self.error(ErrorKind::Internal, "no target"))?;
                let sending = pin!(async {
                    let mut headers = extra_headers(request)?;
                    if let Some(kind) = &encoded.content_type {
                        headers
                            .push(header("content-type", kind).map_err(|why| self.error(ErrorKind::Internal, &why))?);
                    }
                    if let Some(entra) = &self.entra {
                        headers.push(Box::pin(entra.bearer()).await.map_err(|error| self.no_token(error))?);
                    }
                    steps.during(target.post(&headers, encoded.body)).await.map_err(|fault| self.fault(&fault))
                });
                let sent = pin!(clock::within(timeout, sending));
                waited.during(sent).await.ok_or_else(|| self.late(NO_ANSWER, timeout))??
            }
        };
        steps.headers_came(start);
        let opened = Opened { endpoint: self, request, exchange: Box::new(exchange), start, timeout, waited };
        if matches!(opened.exchange.status, 200..300) { Ok(opened) } else { Err(Box::pin(opened.refused()).await) }
    }

    pub(super) fn late(&self, what: &str, timeout: Duration) -> Error {
        let seconds = (timeout.as_secs_f64() * 1000.0).round() / 1000.0;
        self.error(ErrorKind::Timeout, &format!("{what} within {seconds} s"))
    }

    fn no_token(&self, error: NoToken) -> Error {
        match error {
            NoToken::Fault(fault) => self.fault(&fault),
            NoToken::Refused(status, reason) => {
                let kind = if status < 500 { ErrorKind::Authentication } else { ErrorKind::from_status(status) };
                self.error(kind, &format!("the authority gave no token ({status}): {reason}"))
            }
        }
    }

    pub(super) fn fault(&self, fault: &Fault) -> Error {
        let kind = match fault.kind {
            FaultKind::Connect | FaultKind::ConnectTimeout | FaultKind::Broken => ErrorKind::ApiConnection,
            FaultKind::TooLarge => ErrorKind::ApiResponse,
        };
        let error = self.error(kind, &fault.message);
        if matches!(fault.kind, FaultKind::Connect | FaultKind::ConnectTimeout) { error.unsent() } else { error }
    }
}

/// An answer whose headers have come; what is left of the time is for its body.
///
/// The exchange is boxed, as are the rarer waits above: a call's future holds a copy of what it hands on.
pub struct Opened<'a> {
    endpoint: &'a Arc<Endpoint>,
    request: &'a Request,
    exchange: Box<Exchange>,
    start: Instant,
    timeout: Duration,
    waited: &'a Waited,
}

const NO_ANSWER: &str = "no answer";

impl<'a> Opened<'a> {
    pub fn endpoint(&self) -> &Endpoint {
        self.endpoint
    }

    /// The request that is answered.
    pub fn request(&self) -> &Request {
        self.request
    }

    /// When the attempt began.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Counts the time that is the provider's.
    pub fn waited(&self) -> &'a Waited {
        self.waited
    }

    /// The end of the attempt's time.
    pub fn until(&self) -> Instant {
        self.start + self.timeout
    }

    /// Reads the body chunk by chunk; an error if it is no stream at all.
    pub fn stream(self) -> Result<Chunks, Error> {
        // Of each prompt of a text completion there are so many, and how many prompts there are is not looked at.
        let choices = self.request.get("n").filter(|_| self.request.verb() == Verb::Chat);
        let choices = choices.and_then(|n| n.trim().parse().ok()).unwrap_or(1);
        Chunks::new(self.endpoint, self.exchange, self.endpoint.reader(self.request), choices)
    }

    /// Reads the body to its end.
    pub async fn whole(mut self) -> Result<Answer, Error> {
        let endpoint = self.endpoint;
        let headers = std::mem::take(&mut self.exchange.headers);
        let status = self.exchange.status;
        let verb = self.request.verb();
        let adapter = endpoint.adapter_for(self.request);
        let bytes = self.read().await?;
        let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let body = adapter
            .whole(verb, bytes, kind)
            .map_err(|flaw: Flaw| endpoint.error(ErrorKind::ApiResponse, &flaw.message()).with_status(status))?;
        Ok(Answer { body, headers })
    }

    async fn refused(mut self) -> Error {
        let endpoint = self.endpoint;
        let status = self.exchange.status;
        if let (401, Some(entra)) = (status, &endpoint.entra) {
            entra.forget();
        }
        let headers = std::mem::take(&mut self.exchange.headers);
        // The status is the fault; a body that does not come in time or breaks does not change it.
        let bytes = self.read().await.unwrap_or_default();
        classify::refusal(endpoint, status, &headers, &bytes)
    }

    async fn read(mut self) -> Result<Vec<u8>, Error> {
        let left = self.timeout.saturating_sub(clock::now().saturating_duration_since(self.start));
        let reading = pin!(self.exchange.read());
        let read = self.waited.during(pin!(clock::within(left, reading))).await;
        let read = read.ok_or_else(|| self.endpoint.late(NO_ANSWER, self.timeout))?;
        read.map_err(|fault| self.endpoint.fault(&fault))
    }
}
