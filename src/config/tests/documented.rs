//! Every configuration of the documentation that this library follows loads, and means what it says.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::{environment, warnings};
use crate::config::{AliasTarget, Config, load};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/documented"))
}

fn documented(name: &str) -> Config {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    load(&text, environment).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn all_of_them_load() {
    let mut names: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 23);
    for name in names {
        let config = documented(name.to_str().unwrap());
        for warning in &config.warnings {
            assert!(warning.path.is_empty() || warning.line > 0, "{name:?}: {warning}");
        }
    }
}

#[test]
fn basic_router_setup() {
    let config = documented("basic-router-setup.yaml");
    let [azure, openai] = config.deployments.as_slice() else { panic!("two deployments") };
    assert_eq!((azure.group.as_str(), azure.model.as_str()), ("gpt-4", "azure/gpt-4"));
    assert_eq!(azure.api_key.as_ref().map(|key| key.expose()), Some("value-of-AZURE_API_KEY"));
    assert_eq!((azure.tpm, azure.rpm), (Some(100_000.0), Some(1000.0)));
    assert_eq!((openai.tpm, openai.rpm), (Some(90_000.0), Some(900.0)));
    assert_eq!((openai.path.as_str(), openai.line), ("model_list[1]", 9));
    assert_eq!(config.retry.num_retries, 3);
    assert_eq!(config.timeouts.timeout, Some(Duration::from_secs(30)));
    assert_eq!(config.timeouts.request_timeout, None);
    assert_eq!(fallbacks(&config, "gpt-4"), ["gpt-3.5-turbo"]);
    let warnings = warnings(&config);
    assert_eq!(config.routing.strategy.name, "usage-based-routing");
    assert!(
        warnings.contains("fallbacks[0].gpt-4[0] at line 21 column 15: there is no model group gpt-3.5-turbo"),
        "{warnings}"
    );
}

#[test]
fn the_flat_python_form_is_the_router_section() {
    let config = documented("basic-retries.python.yaml");
    assert_eq!(config.retry.num_retries, 3);
    assert_eq!(config.retry.retry_after, Duration::from_secs(5));
    assert!(warnings(&config).contains("no model_list"));
    let config = documented("cooldown-configuration.python.yaml");
    assert_eq!((config.cooldown.time, config.cooldown.disabled), (Duration::from_secs(120), false));
    assert_eq!(config.sections.router.count("allowed_fails"), Some(3));
}

#[test]
fn aliases_of_an_existing_group() {
    let config = documented("model-aliases.python.yaml");
    for name in ["gpt-4", "gpt4"] {
        assert_eq!(config.aliases[name].target, AliasTarget::Group("prod-gpt-4".to_owned()));
    }
    assert_eq!(warnings(&config), "");
    let nothing = documented("model-aliases.yaml");
    assert_eq!(nothing.aliases["gpt4"].target, AliasTarget::Missing("prod-gpt-4".to_owned()));
}

#[test]
fn complete_production_example() {
    let config = documented("complete-production-example.yaml");
    assert_eq!(config.deployments.len(), 5);
    // Its aliases name a group that it does not have; the group of the first alias's own name answers both.
    for name in ["gpt-4", "gpt4"] {
        assert_eq!(config.aliases[name].target, AliasTarget::Group("gpt-4".to_owned()), "{name}");
    }
    assert_eq!(fallbacks(&config, "gpt-4"), ["gpt-3.5-turbo", "claude-2"]);
    assert_eq!(config.timeouts.request_timeout, Some(Duration::from_secs(300)));
    assert_eq!(config.timeouts.timeout, Some(Duration::from_secs(30)));
    assert_eq!(config.cooldown.time, Duration::from_secs(120));
    assert_eq!(config.deployments[0].api_version.as_deref(), Some("2024-02-01"));
    assert_eq!(config.deployments[0].info.number("input_cost_per_token"), Some(0.00003));
    let warnings = warnings(&config);
    for part in [
        "router_settings.timeout at line 65 column 3: overridden by litellm_settings.request_timeout",
        "model_group_alias.gpt4 at line 61 column 5: there is no model group prod-gpt-4; gpt-4 answers",
        "litellm_settings.success_callback[0] at line 90 column 22: langfuse is off: LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY are not set",
        "litellm_settings.failure_callback[0] at line 91 column 22: sentry is off: SENTRY_DSN is not set",
    ] {
        assert!(warnings.contains(part), "{part}\n{warnings}");
    }
    assert!(!warnings.contains("input_cost_per_token"), "{warnings}");
    assert!(!warnings.contains("set_verbose"));
    let names: Vec<_> = config.observe.sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!((names.as_slice(), config.observe.metrics.is_on), (&["prometheus"][..], true));
    let off: Vec<_> = config.observe.off.iter().map(|off| off.name.as_str()).collect();
    assert_eq!(off, ["langfuse", "sentry"]);
}

fn fallbacks<'a>(config: &'a Config, group: &str) -> Vec<&'a str> {
    config.fallback.generic.get(group).unwrap().iter().map(|target| target.group.as_str()).collect()
}
