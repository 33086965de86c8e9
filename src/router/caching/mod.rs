//! The response cache on the way of a call: one look for each group, before anybody is chosen. What is kept needs no
//! healthy deployment and counts as nobody's work.

mod inputs;
mod keep;
mod place;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cache::{
    Cache, Entry, Follower, Key, Lead, Outcome, Producer, Repeats, Turn, Wish, inputs as inputs_of, of_inputs,
    of_request, wish,
};
use crate::chat::{Request, Verb};
use crate::clock;
use crate::config::{CacheConfig, Config};
use crate::error::Error;
use crate::provider::Answer;
use crate::store::{self, Shelf};
use crate::transport::HeaderMap;

use super::answering::check;
use super::call::Visit;
use super::fallback::Stop;
use super::form::Form;
use super::held::Held;
use super::names::How;
use super::timeout::longest_wait;
use super::trail::Trail;
use super::{Completed, Router, played};
use crate::observe::Record;

use keep::failed;
pub use keep::{Keep, Recording};
use place::Asked;

/// A stream waits so long for another call's answer, of which nothing is seen before it is whole; then it goes out itself.
const STREAM_PATIENCE: Duration = Duration::from_secs(1);
/// So long is a stream waited for, whose reader may take his time.
const BEHIND_STREAM: Duration = Duration::from_secs(10);

/// The cache of a router.
pub struct Caching {
    pub cache: Arc<Cache>,
    repeats: Repeats,
}

/// What a call was answered from.
#[derive(Clone)]
pub struct Hit {
    pub entry: Arc<Entry>,
    pub key: Key,
    /// The group that was visited; the one that produced it is the entry's.
    pub group: Arc<str>,
}

/// What a look at the cache came to.
enum Looked {
    Hit(Arc<Entry>),
    /// This call goes out, and others wait for it.
    Lead(Lead),
    /// This call goes out for itself.
    Alone,
}

impl Caching {
    /// `None` if the configuration has no cache. What `before` keeps is kept on if nothing about the cache has changed; its
    /// shelf stays if that is the same place.
    pub fn new(config: &Config, shelf: Option<Arc<dyn Shelf>>, before: Option<&Self>) -> Option<Self> {
        let own = config.cache.as_ref()?;
        let before = before.map(|before| &before.cache);
        let shelf = shelf.or_else(|| before.filter(|cache| cache.config().has_place_of(own))?.shelf());
        let kept = before.filter(|cache| cache.config() == own);
        let cache = match kept {
            Some(cache) => Arc::clone(cache),
            None => {
                let connect = || own.shared.as_deref().map(|place| store::shelf(place, &config.store));
                Arc::new(Cache::new(own, shelf.or_else(connect), config.store.patience))
            }
        };
        Some(Self { cache, repeats: Repeats::new(own) })
    }

    /// The answer to a request of these very bytes, if memory has it.
    pub fn repeated(&self, verb: Verb, text: &str, call_id: u64) -> Option<Completed> {
        let key = self.repeats.get(verb, text)?;
        let entry = self.cache.peek(key, None)?;
        let mut trail = Trail::new(call_id);
        let group = entry.producer.group.as_str().into();
        Some(self.completed(&mut trail, Hit { entry, key, group }))
    }

    /// The answer to a request, if memory has it for the group that is asked first.
    pub fn known(&self, router: &Router, request: &Request, call_id: u64) -> Option<Completed> {
        let start = clock::now();
        let (name, options) = (request.model(), request.options());
        let wish = wish(self.cache.config(), request).filter(|wish| wish.look && !options.explain)?;
        check(request).ok()?;
        let lead = router.names.resolve(name, options.specific_deployment).ok()?;
        let stop = Stop { asked: name, lead, request: Held::Borrowed(request), first: true };
        if played::first_failure(&stop).is_some() {
            return None;
        }
        let asked = Asked::at(router, &stop.lead, request);
        if request.verb() == Verb::Embedding {
            let place = asked.place(self.cache.config());
            let [input] = <[String; 1]>::try_from(inputs_of(request)?).ok()?;
            let key = of_inputs(&place, request)(&input);
            return self.known_as(router, key, &wish, &stop, (call_id, start));
        }
        let key = of_request(&asked.place(self.cache.config()), request);
        self.known_as(router, key, &wish, &stop, (call_id, start))
    }

    fn known_as(
        &self,
        router: &Router,
        key: Key,
        wish: &Wish,
        stop: &Stop<'_>,
        (call_id, start): (u64, Instant),
    ) -> Option<Completed> {
        let entry = self.cache.peek(key, wish.max_age)?;
        let watched = router.watch(&stop.request, call_id, false);
        let mut trail = watched.trail(call_id);
        trail.start = start;
        let is_plain = stop.request.options().cache.as_deref().is_none_or(|control| control.is_plain());
        if is_plain && stop.request.options().without_effect.is_empty() {
            self.repeats.put(stop.request.verb(), stop.request.text(), key);
        }
        trail.dropped_params.extend(stop.request.options().without_effect.iter().map(|name| (*name).to_owned()));
        let completed = self.completed(&mut trail, Hit { entry, key, group: Arc::clone(&stop.lead.name) });
        watched.end(&completed.trail, None, None);
        Some(completed)
    }

    fn completed(&self, trail: &mut Trail, hit: Hit) -> Completed {
        self.cache.count(true);
        let answer = Answer { body: hit.entry.body(), headers: HeaderMap::new() };
        trail.rare().hit = Some(hit);
        trail.stop();
        Completed { answer, trail: trail.clone() }
    }
}

/// Who gave the answer that ended in this record.
pub fn producer(record: &Record) -> Option<Producer> {
    let deployment = record.deployment.as_ref()?;
    Some(Producer {
        deployment: deployment.id().to_owned(),
        provider: deployment.provider.clone(),
        model: record.model.as_deref().unwrap_or_default().to_owned(),
        group: (*record.group).to_owned(),
    })
}

impl<'a> Visit<'_, 'a> {
    /// The visit of a group where there is a cache: what is kept answers; else the group does, and its answer is kept.
    pub(super) async fn run_cached<F: Form>(
        &mut self,
        caching: &Caching,
        form: &F,
        trail: &mut Trail,
    ) -> Result<F::Output, Error> {
        let (stop, config) = (self.stop, caching.cache.config());
        let request = &*stop.request;
        let Some(wish) = wish(config, request).filter(|_| played::first_failure(stop).is_none()) else {
            return self.ask(form, trail).await;
        };
        let asked = Asked::at(self.router, &stop.lead, request);
        let place = asked.place(config);
        if request.verb() == Verb::Embedding {
            return self.run_inputs(caching, &place, &wish, form, trail).await;
        }
        let key = of_request(&place, request);
        let lead = match self.look::<F>(caching, key, &wish, trail).await {
            Looked::Hit(entry) => match self.hit(caching, form, &entry, key, trail) {
                Some(output) => return Ok(output),
                None => None,
            },
            Looked::Lead(lead) => Some(lead),
            Looked::Alone => None,
        };
        caching.cache.count(false);
        trail.rare().missed = true;
        let mut output = match self.ask(form, trail).await {
            Ok(output) => output,
            Err(error) => {
                failed(lead);
                return Err(error);
            }
        };
        if wish.store {
            let also = self.first_key(config);
            form.keep(&mut output, Keep::new(&caching.cache, key, also, wish, lead, request), trail);
        }
        Ok(output)
    }

    /// The kept answer in the form that is asked for, if it can be given so.
    fn hit<F: Form>(
        &self,
        caching: &Caching,
        form: &F,
        entry: &Arc<Entry>,
        key: Key,
        trail: &mut Trail,
    ) -> Option<F::Output> {
        let output = form.kept(entry, &self.stop.request)?;
        caching.cache.count(true);
        let (entry, group) = (Arc::clone(entry), Arc::clone(&self.stop.lead.name));
        trail.rare().hit = Some(Hit { entry, key, group });
        Some(output)
    }

    async fn look<F: Form>(&self, caching: &Caching, key: Key, wish: &Wish, trail: &Trail) -> Looked {
        let cache = &caching.cache;
        if !wish.look {
            return Looked::Alone;
        }
        if !wish.store || !cache.config().single_flight {
            return cache.look(key, wish.max_age).await.map_or(Looked::Alone, Looked::Hit);
        }
        if let Some(entry) = cache.peek(key, wish.max_age) {
            return Looked::Hit(entry);
        }
        let lead = match self.turn::<F>(caching, key, trail).await {
            Looked::Lead(lead) => lead,
            other => return other,
        };
        // Whoever led before may have kept it since the first look.
        let kept = match cache.peek(key, wish.max_age) {
            Some(entry) => Some(entry),
            None => cache.fetch(&[key], wish.max_age).await.pop().flatten(),
        };
        match kept {
            Some(entry) => {
                lead.answered(&entry);
                Looked::Hit(entry)
            }
            None => Looked::Lead(lead),
        }
    }

    /// Waits for an equal call that is out, or goes first.
    async fn turn<F: Form>(&self, caching: &Caching, key: Key, trail: &Trail) -> Looked {
        let mut follower = match caching.cache.join(key, F::IS_STREAM) {
            Turn::Lead(lead) => return Looked::Lead(lead),
            Turn::Follow(follower) => follower,
        };
        match trail.waited.during(pin!(self.follow::<F>(&mut follower))).await {
            Outcome::Answered(entry) => {
                caching.cache.count_joined();
                Looked::Hit(entry)
            }
            Outcome::Lead(lead) => {
                lead.is_stream(F::IS_STREAM);
                Looked::Lead(lead)
            }
            Outcome::Alone => Looked::Alone,
        }
    }

    /// Waits for another call: never longer than this one's own time, and for a stream not for ever.
    async fn follow<F: Form>(&self, follower: &mut Follower) -> Outcome {
        let own = longest_wait(&self.stop.request, &self.router.config.timeouts);
        let mut left = self.until.map_or(own, |until| until.saturating_duration_since(clock::now()).min(own));
        if F::IS_STREAM {
            left = left.min(STREAM_PATIENCE);
        }
        while !left.is_zero() {
            let step = left.min(BEHIND_STREAM);
            if let Some(outcome) = clock::within(step, pin!(follower.outcome())).await {
                return outcome;
            }
            if follower.is_behind_stream() {
                break;
            }
            left -= step;
        }
        Outcome::Alone
    }

    /// The key of the same request in the group that was asked for, if a fallback's answer counts there, too.
    fn first_key(&self, config: &CacheConfig) -> Option<Key> {
        if self.stop.first || !config.share_across_fallback {
            return None;
        }
        let request = self.walk.request();
        let lead = self.router.names.resolve(request.model(), request.options().specific_deployment).ok()?;
        let is_first = lead.how != How::DefaultFallback;
        is_first.then(|| of_request(&Asked::at(self.router, &lead, request).place(config), request))
    }
}
