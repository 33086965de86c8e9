//! OpenTelemetry: traces over HTTP, by the standard's variables and LiteLLM's.

use std::fmt;
use std::time::Duration;

use crate::config::report::Report;
use crate::config::secret::Secret;
use crate::config::settings::Settings;

use super::variables::Variables;
use super::{Sources, endpoint, langfuse, pairs};

/// The standard's, for a collector on this machine.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318/v1/traces";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_SERVICE: &str = "llmrouter";
const TRACES: &str = "/v1/traces";
/// Where a header or the address of a collector may be set, the first of them first.
const HEADERS: [&str; 3] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_HEADERS"];
const ENDPOINTS: [&str; 4] =
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_ENDPOINT"];
const PROTOCOLS: [&str; 4] =
    ["OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER"];
const OVER_HTTP: [&str; 5] = ["otlp", "otlp_http", "http", "http/protobuf", "http/json"];

/// The callback `otel`.
#[derive(Clone, PartialEq)]
pub struct OtelConfig {
    /// The whole address of the traces: `http://localhost:4318/v1/traces`.
    pub endpoint: String,
    /// Mostly credentials, hence the type.
    pub headers: Vec<(String, Secret)>,
    pub service_name: String,
    /// Without `service.name`.
    pub resource_attributes: Vec<(String, String)>,
    /// Of one delivery.
    pub timeout: Duration,
    /// Prompts and answers are attributes of the spans: only with `llmrouter_settings.log_content`, and unless this
    /// callback's own `message_logging` is false.
    pub message_logging: bool,
}

impl fmt::Debug for OtelConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtelConfig")
            .field("endpoint", &endpoint::origin(&self.endpoint))
            .field("headers", &self.headers)
            .field("service_name", &self.service_name)
            .field("resource_attributes", &self.resource_attributes)
            .field("timeout", &self.timeout)
            .field("message_logging", &self.message_logging)
            .finish()
    }
}

pub fn read(name: &str, own: &Settings, sources: &Sources, report: &mut Report) -> Result<OtelConfig, String> {
    let variables = &sources.variables;
    if variables.flag("OTEL_SDK_DISABLED")? == Some(true) {
        return Err("OTEL_SDK_DISABLED is true".to_owned());
    }
    check_protocol(variables)?;
    let headers = match variables.first(&HEADERS) {
        Some((variable, text)) => {
            pairs::headers(&text, true).ok_or_else(|| format!("{variable} holds no list of headers (name=value,…)"))?
        }
        None => Vec::new(),
    };
    let attributes = variables.text("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let Some(mut attributes) = pairs::parse(&attributes, true) else {
        return Err("OTEL_RESOURCE_ATTRIBUTES holds no list of attributes (name=value,…)".to_owned());
    };
    let among = attributes.iter().find(|(name, _)| name == "service.name").map(|(_, value)| value.clone());
    attributes.retain(|(name, _)| name != "service.name");
    let may_have_messages = langfuse::may_have_messages(own);
    if own.flag("message_logging") == Some(true) && may_have_messages && !sources.log_content {
        let path = format!("{}.{name}.message_logging", super::SECTION);
        report.warn(&path, "without effect: llmrouter_settings.log_content is not in force");
    }
    Ok(OtelConfig {
        endpoint: traces(variables)?,
        headers,
        service_name: variables.text("OTEL_SERVICE_NAME").or(among).unwrap_or_else(|| DEFAULT_SERVICE.to_owned()),
        resource_attributes: attributes,
        timeout: timeout(variables)?.unwrap_or(DEFAULT_TIMEOUT),
        message_logging: sources.log_content && may_have_messages,
    })
}

/// Nobody but a collector that speaks HTTP can be told.
fn check_protocol(variables: &Variables) -> Result<(), String> {
    for name in PROTOCOLS {
        let Some(value) = variables.text(name) else { continue };
        if !OVER_HTTP.contains(&value.to_ascii_lowercase().as_str()) {
            return Err(format!("{name} asks for something else than OTLP over HTTP (http/protobuf)"));
        }
    }
    Ok(())
}

/// An address for traces alone is taken as it is; one for all signals gets the path of the traces.
fn traces(variables: &Variables) -> Result<String, String> {
    let Some((variable, text)) = variables.first(&ENDPOINTS) else { return Ok(DEFAULT_ENDPOINT.to_owned()) };
    let Some(mut url) = endpoint::parse(&text) else {
        return Err(format!("{variable} holds no address (http://host:4318; credentials belong into headers)"));
    };
    if !variable.contains("TRACES") {
        let path = url.path().trim_end_matches('/').to_owned();
        if !path.ends_with(TRACES) {
            url.set_path(&format!("{path}{TRACES}"));
        }
    }
    Ok(url.to_string())
}

fn timeout(variables: &Variables) -> Result<Option<Duration>, String> {
    match variables.time("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", 0.001)? {
        Some(time) => Ok(Some(time)),
        None => variables.time("OTEL_EXPORTER_OTLP_TIMEOUT", 0.001),
    }
}
