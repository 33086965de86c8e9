//! What is told of calls, and to whom: callbacks by name, their settings, and the metrics.
//!
//! A callback that can't work (its keys are missing, a variable is no number) is off with a warning, so that a file loads
//! wherever it is read; what is wrong in the file itself is an error.

mod callbacks;
mod endpoint;
mod file;
mod langfuse;
mod metrics;
mod names;
mod otel;
mod pairs;
mod sentry;
mod settings;
mod variables;
mod webhook;

use std::time::Duration;

use serde_json::Value;

pub use file::FileConfig;
pub use langfuse::LangfuseConfig;
pub use metrics::{MetricsConfig, MetricsGroup, metric_label};
#[cfg(test)]
pub use names::PAYLOAD;
pub use otel::OtelConfig;
pub use sentry::SentryConfig;
pub use webhook::{WebhookConfig, WebhookFormat};

use super::env::Environment;
use super::report::{Report, shown};
use super::sections::Read;
use super::settings::Settings;
use callbacks::Named;
use settings::CallbackSettings;
use variables::Variables;

/// How often a callback's batch is sent before it is lost, and the wait behind the first try, unless its settings say
/// otherwise.
pub const TRIES: u32 = 5;
pub const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The section of the callbacks' own settings.
pub const SECTION: &str = "callback_settings";

/// What is told of calls, and to whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObserveConfig {
    /// `llmrouter_settings.log_content`: prompts and answers go to listener, webhook, file and otel too. False where
    /// `litellm_settings.turn_off_message_logging` is true.
    pub log_content: bool,
    /// `litellm_settings.redact_user_api_key_info`: members of the metadata that begin with `user_api_key` are told to
    /// nobody.
    pub redact_user_api_key_info: bool,
    /// `litellm_settings.standard_logging_payload_excluded_fields`: members that no payload has.
    pub excluded_fields: Vec<String>,
    /// `litellm_settings.global_disable_no_log_param`: a request's `no-log` is not heeded.
    pub ignores_no_log: bool,
    pub metrics: MetricsConfig,
    /// In file order, one for each callback that works; no two have the same kind.
    pub sinks: Vec<SinkConfig>,
    /// Callbacks that were named and are off, and why; for the snapshot.
    pub off: Vec<CallbackOff>,
}

/// A callback that works.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkConfig {
    /// As the file writes it: `langfuse`, or the writer's own name of a webhook.
    pub name: String,
    /// Told of calls that succeeded, and of those that failed. At least one is true.
    pub on_success: bool,
    pub on_failure: bool,
    pub kind: SinkKind,
}

/// Who is told.
#[derive(Clone, Debug, PartialEq)]
pub enum SinkKind {
    /// Its settings are [`ObserveConfig::metrics`].
    Prometheus,
    Langfuse(LangfuseConfig),
    Sentry(SentryConfig),
    Otel(OtelConfig),
    Webhook(WebhookConfig),
    File(FileConfig),
}

/// A callback that was named and tells nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackOff {
    pub name: String,
    /// Such as "SENTRY_DSN is not set".
    pub why: String,
}

/// What the makers of sinks read.
struct Sources<'a> {
    litellm: &'a Settings,
    variables: Variables<'a>,
    log_content: bool,
    /// `litellm_settings.turn_off_message_logging`, or they are among the excluded fields.
    no_messages: bool,
}

/// `settings` is the section [`SECTION`] as it was written, references and all.
pub fn read(read: &Read, settings: Option<Value>, environment: &Environment, report: &mut Report) -> ObserveConfig {
    let (litellm, own) = (&read.sections.litellm, &read.sections.llmrouter);
    let no_messages = litellm.flag("turn_off_message_logging") == Some(true);
    let excluded_fields = excluded(litellm, report);
    let wanted = own.flag("log_content") == Some(true);
    if wanted && no_messages {
        report.warn("llmrouter_settings.log_content", "overridden by litellm_settings.turn_off_message_logging");
    }
    let log_content = wanted && !no_messages;
    let named = callbacks::named(litellm, report);
    let settings = CallbackSettings::read(settings, &named, environment, report);
    // What may not be in a payload is in no trace either.
    let no_messages =
        no_messages || excluded_fields.iter().any(|name| matches!(name.as_str(), "messages" | "response"));
    let sources =
        Sources { litellm, variables: Variables(environment), log_content: log_content && !no_messages, no_messages };
    let (mut sinks, mut off) = (Vec::new(), Vec::new());
    for callback in &named {
        match sink(callback, &settings, &sources, report) {
            Ok(sink) => add(sink, callback, &mut sinks, report),
            Err(why) => off.push(CallbackOff { name: callback.name.clone(), why }),
        }
    }
    let has_prometheus = sinks.iter().any(|sink| sink.kind == SinkKind::Prometheus);
    ObserveConfig {
        log_content,
        redact_user_api_key_info: litellm.flag("redact_user_api_key_info") == Some(true),
        excluded_fields,
        ignores_no_log: litellm.flag("global_disable_no_log_param") == Some(true),
        metrics: metrics::read(litellm, own, has_prometheus, report),
        sinks,
        off,
    }
}

/// A name that no payload has is likely misspelled, and what it was meant to hide would be seen.
fn excluded(litellm: &Settings, report: &mut Report) -> Vec<String> {
    const KEY: &str = "standard_logging_payload_excluded_fields";
    let names: Vec<String> = litellm.texts(KEY).map(str::to_owned).collect();
    for (place, name) in names.iter().enumerate().filter(|(_, name)| !names::PAYLOAD.contains(&name.as_str())) {
        report.warn(&format!("litellm_settings.{KEY}[{place}]"), format!("payloads have no member \"{name}\""));
    }
    names
}

/// The sink of a callback, or why it is off, which is a warning as well.
fn sink(
    callback: &Named,
    settings: &CallbackSettings,
    sources: &Sources,
    report: &mut Report,
) -> Result<SinkConfig, String> {
    if !settings.makes_webhook(&callback.name) {
        names::check(callback, settings.has(&callback.name), report)?;
    }
    let own = settings.of(&callback.name);
    let (mut on_success, mut on_failure) = (callback.on_success, callback.on_failure);
    let needs_otlp = matches!(callback.name.as_str(), "langfuse" | "langfuse_otel" | "otel" | "opentelemetry");
    let kind = match callback.name.as_str() {
        name if settings.makes_webhook(name) => webhook::read(name, &own, sources, report).map(SinkKind::Webhook),
        _ if needs_otlp && !cfg!(feature = "otlp") => Err("this library was built without its feature otlp".to_owned()),
        "prometheus" => Ok(SinkKind::Prometheus),
        name @ ("langfuse" | "langfuse_otel") => langfuse::read(name, &own, sources).map(SinkKind::Langfuse),
        "sentry" => sentry::read(sources).map(SinkKind::Sentry),
        name @ ("otel" | "opentelemetry") => otel::read(name, &own, sources, report).map(SinkKind::Otel),
        name @ ("webhook" | "generic_api") => webhook::read(name, &own, sources, report).map(SinkKind::Webhook),
        _ => file::read(&own, report).map(SinkKind::File),
    };
    let kind = kind.and_then(|kind| {
        if matches!(kind, SinkKind::Webhook(_)) && own.get("event_types").is_some() {
            on_success &= own.texts("event_types").any(|event| event == "llm_api_success");
            on_failure &= own.texts("event_types").any(|event| event == "llm_api_failure");
        }
        let has_events = on_success || on_failure;
        has_events.then_some(kind).ok_or_else(|| "its event_types leave nothing of the lists that name it".to_owned())
    });
    match kind {
        Ok(kind) => Ok(SinkConfig { name: callback.name.clone(), on_success, on_failure, kind }),
        Err(why) => {
            report.warn(&callback.path, format!("{} is off: {why}", callback.shown()));
            Err(why)
        }
    }
}

/// Two names of one destination are one sink, so that nothing is told twice.
fn add(sink: SinkConfig, callback: &Named, sinks: &mut Vec<SinkConfig>, report: &mut Report) {
    let Some(same) = sinks.iter_mut().find(|other| other.kind == sink.kind) else {
        sinks.push(sink);
        return;
    };
    same.on_success |= sink.on_success;
    same.on_failure |= sink.on_failure;
    report.warn(
        &callback.path,
        format!("{} has the destination of {}: they are one", callback.shown(), shown(&same.name)),
    );
}
