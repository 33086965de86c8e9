//! The response cache: whether there is one, where, and for how long it remembers.

use std::time::Duration;

use serde_json::Value;

use super::env::Environment;
use super::redis::{self, RedisConfig};
use super::report::Report;
use super::sections::Read;
use super::settings::Settings;

/// LiteLLM's, where nobody says how long.
const LOCAL_TTL: Duration = Duration::from_secs(600);
const REDIS_TTL: Duration = Duration::from_secs(60);
/// Some ten thousand usual answers; what is above it is forgotten, the least used first.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// LiteLLM's names of calls, each with an `a` before it for the asynchronous form.
const CALL_TYPES: [&str; 7] =
    ["completion", "text_completion", "embedding", "transcription", "rerank", "responses", "anthropic_messages"];
/// The kinds that are in force.
const KINDS: [&str; 2] = ["local", "redis"];

/// A response cache.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheConfig {
    /// Answers are kept here as well; `None` for a cache in memory alone.
    pub shared: Option<Box<RedisConfig>>,
    /// How long an answer counts in memory, and in Redis, unless its request says so.
    pub local_ttl: Duration,
    pub redis_ttl: Duration,
    /// `namespace`: entries of another one are not seen.
    pub namespace: Option<String>,
    /// `mode: default_off`: only requests that say `use-cache: true` go by it.
    pub only_on_request: bool,
    /// `supported_call_types`, LiteLLM's names; `None` for all verbs that can be cached.
    pub call_types: Option<Vec<String>>,
    /// `max_messages`: longer conversations are not cached.
    pub max_messages: Option<u32>,
    /// `caching_groups`: model groups that share entries.
    pub groups: Vec<Vec<String>>,
    /// `llmrouter_settings.cache.max_bytes`: of the memory.
    pub max_bytes: u64,
    /// `llmrouter_settings.cache.single_flight`: of equal calls at one time only one goes out. Default true.
    pub single_flight: bool,
    /// `llmrouter_settings.cache.deterministic_only`: only requests with `temperature: 0` or a `seed`.
    pub deterministic_only: bool,
    /// `llmrouter_settings.cache.share_across_fallback`: what a fallback answered also counts for the group asked for.
    pub share_across_fallback: bool,
}

impl CacheConfig {
    /// Whether answers are shared in the same place.
    pub fn has_place_of(&self, other: &Self) -> bool {
        self.shared == other.shared
    }
}

/// `None` if nothing asks for a cache.
pub fn read(read: &Read, environment: &Environment, report: &mut Report) -> Option<CacheConfig> {
    let (router, litellm, own) =
        (&read.sections.router, &read.sections.litellm, read.sections.llmrouter.section("cache"));
    let params = litellm.section("cache_params");
    let kwargs = router.section("cache_kwargs");
    let by_params = litellm.flag("cache") == Some(true) || litellm.flag("caching") == Some(true);
    let by_router = router.flag("cache_responses") == Some(true);
    for (section, path) in
        [(&params, "litellm_settings.cache_params".to_owned()), (&kwargs, read.router_path("cache_kwargs"))]
    {
        check_kind(section, &path, report);
    }
    if !by_params && !by_router {
        if litellm.get("cache_params").is_some() && litellm.flag("cache").is_none() {
            report.warn("litellm_settings.cache_params", "without effect: cache is not true");
        }
        return None;
    }
    // The section that belongs to the key that turned it on comes first.
    let sections = if by_params { [&params, &kwargs] } else { [&kwargs, &params] };
    let first = |name: &str| sections.into_iter().find_map(|section| section.get(name));
    let time = |name: &str| sections.into_iter().find_map(|section| section.time(name));
    if let Some(types) = first("supported_call_types").and_then(Value::as_array) {
        check_types(types, report);
    }
    let is_local = first("type").and_then(Value::as_str) == Some("local");
    let redis = if is_local { None } else { redis::of_cache(read, environment, report) };
    let ttl = time("ttl").or_else(|| router.time("default_cache_time_seconds"));
    let local_ttl = ttl.or_else(|| time("default_in_memory_ttl")).or_else(|| litellm.time("default_in_memory_ttl"));
    let redis_ttl = ttl.or_else(|| time("default_in_redis_ttl")).or_else(|| litellm.time("default_redis_ttl"));
    Some(CacheConfig {
        shared: redis.map(Box::new),
        local_ttl: local_ttl.unwrap_or(LOCAL_TTL),
        redis_ttl: redis_ttl.unwrap_or(REDIS_TTL),
        namespace: first("namespace").and_then(Value::as_str).map(str::to_owned),
        only_on_request: first("mode").and_then(Value::as_str) == Some("default_off"),
        call_types: first("supported_call_types")
            .and_then(Value::as_array)
            .map(|types| types.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        max_messages: first("max_messages").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()),
        groups: groups(router),
        max_bytes: own.get("max_bytes").and_then(Value::as_u64).unwrap_or(MAX_BYTES),
        single_flight: own.flag("single_flight").unwrap_or(true),
        deterministic_only: own.flag("deterministic_only").unwrap_or(false),
        share_across_fallback: own.flag("share_across_fallback").unwrap_or(false),
    })
}

fn check_kind(section: &Settings, path: &str, report: &mut Report) {
    if let Some(kind) = section.text("type").filter(|kind| !KINDS.contains(kind)) {
        let hint = format!("take {}", KINDS.join(" or "));
        report.error(&format!("{path}.type"), format!("a {kind} cache is not supported"), hint);
    }
}

fn check_types(types: &[Value], report: &mut Report) {
    let is_known = |name: &str| CALL_TYPES.iter().any(|known| name == *known || name.strip_prefix('a') == Some(known));
    for name in types.iter().filter_map(Value::as_str).filter(|name| !is_known(name)) {
        let message = format!("no such kind of call is cached: {name:?}; there are {}", CALL_TYPES.join(", "));
        report.warn("litellm_settings.cache_params.supported_call_types", message);
    }
}

fn groups(router: &Settings) -> Vec<Vec<String>> {
    let written = router.get("caching_groups").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names = |group: &Value| {
        let names = group.as_array().map(Vec::as_slice).unwrap_or_default().iter();
        names.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    written.iter().map(names).filter(|group| !group.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    fn cache(yaml: &str) -> Option<CacheConfig> {
        load(&format!("model_list: []\n{yaml}"), |_| None).unwrap().cache
    }

    #[test]
    fn every_form_of_the_documentation() {
        let seconds = |yaml: &str| {
            cache(yaml).map(|cache| (cache.local_ttl.as_secs(), cache.redis_ttl.as_secs(), cache.shared.is_some()))
        };
        assert_eq!(seconds(""), None);
        assert_eq!(seconds("cache_responses: true"), Some((600, 60, false)));
        assert_eq!(
            seconds("cache_responses: true\nredis_host: h\nredis_port: 6379\ndefault_cache_time_seconds: 3600"),
            Some((3600, 3600, true))
        );
        assert_eq!(seconds("cache_responses: true\ncache_kwargs: {type: local, ttl: 5}"), Some((5, 5, false)));
        assert_eq!(
            seconds("redis_host: h\nlitellm_settings: {cache: true, cache_params: {type: redis}}"),
            Some((600, 60, true))
        );
        assert_eq!(
            seconds("litellm_settings: {cache: true, cache_params: {type: local}, default_in_memory_ttl: 7}"),
            Some((7, 60, false))
        );
    }

    #[test]
    fn kinds_that_are_not_there_are_errors() {
        for yaml in ["litellm_settings: {cache: true, cache_params: {type: s3}}", "cache_kwargs: {type: disk}"] {
            let error = load(&format!("model_list: []\n{yaml}"), |_| None).err().unwrap().message;
            assert!(error.contains("cache is not supported") && error.contains("take local or redis"), "{error}");
        }
    }

    #[test]
    fn a_kind_of_call_that_nobody_caches_is_told() {
        let yaml = "model_list: []\nlitellm_settings: {cache: true, cache_params: {type: local, supported_call_types: [acompletion, embedding, image_generation]}}";
        let warnings = load(yaml, |_| None).unwrap().warnings;
        let told: Vec<_> = warnings.iter().filter(|warning| warning.message.contains("no such kind of call")).collect();
        assert!(told.len() == 1 && told[0].message.contains("image_generation"));
    }

    #[test]
    fn groups_and_our_own_settings() {
        let yaml = "cache_responses: true\ncaching_groups: [[a, b], [c]]\nllmrouter_settings: {cache: {max_bytes: 9, single_flight: false}}";
        let cache = cache(yaml).unwrap();
        assert_eq!(cache.groups, [vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]]);
        assert_eq!((cache.max_bytes, cache.single_flight), (9, false));
    }
}
