//! Webhooks: LiteLLM's `generic_api`, by variables or by settings under a name of one's own.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::config::report::Report;
use crate::config::secret::Secret;
use crate::config::settings::Settings;

use super::{FIRST_WAIT, SECTION, Sources, TRIES, endpoint, pairs};

/// As LiteLLM's.
const DEFAULT_FLUSH_AT: usize = 512;
const DEFAULT_FLUSH_INTERVAL: Duration = Duration::from_secs(5);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const ENDPOINT: &str = "GENERIC_LOGGER_ENDPOINT";
const HEADERS: &str = "GENERIC_LOGGER_HEADERS";

/// The callbacks `webhook` and `generic_api`, and every one with `callback_type: generic_api`.
#[derive(Clone, PartialEq)]
pub struct WebhookConfig {
    /// Events are posted there.
    pub endpoint: String,
    /// Mostly credentials, hence the type. Later ones have replaced earlier ones of the same name.
    pub headers: Vec<(String, Secret)>,
    /// Of one delivery.
    pub timeout: Duration,
    pub format: WebhookFormat,
    /// So many events are sent at once, and what there is after each `flush_interval`.
    pub flush_at: usize,
    pub flush_interval: Duration,
    /// How often a delivery is tried: once more than `max_retries`.
    pub tries: u32,
    /// `retry_delay`: the wait behind the first try. Each further one is twice as long.
    pub first_wait: Duration,
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("endpoint", &endpoint::origin(&self.endpoint))
            .field("headers", &self.headers)
            .field("timeout", &self.timeout)
            .field("format", &self.format)
            .field("flush_at", &self.flush_at)
            .field("flush_interval", &self.flush_interval)
            .field("tries", &self.tries)
            .field("first_wait", &self.first_wait)
            .finish()
    }
}

/// LiteLLM's `log_format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookFormat {
    /// One request with a list of events.
    #[default]
    JsonArray,
    /// One request with an event a line.
    Ndjson,
    /// A request for each event.
    Single,
}

pub fn read(name: &str, own: &Settings, sources: &Sources, report: &mut Report) -> Result<WebhookConfig, String> {
    let endpoint = match own.text("endpoint") {
        Some(text) => match endpoint::parse(text) {
            Some(url) => url.to_string(),
            None => {
                let hint = "write http:// or https:// and a host; credentials belong into headers";
                report.error(&format!("{SECTION}.{name}.endpoint"), "no address", hint);
                return Err("no address".to_owned());
            }
        },
        None => from_variable(name, sources)?,
    };
    Ok(WebhookConfig {
        endpoint,
        headers: headers(name, own, sources, report)?,
        timeout: own.time("timeout").unwrap_or(DEFAULT_TIMEOUT),
        format: match own.text("log_format") {
            Some("ndjson") => WebhookFormat::Ndjson,
            Some("single") => WebhookFormat::Single,
            _ => WebhookFormat::JsonArray,
        },
        flush_at: own.count("batch_size").and_then(|count| usize::try_from(count).ok()).unwrap_or(DEFAULT_FLUSH_AT),
        flush_interval: own.time("flush_interval").unwrap_or(DEFAULT_FLUSH_INTERVAL),
        tries: own.count("max_retries").map_or(TRIES, |count| count.saturating_add(1)),
        first_wait: own.time("retry_delay").unwrap_or(FIRST_WAIT),
    })
}

/// The variable is of the callbacks without a name of their own.
fn from_variable(name: &str, sources: &Sources) -> Result<String, String> {
    if !super::names::KNOWN.contains(&name) {
        return Err(format!("{SECTION}.{name} has no endpoint"));
    }
    let Some(text) = sources.variables.text(ENDPOINT) else {
        return Err(format!("{ENDPOINT} is not set, and {SECTION}.{name} has no endpoint"));
    };
    let url = endpoint::parse(&text);
    url.map(String::from).ok_or_else(|| format!("{ENDPOINT} holds no address (credentials belong into headers)"))
}

/// The variable's, `generic_logger_headers`, then the callback's own: the later one of a name wins. What the variable
/// holds is meant for the callbacks without a name of their own, and goes to no other server.
fn headers(
    name: &str,
    own: &Settings,
    sources: &Sources,
    report: &mut Report,
) -> Result<Vec<(String, Secret)>, String> {
    let is_plain = super::names::KNOWN.contains(&name);
    let text = sources.variables.text(HEADERS).filter(|_| is_plain).unwrap_or_default();
    let mut headers =
        pairs::headers(&text, false).ok_or_else(|| format!("{HEADERS} holds no list of headers (name=value,…)"))?;
    let of_all = ("litellm_settings.generic_logger_headers".to_owned(), sources.litellm.get("generic_logger_headers"));
    for (path, written) in [of_all, (format!("{SECTION}.{name}.headers"), own.get("headers"))] {
        for (name, value) in written.and_then(Value::as_object).into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            if pairs::is_header(name, value) {
                pairs::put(&mut headers, name.clone(), Secret::new(value));
            } else {
                report.error(&format!("{path}.{name}"), "no header that can be sent", "");
            }
        }
    }
    Ok(headers)
}
