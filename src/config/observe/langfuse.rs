//! Langfuse: whom, as whom, how much and how often.

use std::time::Duration;

use crate::config::secret::Secret;
use crate::config::settings::Settings;

use super::{Sources, endpoint};

const DEFAULT_HOST: &str = "https://cloud.langfuse.com";
/// `langfuse_otel` has another one in LiteLLM.
const DEFAULT_OTEL_HOST: &str = "https://us.cloud.langfuse.com";
/// As LiteLLM's.
const DEFAULT_FLUSH_AT: usize = 512;
const DEFAULT_FLUSH_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);
const MOST_AT_ONCE: u64 = crate::config::keys::MOST_EVENTS_AT_ONCE;
/// What the server takes for the name of an environment.
const LONGEST_ENVIRONMENT: usize = 40;

/// The callbacks `langfuse` and `langfuse_otel`.
#[derive(Clone, Debug, PartialEq)]
pub struct LangfuseConfig {
    /// With scheme, without a slash at its end: `https://cloud.langfuse.com`.
    pub host: String,
    pub public_key: String,
    pub secret_key: Secret,
    /// `LANGFUSE_TRACING_ENVIRONMENT`; the server's own default is "default".
    pub environment: Option<String>,
    pub release: Option<String>,
    /// The share of calls that are told of, from 0 to 1.
    pub sample_rate: f64,
    /// So many observations are sent at once, and what there is after each `flush_interval`.
    pub flush_at: usize,
    pub flush_interval: Duration,
    /// Of one delivery.
    pub timeout: Duration,
    /// Prompts and answers are sent, as LiteLLM does: unless `turn_off_message_logging`, or this callback's own
    /// `message_logging: false`, says otherwise.
    pub message_logging: bool,
    /// `litellm_settings.langfuse_default_tags`: facts of a call that become tags, such as `cache_hit`.
    pub default_tags: Vec<String>,
    /// `litellm_settings.langfuse_enable_update_trace_keys`: a call that is added to a trace (`existing_trace_id`) may
    /// change what the trace's metadata key `update_trace_keys` names.
    pub update_trace_keys: bool,
}

pub fn read(name: &str, own: &Settings, sources: &Sources) -> Result<LangfuseConfig, String> {
    let variables = &sources.variables;
    if variables.flag("LANGFUSE_TRACING_ENABLED")? == Some(false) {
        return Err("LANGFUSE_TRACING_ENABLED is false".to_owned());
    }
    let [public_key, secret_key] = variables.all(["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"])?;
    let (hosts, default): (&[&'static str], _) = match name {
        "langfuse_otel" => (&["LANGFUSE_OTEL_HOST", "LANGFUSE_HOST"], DEFAULT_OTEL_HOST),
        _ => (&["LANGFUSE_HOST", "LANGFUSE_BASE_URL"], DEFAULT_HOST),
    };
    let host = match variables.first(hosts) {
        Some((variable, text)) => host(&text).ok_or_else(|| format!("{variable} holds no address of a server"))?,
        None => default.to_owned(),
    };
    let environment = variables.text("LANGFUSE_TRACING_ENVIRONMENT");
    if environment.as_deref().is_some_and(|name| !is_environment(name)) {
        let what = "LANGFUSE_TRACING_ENVIRONMENT is no name of an environment";
        return Err(format!("{what} (a-z, 0-9, - and _, at most {LONGEST_ENVIRONMENT}, not beginning with langfuse)"));
    }
    Ok(LangfuseConfig {
        host,
        public_key,
        secret_key: Secret::new(secret_key),
        environment,
        release: variables.text("LANGFUSE_RELEASE"),
        sample_rate: variables.number("LANGFUSE_SAMPLE_RATE", 0.0..=1.0)?.unwrap_or(1.0),
        flush_at: variables.count("LANGFUSE_FLUSH_AT", 1..=MOST_AT_ONCE)?.unwrap_or(DEFAULT_FLUSH_AT),
        flush_interval: variables.time("LANGFUSE_FLUSH_INTERVAL", 1.0)?.unwrap_or(DEFAULT_FLUSH_INTERVAL),
        timeout: variables.time("LANGFUSE_TIMEOUT", 1.0)?.unwrap_or(DEFAULT_TIMEOUT),
        message_logging: !sources.no_messages && may_have_messages(own),
        default_tags: sources.litellm.texts("langfuse_default_tags").map(str::to_owned).collect(),
        update_trace_keys: sources.litellm.flag("langfuse_enable_update_trace_keys") == Some(true),
    })
}

/// What a callback's own settings say of prompts and answers.
pub fn may_have_messages(own: &Settings) -> bool {
    own.flag("message_logging") != Some(false) && own.flag("turn_off_message_logging") != Some(true)
}

/// Some write the whole address of the traces, which LiteLLM makes of the host as well.
fn host(text: &str) -> Option<String> {
    let host = endpoint::host(text)?;
    let host = host.strip_suffix("/v1/traces").unwrap_or(&host);
    Some(host.strip_suffix("/api/public/otel").unwrap_or(host).to_owned())
}

fn is_environment(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    name.len() <= LONGEST_ENVIRONMENT && !name.starts_with("langfuse") && name.bytes().all(is_letter)
}
