//! The maps inside `router_settings`. Their keys are as much in force as the key that holds them.

use super::router::GROUP_STRATEGIES;
use super::{Key, Kind, Section, Unknown, now, planned};

const fn refusing(name: &'static str, tables: &'static [&'static [Key]]) -> Section {
    Section { name, tables, unknown: Unknown::Refused }
}

/// The dictionary form of an alias.
pub const ALIAS: Section =
    refusing("a model_group_alias entry", &[&[now("model", Kind::Text), now("hidden", Kind::Bool)]]);

/// How often each class of error is retried: LiteLLM's names (`RateLimitErrorRetries: 5`), and the class alone with a
/// number or a map (`RateLimitError: {max_retries: 5}`).
pub const RETRY_POLICY: Section = refusing("a retry policy", &[RETRIES, RETRIES_BY_CLASS]);

pub const MAX_RETRIES: Section = refusing("a retry policy entry", &[&[now("max_retries", Kind::Count)]]);

const RETRIES: &[Key] = &[
    now("BadRequestErrorRetries", Kind::Count),
    now("AuthenticationErrorRetries", Kind::Count),
    now("TimeoutErrorRetries", Kind::Count),
    now("TimeoutRetries", Kind::Count),
    now("RateLimitErrorRetries", Kind::Count),
    now("ContentPolicyViolationErrorRetries", Kind::Count),
    now("InternalServerErrorRetries", Kind::Count),
    now("ServiceUnavailableErrorRetries", Kind::Count),
    now("NotFoundErrorRetries", Kind::Count),
    now("DefaultRetries", Kind::Count),
];

const RETRIES_OF_CLASS: Kind = Kind::Either(&Kind::Count, &Kind::Section(&MAX_RETRIES));

const RETRIES_BY_CLASS: &[Key] = &[
    now("BadRequestError", RETRIES_OF_CLASS),
    now("AuthenticationError", RETRIES_OF_CLASS),
    now("TimeoutError", RETRIES_OF_CLASS),
    now("Timeout", RETRIES_OF_CLASS),
    now("RateLimitError", RETRIES_OF_CLASS),
    now("ContentPolicyViolationError", RETRIES_OF_CLASS),
    now("InternalServerError", RETRIES_OF_CLASS),
    now("ServiceUnavailableError", RETRIES_OF_CLASS),
    now("NotFoundError", RETRIES_OF_CLASS),
    now("Default", RETRIES_OF_CLASS),
];

/// How many failures of each class a deployment may have; the class alone is accepted as in a retry policy.
pub const ALLOWED_FAILS_POLICY: Section = refusing(
    "allowed_fails_policy",
    &[&[
        now("BadRequestErrorAllowedFails", Kind::Count),
        now("AuthenticationErrorAllowedFails", Kind::Count),
        now("TimeoutErrorAllowedFails", Kind::Count),
        now("RateLimitErrorAllowedFails", Kind::Count),
        now("ContentPolicyViolationErrorAllowedFails", Kind::Count),
        now("InternalServerErrorAllowedFails", Kind::Count),
        now("ServiceUnavailableErrorAllowedFails", Kind::Count),
        now("BadGatewayErrorAllowedFails", Kind::Count),
        now("NotFoundErrorAllowedFails", Kind::Count),
        now("BadRequestError", Kind::Count),
        now("AuthenticationError", Kind::Count),
        now("TimeoutError", Kind::Count),
        now("Timeout", Kind::Count),
        now("RateLimitError", Kind::Count),
        now("ContentPolicyViolationError", Kind::Count),
        now("InternalServerError", Kind::Count),
        now("ServiceUnavailableError", Kind::Count),
        now("BadGatewayError", Kind::Count),
        now("NotFoundError", Kind::Count),
    ]],
);

/// The arguments of all strategies: which of them a strategy reads is its own concern.
pub const STRATEGY_ARGS: Section = refusing(
    "routing_strategy_args",
    &[&[
        now("ttl", Kind::Seconds),
        now("lowest_latency_buffer", Kind::Number),
        now("max_latency_list_size", Kind::Between(1, 100_000)),
        now("ttft_percentile", Kind::Number),
        now("latency_percentile", Kind::Number),
    ]],
);

pub const ROUTING_GROUP: Section = refusing(
    "a routing_groups entry",
    &[&[
        now("group_name", Kind::Text),
        now("models", Kind::Texts),
        now("routing_strategy", Kind::Choice(GROUP_STRATEGIES)),
        now("routing_strategy_args", Kind::Section(&STRATEGY_ARGS)),
        now("model_priorities", Kind::MapOf(&Kind::Count)),
    ]],
);

pub const BUDGET: Section = refusing(
    "a provider_budget_config entry",
    &[&[
        now("max_budget", Kind::Number),
        now("budget_limit", Kind::Number),
        now("budget_duration", Kind::Text),
        now("time_period", Kind::Text),
        planned("tpm_limit", Kind::Number),
        planned("rpm_limit", Kind::Number),
    ]],
);

pub const ALERTING: Section =
    refusing("alerting_config", &[&[now("webhook_url", Kind::Text), now("alerting_threshold", Kind::Seconds)]]);

pub const ROUTER_GENERAL: Section = refusing(
    "router_general_settings",
    &[&[now("async_only_mode", Kind::Bool), now("pass_through_all_models", Kind::Bool)]],
);

/// The cache's own keys and any argument of a Redis client.
pub const CACHE_KWARGS: Section =
    Section { name: "cache_kwargs", tables: super::litellm::CACHE_TABLES, unknown: Unknown::Refused };
