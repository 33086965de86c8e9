//! All metrics that events count: LiteLLM's, under its names, and ours.

use super::labels::Label::{self, *};

/// How a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its name ends in `_total`, as LiteLLM's do by the time that Prometheus reads them.
    Counter,
    /// Seconds, in the configured buckets.
    Latency,
    /// Seconds, in the buckets of LiteLLM's client library.
    TokenLatency,
    /// Seconds, of which there are few.
    Overhead,
}

/// One metric.
pub struct Spec {
    pub name: &'static str,
    pub help: &'static str,
    pub kind: Kind,
    pub labels: &'static [Label],
    /// Whether it may have the label `stream`.
    pub streams: bool,
}

const fn spec(name: &'static str, kind: Kind, labels: &'static [Label], help: &'static str) -> Spec {
    Spec { name, help, kind, labels, streams: false }
}

const fn streamed(name: &'static str, kind: Kind, labels: &'static [Label], help: &'static str) -> Spec {
    Spec { name, help, kind, labels, streams: true }
}

/// Where an attempt went, and what was asked for.
const ASKED: &[Label] = &[RequestedModel, ModelGroup, LitellmModelName, ModelId, ApiBase, ApiProvider];
const FAILED: &[Label] =
    &[RequestedModel, ModelGroup, LitellmModelName, ModelId, ApiBase, ApiProvider, ExceptionStatus, ExceptionClass];
const ENDED: &[Label] = &[
    RequestedModel,
    ModelGroup,
    LitellmModelName,
    ModelId,
    ApiBase,
    ApiProvider,
    Status,
    ExceptionStatus,
    ExceptionClass,
];
pub const PLACE: &[Label] = &[ModelGroup, LitellmModelName, ModelId, ApiBase, ApiProvider];
const PHASES: &[Label] = &[ModelGroup, LitellmModelName, ModelId, ApiBase, ApiProvider, Phase];
const COOLED: &[Label] = &[LitellmModelName, ModelId, ApiBase, ApiProvider, ExceptionStatus];
const FELL_BACK: &[Label] = &[RequestedModel, FallbackModel, ExceptionStatus, ExceptionClass, ModelId];
const TIMED: &[Label] = &[ModelGroup, Model, RequestedModel, EndUser, User, ModelId, ApiProvider, ServiceTier];
const SPENT: &[Label] = &[Model, RequestedModel, EndUser, User, ModelId, ApiProvider, ServiceTier];
const CACHED: &[Label] = &[Model, EndUser, User, ModelId, ApiProvider];
const CALLED: &[Label] = &[RequestedModel, ModelGroup, Status, ExceptionStatus, ExceptionClass];

/// Names the metrics, each by its place in [`SPECS`].
macro_rules! metrics {
    ($($metric:ident: $spec:expr,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Metric { $($metric),* }

        pub const SPECS: &[Spec] = &[$($spec),*];
    };
}

metrics! {
    Requests: spec("litellm_deployment_total_requests_total", Kind::Counter, ASKED,
        "Attempts at a deployment that succeeded or failed"),
    Successes: spec("litellm_deployment_success_responses_total", Kind::Counter, ASKED,
        "Attempts at a deployment that succeeded"),
    Failures: spec("litellm_deployment_failure_responses_total", Kind::Counter, FAILED,
        "Attempts at a deployment that failed"),
    CooledDown: spec("litellm_deployment_cooled_down_total", Kind::Counter, COOLED,
        "Failures that made a deployment or its key cool down"),
    PerToken: spec("litellm_deployment_latency_per_output_token", Kind::TokenLatency, PLACE,
        "Seconds of an answer for each token of its output"),
    ApiLatency: streamed("litellm_llm_api_latency_metric", Kind::Latency, TIMED,
        "Seconds that a deployment took for an answer"),
    FirstToken: streamed("litellm_llm_api_time_to_first_token_metric", Kind::Latency, TIMED,
        "Seconds until the first content of a stream, from the beginning of the attempt"),
    CallLatency: streamed("litellm_request_total_latency_metric", Kind::Latency, TIMED,
        "Seconds of a call that succeeded, retries, fallbacks and waits included"),
    Overhead: spec("litellm_overhead_latency_metric", Kind::Latency, PLACE,
        "Seconds that the router itself took in a call that succeeded"),
    Spend: streamed("litellm_spend_metric_total", Kind::Counter, SPENT,
        "Dollars, where the price is known"),
    Tokens: streamed("litellm_total_tokens_metric_total", Kind::Counter, SPENT,
        "Tokens of prompts and answers that deployments processed"),
    InputTokens: streamed("litellm_input_tokens_metric_total", Kind::Counter, SPENT,
        "Tokens of prompts"),
    OutputTokens: streamed("litellm_output_tokens_metric_total", Kind::Counter, SPENT,
        "Tokens of answers"),
    InputCached: streamed("litellm_input_cached_tokens_metric_total", Kind::Counter, SPENT,
        "Tokens of prompts that a provider read from its cache"),
    InputCacheCreation: streamed("litellm_input_cache_creation_tokens_metric_total", Kind::Counter, SPENT,
        "Tokens of prompts that a provider wrote into its cache"),
    InputAudio: streamed("litellm_input_audio_tokens_metric_total", Kind::Counter, SPENT,
        "Tokens of sound in prompts"),
    OutputReasoning: streamed("litellm_output_reasoning_tokens_metric_total", Kind::Counter, SPENT,
        "Tokens of answers that were thoughts"),
    OutputAudio: streamed("litellm_output_audio_tokens_metric_total", Kind::Counter, SPENT,
        "Tokens of sound in answers"),
    ProviderCacheRead: spec("litellm_provider_cache_read_input_tokens_metric_total", Kind::Counter, CACHED,
        "Tokens of prompts that a provider read from its cache"),
    ProviderCacheCreation: spec("litellm_provider_cache_creation_input_tokens_metric_total", Kind::Counter, CACHED,
        "Tokens of prompts that a provider wrote into its cache"),
    CacheHits: spec("litellm_cache_hits_metric_total", Kind::Counter, CACHED,
        "Calls that the response cache answered"),
    CacheMisses: spec("litellm_cache_misses_metric_total", Kind::Counter, CACHED,
        "Calls that looked in the response cache in vain, and were answered"),
    CachedTokens: spec("litellm_cached_tokens_metric_total", Kind::Counter, CACHED,
        "Tokens of prompts and answers that the response cache gave"),
    FallbackSuccesses: spec("litellm_deployment_successful_fallbacks_total", Kind::Counter, FELL_BACK,
        "Fallbacks to a group that answered"),
    FallbackFailures: spec("litellm_deployment_failed_fallbacks_total", Kind::Counter, FELL_BACK,
        "Fallbacks to a group that did not answer"),
    Calls: streamed("llmrouter_calls_total", Kind::Counter, CALLED,
        "Calls that ended: success, failure or cancelled"),
    Attempts: streamed("llmrouter_attempts_total", Kind::Counter, ENDED,
        "Attempts that ended: success, failure or cancelled"),
    Fallbacks: spec("llmrouter_fallbacks_total", Kind::Counter, &[RequestedModel, FallbackModel, Status],
        "Fallbacks to another group, by how they ended"),
    PhaseSeconds: spec("llmrouter_attempt_phase_seconds_total", Kind::Counter, PHASES,
        "Seconds of all attempts in each phase: resolve, connect, headers, first_content, stream"),
    Unpriced: spec("llmrouter_unpriced_attempts_total", Kind::Counter, ASKED,
        "Attempts that succeeded and whose price is not known, so that they are no part of the spend"),
    OwnFirstToken: spec("llmrouter_time_to_first_token_seconds", Kind::Latency, &[ModelGroup],
        "Seconds until the first content of a stream, from the beginning of the call"),
    OwnOverhead: spec("llmrouter_overhead_seconds", Kind::Overhead, &[ModelGroup],
        "Seconds that the router itself took in a call, waits excluded"),
}

#[cfg(test)]
impl Metric {
    pub fn spec(self) -> &'static Spec {
        // The enumeration and the table are one list.
        &SPECS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_metric_is() {
        let mut names: Vec<_> = SPECS.iter().map(|spec| spec.name).collect();
        assert!(SPECS.iter().all(|spec| spec.name.ends_with("_total") == (spec.kind == Kind::Counter)));
        assert!(names.iter().all(|name| name.starts_with("litellm_") || name.starts_with("llmrouter_")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SPECS.len());
        assert_eq!(Metric::OwnOverhead.spec().name, "llmrouter_overhead_seconds");
    }
}
