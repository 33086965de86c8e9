//! Which requests go by the cache, and how: the configuration's word and the request's.

use std::time::Duration;

use serde_json::Value;

use crate::chat::{Body, Request, Verb};
use crate::config::CacheConfig;

/// What a request wants of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Whether a kept answer will do.
    pub look: bool,
    /// Whether the answer is kept.
    pub store: bool,
    /// The oldest answer that will do.
    pub max_age: Option<Duration>,
    /// How long the answer counts, in memory and on the shelf.
    pub local_ttl: Duration,
    pub shared_ttl: Duration,
}

/// `None` for a request that the cache has nothing to do with.
pub fn wish(config: &CacheConfig, request: &Request) -> Option<Wish> {
    let control = request.options().cache.as_deref();
    let asked = !config.only_on_request || control.is_some_and(|control| control.use_cache);
    let allowed = control.and_then(|control| control.caching).unwrap_or(true);
    let fits = asked
        && allowed
        && !request.is_copy()
        && is_supported(config, request.verb())
        && (!config.deterministic_only || is_deterministic(request))
        && config.max_messages.is_none_or(|most| messages(request) <= u64::from(most))
        // Each turn of a stored conversation changes what the next one means.
        && !(request.verb() == Verb::Responses && is_given(request, "conversation"));
    let ttl = control.and_then(|control| control.ttl);
    let wish = Wish {
        look: !control.is_some_and(|control| control.no_cache),
        store: !control.is_some_and(|control| control.no_store) && ttl != Some(Duration::ZERO),
        max_age: control.and_then(|control| control.max_age),
        local_ttl: ttl.unwrap_or(config.local_ttl),
        shared_ttl: ttl.unwrap_or(config.redis_ttl),
    };
    (fits && (wish.look || wish.store)).then_some(wish)
}

/// Whether an answer is worth keeping: whole, and not cut by a filter.
pub fn is_whole(body: &Body) -> bool {
    if body.is_filtered() {
        return false;
    }
    let Some(json) = body.json().filter(|_| body.verb() == Verb::Responses) else { return true };
    let Ok(response) = serde_json::from_str::<Value>(json) else { return false };
    let status = response.get("status").and_then(Value::as_str).unwrap_or("completed");
    let has_output = response.get("output").and_then(Value::as_array).is_some_and(|output| !output.is_empty());
    has_output && matches!(status, "completed" | "incomplete")
}

fn is_supported(config: &CacheConfig, verb: Verb) -> bool {
    let names: [&str; 2] = match verb {
        Verb::Chat => ["completion", "acompletion"],
        Verb::TextCompletion => ["text_completion", "atext_completion"],
        Verb::Embedding => ["embedding", "aembedding"],
        Verb::Transcription => ["transcription", "atranscription"],
        Verb::Rerank => ["rerank", "arerank"],
        Verb::Responses => ["responses", "aresponses"],
        Verb::Moderation | Verb::Image | Verb::ImageEdit | Verb::ImageVariation | Verb::Speech | Verb::Translation => {
            return false;
        }
    };
    config.call_types.as_ref().is_none_or(|types| types.iter().any(|name| names.contains(&name.as_str())))
}

/// What leaves nothing to chance: the temperature is 0, or a seed is given. Vectors, ranks and transcripts always are.
fn is_deterministic(request: &Request) -> bool {
    if !matches!(request.verb(), Verb::Chat | Verb::TextCompletion | Verb::Responses) {
        return true;
    }
    let is_zero = request.get("temperature").and_then(|text| text.trim().parse::<f64>().ok()) == Some(0.0);
    is_zero || is_given(request, "seed")
}

fn is_given(request: &Request, name: &str) -> bool {
    request.get(name).is_some_and(|text| text.trim() != "null")
}

/// Messages of a chat, items of a response's input.
fn messages(request: &Request) -> u64 {
    let name = if request.verb() == Verb::Responses { "input" } else { "messages" };
    let items = request.get(name).and_then(|text| serde_json::from_str::<Value>(text).ok());
    items.as_ref().and_then(Value::as_array).map_or(0, |items| items.len() as u64)
}

#[cfg(test)]
#[path = "tests/rules.rs"]
pub mod tests;
