//! A refusal that one process was given is heeded by all.

use std::collections::BTreeMap;
use std::time::Duration;

use fleet::{Folder, Server};
use serde_json::{Value, json};

use crate::plot;
use crate::processes::{Callers, Provider, alone, names, start, sum};

const PROCESSES: usize = 8;
const GROUPS: usize = 12;
const TIME: Duration = Duration::from_secs(8);
/// Good answers of a deployment before it refuses.
const GOOD: u64 = 400;

fn config(url: &str, settings: &str) -> String {
    let deployment = |group: usize, side: &str| {
        format!(
            "  - {{model_name: g{group}, litellm_params: {{model: openai/gpt-4, api_key: sk-{side}{group}, api_base: \"{url}/{side}{group}/v1\"}}}}\n"
        )
    };
    let list: String = (0..GROUPS).flat_map(|group| ["a", "b"].map(|side| deployment(group, side))).collect();
    format!("model_list:\n{list}router_settings: {{num_retries: 2, timeout: 30}}\n{settings}")
}

/// Milliseconds from a refusal to the last request of each other process to the one that refused.
fn lags(provider: &Provider) -> Vec<f64> {
    let mut lags = Vec::new();
    for group in 0..GROUPS {
        let log = provider.log(&format!("/a{group}"));
        let Some(refused) = log.get(GOOD as usize) else { panic!("a{group} was asked only {} times", log.len()) };
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for entry in &log {
            let who = entry.body["user"].as_str().expect("a user").to_owned();
            let late = entry.at_ms.saturating_sub(refused.at_ms);
            last.insert(who, late);
        }
        last.remove(refused.body["user"].as_str().expect("a user"));
        assert_eq!(last.len(), PROCESSES - 1, "each process has asked a{group} before");
        lags.extend(last.into_values().map(|late| late as f64));
    }
    lags.sort_by(f64::total_cmp);
    lags
}

fn script() -> Value {
    let refusing = |group: usize| {
        let replies = json!([
            {"status": 200, "repeat": GOOD},
            {"status": 429, "headers": {"retry-after": "60"}},
            {"status": 200},
        ]);
        (format!("/a{group}"), replies)
    };
    let paths: serde_json::Map<String, Value> = (0..GROUPS).map(refusing).collect();
    json!({"paths": paths})
}

fn measure(name: &str, settings: &str) -> Vec<f64> {
    let folder = Folder::new();
    let provider = Provider::start(script());
    let groups: Vec<String> = (0..GROUPS).map(|group| format!("g{group}")).collect();
    let callers: Vec<_> =
        groups.iter().map(|group| Callers { group, count: 1, after_refusal: 20, after_answer: 20 }).collect();
    let ends = start(&folder, &config(&provider.url(), settings), &names(PROCESSES), TIME, &callers).wait();
    for group in &groups {
        assert_eq!(sum(&ends, group, "failed") + sum(&ends, group, "refused"), 0, "no call of {group} is lost");
    }
    let lags = lags(&provider);
    let at = |share: f64| lags[((lags.len() - 1) as f64 * share).round() as usize];
    println!(
        "{name}: from a 429 in one process to its effect in the others, ms: p50 {}, p99 {}, most {} ({} samples)",
        at(0.5),
        at(0.99),
        at(1.0),
        lags.len()
    );
    assert!(at(0.99) < 1000.0, "{name}: the others go on asking for {} ms", at(0.99));
    lags
}

#[test]
fn a_refusal_is_known_to_all() {
    let _alone = alone();
    let (server, folder) = (Server::new(), Folder::new());
    let redis = measure("redis", &format!("redis_host: 127.0.0.1\nredis_port: {}\n", server.port));
    let shared = folder.path().join("shared");
    let file = measure("file", &format!("llmrouter_settings: {{shared_state: {{file: \"{}\"}}}}\n", shared.display()));
    let title = "From a 429 in one process to its effect in the others";
    plot::shares("cooldowns", title, "ms", &[("Redis", redis), ("file", file)]);
}
