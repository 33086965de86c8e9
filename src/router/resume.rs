//! `mid_stream_fallback: continue`: a stream that breaks within its text is gone on with by somebody else, from the
//! very place where it broke.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::chat::{Chunk, Request, Verb};
use crate::error::Error;
use crate::provider::Endpoint;
use crate::tokens::{self, Spent};
use crate::transport::HeaderMap;

use super::Router;
use super::budget::Budgets;
use super::call;
use super::cost;
use super::stream::{Ended, OpenStream, Source, Streamed};
use super::timeout::Bounds;
use super::trail::Trail;
use super::watched::Watched;

/// Said to who goes on; the text so far is then the beginning of its own answer.
const INSTRUCTION: &str = "Your answer was cut off in the middle. The message below is its beginning. Go on from the very \
                           place where it ends: do not repeat any of it, and do not remark on this.";

/// What has a shape that two halves of different origin would not keep.
const SHAPED: [&str; 9] = [
    "audio",
    "function_call",
    "functions",
    "logprobs",
    "modalities",
    "prediction",
    "response_format",
    "tool_choice",
    "tools",
];

/// A stream that the caller reads.
pub struct Stream {
    source: Source,
    /// `None` if it ends where it breaks.
    resume: Option<Box<Resume>>,
    /// What its cost is charged to, if anything.
    account: Option<Box<Account>>,
    watched: Watched,
    /// How it ended, where somebody hears of that.
    end: Option<Result<(), Box<Error>>>,
}

struct Account {
    budgets: Arc<Budgets>,
    tags: Vec<String>,
}

/// What it takes to go on.
struct Resume {
    router: Arc<Router>,
    request: Request,
    /// All that the caller has of the answer.
    said: String,
    left: usize,
    goes_on: bool,
}

/// An error if a request asks for what its other parameters rule out.
pub fn check(request: &Request) -> Result<(), Error> {
    match (request.options().continue_mid_stream, shaped(request)) {
        (Some(true), Some(name)) => {
            let message = format!("\"mid_stream_fallback\": \"continue\" does not go with \"{name}\"");
            Err(Error::bad_parameter("mid_stream_fallback", message))
        }
        _ => Ok(()),
    }
}

/// The parameter because of which a broken answer can't be gone on with.
fn shaped(request: &Request) -> Option<&'static str> {
    let given = |name: &&&str| request.get(name).is_some_and(|text| gives_shape(name, text));
    SHAPED.iter().find(given).copied().or_else(|| request.get("n").filter(|n| n.trim() != "1").map(|_| "n"))
}

fn gives_shape(name: &str, text: &str) -> bool {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Null | Value::Bool(false)) => false,
        Ok(Value::Array(items)) => !items.is_empty(),
        Ok(format) if name == "response_format" => format.get("type").and_then(Value::as_str) != Some("text"),
        _ => true,
    }
}

impl Stream {
    /// One that was kept: there is nothing to go wrong.
    pub(super) fn kept(source: Source, watched: Watched) -> Self {
        Self { source, resume: None, account: None, watched, end: None }
    }

    /// A stream at its first content, with what it may need later.
    pub(super) fn new(open: Box<OpenStream>, router: &Arc<Router>, request: Request, watched: Watched) -> Self {
        let options = request.options();
        let wanted = options.continue_mid_stream.unwrap_or(router.config.fallback.continue_mid_stream);
        let endpoint: &Endpoint = open.endpoint();
        let can = wanted
            && request.verb() == Verb::Chat
            && !options.disable_fallbacks
            && shaped(&request).is_none()
            && !SHAPED.iter().any(|name| endpoint.has_param(name));
        let charged = !router.budgets.is_empty();
        let account =
            charged.then(|| Box::new(Account { budgets: Arc::clone(&router.budgets), tags: request.tags().to_vec() }));
        let resume = can.then(|| {
            let left = router.config.fallback.max_fallbacks;
            Box::new(Resume { router: Arc::clone(router), request, said: String::new(), left, goes_on: false })
        });
        Self { source: Source::Open(open), resume, account, watched, end: None }
    }

    /// What can be told while it goes on.
    pub fn so_far(&self) -> Trail {
        match &self.source {
            Source::Open(open) => open.so_far(),
            Source::Kept(kept) => kept.trail().clone(),
        }
    }

    pub fn headers(&self) -> &HeaderMap {
        match &self.source {
            Source::Open(open) => open.headers(),
            Source::Kept(kept) => kept.headers(),
        }
    }

    pub fn ttft(&self) -> std::time::Duration {
        match &self.source {
            Source::Open(open) => open.ttft(),
            Source::Kept(kept) => kept.ttft(),
        }
    }

    /// The next chunk that is the caller's; `None` behind the last. After an error or `None` there is nothing more.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        let next = self.read().await;
        if self.watched.is_on() {
            match &next {
                Ok(Some(_)) => {}
                Ok(None) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(Box::new(error.clone()))),
            }
        }
        next
    }

    async fn read(&mut self) -> Result<Option<Chunk>, Error> {
        let open = match &mut self.source {
            Source::Open(open) => open,
            Source::Kept(kept) => return Ok(kept.next()),
        };
        loop {
            let error = match open.next().await {
                Ok(chunk) => {
                    let before = open.before();
                    return Ok(chunk.map(|chunk| self.pass(chunk, before)));
                }
                Err(error) => error,
            };
            let Some(mut resume) = self.resume.take() else { return Err(error) };
            if !Box::pin(resume.go_on(open, &error)).await {
                return Err(error);
            }
            self.resume = Some(resume);
        }
    }

    /// Notes what the caller gets. What is more than text ends the wish to go on.
    fn pass(&mut self, chunk: Chunk, before: Spent) -> Chunk {
        let Some(resume) = &mut self.resume else { return chunk };
        let text = chunk.delta_text();
        if chunk.has_content() && text.is_none() {
            let goes_on = resume.goes_on;
            self.resume = None;
            return if goes_on { joined(chunk, before) } else { chunk };
        }
        resume.said.push_str(text.as_deref().unwrap_or_default());
        if resume.goes_on { joined(chunk, before) } else { chunk }
    }

    /// Closes the connection, and says how it went. What was not ended is cancelled.
    pub fn close(self) -> Ended {
        let ended = match self.source {
            Source::Open(open) => open.close(),
            Source::Kept(kept) => kept.close(),
        };
        let ttft = Some(ended.ttft);
        match self.end {
            Some(end) => self.watched.end(&ended.trail, ttft, end.err().as_deref()),
            None => self.watched.cancel(&ended.trail, ttft),
        }
        if let Some(account) = self.account {
            account.budgets.spend_stream(&ended.trail, &account.tags, &ended.usage);
        }
        ended
    }
}

impl Resume {
    /// Opens another stream in the place of the one that broke. False, and nothing changed but the trail, if nobody goes on.
    async fn go_on(&mut self, open: &mut OpenStream, error: &Error) -> bool {
        if !error.is_retryable() || self.said.is_empty() || self.left == 0 {
            return false;
        }
        self.left -= 1;
        let Some(request) = self.continuation() else { return false };
        let Some(mut trail) = open.take_trail() else { return false };
        trail.goes_on();
        let (part, broken) = (open.own_usage(), trail.records.last().cloned());
        let form = Streamed { timeouts: &self.router.config.timeouts, start: trail.start, is_cached: false };
        let overhead = trail.overhead();
        let next = call::run(&self.router, &request, &form, &mut trail).await;
        trail.stop_with(overhead);
        match next {
            Ok(Source::Open(next)) => {
                let cost = broken.as_ref().and_then(|record| cost::of_part(record, &part));
                trail.add_part(broken.and_then(|record| record.deployment.clone()), cost);
                let end = Bounds::new(&self.router, &request, trail.start).end();
                open.replace(*next);
                open.carry(trail, end);
                self.goes_on = true;
                true
            }
            Ok(Source::Kept(_)) | Err(_) => {
                open.give_back(trail);
                false
            }
        }
    }

    /// The request for the rest of the answer.
    fn continuation(&self) -> Option<Request> {
        let mut messages: Vec<Value> = serde_json::from_str(self.request.get("messages")?).ok()?;
        messages.push(json!({"role": "system", "content": INSTRUCTION}));
        messages.push(json!({"role": "assistant", "content": self.said}));
        let mut changes = Map::new();
        changes.insert("messages".to_owned(), messages.into());
        // What is left of the caller's bound.
        let spent = tokens::estimate(self.said.chars().count());
        for name in ["max_tokens", "max_completion_tokens"] {
            let bound = self.request.get(name).and_then(|text| text.trim().parse::<u64>().ok());
            changes.extend(bound.map(|bound| (name.to_owned(), bound.saturating_sub(spent).max(1).into())));
        }
        self.request.changed(&changes).ok()
    }
}

/// A chunk of the rest as a part of the whole: its role was told before, and its usage is that of all parts.
fn joined(chunk: Chunk, before: Spent) -> Chunk {
    let text = chunk.json();
    if !text.contains("\"role\"") && chunk.usage().is_none() {
        return chunk;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return chunk };
    for choice in value.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(delta) = choice.get_mut("delta").and_then(Value::as_object_mut) {
            delta.shift_remove("role");
        }
    }
    if let Some(usage) = value.get_mut("usage").and_then(Value::as_object_mut) {
        for (name, more) in [
            ("prompt_tokens", before.prompt),
            ("completion_tokens", before.completion),
            ("total_tokens", before.prompt + before.completion),
        ] {
            let told = usage.get(name).and_then(Value::as_u64).unwrap_or_default();
            usage.insert(name.to_owned(), (told + more).into());
        }
    }
    let text: Cow<'_, str> = value.to_string().into();
    Chunk::parse(text.into_owned().into()).unwrap_or(chunk)
}
