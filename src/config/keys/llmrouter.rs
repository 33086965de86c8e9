//! `llmrouter_settings`: what only this library has. LiteLLM ignores the section, so one file serves both.

use super::{Key, Kind, Section, Unknown, now, planned};

pub const LLMROUTER_SETTINGS: Section =
    Section { name: "llmrouter_settings", tables: &[TABLE], unknown: Unknown::Refused };

/// More threads than this help no machine that exists.
const MAX_WORKER_THREADS: u64 = 1024;

const BACKOFF: Section = Section {
    name: "backoff",
    tables: &[&[now("initial", Kind::Seconds), now("max", Kind::Seconds), now("jitter", Kind::Seconds)]],
    unknown: Unknown::Refused,
};

const TABLE: &[Key] = &[
    now("connect_timeout", Kind::Timeout),
    now("worker_threads", Kind::Between(1, MAX_WORKER_THREADS)),
    now("max_cooldown", Kind::Seconds),
    now("deadline", Kind::Timeout),
    planned("idle_timeout", Kind::Timeout),
    now("on_exhausted", Kind::Choice(&["fail", "wait"])),
    planned("log_content", Kind::Bool),
    planned("redis_failure", Kind::Choice(&["fail_open", "fail_closed", "local_share"])),
    planned("shared_state", Kind::Any),
    planned("metrics", Kind::Any),
    now("backoff", Kind::Section(&BACKOFF)),
];
