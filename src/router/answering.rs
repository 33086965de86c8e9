//! The calls themselves: begun, walked through the attempts, ended, and heard of once.

use std::sync::Arc;

use crate::chat::{Request, Verb};
use crate::clock;
use crate::error::Error;
use crate::observe::{Record, Watcher};
use crate::provider;

use super::form::Whole;
use super::stream::{Source, Streamed};
use super::timeout::Bounds;
use super::trail::Trail;
use super::watched::Watched;
use super::{Completed, Failed, Router, Stream, call, cost, explain, mirror, resume};

impl Router {
    /// A call that has begun, heard of by whoever wants to.
    pub(super) fn watch(&self, request: &Request, call_id: u64, is_stream: bool) -> Watched {
        let watcher = self
            .observer
            .is_on()
            .then(|| Arc::new(Watcher::new(Arc::clone(&self.observer), call_id, request, is_stream, clock::now())));
        Watched::new(watcher)
    }

    /// The trail of a new call, with its plan if the request asks for that.
    fn begin(&self, request: &Request, call_id: u64, watched: &Watched) -> Trail {
        let mut trail = watched.trail(call_id);
        if request.verb() == Verb::Speech {
            let text: Option<String> = request.get("input").and_then(|text| serde_json::from_str(text).ok());
            trail.rare().characters = text.and_then(|text| u32::try_from(text.chars().count()).ok()?.try_into().ok());
        }
        if request.options().explain {
            trail.rare().plan = explain::plan(self, request).ok();
        }
        trail
    }

    /// Ends the trail of a call. Without a cache the wishes of one are among what had no effect.
    fn end(&self, trail: &mut Trail, request: &Request) {
        trail.end(request);
        if self.caching.is_none() && request.options().cache.is_some() {
            let asked = request.members().filter(|(name, _)| matches!(*name, "cache" | "caching"));
            trail.dropped_params.extend(asked.map(|(name, _)| name.to_owned()));
        }
    }

    /// The first calls after a load wait until the fleet's cooldowns are known.
    async fn hear_of_the_fleet(&self, trail: &Trail) {
        if let Some(fleet) = self.fleet.as_deref().filter(|fleet| !fleet.is_ready()) {
            trail.waited.during(Box::pin(fleet.ready())).await;
        }
    }

    /// Answers a request of any verb, whole. The call has begun when this returns, not only when it is waited for: one that
    /// is dropped before is heard of, too.
    pub fn answer<'c>(
        &'c self,
        request: &'c Request,
        call_id: u64,
    ) -> impl Future<Output = Result<Completed, Failed>> + Send + 'c {
        let watched = self.watch(request, call_id, false);
        self.answered(request, call_id, watched)
    }

    async fn answered(&self, request: &Request, call_id: u64, watched: Watched) -> Result<Completed, Failed> {
        let mut trail = self.begin(request, call_id, &watched);
        self.hear_of_the_fleet(&trail).await;
        let outcome = match check(request) {
            Ok(()) => call::run(self, request, &Whole, &mut trail).await,
            Err(error) => Err(error),
        };
        self.end(&mut trail, request);
        watched.end(&trail, None, outcome.as_ref().err());
        match outcome {
            Ok(answer) if trail.hit().is_some() => Ok(Completed { answer, trail }),
            Ok(answer) => {
                if !self.budgets.is_empty() {
                    let cost = cost::of_answer(&trail, request.verb(), answer.body.json());
                    self.budgets.spend_call(&trail, request.tags(), cost);
                }
                self.learn(request, &trail, answer.body.json());
                Ok(Completed { answer, trail })
            }
            Err(error) => Err(Failed { error, trail }),
        }
    }

    /// Sends copies of an answered (or failed) request to the `silent_model`s of who was asked.
    pub fn mirror(self: &Arc<Self>, request: &Request, trail: &Trail) {
        if self.config.mirrors {
            mirror::send(self, request, trail);
        }
    }

    /// Remembers who answered.
    fn learn(&self, request: &Request, trail: &Trail, body: Option<&str>) {
        let Some(record) = trail.last_asked() else { return };
        if let Some(deployment) = &record.deployment {
            self.affinity.learn(&self.config.affinity, request, &record.group, body, deployment);
        }
    }

    /// Opens a stream: returns at its first content, when every failure that another attempt can mend is behind it. Begins
    /// as [`Router::answer`] does.
    pub fn stream(
        self: &Arc<Self>,
        request: Request,
        call_id: u64,
    ) -> impl Future<Output = Result<Stream, Failed>> + Send {
        let watched = self.watch(&request, call_id, true);
        self.opened(request, call_id, watched)
    }

    async fn opened(self: &Arc<Self>, request: Request, call_id: u64, watched: Watched) -> Result<Stream, Failed> {
        let mut trail = self.begin(&request, call_id, &watched);
        self.hear_of_the_fleet(&trail).await;
        let form = Streamed { timeouts: &self.config.timeouts, start: trail.start, is_cached: true };
        let outcome = match check_stream(&request) {
            Ok(()) => call::run(self, &request, &form, &mut trail).await,
            Err(error) => Err(error),
        };
        self.end(&mut trail, &request);
        match outcome {
            Ok(Source::Kept(mut kept)) => {
                kept.carry(trail);
                Ok(Stream::kept(Source::Kept(kept), watched))
            }
            Ok(Source::Open(mut open)) => {
                if self.config.affinity.any()
                    && let Some(Record { group, deployment: Some(deployment), .. }) = open.asked()
                {
                    let named = open.named();
                    self.affinity.learn(&self.config.affinity, &request, &group, named.as_deref(), &deployment);
                }
                open.carry(trail, Bounds::new(self, &request, form.start).end());
                if self.config.mirrors {
                    // The attempt that answers is not in the trail before its end.
                    mirror::send(self, &request, &open.so_far());
                }
                Ok(Stream::new(open, self, request, watched))
            }
            Err(error) => {
                watched.end(&trail, None, Some(&error));
                self.mirror(&request, &trail);
                Err(Failed { error, trail })
            }
        }
    }
}

/// What is wrong with the request itself, whoever would answer it, ends the call before it begins.
pub fn check(request: &Request) -> Result<(), Error> {
    if request.options().stream {
        let message = "\"stream\": true does not fit this function, which gives a whole answer";
        return Err(Error::bad_parameter("stream", message));
    }
    provider::extra_headers(request).map(|_| ())
}

/// The same for a stream.
fn check_stream(request: &Request) -> Result<(), Error> {
    if !request.verb().can_stream() {
        let message = format!("{} can't be streamed; ask for the whole answer", request.verb());
        return Err(Error::bad_parameter("stream", message));
    }
    resume::check(request)?;
    provider::extra_headers(request).map(|_| ())
}
