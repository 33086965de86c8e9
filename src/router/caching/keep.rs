//! How an answer that has come is kept.

use std::sync::Arc;

use serde_json::Value;

use crate::cache::{Cache, Entry, Key, Lead, Producer, Wish, is_whole};
use crate::chat::{Accumulated, Body, Chunk, Request, Verb};

use super::super::trail::Trail;
use super::producer;

/// The wish to keep an answer. Dropped, nothing is kept, and another one of those who wait goes out.
pub struct Keep {
    cache: Arc<Cache>,
    key: Key,
    /// Of the group that was asked for, if the answer counts there, too.
    also: Option<Key>,
    wish: Wish,
    lead: Option<Lead>,
    verb: Verb,
    /// Choices that were asked for.
    choices: usize,
}

impl Keep {
    pub fn new(
        cache: &Arc<Cache>,
        key: Key,
        also: Option<Key>,
        wish: Wish,
        lead: Option<Lead>,
        request: &Request,
    ) -> Self {
        let verb = request.verb();
        let choices = request.get("n").filter(|_| verb == Verb::Chat).and_then(|n| n.trim().parse().ok()).unwrap_or(1);
        Self { cache: Arc::clone(cache), key, also, wish, lead, verb, choices }
    }

    /// Keeps an answer that has come as a whole.
    pub fn whole(self, body: &Body, trail: &Trail) {
        if let Some(producer) = trail.last_asked().and_then(producer) {
            self.answer(body, producer);
        }
    }

    fn answer(self, body: &Body, producer: Producer) {
        if !is_whole(body) {
            // It is this caller's: that it will not do for others is no failure.
            if let Some(lead) = self.lead {
                lead.alone();
            }
            return;
        }
        let entry = Arc::new(Entry::new(body, producer));
        for key in [Some(self.key), self.also].into_iter().flatten() {
            self.cache.put(key, &entry, &self.wish);
        }
        if let Some(lead) = self.lead {
            lead.answered(&entry);
        }
    }
}

/// Tells those who wait that there is no answer.
pub fn failed(lead: Option<Lead>) {
    if let Some(lead) = lead {
        lead.failed();
    }
}

/// A stream that is kept once it is whole. Dropped, nothing is.
pub struct Recording {
    keep: Keep,
    producer: Producer,
    heard: Accumulated,
}

impl Recording {
    pub fn new(keep: Keep, producer: Producer) -> Self {
        Self { keep, producer, heard: Accumulated::default() }
    }

    pub fn add(&mut self, chunk: &Chunk) {
        self.heard.add(chunk);
    }

    /// The stream broke.
    pub fn failed(self) {
        failed(self.keep.lead);
    }

    /// The stream has ended well. What lacks a choice, or the reason why one ended, was not whole.
    pub fn finish(self) {
        let Self { keep, producer, heard } = self;
        let (verb, choices) = (keep.verb, keep.choices);
        let count = |whole: &Value| whole.get("choices").and_then(Value::as_array).map_or(choices, Vec::len);
        let whole = heard.whole(verb).filter(|whole| count(whole) >= choices);
        let body = whole.and_then(|whole| Body::check(verb, whole.to_string().into_bytes(), "application/json").ok());
        match (body, keep.lead) {
            (Some(body), lead) => Keep { lead, ..keep }.answer(&body, producer),
            (None, Some(lead)) => lead.alone(),
            (None, None) => {}
        }
    }
}
