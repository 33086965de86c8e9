//! The names of callbacks: those that work, and those that only LiteLLM has.

use crate::config::report::{Report, shown};
use crate::config::suggest;

use super::callbacks::Named;

/// Every callback of this library.
pub const KNOWN: [&str; 9] = [
    "langfuse",
    "langfuse_otel",
    "prometheus",
    "sentry",
    "otel",
    "opentelemetry",
    "webhook",
    "generic_api",
    "json_file",
];

/// The members of a payload, in its order.
#[rustfmt::skip]
pub const PAYLOAD: &[&str] = &[
    "event", "level", "id", "call_id", "litellm_call_id",
    "trace_id", "session_id", "call_type", "stream", "status",
    "status_fields", "custom_llm_provider", "model", "requested_model", "model_id",
    "model_group", "deployment", "api_base", "attempt", "attempts",
    "fallbacks", "fallback_chain", "startTime", "endTime", "completionStartTime",
    "response_time", "phases", "overhead_ms", "ttft_ms", "prompt_tokens",
    "completion_tokens", "total_tokens", "usage_estimated", "response_cost", "saved_cache_cost",
    "cost_breakdown", "response_cost_failure_debug_info", "cache_hit", "cache_key", "request_tags",
    "end_user", "requester_ip_address", "user_agent", "messages", "response",
    "error_str", "error_information", "model_parameters", "dropped_params", "hidden_params",
    "model_map_information", "metadata", "guardrail_information",
];

/// LiteLLM's others.
const ELSEWHERE: &[&str] = &[
    "agentops",
    "anthropic_cache_control_hook",
    "argilla",
    "arize",
    "arize_phoenix",
    "athina",
    "aws_sqs",
    "azure_sentinel",
    "azure_storage",
    "bitbucket",
    "braintrust",
    "clickhouse",
    "cloudzero",
    "compression_interception",
    "datadog",
    "datadog_cost_management",
    "datadog_llm_observability",
    "datadog_metrics",
    "deepeval",
    "dotprompt",
    "dynamic_rate_limiter",
    "dynamic_rate_limiter_v3",
    "dynamodb",
    "email",
    "focus",
    "galileo",
    "gcs_bucket",
    "gcs_pubsub",
    "gitlab",
    "greenscale",
    "helicone",
    "humanloop",
    "lago",
    "langsmith",
    "langtrace",
    "levo",
    "litellm_agent",
    "literalai",
    "logfire",
    "lunary",
    "mavvrik",
    "mlflow",
    "newrelic",
    "openmeter",
    "opik",
    "pagerduty",
    "pointfive",
    "posthog",
    "prometheus_system",
    "promptlayer",
    "qualifire_eval",
    "ramp",
    "resend_email",
    "rubrik",
    "s3",
    "s3_v2",
    "sendgrid_email",
    "signoz",
    "slack",
    "smtp_email",
    "sqs",
    "sumologic",
    "supabase",
    "traceloop",
    "vantage",
    "vector_store_pre_call_hook",
    "wandb",
    "weave_otel",
    "zerobus",
];

/// How far a word may lie from a name and still be called a misspelling of it.
const REACH: usize = 2;

const NOT_HERE: &str = "not part of this library; a webhook or the event listener can feed it";

/// Why nobody is called by this name, with a warning; nothing if somebody is.
pub fn check(callback: &Named, has_settings: bool, report: &mut Report) -> Result<(), String> {
    let name = callback.name.as_str();
    if KNOWN.contains(&name) {
        return Ok(());
    }
    let why = if is_elsewhere(name) {
        report.warn(&callback.path, format!("{} is off: {NOT_HERE}", callback.shown()));
        NOT_HERE
    } else {
        let mut message = unknown(name);
        if has_settings {
            message.push_str("; with callback_type: generic_api its callback_settings would make it a webhook");
        }
        report.warn(&callback.path, message);
        "unknown name"
    };
    Err(why.to_owned())
}

/// A name in one of the lists that call nobody.
pub fn check_idle(name: &str, path: &str, report: &mut Report) {
    if !KNOWN.contains(&name) && !is_elsewhere(name) {
        report.warn(path, unknown(name));
    }
}

/// LiteLLM has it, or it is the path of a Python object.
fn is_elsewhere(name: &str) -> bool {
    ELSEWHERE.contains(&name) || name.contains('.')
}

fn unknown(name: &str) -> String {
    let hint = suggest::hint(&suggest::nearest(name, KNOWN.into_iter(), REACH));
    let space = if hint.is_empty() { "" } else { " " };
    format!("unknown callback {}, ignored;{space}{hint} known are {}", shown(name), KNOWN.join(", "))
}
