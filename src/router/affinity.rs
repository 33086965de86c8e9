//! Who answered before: a session, a tenant, a cached prompt or a stored response goes back to the deployment that knows it.
//!
//! A wish, not a rule: if that one is not free, or fails, another answers and is known from then on.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::chat::{Request, Verb};
use crate::clock;
use crate::config::AffinityConfig;
use crate::deployment::Deployment;

use super::group::Group;

/// As long as providers keep a cached prompt that is not used.
const PROMPT_TTL: Duration = Duration::from_secs(300);
/// Stored responses are kept for long; what is forgotten here costs one bad request at another deployment.
const RESPONSE_TTL: Duration = Duration::from_secs(30 * 86_400);
/// The larger half of what is remembered; the older half goes when this is full.
const MOST: usize = 50_000;

/// What is remembered of one router. Holds hashes, under seeds of its own, and no text of a request.
#[derive(Default)]
pub struct Affinity {
    seeds: RandomState,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    newer: HashMap<u64, Pin>,
    older: HashMap<u64, Pin>,
}

#[derive(Clone)]
struct Pin {
    deployment: Arc<Deployment>,
    until: Instant,
}

/// By what a call is known again.
#[derive(Hash)]
enum Key<'a> {
    Session(&'a str),
    Tenant,
    Prompt(&'a str),
    Response(&'a str),
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    id: Option<std::borrow::Cow<'a, str>>,
}

impl Affinity {
    /// The member that knows the call, if one does.
    pub fn knows(&self, config: &AffinityConfig, request: &Request, group: &Group) -> Option<usize> {
        if !config.any() {
            return None;
        }
        let now = clock::now();
        let found = self.keys(config, request, &group.name).into_iter().find_map(|(key, _)| self.get(key, now))?;
        // By its id: another configuration may have made another one of it.
        group.usable().find(|member| member.deployment().id() == found.id()).map(|member| member.index)
    }

    /// Remembers who answered; `body` is the answer as JSON, or the event that names it.
    pub fn learn(
        &self,
        config: &AffinityConfig,
        request: &Request,
        group: &str,
        body: Option<&str>,
        who: &Arc<Deployment>,
    ) {
        if !config.any() {
            return;
        }
        let now = clock::now();
        let mut keys = self.keys(config, request, group);
        // Asked for by the response that follows on this one.
        keys.retain(|(_, ttl)| *ttl != RESPONSE_TTL);
        if config.responses && request.verb() == Verb::Responses {
            let answer: Option<Answer<'_>> = body.and_then(|body| serde_json::from_str(body).ok());
            if let Some(id) = answer.and_then(|answer| answer.id) {
                keys.push((self.key(request, group, &Key::Response(&id)), RESPONSE_TTL));
            }
        }
        for (key, ttl) in keys {
            let until = now.checked_add(ttl).unwrap_or(now);
            self.put(key, Pin { deployment: Arc::clone(who), until });
        }
    }

    /// What the call may be known by, what says most first, each with how long that counts.
    fn keys(&self, config: &AffinityConfig, request: &Request, group: &str) -> Vec<(u64, Duration)> {
        let mut keys = Vec::new();
        let about = request.options().about();
        if config.responses
            && let Some(id) = request.get("previous_response_id").and_then(|id| serde_json::from_str::<String>(id).ok())
        {
            keys.push((self.key(request, group, &Key::Response(&id)), RESPONSE_TTL));
        }
        if config.sessions
            && let Some(session) = about.and_then(|about| about.session.as_deref())
        {
            keys.push((self.key(request, group, &Key::Session(session)), config.ttl));
        }
        if config.prompts
            && let Some(prefix) = cached_prefix(request)
        {
            keys.push((self.key(request, group, &Key::Prompt(&prefix)), PROMPT_TTL));
        }
        if config.tenants && about.is_some_and(|about| about.tenant.is_some()) {
            keys.push((self.key(request, group, &Key::Tenant), config.ttl));
        }
        keys
    }

    /// Two tenants with the same session are two.
    fn key(&self, request: &Request, group: &str, key: &Key<'_>) -> u64 {
        let tenant = request.options().about().and_then(|about| about.tenant.as_deref());
        self.seeds.hash_one((tenant, group, key))
    }

    fn get(&self, key: u64, now: Instant) -> Option<Arc<Deployment>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let pin = known.newer.get(&key).or_else(|| known.older.get(&key))?;
        (pin.until > now).then(|| Arc::clone(&pin.deployment))
    }

    fn put(&self, key: u64, pin: Pin) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.newer.len() >= MOST {
            known.older = std::mem::take(&mut known.newer);
        }
        known.newer.insert(key, pin);
    }
}

/// The messages up to the last one that asks to be cached, and the tools; `None` if none does.
fn cached_prefix(request: &Request) -> Option<String> {
    let text = request.get("messages").filter(|text| text.contains("\"cache_control\""))?;
    let messages: Vec<Value> = serde_json::from_str(text).ok()?;
    let last = messages.iter().rposition(|message| message.to_string().contains("\"cache_control\""))?;
    let prefix = Value::from(messages.into_iter().take(last + 1).collect::<Vec<_>>()).to_string();
    Some(prefix + request.get("tools").unwrap_or_default())
}
