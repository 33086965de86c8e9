//! From sections to settings: defaults, and which of two settings wins.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::env::Environment;
use super::groups::Groups;
use super::model::{Alias, BackoffConfig, CooldownConfig, ParamsConfig, RetryConfig, TimeoutConfig, TransportConfig};
use super::policies;
use super::report::Report;
use super::scalar;
use super::sections::Read;
use super::settings::Settings;

const DEFAULT_RETRIES: u32 = 2;
const DEFAULT_COOLDOWN: Duration = Duration::from_secs(5);
const DEFAULT_MAX_COOLDOWN: Duration = Duration::from_secs(86_400);
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const DEFAULT_WORKER_THREADS: usize = 2;

pub fn retry(read: &Read, groups: &Groups, aliases: &BTreeMap<String, Alias>, report: &mut Report) -> RetryConfig {
    let num_retries = read.decide("num_retries", |section| section.count("num_retries"), report);
    let (policy, group_policies) = policies::retry(read, groups, aliases, report);
    RetryConfig {
        num_retries: num_retries.unwrap_or(DEFAULT_RETRIES),
        retry_after: read.sections.router.time("retry_after").unwrap_or_default(),
        policy,
        group_policies,
        per_request: read.sections.litellm.count("num_retries_per_request"),
        backoff: backoff(&read.sections.llmrouter.section("backoff")),
    }
}

fn backoff(written: &Settings) -> BackoffConfig {
    BackoffConfig {
        initial: written.time("initial").unwrap_or(Duration::from_millis(500)),
        max: written.time("max").unwrap_or(Duration::from_secs(8)),
        jitter: written.time("jitter").unwrap_or(Duration::from_millis(750)),
    }
}

pub fn cooldown(read: &Read, report: &mut Report) -> CooldownConfig {
    let router = &read.sections.router;
    let path = read.router_path("allowed_fails_policy");
    let policy = policies::allowed_fails(router, &path, report);
    if let Some(policy) = &policy {
        policies::warn_of_idle(policy, &path, report);
    }
    CooldownConfig {
        disabled: router.flag("disable_cooldowns").unwrap_or(false),
        time: router.time("cooldown_time").unwrap_or(DEFAULT_COOLDOWN),
        allowed_fails: read.decide("allowed_fails", |section| section.count("allowed_fails"), report),
        policy,
        max: read.sections.llmrouter.time("max_cooldown").unwrap_or(DEFAULT_MAX_COOLDOWN),
    }
}

pub fn timeouts(read: &Read, environment: &Environment, report: &mut Report) -> TimeoutConfig {
    let timeout = read.sections.router.time("timeout");
    let written = read.sections.litellm.time("request_timeout");
    let from_environment = || request_timeout_variable(environment, report);
    let request_timeout = written.or_else(from_environment);
    if timeout.is_some() && request_timeout.is_some() && timeout != request_timeout {
        let winner =
            if written.is_some() { "litellm_settings.request_timeout" } else { "the variable REQUEST_TIMEOUT" };
        report.warn(&read.router_path("timeout"), format!("overridden by {winner}"));
    }
    let connect = read.sections.llmrouter.time("connect_timeout").unwrap_or(DEFAULT_CONNECT_TIMEOUT);
    let deadline = read.sections.llmrouter.time("deadline");
    let defaults = read.sections.router.section("default_litellm_params");
    let default = defaults.time("timeout").or_else(|| defaults.time("request_timeout"));
    let (own, stream_timeout) = (&read.sections.llmrouter, read.sections.router.time("stream_timeout"));
    let idle = own.time("idle_timeout");
    TimeoutConfig { request_timeout, timeout, default, connect, stream_timeout, idle, deadline }
}

fn request_timeout_variable(environment: &Environment, report: &mut Report) -> Option<Duration> {
    let text = environment.get("REQUEST_TIMEOUT").filter(|text| !text.trim().is_empty())?;
    let seconds = scalar::number(&Value::String(text)).filter(|v| (0.0..=scalar::MAX_SECONDS).contains(v));
    if seconds.is_none() {
        report.error("REQUEST_TIMEOUT", "the environment variable holds no number of seconds", "");
    }
    Duration::try_from_secs_f64(seconds?).ok().filter(|time| !time.is_zero())
}

/// A switch is on if the file or the variable says so.
pub fn params(read: &Read, environment: &Environment, report: &mut Report) -> ParamsConfig {
    let mut switch = |name: &str, variable: &str| {
        let in_file = read.sections.litellm.flag(name).unwrap_or(false);
        switch_variable(variable, environment, report) || in_file
    };
    ParamsConfig {
        drop: switch("drop_params", "LITELLM_DROP_PARAMS"),
        modify: switch("modify_params", "LITELLM_MODIFY_PARAMS"),
    }
}

fn switch_variable(name: &str, environment: &Environment, report: &mut Report) -> bool {
    let Some(text) = environment.get(name) else { return false };
    match text.trim() {
        "" | "0" => false,
        "1" => true,
        text => scalar::boolean(&Value::from(text)).unwrap_or_else(|| {
            report.error(name, "the environment variable holds neither true nor false", "");
            false
        }),
    }
}

pub fn worker_threads(read: &Read) -> usize {
    let threads = read.sections.llmrouter.count("worker_threads");
    threads.and_then(|threads| usize::try_from(threads).ok()).unwrap_or(DEFAULT_WORKER_THREADS)
}

/// Lower case first, as curl and Python have it.
pub fn transport(environment: &Environment) -> TransportConfig {
    let first =
        |names: &[&str]| names.iter().filter_map(|name| environment.get(name)).find(|value| !value.trim().is_empty());
    TransportConfig {
        https_proxy: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
        http_proxy: first(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
        no_proxy: first(&["no_proxy", "NO_PROXY"]),
        ssl_cert_file: first(&["SSL_CERT_FILE"]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;

    #[test]
    fn switches_are_on_by_file_or_variable() {
        let drop = |text: &str, variable: &'static str| {
            let lookup = move |name: &str| (name == "LITELLM_DROP_PARAMS").then(|| variable.to_owned());
            load(&format!("model_list: []\n{text}"), lookup).map(|config| (config.params.drop, config.params.modify))
        };
        assert_eq!(drop("", "").unwrap(), (false, false));
        assert_eq!(drop("litellm_settings: {drop_params: true, modify_params: 'yes'}", "False").unwrap(), (true, true));
        assert_eq!(drop("litellm_settings: {drop_params: false}", "True").unwrap(), (true, false));
        assert_eq!(drop("environment_variables: {LITELLM_DROP_PARAMS: false}", "1").unwrap(), (false, false));
        assert!(drop("", "perhaps").err().unwrap().message.contains("LITELLM_DROP_PARAMS"));
    }
}
