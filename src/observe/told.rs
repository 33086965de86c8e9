//! What an answer says of itself, as those need it who hear of calls.

use std::num::NonZeroU32;
use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::Value;

use crate::chat::Body;
use crate::pricing::Usage;
use crate::tokens::Spent;
use crate::transport::HeaderMap;

use super::event::Call;
use super::heard::Heard;

/// What an answer says of itself.
#[derive(Default)]
pub struct Told {
    /// A whole answer.
    pub body: Option<Body>,
    /// A stream's usage, as the provider wrote it.
    pub usage: Option<String>,
    /// A stream's usage by the length of what went there and back, where nobody told it.
    pub estimated: Option<Spent>,
    /// What a stream said; only if somebody asks for content.
    pub heard: Option<Heard>,
    /// A stream's first chunk.
    pub first: Option<Bytes>,
    pub headers: HeaderMap,
    /// Of a text to be spoken.
    pub characters: Option<NonZeroU32>,
    /// What was used, once somebody has asked.
    pub used: OnceLock<Usage>,
    /// The `id` of the answer, once somebody has asked.
    pub id: OnceLock<Option<String>>,
}

impl Told {
    /// What was used, to be charged.
    pub fn usage(&self, call: &Call) -> &Usage {
        self.used.get_or_init(|| self.read_usage(call))
    }

    fn read_usage(&self, call: &Call) -> Usage {
        let characters = self.characters.map(|count| count.get().into());
        match (&self.body, &self.usage, self.estimated) {
            (Some(body), ..) => Usage::of_answer(call.request.verb(), body.json(), body.usage(), characters),
            (None, Some(usage), _) => Usage::read(usage),
            (None, None, Some(Spent { prompt, completion })) => Usage::of_tokens(prompt, completion),
            (None, None, None) => Usage::default(),
        }
    }

    /// The `usage` member, as the provider wrote it.
    pub fn usage_text(&self) -> Option<&str> {
        match &self.body {
            Some(body) => body.usage(),
            None => self.usage.as_deref(),
        }
    }

    /// The answer as JSON, if it is that and somebody asked for content.
    pub fn answer(&self) -> Option<Value> {
        match &self.body {
            Some(body) => serde_json::from_str(body.json()?).ok(),
            None => self.heard.as_ref().map(|heard| heard.answer().clone()),
        }
    }

    /// The bytes that it holds in memory.
    pub fn weight(&self) -> usize {
        let body = self.body.as_ref().map_or(0, |body| body.bytes().len());
        let heard = self.heard.as_ref().map_or(0, Heard::weight);
        body + heard
    }

    /// The answer's `id`.
    pub fn id(&self) -> Option<&str> {
        self.id.get_or_init(|| self.read_id()).as_deref()
    }

    fn read_id(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Named {
            id: Option<String>,
        }
        let bytes = match &self.body {
            Some(body) => body.json()?.as_bytes(),
            None => self.first.as_deref()?,
        };
        serde_json::from_slice::<Named>(bytes).ok()?.id
    }
}
