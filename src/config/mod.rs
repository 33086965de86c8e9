//! A LiteLLM configuration, YAML or JSON, to a [`Config`]: immutable, validated, with every name resolved.
//!
//! `text → tree (yaml, include) → references replaced (env) → checked by the tables (keys, section) →
//! settings (resolve), deployments, aliases, fallbacks`. Whatever is wrong on the way is collected with path, line and column (report).

mod alias;
mod budgets;
mod cache;
mod defaults;
mod deployment;
mod env;
mod error_rules;
mod fallback;
mod filters;
mod groups;
mod identity;
mod include;
mod keys;
mod logging;
mod model;
mod observe;
mod policies;
mod position;
mod python;
mod redis;
mod report;
mod resolve;
mod routing;
mod scalar;
mod secret;
mod section;
mod sections;
mod settings;
mod store;
mod suggest;
mod tls;
mod warning;
mod yaml;

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::Value;

pub use cache::CacheConfig;
pub use env::Environment;
pub use error_rules::{ERROR_CLASSES, ERROR_SCOPES, ErrorRule, Phrase};
pub use model::*;
#[cfg(test)]
pub use observe::PAYLOAD;
pub use observe::{
    CallbackOff, FIRST_WAIT, FileConfig, LangfuseConfig, MetricsConfig, MetricsGroup, ObserveConfig, OtelConfig,
    SentryConfig, SinkConfig, SinkKind, TRIES, WebhookConfig, WebhookFormat, metric_label,
};
pub use python::str as python_repr;
pub use redis::{RedisAddress, RedisConfig, RedisNodes, RedisTls};
pub use secret::Secret;
pub use settings::Settings;
pub use store::{Engine, OnFailure, SharedLimits, StoreConfig};
pub use tls::TlsConfig;
pub use warning::{ConfigError, Warning};

use groups::Groups;
use include::Source;
use report::Report;
use sections::Read;

/// Loads a configuration from its text; `os.environ/` references see the process's environment.
pub fn load_text(text: &str) -> Result<Config, ConfigError> {
    load(text, process_variable)
}

/// Loads a file and the files that it includes, whose paths are relative to it.
pub fn load_file(path: &Path) -> Result<Config, ConfigError> {
    build(Source::of_file(path)?, process_variable)
}

/// Loads a text with an environment of the caller's choice in place of the process's.
pub fn load(
    text: &str,
    process: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Result<Config, ConfigError> {
    build(Source::of_text(text)?, process)
}

/// A variable that is not UTF-8 is as good as none.
fn process_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn build(
    source: Source,
    process: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Result<Config, ConfigError> {
    let Source { mut tree, positions } = source;
    let mut report = Report::new(positions);
    let variables = tree.shift_remove(env::SECTION);
    let environment = Environment::new(variables.as_ref(), process, &mut report);
    let callback_settings = tree.shift_remove(observe::SECTION);
    environment.substitute(&keys::TOP, &mut tree, "", &mut report);
    let written = list(tree.get("model_list"));
    let mut top = section::check(&keys::TOP, Value::Object(tree), "", &mut report);
    let read = Read::of(&mut top, &mut report);
    if written.is_empty() {
        report.warn("", "no model_list: every call will be a bad request");
    }

    let checked = list(top.get("model_list"));
    let defaults = defaults::read(&read, &mut report);
    let deployments = deployment::read(&checked, &written, &defaults, &read.sections.litellm, &mut report);
    let groups = Groups::of(&deployments, routing::names(&read));
    let aliases = alias::resolve(&read, &groups, &mut report);
    let fallback = fallback::resolve(&read, &environment, &groups, &aliases, &mut report);
    let routing = routing::read(&read, &groups, &mut report);
    let filters = filters::read(&read, &deployments, &mut report);
    let budgets = budgets::read(&read, &deployments, &mut report);
    let retry = resolve::retry(&read, &groups, &aliases, &mut report);
    let cooldown = resolve::cooldown(&read, &mut report);
    let timeouts = resolve::timeouts(&read, &environment, &mut report);
    let params = resolve::params(&read, &environment, &mut report);
    let cache = cache::read(&read, &environment, &mut report);
    let store = store::read(&read, &environment, &mut report);
    let observe = observe::read(&read, callback_settings, &environment, &mut report);
    let error_rules = error_rules::read(&read, &mut report);
    let verbose = logging::is_verbose(&read, &environment, &mut report);
    report.check()?;
    Ok(Config {
        routing,
        filters,
        budgets,
        cache,
        store,
        observe,
        affinity: filters::affinity(&read),
        mirrors: deployments.iter().any(|deployment| deployment.settings.get("silent_model").is_some()),
        retry,
        fallback,
        cooldown,
        timeouts,
        params,
        transport: resolve::transport(&environment),
        worker_threads: resolve::worker_threads(&read),
        error_rules,
        verbose,
        aliases,
        environment,
        sections: read.sections,
        warnings: report.into_warnings(),
        deployments,
    })
}

fn list(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}
