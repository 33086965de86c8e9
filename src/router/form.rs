//! What a call brings back: a whole answer, or (in `stream`) one in chunks.

use crate::cache::Entry;
use crate::chat::{Body, Request, tokens_of};
use crate::error::Error;
use crate::observe::Told;
use crate::provider::{Answer, Encoded, Endpoint, Opened};
use crate::transport::{HeaderMap, shown_headers};

use super::caching::Keep;
use super::ledger::{Attempt, Measured};
use super::timeout::Bound;
use super::trail::Trail;

/// What a call brings back: the attempt loop does not look inside.
pub trait Form {
    /// What an attempt that went well has in hand.
    type Received: Send;
    /// What the caller gets.
    type Output: Send;

    /// The request as it goes out.
    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<Encoded, Error>;

    /// The bound of an attempt, of which `own` is that of a whole answer.
    fn bound(&self, request: &Request, own: Bound, endpoint: &Endpoint) -> Bound;

    /// Takes the answer in, once its status is good. What fails here is tried again like all else. `usage_is_ours`: the
    /// provider was asked for the usage by us and not by the caller.
    fn receive(
        &self,
        opened: Opened<'_>,
        usage_is_ours: bool,
    ) -> impl Future<Output = Result<Self::Received, Error>> + Send;

    /// Whether the answer is streamed.
    const IS_STREAM: bool;

    /// Whether the provider's content filter cut the answer.
    fn is_filtered(&self, received: &Self::Received) -> bool;

    /// Ends the attempt, or hands it on with what goes on.
    fn settle(&self, received: Self::Received, attempt: Attempt, trail: &mut Trail) -> Self::Output;

    /// Whether a cache may answer.
    fn is_cached(&self) -> bool {
        true
    }

    /// A kept answer in this form; `None` if it can't be given so.
    fn kept(&self, entry: &Entry, request: &Request) -> Option<Self::Output>;

    /// Has the answer kept, once it is whole.
    fn keep(&self, output: &mut Self::Output, keep: Keep, trail: &Trail);

    /// The answer, where it comes as a whole.
    fn body<'o>(&self, _output: &'o Self::Output) -> Option<&'o Body> {
        None
    }

    /// The same with another body, where it comes as a whole.
    fn with_body(&self, output: Self::Output, _body: Body) -> Self::Output {
        output
    }
}

/// The answer as a whole.
pub struct Whole;

impl Form for Whole {
    type Received = Answer;
    type Output = Answer;
    const IS_STREAM: bool = false;

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<Encoded, Error> {
        endpoint.encode(request)
    }

    fn bound(&self, _request: &Request, own: Bound, _endpoint: &Endpoint) -> Bound {
        own
    }

    async fn receive(&self, opened: Opened<'_>, _usage_is_ours: bool) -> Result<Answer, Error> {
        opened.whole().await
    }

    fn is_filtered(&self, answer: &Answer) -> bool {
        answer.body.is_filtered()
    }

    fn settle(&self, answer: Answer, attempt: Attempt, trail: &mut Trail) -> Answer {
        let tokens = answer.body.usage().and_then(tokens_of);
        let told = attempt.watcher().map(|_| Told {
            body: Some(answer.body.clone()),
            headers: shown_headers(&answer.headers),
            characters: trail.characters(),
            ..Told::default()
        });
        trail.push(attempt.succeeded(Measured { tokens, ttft: None }, told));
        answer
    }

    fn kept(&self, entry: &Entry, _request: &Request) -> Option<Answer> {
        Some(Answer { body: entry.body(), headers: HeaderMap::new() })
    }

    fn keep(&self, answer: &mut Answer, keep: Keep, trail: &Trail) {
        keep.whole(&answer.body, trail);
    }

    fn body<'o>(&self, answer: &'o Answer) -> Option<&'o Body> {
        Some(&answer.body)
    }

    fn with_body(&self, answer: Answer, body: Body) -> Answer {
        Answer { body, ..answer }
    }
}
