//! Eight processes at saturation: together they use a limit, and do not go over it.

use std::path::Path;
use std::time::Duration;

use fleet::{Folder, Server};
use serde_json::{Value, json};

use crate::plot;
use crate::processes::{
    Callers, Provider, Running, WAY, alone, callers, fullest_minute, longest_way, names, start, sum,
};

const PROCESSES: usize = 8;
/// A minute, and a little more: what leaves the window is used again.
const TIME: Duration = Duration::from_secs(75);
const LARGE: u64 = 2000;
const SMALL: u64 = 20;

/// With more callers than this in each process one setting is tried after the other.
const MOST_BESIDE: usize = 200;

/// What the processes of a setting printed, or will print.
enum Ends {
    Are(Vec<Value>),
    Come(Running),
}

struct Setting {
    name: &'static str,
    settings: String,
}

/// What was let in of one limit.
struct Admitted {
    setting: &'static str,
    group: &'static str,
    limit: u64,
    /// In the fullest 60 s.
    most: u64,
    /// In the first.
    first: u64,
}

fn config(url: &str, place: &str, setting: &str) -> String {
    let deployment = |group: &str, limit: &str| {
        format!(
            "  - {{model_name: {group}, litellm_params: {{model: openai/gpt-4, api_key: sk-{group}, api_base: \"{url}/{place}-{group}/v1\", {limit}}}}}\n"
        )
    };
    let list = deployment("large", &format!("rpm: {LARGE}")) + &deployment("small", &format!("rpm: {SMALL}"));
    format!(
        "model_list:\n{list}router_settings: {{num_retries: 0, enable_pre_call_checks: true, default_max_parallel_requests: 100000, timeout: 30, disable_cooldowns: true}}\n{setting}"
    )
}

fn settings(server: &Server, file: &Path) -> [Setting; 4] {
    let redis = format!("redis_host: 127.0.0.1\nredis_port: {}\n", server.port);
    let own = |more: &str| format!("{redis}llmrouter_settings: {{{more}}}\n");
    [
        Setting { name: "leases", settings: own("shared_namespace: leases") },
        Setting { name: "exact", settings: own("shared_namespace: exact, shared_limits: exact") },
        Setting {
            name: "file",
            settings: format!("llmrouter_settings: {{shared_state: {{file: \"{}\"}}}}\n", file.display()),
        },
        Setting { name: "share", settings: own("shared_namespace: share, redis_failure: local_share") },
    ]
}

#[test]
fn limits_hold_over_processes() {
    let _alone = alone();
    let (server, folder) = (Server::new(), Folder::new());
    let provider = Provider::start(json!({}));
    let many = callers();
    let mut running = Vec::new();
    let settings = settings(&server, &folder.path().join("shared"));
    for setting in &settings {
        let folder = Folder::new();
        let groups = [
            Callers { group: "large", count: many, after_refusal: 1000, after_answer: 0 },
            Callers { group: "small", count: 2, after_refusal: 200, after_answer: 0 },
        ];
        let config = config(&provider.url(), setting.name, &setting.settings);
        let processes = start(&folder, &config, &names(PROCESSES), TIME, &groups);
        // Thirty-two processes of a thousand threads would keep each other from the processor, and no limit would matter.
        let ends = if many > MOST_BESIDE { Ends::Are(processes.wait()) } else { Ends::Come(processes) };
        running.push((folder, ends));
    }
    let mut figures = Vec::new();
    for (setting, (_folder, ends)) in settings.iter().zip(running) {
        let ends = match ends {
            Ends::Are(ends) => ends,
            Ends::Come(processes) => processes.wait(),
        };
        for (group, limit) in [("large", LARGE), ("small", SMALL)] {
            assert_eq!(sum(&ends, group, "failed"), 0, "{} {group}", setting.name);
            let times = provider.times(&format!("/{}-{group}", setting.name));
            let begin = times.first().copied().unwrap_or_default();
            let first = times.iter().filter(|time| **time < begin + 60_000 - WAY).count();
            let most = fullest_minute(&times, longest_way(&ends, group));
            figures.push(Admitted { setting: setting.name, group, limit, most: most as u64, first: first as u64 });
        }
    }
    println!("admitted of a limit, {PROCESSES} processes, {many} callers each");
    for Admitted { setting, group, limit, most, first } in &figures {
        let share = |count: &u64| *count as f64 / *limit as f64;
        println!(
            "{setting:8} {group:6} limit {limit:6}: first 60 s {:.3}, fullest 60 s {:.3}",
            share(first),
            share(most)
        );
    }
    plot::bars(
        "limits",
        "Let in of a limit in its fullest minute, eight processes at saturation",
        &figures
            .iter()
            .map(|figure| {
                let label = format!("{}, {} a minute", figure.setting, figure.limit);
                (label, figure.most as f64 / figure.limit as f64)
            })
            .collect::<Vec<_>>(),
    );
    for Admitted { setting, group, limit, most, first } in figures {
        let over = if limit >= 1000 { limit + limit / 50 } else { limit };
        assert!(most <= over, "{setting} {group}: {most} of {limit} in a minute");
        // Of few, one that waits for the next minute is a large part.
        let least = if limit >= 1000 { limit * 95 / 100 } else { limit / 2 };
        assert!(first >= least, "{setting} {group}: only {first} of {limit} in the first minute");
    }
}
