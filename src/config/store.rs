//! State that processes share: through Redis, through a file, or not at all.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::env::Environment;
use super::redis::{self, RedisConfig};
use super::report::Report;
use super::sections::Read;

/// How long the way of a request waits for a store.
const DEFAULT_PATIENCE: Duration = Duration::from_millis(5);
/// Above this a wait for the store is no longer small beside an answer.
const MAX_PATIENCE: f64 = 10.0;

/// Where state is shared, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreConfig {
    pub engine: Engine,
    /// `llmrouter_settings.redis_failure`: what becomes of limits while the store is away.
    pub on_failure: OnFailure,
    /// `llmrouter_settings.shared_limits`.
    pub limits: SharedLimits,
    /// `llmrouter_settings.shared_namespace`: routers of one namespace share; "llmrouter" unless set.
    pub namespace: String,
    /// `llmrouter_settings.shared_latency`: seconds of answers are the fleet's, too.
    pub latency: bool,
    /// `llmrouter_settings.litellm_redis_keys`: cooldowns and usage are also read and written as LiteLLM does.
    pub litellm_keys: bool,
    /// `llmrouter_settings.redis_patience`: the most that a request waits for the store.
    pub patience: Duration,
}

/// What shares the state.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Engine {
    /// Nothing: every process is alone.
    #[default]
    Alone,
    Redis(Box<RedisConfig>),
    /// A file in memory, for the processes of one machine.
    File(PathBuf),
}

/// What becomes of limits while the store can't be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Each process holds to the whole limit by itself.
    #[default]
    FailOpen,
    /// What has a limit is refused.
    FailClosed,
    /// Each process holds to its part: the limit through the number of processes last seen.
    LocalShare,
}

impl OnFailure {
    pub fn name(self) -> &'static str {
        match self {
            OnFailure::FailOpen => "fail_open",
            OnFailure::FailClosed => "fail_closed",
            OnFailure::LocalShare => "local_share",
        }
    }
}

/// How limits hold over all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SharedLimits {
    /// Each process holds a part, renewed in the background.
    #[default]
    Leases,
    /// The store is asked before every attempt.
    Exact,
}

pub fn read(read: &Read, environment: &Environment, report: &mut Report) -> StoreConfig {
    let own = &read.sections.llmrouter;
    let redis = redis::of_router(read, environment, report);
    let file = file(own.get("shared_state"), environment, report);
    if redis.is_some() && matches!(file, Some(Some(_))) {
        let hint = "take one of them: processes that share a Redis need no file";
        report.error("llmrouter_settings.shared_state", "a file beside Redis", hint);
    }
    let engine = match (redis, file) {
        // `shared_state: none`: a Redis for the cache alone.
        (_, Some(None)) => Engine::Alone,
        (Some(redis), _) => Engine::Redis(Box::new(redis)),
        (None, Some(Some(path))) => Engine::File(path),
        (None, None) => Engine::Alone,
    };
    let patience = own.number("redis_patience").map_or(DEFAULT_PATIENCE, |seconds| {
        if seconds > MAX_PATIENCE {
            report.error("llmrouter_settings.redis_patience", "too long", format!("at most {MAX_PATIENCE} seconds"));
        }
        Duration::from_secs_f64(seconds.min(MAX_PATIENCE))
    });
    StoreConfig {
        engine,
        on_failure: match own.text("redis_failure") {
            Some("fail_closed") => OnFailure::FailClosed,
            Some("local_share") => OnFailure::LocalShare,
            _ => OnFailure::FailOpen,
        },
        limits: match own.text("shared_limits") {
            Some("exact") => SharedLimits::Exact,
            _ => SharedLimits::Leases,
        },
        namespace: own.text("shared_namespace").unwrap_or("llmrouter").to_owned(),
        latency: own.flag("shared_latency").unwrap_or(false),
        litellm_keys: own.flag("litellm_redis_keys").unwrap_or(false),
        patience,
    }
}

/// `shared_state`: `file`, `{file: path}`, `redis` or `none`. Where it says nothing of a file: `None`; for `none`:
/// `Some(None)`.
fn file(value: Option<&Value>, environment: &Environment, report: &mut Report) -> Option<Option<PathBuf>> {
    let path = "llmrouter_settings.shared_state";
    match value? {
        Value::String(word) if word == "file" => Some(Some(usual_file(environment))),
        Value::String(word) if word == "none" => Some(None),
        Value::String(word) if word == "redis" => None,
        Value::Object(map) if map.len() == 1 && map.get("file").is_some_and(|file| file.as_str().is_some()) => {
            Some(map.get("file").and_then(Value::as_str).map(PathBuf::from))
        }
        _ => {
            report.error(path, "no way to share", "write file, {file: path}, redis or none");
            None
        }
    }
}

/// In memory where the system offers that; one for each user is made by its owner's permissions.
fn usual_file(environment: &Environment) -> PathBuf {
    let folder = environment.get("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| {
        let memory = PathBuf::from("/dev/shm");
        if memory.is_dir() { memory } else { std::env::temp_dir() }
    });
    folder.join("llmrouter.state")
}
