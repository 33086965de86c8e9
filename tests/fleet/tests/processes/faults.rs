//! The store is frozen or killed in the midst of calls: none is lost, and the pace stays.

use std::time::Duration;

use fleet::{Folder, Server};
use serde_json::{Value, json};

use crate::processes::{Callers, Provider, alone, names, start, sum};

const TIME: Duration = Duration::from_secs(12);

fn config(url: &str, settings: &str) -> String {
    format!(
        "model_list:\n  - {{model_name: g, litellm_params: {{model: openai/gpt-4, api_key: sk-g, api_base: \"{url}/g/v1\", rpm: 1000000}}}}\n\
         router_settings: {{num_retries: 0, enable_pre_call_checks: true, default_max_parallel_requests: 100000, timeout: 30}}\n{settings}"
    )
}

fn run(settings: &str, processes: usize, time: Duration, meanwhile: impl FnOnce()) -> (Vec<u64>, Vec<Value>) {
    let folder = Folder::new();
    let provider = Provider::start(json!({}));
    let callers = [Callers { group: "g", count: 8, after_refusal: 50, after_answer: 10 }];
    let running = start(&folder, &config(&provider.url(), settings), &names(processes), time, &callers);
    meanwhile();
    let ends = running.wait();
    (provider.times("/g"), ends)
}

/// How many came between two times after the first, in seconds.
fn between(times: &[u64], from: u64, until: u64) -> usize {
    let begin = times.first().copied().unwrap_or_default();
    times.iter().filter(|time| (begin + from * 1000..begin + until * 1000).contains(*time)).count()
}

#[test]
fn a_frozen_store_slows_nobody_down() {
    let _alone = alone();
    for failure in ["fail_open", "local_share"] {
        let server = Server::new();
        let settings = format!(
            "redis_host: 127.0.0.1\nredis_port: {}\nllmrouter_settings: {{redis_failure: {failure}}}\n",
            server.port
        );
        let (times, ends) = run(&settings, 4, TIME, || {
            // The processes begin two seconds after they were started.
            std::thread::sleep(Duration::from_secs(2 + 4));
            server.freeze();
            std::thread::sleep(Duration::from_secs(4));
            server.thaw();
        });
        assert_eq!(sum(&ends, "g", "failed") + sum(&ends, "g", "refused"), 0, "{failure}");
        let (before, frozen, after) = (between(&times, 1, 4), between(&times, 4, 7), between(&times, 9, 12));
        let share = frozen as f64 / before as f64;
        println!(
            "{failure}: {before} calls in three seconds before the freeze, {frozen} within ({share:.3}), {after} after"
        );
        assert!(share >= 0.95, "{failure}: {frozen} of {before}");
        assert_eq!(
            ends[0]["snapshot"]["store"]["state"], "shared",
            "it is found again: {}",
            ends[0]["snapshot"]["store"]
        );
    }
}

#[test]
fn a_killed_store_is_found_again() {
    let _alone = alone();
    let mut server = Server::new();
    let settings = format!("redis_host: 127.0.0.1\nredis_port: {}\n", server.port);
    let (times, ends) = run(&settings, 4, TIME, || {
        std::thread::sleep(Duration::from_secs(2 + 3));
        server.kill();
        std::thread::sleep(Duration::from_secs(4));
        server.restart();
    });
    assert_eq!(sum(&ends, "g", "failed") + sum(&ends, "g", "refused"), 0);
    let (before, killed) = (between(&times, 0, 3), between(&times, 4, 7));
    println!("killed: {before} calls in three seconds before, {killed} in three without the store");
    assert!(killed * 100 >= before * 95, "{killed} of {before}");
    assert_eq!(ends[0]["snapshot"]["store"]["state"], "shared", "{}", ends[0]["snapshot"]["store"]);
}

/// Figures of latency are printed, and decide nothing.
#[test]
fn sharing_costs_little() {
    let _alone = alone();
    let server = Server::new();
    let redis = format!("redis_host: 127.0.0.1\nredis_port: {}\n", server.port);
    let mut worst = [Vec::new(), Vec::new()];
    for _ in 0..3 {
        for (place, settings) in ["", &redis].into_iter().enumerate() {
            let (_, ends) = run(settings, 1, Duration::from_secs(3), || {});
            assert_eq!(sum(&ends, "g", "failed") + sum(&ends, "g", "refused"), 0);
            worst[place].push(sum(&ends, "g", "p99_us"));
        }
    }
    let [off, on] = worst.map(|mut all| {
        all.sort_unstable();
        all[all.len() / 2]
    });
    println!("p99 of a call without Redis {off} us, with {on} us: {} us more", on as i64 - off as i64);
}
