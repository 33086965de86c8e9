//! What a whole answer was charged for.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::Verb;

use super::rates::Service;
use super::usage::{Counts, Usage};

/// The member that says at which prices.
const TIER: &str = "service_tier";

/// What an answer says beside its usage.
#[derive(Deserialize)]
struct Beside<'a> {
    service_tier: Option<String>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    data: Option<Vec<serde::de::IgnoredAny>>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    billed_units: Option<BilledUnits>,
}

#[derive(Deserialize)]
struct BilledUnits {
    search_units: Option<u64>,
}

impl Usage {
    /// From an answer to this verb: `body` is its text if that is JSON, `characters` are those of a text to be spoken. A `usage` that
    /// is given counts in the place of the body's own.
    pub fn of_answer(verb: Verb, body: Option<&str>, usage: Option<&str>, characters: Option<u64>) -> Self {
        // Of most answers nothing but the usage counts, and who has found that need not look again.
        if let (Some(usage), Some(body)) = (usage, body)
            && matches!(verb, Verb::Chat | Verb::TextCompletion | Verb::Embedding | Verb::Responses)
            && memchr::memmem::find(body.as_bytes(), TIER.as_bytes()).is_none()
        {
            return Self::read(usage);
        }
        let beside: Option<Beside<'_>> = body.and_then(|body| serde_json::from_str(body).ok());
        let told = beside.as_ref().and_then(|beside| beside.usage).map(RawValue::get);
        let mut read = Self::read(usage.or(told).unwrap_or("{}"));
        if let Some(tier) = beside.as_ref().and_then(|beside| beside.service_tier.as_deref()) {
            read.service = Service::named(tier);
        }
        read.counts = counts(verb, beside.as_ref(), read.counts, characters);
        read
    }
}

/// What is counted where no tokens are.
fn counts(verb: Verb, beside: Option<&Beside<'_>>, told: Counts, characters: Option<u64>) -> Counts {
    match verb {
        Verb::Image | Verb::ImageEdit | Verb::ImageVariation => {
            let images = beside.and_then(|beside| beside.data.as_ref()).map(|data| data.len() as u64);
            Counts { images, ..told }
        }
        Verb::Rerank => {
            let units = beside.and_then(|beside| beside.meta.as_ref()?.billed_units.as_ref()?.search_units);
            Counts { queries: units, ..told }
        }
        Verb::Speech => Counts { characters, ..told },
        _ => told,
    }
}
