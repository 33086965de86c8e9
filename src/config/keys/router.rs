//! `router_settings`: the parameters of LiteLLM's Router.

use super::nested::{ALERTING, ALIAS, ALLOWED_FAILS_POLICY, BUDGET, CACHE_KWARGS, RETRY_POLICY, ROUTER_GENERAL};
use super::nested::{ROUTING_GROUP, STRATEGY_ARGS};
use super::params::LITELLM_PARAMS;
use super::{Key, Kind, Section, Unknown, now, planned, proxy};

pub const ROUTER_SETTINGS: Section = Section { name: "router_settings", tables: &[ROUTER], unknown: Unknown::Refused };

/// Every routing strategy that LiteLLM has.
pub const STRATEGIES: &[&str] = &[
    "simple-shuffle",
    "least-busy",
    "usage-based-routing",
    "usage-based-routing-v2",
    "latency-based-routing",
    "cost-based-routing",
    "provider-budget-routing",
    "lar1",
];

/// Those of a routing group.
pub const GROUP_STRATEGIES: &[&str] = &[
    "simple-shuffle",
    "least-busy",
    "usage-based-routing",
    "usage-based-routing-v2",
    "latency-based-routing",
    "cost-based-routing",
    "provider-budget-routing",
    "lar1",
    "priority",
];

const PRE_CALL_CHECKS: &[&str] = &[
    "prompt_caching",
    "router_budget_limiting",
    "responses_api_deployment_check",
    "deployment_affinity",
    "session_affinity",
    "forward_client_headers_by_model_group",
    "enforce_model_rate_limits",
    "encrypted_content_affinity",
];

pub(super) const ROUTER: &[Key] = &[
    now("routing_strategy", Kind::Choice(STRATEGIES)),
    now("routing_strategy_args", Kind::Section(&STRATEGY_ARGS)),
    now("routing_groups", Kind::ListOf(&Kind::Section(&ROUTING_GROUP))),
    now("model_group_alias", Kind::MapOf(&Kind::Either(&Kind::Text, &Kind::Section(&ALIAS)))),
    now("num_retries", Kind::Count),
    now("retry_after", Kind::Seconds),
    now("retry_policy", Kind::Section(&RETRY_POLICY)),
    now("model_group_retry_policy", Kind::MapOf(&Kind::Section(&RETRY_POLICY))),
    now("timeout", Kind::Timeout),
    now("stream_timeout", Kind::Timeout),
    now("fallbacks", Kind::Fallbacks),
    now("default_fallbacks", Kind::Texts),
    now("context_window_fallbacks", Kind::Fallbacks),
    now("content_policy_fallbacks", Kind::Fallbacks),
    now("max_fallbacks", Kind::Count),
    now("allowed_fails", Kind::Count),
    now("allowed_fails_policy", Kind::Section(&ALLOWED_FAILS_POLICY)),
    now("cooldown_time", Kind::Seconds),
    now("disable_cooldowns", Kind::Bool),
    now("cache_responses", Kind::Bool),
    now("cache_kwargs", Kind::Section(&CACHE_KWARGS)),
    now("caching_groups", Kind::ListOf(&Kind::List)),
    now("default_cache_time_seconds", Kind::Seconds),
    now("redis_url", Kind::Text),
    now("redis_host", Kind::Text),
    now("redis_port", Kind::Between(1, 65_535)),
    now("redis_password", Kind::Text),
    now("redis_db", Kind::Count),
    now("redis_ssl", Kind::Bool),
    now("redis_username", Kind::Text),
    now("default_litellm_params", Kind::Section(&LITELLM_PARAMS)),
    now("default_max_parallel_requests", Kind::Count),
    now("default_priority", Kind::Integer),
    planned("polling_interval", Kind::Seconds),
    now("enable_pre_call_checks", Kind::Bool),
    now("optional_pre_call_checks", Kind::ListOf(&Kind::Choice(PRE_CALL_CHECKS))),
    now("enable_tag_filtering", Kind::Bool),
    now("tag_filtering_match_any", Kind::Bool),
    planned("tag_routing_prefix", Kind::Text),
    now("provider_budget_config", Kind::MapOf(&Kind::Section(&BUDGET))),
    now("enable_weighted_failover", Kind::Bool),
    now("deployment_affinity_ttl_seconds", Kind::Seconds),
    planned("model_group_affinity_config", Kind::MapOf(&Kind::Texts)),
    planned("ignore_invalid_deployments", Kind::Bool),
    planned("enable_health_check_routing", Kind::Bool),
    planned("health_check_staleness_threshold", Kind::Seconds),
    planned("health_check_ignore_transient_errors", Kind::Bool),
    planned("background_health_check_model_groups", Kind::Texts),
    planned("router_general_settings", Kind::Section(&ROUTER_GENERAL)),
    planned("alerting_config", Kind::Section(&ALERTING)),
    planned("plugins", Kind::List),
    planned("client_ttl", Kind::Seconds),
    now("set_verbose", Kind::Bool),
    now("debug_level", Kind::Text),
    proxy("assistants_config"),
    proxy("search_tools"),
    proxy("guardrail_list"),
    proxy("fallback_access_check"),
    proxy("fallback_budget_check"),
    proxy("auto_router_capability_limit"),
];
