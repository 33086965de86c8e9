//! What a configuration says, after it was read, checked and resolved. Immutable.
//!
//! Times are `Duration`s; a limit is a count a minute; a name that leads nowhere is already a warning.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::cache::CacheConfig;
use super::env::Environment;
use super::error_rules::ErrorRule;
use super::observe::ObserveConfig;
use super::secret::Secret;
use super::settings::Settings;
use super::store::StoreConfig;
use super::tls::TlsConfig;
use super::warning::Warning;
use crate::policy::{ByClass, Lists};

/// A whole configuration. Made by [`super::load`], never changed afterwards.
pub struct Config {
    /// In file order; a list of `organization`s is one deployment each.
    pub deployments: Vec<DeploymentConfig>,
    pub routing: RoutingConfig,
    pub filters: FilterConfig,
    pub budgets: BudgetsConfig,
    pub cache: Option<CacheConfig>,
    pub store: StoreConfig,
    pub observe: ObserveConfig,
    pub affinity: AffinityConfig,
    /// Whether a deployment has a `silent_model`.
    pub mirrors: bool,
    pub retry: RetryConfig,
    pub fallback: FallbackConfig,
    pub cooldown: CooldownConfig,
    pub timeouts: TimeoutConfig,
    pub params: ParamsConfig,
    pub transport: TransportConfig,
    /// `llmrouter_settings.worker_threads`.
    pub worker_threads: usize,
    /// `llmrouter_settings.error_rules`: asked before the built-in ones.
    pub error_rules: Vec<ErrorRule>,
    /// What happens to single requests is logged: `set_verbose`, `debug_level`, `LITELLM_LOG`.
    pub verbose: bool,
    /// Model group aliases, already led to the group that answers (see [`AliasTarget`]).
    pub aliases: BTreeMap<String, Alias>,
    /// Values for `os.environ/` references and provider keys: `environment_variables`, then the process.
    pub environment: Environment,
    /// The sections as they were read, checked and normalised: settings that are not in force yet are found here.
    pub sections: Sections,
    /// Everything that a person should know and that did not stop the load.
    pub warnings: Vec<Warning>,
}

/// One entry of `model_list`.
#[derive(Clone)]
pub struct DeploymentConfig {
    /// `model_name`: the model group it serves.
    pub group: String,
    /// LiteLLM's id: `model_info.id`, or the hash of the entry; unique.
    pub id: String,
    /// `litellm_params.model`, as written.
    pub model: String,
    pub custom_llm_provider: Option<String>,
    pub api_key: Option<Secret>,
    pub api_base: Option<String>,
    pub api_version: Option<String>,
    pub organization: Option<String>,
    pub weight: Option<f64>,
    pub rpm: Option<f64>,
    pub tpm: Option<f64>,
    /// Tokens a minute of prompts alone, and of completions alone.
    pub itpm: Option<f64>,
    pub otpm: Option<f64>,
    /// `max_parallel_requests`, else as many as `rpm` or `tpm` make sensible.
    pub max_parallel: Option<u32>,
    pub timeout: Option<Duration>,
    pub request_timeout: Option<Duration>,
    pub timeout_by_service_tier: BTreeMap<String, Duration>,
    pub stream_timeout: Option<Duration>,
    pub stream_timeout_by_service_tier: BTreeMap<String, Duration>,
    pub num_retries: Option<u32>,
    /// Its level: those of the lowest are asked first.
    pub order: Option<i64>,
    /// `blocked: true`: never a candidate.
    pub blocked: bool,
    pub cooldown_time: Option<Duration>,
    /// `model_info.allowed_fails` and `model_info.allowed_fails_policy`: before the router's.
    pub allowed_fails: Option<u32>,
    pub allowed_fails_policy: Option<ByClass>,
    /// Sent with every call. Values may carry credentials, hence the type.
    pub extra_headers: Vec<(String, Secret)>,
    pub tls: TlsConfig,
    pub mock: Option<MockConfig>,
    /// Parameters that go to the provider as they are (`temperature`, …), `extra_body` merged in.
    pub params: Vec<(String, Value)>,
    /// The checked `litellm_params`, those that are not in force yet included.
    pub settings: Settings,
    /// The checked `model_info`.
    pub info: Settings,
    /// Where the entry stands, such as `model_list[2]`.
    pub path: String,
    pub line: usize,
}

/// The checked settings of each section; a `router_settings` name at top level is among the router's.
#[derive(Clone, Default)]
pub struct Sections {
    pub router: Settings,
    pub litellm: Settings,
    pub llmrouter: Settings,
}

/// A deployment that answers without a network: `mock_response`, `mock_error`, `mock_tool_calls`, `mock_timeout`,
/// `mock_delay_ms` (or `mock_delay`, in seconds).
#[derive(Clone, Debug, Default)]
pub struct MockConfig {
    /// Text, a whole response object, or one of LiteLLM's `litellm.<Class>` strings.
    pub response: Option<Value>,
    /// A LiteLLM class name (`RateLimitError`), a status (`503`), or `{status, message, retry_after}`.
    pub error: Option<Value>,
    /// A list of tool calls that the answer makes.
    pub tool_calls: Option<Value>,
    /// Nothing comes before the time is out.
    pub timeout: bool,
    pub delay: Duration,
}

#[derive(Clone, Debug)]
pub struct RoutingConfig {
    /// Of every group that `groups` does not name.
    pub strategy: StrategyConfig,
    pub groups: Vec<RoutingGroup>,
    /// `llmrouter_settings.on_exhausted: wait`: a call waits for the first deployment that returns.
    pub wait_when_exhausted: bool,
    /// `default_priority`: of calls that name none; a call with a priority waits, too.
    pub default_priority: Option<i64>,
    /// Deployments are held to their `rpm` and `tpm` whatever the strategy: `enable_pre_call_checks`, or
    /// `enforce_model_rate_limits` among the `optional_pre_call_checks`.
    pub enforce_limits: bool,
    /// `default_max_parallel_requests`: for deployments whose limits say nothing of it.
    pub max_parallel: Option<u32>,
}

/// Who may answer a request at all.
#[derive(Clone, Debug, Default)]
pub struct FilterConfig {
    /// `enable_tag_filtering`.
    pub tags: bool,
    /// Whether a deployment says so of its own group.
    pub has_tags: bool,
    /// `tag_filtering_match_any`: one shared tag is enough. Default true.
    pub match_any: bool,
    /// `enable_pre_call_checks`.
    pub pre_call_checks: bool,
}

/// Which calls go back to who answered before: names of `optional_pre_call_checks`.
#[derive(Clone, Debug, Default)]
pub struct AffinityConfig {
    /// `session_affinity`: those of a session.
    pub sessions: bool,
    /// `deployment_affinity`: those of a tenant.
    pub tenants: bool,
    /// `prompt_caching`: those with the same cached beginning.
    pub prompts: bool,
    /// `responses_api_deployment_check`: those that follow on a stored response.
    pub responses: bool,
    /// `deployment_affinity_ttl_seconds`: for sessions and tenants. Default 3600 s.
    pub ttl: Duration,
}

impl AffinityConfig {
    pub fn any(&self) -> bool {
        self.sessions || self.tenants || self.prompts || self.responses
    }
}

/// What may be spent.
#[derive(Clone, Debug, Default)]
pub struct BudgetsConfig {
    /// `provider_budget_config`, by provider.
    pub providers: BTreeMap<String, BudgetConfig>,
    /// `max_budget` and `budget_duration` of `litellm_params`, by deployment id.
    pub deployments: BTreeMap<String, BudgetConfig>,
    /// `litellm_settings.tag_budget_config`, by tag.
    pub tags: BTreeMap<String, BudgetConfig>,
}

/// So many dollars in so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetConfig {
    pub limit: f64,
    pub period: Duration,
}

/// A strategy and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct StrategyConfig {
    /// LiteLLM's name; `simple-shuffle` unless set.
    pub name: String,
    /// How long a measured time counts. Default 3600 s.
    pub ttl: Duration,
    /// `lowest_latency_buffer`: how much slower than the fastest is as good, as a share. Default 0.
    pub buffer: f64,
    /// `max_latency_list_size`: how many measured times count. Default 10.
    pub size: usize,
    /// Of the measured times, and of those to the first content of streams; the mean unless set.
    pub latency_percentile: Option<f64>,
    pub ttft_percentile: Option<f64>,
}

/// One of `routing_groups`: groups that answer under one more name, by a strategy of their own.
#[derive(Clone, Debug)]
pub struct RoutingGroup {
    pub name: String,
    pub models: Vec<String>,
    pub strategy: StrategyConfig,
    /// `routing_strategy: priority`: the level of each model, the lowest first.
    pub priorities: Option<BTreeMap<String, i64>>,
}

impl RoutingConfig {
    /// The strategy of a model group.
    pub fn of_group(&self, name: &str) -> &StrategyConfig {
        let own = self.groups.iter().find(|group| {
            group.name == name || (group.priorities.is_none() && group.models.iter().any(|model| model == name))
        });
        own.map_or(&self.strategy, |group| &group.strategy)
    }
}

#[derive(Clone, Debug)]
pub struct RetryConfig {
    /// Extra attempts after the first, in each model group. Default 2.
    pub num_retries: u32,
    /// The least wait before the same deployment is tried again. Default 0.
    pub retry_after: Duration,
    /// `retry_policy`.
    pub policy: Option<ByClass>,
    /// `model_group_retry_policy`: a group's policy stands in the place of the router's, whole.
    pub group_policies: BTreeMap<String, ByClass>,
    /// `num_retries_per_request`: attempts after a call's first, in all groups together.
    pub per_request: Option<u32>,
    pub backoff: BackoffConfig,
}

/// `llmrouter_settings.backoff`: the waits before the same deployment is tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackoffConfig {
    /// The first wait, doubled with every further one. Default 0.5 s.
    pub initial: Duration,
    /// Default 8 s.
    pub max: Duration,
    /// At most this much is added at random. Default 0.75 s.
    pub jitter: Duration,
}

#[derive(Clone, Debug)]
pub struct FallbackConfig {
    /// Group (or `*`) to the groups that answer in its stead, in order.
    pub generic: Lists,
    /// The lists for prompts that are too long; `None` leaves those to `generic`.
    pub context_window: Option<Lists>,
    /// The lists for what a content policy refused; `None` leaves those to `generic`.
    pub content_policy: Option<Lists>,
    /// `enable_weighted_failover`: the rest of a group before any other group.
    pub within_group: bool,
    /// `llmrouter_settings.mid_stream_fallback: continue`: somebody else goes on with a stream that breaks.
    pub continue_mid_stream: bool,
    /// How many groups a call may visit after the first. Default 5.
    pub max_fallbacks: usize,
}

#[derive(Clone, Debug)]
pub struct CooldownConfig {
    pub disabled: bool,
    /// `router_settings.cooldown_time`. Default 5 s; zero turns cooldowns off.
    pub time: Duration,
    /// Failures before a deployment cools down; `None` leaves it to the share of failures.
    pub allowed_fails: Option<u32>,
    /// `allowed_fails_policy`.
    pub policy: Option<ByClass>,
    /// `llmrouter_settings.max_cooldown`: the longest a `Retry-After` may bench a deployment. Default 86,400 s.
    pub max: Duration,
}

#[derive(Clone, Debug)]
pub struct TimeoutConfig {
    /// `litellm_settings.request_timeout` or the variable `REQUEST_TIMEOUT`, if set explicitly.
    pub request_timeout: Option<Duration>,
    /// `router_settings.timeout`.
    pub timeout: Option<Duration>,
    /// `router_settings.default_litellm_params`, where nothing nearer says it.
    pub default: Option<Duration>,
    /// `llmrouter_settings.connect_timeout`. Default 5 s.
    pub connect: Duration,
    /// `router_settings.stream_timeout`: until the first content of a stream.
    pub stream_timeout: Option<Duration>,
    /// `llmrouter_settings.idle_timeout`: without a byte in a stream.
    pub idle: Option<Duration>,
    /// `llmrouter_settings.deadline`: for a whole call.
    pub deadline: Option<Duration>,
}

/// What may be done to a request's parameters, for every deployment: the switches of `litellm_settings`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParamsConfig {
    /// `drop_params`, or the variable `LITELLM_DROP_PARAMS`.
    pub drop: bool,
    /// `modify_params`, or the variable `LITELLM_MODIFY_PARAMS`.
    pub modify: bool,
}

/// What every connection shares.
#[derive(Clone, Default)]
pub struct TransportConfig {
    pub https_proxy: Option<String>,
    pub http_proxy: Option<String>,
    pub no_proxy: Option<String>,
    /// `SSL_CERT_FILE`, if set: replaces the system's roots.
    pub ssl_cert_file: Option<String>,
}

/// A proxy's address may carry a password, so only whether there is one is shown.
impl fmt::Debug for TransportConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportConfig")
            .field("https_proxy", &self.https_proxy.is_some())
            .field("http_proxy", &self.http_proxy.is_some())
            .field("no_proxy", &self.no_proxy)
            .field("ssl_cert_file", &self.ssl_cert_file)
            .finish()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub target: AliasTarget,
    /// A hidden alias answers but is not listed.
    pub hidden: bool,
}

/// Where an alias ends, after chains were followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AliasTarget {
    /// A group that exists, or a name that a wildcard group takes.
    Group(String),
    /// The missing group that it names; a call through the alias is a bad request.
    Missing(String),
}
