//! What is told of calls: `callback_settings`, `llmrouter_settings.metrics`, `litellm_settings.prometheus_metrics_config`.

use super::{Key, Kind, Section, Unknown, now, planned, proxy};

/// What a webhook is sent, in LiteLLM's words.
const EVENT_TYPES: &[&str] = &["llm_api_success", "llm_api_failure"];
const LOG_FORMATS: &[&str] = &["json_array", "ndjson", "single"];
/// A larger batch would be refused by most collectors.
pub const MOST_EVENTS_AT_ONCE: u64 = 10_000;

/// Settings of callbacks by their names. A name of one's own is a [`WEBHOOK_SETTINGS`] if it says so.
pub const CALLBACK_SETTINGS: Section = Section {
    name: "callback_settings",
    tables: &[&[
        now("langfuse", Kind::Section(&LANGFUSE_SETTINGS)),
        now("langfuse_otel", Kind::Section(&LANGFUSE_SETTINGS)),
        now("otel", Kind::Section(&OTEL_SETTINGS)),
        now("opentelemetry", Kind::Section(&OTEL_SETTINGS)),
        now("webhook", Kind::Section(&WEBHOOK_SETTINGS)),
        now("generic_api", Kind::Section(&WEBHOOK_SETTINGS)),
        now("json_file", Kind::Section(&FILE_SETTINGS)),
    ]],
    unknown: Unknown::Free,
};

pub const LANGFUSE_SETTINGS: Section =
    Section { name: "callback_settings.langfuse", tables: &[CONTENT], unknown: Unknown::Ignored };

pub const OTEL_SETTINGS: Section =
    Section { name: "callback_settings.otel", tables: &[CONTENT, OTEL], unknown: Unknown::Ignored };

/// `webhook`, `generic_api`, and every entry with `callback_type: generic_api`.
pub const WEBHOOK_SETTINGS: Section = Section {
    name: "a generic_api callback",
    tables: &[&[
        now("callback_type", Kind::Choice(&["generic_api"])),
        now("endpoint", Kind::Text),
        now("headers", Kind::MapOf(&Kind::Text)),
        now("event_types", Kind::ListOf(&Kind::Choice(EVENT_TYPES))),
        now("log_format", Kind::Choice(LOG_FORMATS)),
        now("timeout", Kind::Timeout),
        now("batch_size", Kind::Between(1, MOST_EVENTS_AT_ONCE)),
        now("flush_interval", Kind::Timeout),
        now("max_retries", Kind::Count),
        now("retry_delay", Kind::Seconds),
    ]],
    unknown: Unknown::Ignored,
};

pub const FILE_SETTINGS: Section =
    Section { name: "callback_settings.json_file", tables: &[&[now("path", Kind::Text)]], unknown: Unknown::Ignored };

const CONTENT: &[Key] = &[now("message_logging", Kind::Bool), now("turn_off_message_logging", Kind::Bool)];

const OTEL: &[Key] = &[
    planned("attributes", Kind::Map),
    proxy("excluded_services"),
    proxy("baggage_promoted_keys"),
    proxy("baggage_metadata_keys"),
    proxy("baggage_team_metadata_keys"),
];

/// `llmrouter_settings.metrics`; the address alone is accepted, too.
pub const METRICS: Section =
    Section { name: "metrics", tables: &[&[now("listen", Kind::Text)]], unknown: Unknown::Refused };

/// Which metrics there are, and with which labels.
pub const METRICS_GROUP: Section = Section {
    name: "a prometheus_metrics_config entry",
    tables: &[&[now("group", Kind::Text), now("metrics", Kind::Texts), now("include_labels", Kind::Texts)]],
    unknown: Unknown::Refused,
};
