//! What becomes of events on their way: batches, tries, losses, and nobody who waits for them.

use std::collections::BTreeMap;
use std::time::Duration;

use fakeprovider::{Collector, Received, Refusing};
use observe::scene::{PROMPT, Scene, with_callbacks};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

/// A webhook to this address; `more` are further settings of it.
fn webhook(endpoint: &str, more: &str) -> String {
    with_callbacks("webhook", &format!("webhook: {{endpoint: \"{endpoint}\", {more}}}"), "")
}

/// Which events these are, and how often each.
fn events<'a>(events: impl IntoIterator<Item = &'a Value>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        let name = format!("{} {} {}", event["event"], event["litellm_call_id"], event["attempt"]);
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn listed(received: &[Received]) -> Vec<Value> {
    received.iter().flat_map(|request| request.json().as_array().cloned().expect("a list")).collect()
}

#[test]
fn events_go_out_in_batches_each_once() {
    let collector = Collector::start();
    let scene =
        Scene::new(&webhook(&collector.url("/hook"), "batch_size: 4, flush_interval: 60, headers: {x-token: t-1}"));
    (0..4).for_each(|_| _ = scene.ask("good"));
    let received = collector.wait(2, SOON);
    assert_eq!(received.iter().map(|request| request.json().as_array().unwrap().len()).collect::<Vec<_>>(), [4, 4]);
    assert_eq!((received[0].path.as_str(), received[0].header("x-token")), ("/hook", "t-1"));
    assert_eq!(received[0].header("content-type"), "application/json");
    let told = listed(&received);
    let counts = events(&told);
    assert!(counts.len() == 8 && counts.values().all(|count| *count == 1), "{counts:?}");
    assert!(told.iter().all(|event| event["messages"].is_null()) && !received[0].text().contains(PROMPT));
    let status = scene.wait("webhook", |status| status.sent == 8);
    assert_eq!((status.lost, status.waiting, status.state), (0, 0, "on"));
}

#[test]
fn lines_and_single_events_are_other_shapes_of_the_same() {
    for (format, kind, requests) in [("ndjson", "application/x-ndjson", 1), ("single", "application/json", 2)] {
        let collector = Collector::start();
        let scene = Scene::new(&webhook(&collector.url("/"), &format!("log_format: {format}, batch_size: 2")));
        scene.ask("good");
        let received = collector.wait(requests, SOON);
        assert!(received.iter().all(|request| request.header("content-type") == kind), "{received:?}");
        let lines: Vec<Value> = received
            .iter()
            .flat_map(|request| request.text().lines())
            .map(|line| serde_json::from_str(line).expect("an event a line"))
            .collect();
        assert_eq!(events(&lines).len(), 2, "{format}");
    }
}

#[test]
fn an_outcome_that_was_not_asked_for_is_not_told() {
    let collector = Collector::start();
    let only = "event_types: [llm_api_failure], batch_size: 2";
    let scene = Scene::new(&webhook(&collector.url("/"), only));
    scene.ask("good");
    scene.ask("bad");
    let told = listed(&collector.wait(1, SOON));
    assert!(told.len() == 2 && told.iter().all(|event| event["status"] == "failure"), "{told:?}");
}

#[test]
fn what_may_pass_is_tried_again_and_a_wait_is_kept() {
    let collector = Collector::start();
    collector.answer(
        "/hook",
        &[json!({"status": 429, "headers": {"retry-after": "2"}}), json!(503), json!({"close_before_headers": true})],
    );
    let scene = Scene::new(&webhook(&collector.url("/hook"), "batch_size: 2"));
    scene.ask("good");
    let received = collector.wait(4, Duration::from_secs(30));
    assert!(received[1].at_ms - received[0].at_ms >= 1900, "{received:?}");
    assert!(received.iter().all(|request| request.body == received[0].body));
    let status = scene.wait("webhook", |status| status.sent == 2);
    assert_eq!((status.lost, status.state), (0, "on"));
}

#[test]
fn what_is_refused_is_lost_and_counted_and_what_follows_is_not() {
    let collector = Collector::start();
    collector.answer("/hook", &[json!(401)]);
    let scene = Scene::new(&webhook(&collector.url("/hook"), "batch_size: 2"));
    scene.ask("good");
    let status = scene.wait("webhook", |status| status.lost == 2);
    assert_eq!((status.sent, status.state), (0, "failing"));
    assert_eq!(status.last_error.as_deref(), Some("the receiver refused the credentials (401)"));
    scene.ask("good");
    let status = scene.wait("webhook", |status| status.sent == 2);
    assert_eq!((status.lost, status.state, status.last_error), (2, "on", None));
}

#[test]
fn a_shutdown_sends_what_waits_within_its_time() {
    let collector = Collector::start();
    collector.answer("/hook", &[json!({"status": 503})]);
    let scene = Scene::new(&webhook(&collector.url("/hook"), "batch_size: 100, flush_interval: 60"));
    (0..10).for_each(|_| _ = scene.ask("good"));
    assert!(collector.received().is_empty());
    let (all, took) = scene.shutdown(Duration::from_secs(5));
    // The first try was refused; the second one follows within the time.
    assert!(all && took < Duration::from_secs(4), "{took:?}");
    assert_eq!(listed(&collector.received()[1..]).len(), 20);
    assert_eq!(scene.status("webhook").sent, 20);
}

#[test]
fn a_shutdown_with_a_receiver_that_hangs_is_over_when_its_time_is() {
    let collector = Collector::start();
    collector.always(&json!({"hang": true}));
    let scene = Scene::new(&webhook(&collector.url("/hook"), "batch_size: 2"));
    scene.ask("good");
    collector.wait(1, SOON);
    let (all, took) = scene.shutdown(Duration::from_millis(400));
    assert!(all && took >= Duration::from_millis(390) && took < Duration::from_millis(900), "{took:?}");
    assert_eq!(scene.status("webhook").waiting, 2);
    let took = scene.free();
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn freeing_with_receivers_that_are_dead_takes_no_time() {
    let (hanging, refusing) = (Collector::start(), Refusing::new());
    hanging.always(&json!({"hang": true}));
    for authority in [hanging.authority(), refusing.authority()] {
        let scene = Scene::new(&everything(&authority, "/nowhere/at/all/events.jsonl"));
        (0..20).for_each(|_| _ = scene.ask("bad"));
        let took = scene.free();
        assert!(took < Duration::from_secs(1), "{authority}: {took:?}");
    }
}

/// Every sink at one receiver, and a file.
fn everything(authority: &str, file: &str) -> String {
    with_callbacks(
        "webhook, other, sentry, json_file, langfuse, otel, prometheus",
        &format!(
            "webhook: {{endpoint: \"http://{authority}/hook\"}}, json_file: {{path: \"{file}\"}}, \
             other: {{callback_type: generic_api, endpoint: \"http://{authority}/other\", log_format: single}}"
        ),
        &format!(
            "SENTRY_DSN: \"http://public@{authority}/7\", LANGFUSE_PUBLIC_KEY: pk-lf-1, LANGFUSE_SECRET_KEY: sk-lf-1, \
             LANGFUSE_HOST: \"http://{authority}/langfuse\", OTEL_EXPORTER_OTLP_ENDPOINT: \"http://{authority}/otel\", \
             OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf"
        ),
    )
}

#[test]
fn with_everything_on_everybody_hears_of_each_event_once() {
    let collector = Collector::start();
    let file = std::env::temp_dir().join(format!("llmrouter-everything-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let scene = Scene::new(&everything(&collector.authority(), file.to_str().unwrap()));
    for _ in 0..5 {
        assert!(scene.ask("good").0);
        assert!(!scene.ask("bad").0);
    }
    let (all, _) = scene.shutdown(SOON);
    assert!(all);
    let at = |path: &str| -> Vec<Received> {
        collector.received().into_iter().filter(|request| request.path == path).collect()
    };
    let lines = std::fs::read_to_string(&file).unwrap();
    let written: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let single: Vec<Value> = at("/other").iter().map(Received::json).collect();
    let expected = events(&written);
    assert!(expected.len() == 20 && expected.values().all(|count| *count == 1), "{expected:?}");
    assert_eq!(events(&listed(&at("/hook"))), expected);
    assert_eq!(events(&single), expected);
    assert_eq!(at("/api/7/envelope/").len(), 5);
    for name in ["webhook", "other", "json_file", "sentry"] {
        let status = scene.status(name);
        let sent = if name == "sentry" { 5 } else { 20 };
        assert_eq!((status.sent, status.lost, status.state), (sent, 0, "on"), "{name}");
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_reload_keeps_what_has_not_changed_and_replaces_the_rest() {
    let collector = Collector::start();
    let hook = |path: &str, more: &str| webhook(&collector.url(path), more);
    let scene = Scene::new(&hook("/one", "batch_size: 100, flush_interval: 60"));
    scene.ask("good");
    assert!(scene.router().observer().settle(SOON));
    scene.reload(&(hook("/one", "batch_size: 100, flush_interval: 60") + "llmrouter_settings: {log_content: true}\n"));
    scene.ask("good");
    // It stayed, with all that it had to send; what it shows is by the settings of now.
    assert!(scene.router().observer().settle(SOON));
    assert_eq!(scene.status("webhook").waiting, 4);
    scene.reload(&hook("/two", "batch_size: 2"));
    scene.ask("good");
    let received = collector.wait(2, SOON);
    let at = |path: &str| listed(&received.iter().filter(|one| one.path == path).cloned().collect::<Vec<_>>());
    assert_eq!((at("/one").len(), at("/two").len()), (4, 2));
    let shown: Vec<bool> = at("/one").iter().map(|event| event.to_string().contains(PROMPT)).collect();
    assert_eq!(shown, [false, false, true, true]);
    assert!(!at("/two").iter().any(|event| event.to_string().contains(PROMPT)));
    assert_eq!(scene.wait("webhook", |status| status.sent == 2).lost, 0);
}

#[test]
fn what_a_reload_has_replaced_ends_with_the_router() {
    let collector = Collector::start();
    collector.always(&json!({"hang": true}));
    let scene = Scene::new(&webhook(&collector.url("/one"), "batch_size: 2"));
    (0..2).for_each(|_| _ = scene.ask("good"));
    collector.wait(1, SOON);
    assert!(scene.router().observer().settle(SOON));
    let replaced = scene.router().observer().sinks()[0].sink.clone();
    scene.reload(&webhook(&collector.url("/two"), "batch_size: 2"));
    assert_eq!((replaced.status().waiting, replaced.status().lost), (4, 0));
    assert!(scene.free() < Duration::from_secs(1));
    // A batch is on its way; the other one is given up.
    assert_eq!((replaced.status().waiting, replaced.status().lost), (2, 2));
}

#[test]
fn a_receiver_that_hangs_delays_no_call_and_takes_no_more_memory_than_it_may() {
    let collector = Collector::start();
    collector.always(&json!({"hang": true}));
    let scene = Scene::new(&webhook(&collector.url("/hook"), "batch_size: 512, timeout: 60"));
    let (before, mut slowest, mut calls) = (resident(), Duration::ZERO, 0_u64);
    while scene.status("webhook").lost < 1000 {
        for _ in 0..100 {
            slowest = slowest.max(scene.ask("good").1);
            calls += 1;
        }
        assert!(calls < 100_000, "{:?}", scene.status("webhook"));
    }
    assert!(scene.router().observer().settle(SOON));
    let (status, grown) = (scene.status("webhook"), resident().saturating_sub(before));
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    // Those that came faster than they can be written down are lost before the webhook sees them.
    let (_, before_it) = scene.router().observer().lost();
    assert_eq!(status.waiting + status.lost + before_it, 2 * calls);
    assert!(grown < 64 << 20, "{} MB more for {status:?}", grown >> 20);
}

/// Bytes of memory that this process holds.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_file_that_cannot_be_written_is_told_and_tried_again() {
    let folder = std::env::temp_dir().join(format!("llmrouter-later-{}", std::process::id()));
    let file = folder.join("events.jsonl");
    let settings = format!("json_file: {{path: \"{}\"}}", file.display());
    let scene = Scene::new(&with_callbacks("json_file", &settings, ""));
    scene.ask("good");
    let status = scene.wait("json_file", |status| status.last_error.is_some());
    let why = format!("can't write to {}: no such file or directory", file.display());
    assert_eq!((status.last_error, status.lost), (Some(why), 0));
    std::fs::create_dir(&folder).unwrap();
    scene.wait("json_file", |status| status.sent == 2);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
    std::fs::remove_dir_all(folder).unwrap();
}
