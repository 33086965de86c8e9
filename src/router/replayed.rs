//! A stream of what the cache kept: chunks that are all there already.

use std::collections::VecDeque;

use crate::cache::Entry;
use crate::chat::{Chunk, Request, replay};
use crate::tokens;
use crate::transport::HeaderMap;

use super::stream::{Ended, Usage};
use super::trail::Trail;

/// The member that asks for a stream's usage.
const STREAM_OPTIONS: &str = "stream_options";

pub struct Replayed {
    chunks: VecDeque<Chunk>,
    usage: Usage,
    trail: Trail,
    headers: HeaderMap,
}

impl Replayed {
    /// `None` if the answer can't be given in chunks.
    pub fn new(entry: &Entry, request: &Request) -> Option<Self> {
        let json = entry.json()?;
        let chunks = replay(request.verb(), json, asks_for_usage(request))?;
        let usage = entry.usage().map_or_else(|| estimated(&chunks, request), |usage| Usage::Told(usage.to_owned()));
        Some(Self { chunks: chunks.into(), usage, trail: Trail::new(0), headers: HeaderMap::new() })
    }

    pub fn carry(&mut self, trail: Trail) {
        self.trail = trail;
    }

    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub fn next(&mut self) -> Option<Chunk> {
        self.chunks.pop_front()
    }

    /// Until the call was answered: all has come at once.
    pub fn ttft(&self) -> std::time::Duration {
        self.trail.latency
    }

    pub fn close(mut self) -> Ended {
        let ttft = self.ttft();
        self.trail.stop_reading();
        Ended::of(self.trail, self.headers, self.usage, ttft)
    }
}

fn asks_for_usage(request: &Request) -> bool {
    let options = request.get(STREAM_OPTIONS).and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    options.is_some_and(|options| options.get("include_usage").and_then(serde_json::Value::as_bool) == Some(true))
}

fn estimated(chunks: &[Chunk], request: &Request) -> Usage {
    let characters = chunks.iter().filter_map(Chunk::delta_text).map(|text| text.chars().count()).sum();
    Usage::Estimated { prompt: tokens::estimate(request.text_len()), completion: tokens::estimate(characters) }
}
