//! `llmrouter_settings`: what only this library has. LiteLLM ignores the section, so one file serves both.

use super::callbacks::METRICS;
use super::{Key, Kind, Section, Unknown, now};
use crate::config::error_rules::{ERROR_CLASSES, ERROR_SCOPES};

pub const LLMROUTER_SETTINGS: Section =
    Section { name: "llmrouter_settings", tables: &[TABLE], unknown: Unknown::Refused };

/// More threads than this help no machine that exists.
const MAX_WORKER_THREADS: u64 = 1024;

const BACKOFF: Section = Section {
    name: "backoff",
    tables: &[&[now("initial", Kind::Seconds), now("max", Kind::Seconds), now("jitter", Kind::Seconds)]],
    unknown: Unknown::Refused,
};

const CACHE: Section = Section {
    name: "cache",
    tables: &[&[
        now("max_bytes", Kind::Count),
        now("single_flight", Kind::Bool),
        now("deterministic_only", Kind::Bool),
        now("share_across_fallback", Kind::Bool),
    ]],
    unknown: Unknown::Refused,
};

const TABLE: &[Key] = &[
    now("connect_timeout", Kind::Timeout),
    now("worker_threads", Kind::Between(1, MAX_WORKER_THREADS)),
    now("max_cooldown", Kind::Seconds),
    now("error_rules", Kind::ListOf(&Kind::Section(&ERROR_RULE))),
    now("deadline", Kind::Timeout),
    now("idle_timeout", Kind::Timeout),
    now("mid_stream_fallback", Kind::Choice(&["fail", "continue"])),
    now("on_exhausted", Kind::Choice(&["fail", "wait"])),
    now("log_content", Kind::Bool),
    now("redis_failure", Kind::Choice(&["fail_open", "fail_closed", "local_share"])),
    now("redis_patience", Kind::Seconds),
    now("shared_state", Kind::Any),
    now("shared_limits", Kind::Choice(&["leases", "exact"])),
    now("shared_namespace", Kind::Text),
    now("shared_latency", Kind::Bool),
    now("litellm_redis_keys", Kind::Bool),
    now("cache", Kind::Section(&CACHE)),
    now("metrics", Kind::Either(&Kind::Text, &Kind::Section(&METRICS))),
    now("backoff", Kind::Section(&BACKOFF)),
];

/// One of `error_rules`.
pub const ERROR_RULE: Section = Section {
    name: "an error_rules entry",
    tables: &[&[
        now("about", Kind::Text),
        now("provider", Kind::Texts),
        now("status", Kind::ListOf(&Kind::Between(400, 599))),
        now("code", Kind::Texts),
        now("header", Kind::MapOf(&Kind::TextOrAny)),
        now("text", PHRASES),
        now("not_text", PHRASES),
        now("timed", Kind::Bool),
        now("class", Kind::Choice(ERROR_CLASSES)),
        now("scope", Kind::Choice(ERROR_SCOPES)),
        now("retryable", Kind::Bool),
        now("wait", Kind::Seconds),
    ]],
    unknown: Unknown::Refused,
};

/// Texts, and lists of texts.
const PHRASES: Kind = Kind::ListOf(&Kind::Either(&Kind::Text, &Kind::Texts));
