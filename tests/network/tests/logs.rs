//! What is logged, by whom it is heard, and that nothing is written anywhere else.

use std::path::Path;

use fakeprovider::abi::{LogCapture, Router};
use network::process::alone;
use network::settings::{TRACE, ask, deployment, router};
use network::wire::provider;
use serde_json::{Value, json};

const ERROR: i32 = 1;
const WARN: i32 = 2;
const INFO: i32 = 3;
const DEBUG: i32 = 4;

/// Three deployments of one group, each with the id of its place.
fn three(base: &str, more: Value) -> Router {
    let one = |place: usize| {
        let mut one = deployment(&format!("{base}/v1"), json!({}));
        one["model_info"] = json!({"id": place.to_string()});
        one
    };
    let mut config = json!({
        "model_list": [one(0), one(1), one(2)],
        "router_settings": {"num_retries": 0, "allowed_fails": 0, "cooldown_time": 0.05},
    });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    router(&config.to_string())
}

fn records(log: &LogCapture, level: i32) -> Vec<String> {
    let of_level = log.records().into_iter().filter(|(own, _)| *own == level);
    of_level.map(|(_, record)| record["message"].as_str().expect("a message").to_owned()).collect()
}

/// How much this process has printed.
fn printed(place: &Path) -> u64 {
    ["stdout", "stderr"].map(|output| place.with_extension(output).metadata().expect("a file").len()).iter().sum()
}

/// A thousand calls, over some cooldowns, of which each fails.
fn outage(router: &Router) {
    for turn in 0..1000 {
        assert!(ask(router).is_err());
        if turn % 100 == 99 {
            std::thread::sleep(std::time::Duration::from_millis(60));
        }
    }
}

#[test]
fn an_outage_is_told_once_a_deployment_and_nothing_is_printed() {
    alone(&[("LITELLM_LOG", "DEBUG")], |place| {
        let dead = provider(json!({"paths": {"/": [{"status": 503}]}}));
        let before = printed(place);
        let log = LogCapture::start(INFO);
        let router = three(&dead.base_url(), json!({"set_verbose": true}));
        outage(&router);
        assert!(dead.stats().requests > 6, "cooldowns end, and others begin");
        assert_eq!(records(&log, WARN), ["deployment cools down"; 3]);
        assert_eq!((records(&log, ERROR).len(), records(&log, INFO).len()), (0, 0));
        // The listener's level is the ceiling, whatever the router would say.
        assert_eq!(records(&log, DEBUG).len(), 0);
        drop(log);
        outage(&router);
        drop(router);
        assert_eq!(printed(place), before, "the library prints nothing of itself");
    });
}

/// How many records of single requests a listener hears, of one call that fails.
fn requests_told(settings: Value, level: i32) -> usize {
    let dead = provider(json!({"paths": {"/": [{"status": 503}]}}));
    let log = LogCapture::start(level);
    assert!(ask(&three(&dead.base_url(), settings)).is_err());
    records(&log, DEBUG).len()
}

#[test]
fn a_router_is_raised_by_its_settings() {
    alone(&[], |_| {
        assert_eq!(requests_told(json!({}), TRACE), 0);
        assert_eq!(requests_told(json!({"set_verbose": true}), DEBUG), 1);
        assert_eq!(requests_told(json!({"set_verbose": true}), INFO), 0);
        assert_eq!(requests_told(json!({"litellm_settings": {"set_verbose": true}}), TRACE), 1);
        assert_eq!(requests_told(json!({"debug_level": "DEBUG"}), TRACE), 1);
        assert_eq!(requests_told(json!({"environment_variables": {"LITELLM_LOG": "DEBUG"}}), TRACE), 1);
    });
}

#[test]
fn a_router_is_raised_by_the_environment() {
    alone(&[("LITELLM_LOG", "debug")], |_| {
        assert_eq!(requests_told(json!({}), TRACE), 1);
        assert_eq!(requests_told(json!({"environment_variables": {"LITELLM_LOG": "WARNING"}}), TRACE), 0);
    });
}
