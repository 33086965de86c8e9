//! Callbacks, their variables and settings, and the metrics.

mod metrics;
mod names;
mod vendors;
mod webhooks;

use super::warnings;
use crate::config::{Config, SinkConfig, SinkKind, load};

/// Loads a text under `model_list: []` with these variables.
fn with(text: &str, variables: &[(&str, &str)]) -> Config {
    match try_with(text, variables) {
        Ok(config) => config,
        Err(message) => panic!("{message}\n---\n{text}"),
    }
}

fn try_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let lookup =
        move |wanted: &str| variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.to_owned());
    load(&format!("model_list: []\n{text}"), lookup).map_err(|error| error.message)
}

/// All warnings but the one of the missing deployments.
fn told(config: &Config) -> Vec<String> {
    warnings(config).lines().filter(|line| !line.contains("no model_list")).map(str::to_owned).collect()
}

fn only(config: &Config) -> &SinkKind {
    let [SinkConfig { kind, .. }] = config.observe.sinks.as_slice() else { panic!("one sink: {:?}", config.observe) };
    kind
}

const LANGFUSE: &str = "litellm_settings: {callbacks: langfuse}";
const SENTRY: &str = "litellm_settings: {callbacks: sentry}";
const OTEL: &str = "litellm_settings: {callbacks: otel}";
const KEYS: [(&str, &str); 2] = [("LANGFUSE_PUBLIC_KEY", "pk-lf-1"), ("LANGFUSE_SECRET_KEY", "sk-lf-canary")];

/// The callback must be off, and its warning must say this.
fn off(text: &str, variables: &[(&str, &str)], message: &str) {
    let config = with(text, variables);
    assert!(config.observe.sinks.is_empty(), "{:?}", config.observe.sinks);
    let told = told(&config);
    assert!(told.len() == 1 && told[0].contains(message), "{told:?} lacks {message}");
    assert!(told[0].contains(" at line 2 column "), "{told:?}");
    let [off] = config.observe.off.as_slice() else { panic!("{:?}", config.observe.off) };
    assert!(told[0].contains(&format!("{} is off: {}", off.name, off.why)), "{told:?} {off:?}");
}
