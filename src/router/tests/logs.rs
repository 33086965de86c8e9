//! What is logged: a line for each change of state, and what happens to single requests only where that is asked for.

use std::cell::RefCell;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;

use super::*;
use crate::observe::logs;

const INFO: i32 = 3;
const DEBUG: i32 = 4;
const CALL: &str = r#"{"model":"g","num_retries":0}"#;

thread_local! {
    /// What was logged on the thread of a test that listens.
    static HEARD: RefCell<Option<Vec<(i32, Value)>>> = const { RefCell::new(None) };
}

fn hear(level: i32, record: &str) {
    let record = serde_json::from_str(record.trim_end_matches('\0')).unwrap();
    HEARD.with_borrow_mut(|heard| heard.iter_mut().for_each(|heard| heard.push((level, Value::clone(&record)))));
}

/// Begins to listen, at the deepest level.
fn listen() {
    logs::install(hear);
    logs::set_level(5);
    HEARD.set(Some(Vec::new()));
}

/// The messages up to a level, and of whom they tell, since the last time.
fn heard(level: i32) -> Vec<String> {
    let records = HEARD.replace(Some(Vec::new())).unwrap();
    let told = records.into_iter().filter(|(own, _)| *own <= level);
    told.map(|(_, record)| {
        let who = record.get("deployment").or(record.get("what")).and_then(Value::as_str).unwrap_or_default();
        format!("{}: {}", who, record["message"].as_str().unwrap())
    })
    .collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn reloaded(router: &Router, yaml: &str) -> Router {
    router.reloaded(config::load(yaml, |_| None).map_err(|error| error.message).unwrap()).unwrap()
}

fn all(params: &str, message: &str) -> (String, Vec<String>) {
    let entries: Vec<_> = (0..5).map(|_| ("g", params)).collect();
    (list(&entries), (0..5).map(|place| format!("g-{place}: {message}")).collect())
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_a_line_for_each_deployment_and_so_is_its_end() {
    listen();
    for error in ["429", "500", "503", "APIConnectionError", "408"] {
        let settings = "router_settings: {allowed_fails: 0, cooldown_time: 7}";
        let (yaml, lines) = all(&format!("mock_error: {error}"), "deployment cools down");
        let router = router(&(yaml + settings));
        // A hundred cooldowns of each.
        for _ in 0..1000 {
            assert!(call(&router, CALL).await.is_err());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(sorted(heard(INFO)), lines, "{error}");

        let (yaml, lines) = all("mock_response: ok", "deployment is back in service");
        let router = reloaded(&router, &(yaml + settings));
        tokio::time::advance(Duration::from_secs(7)).await;
        for _ in 0..300 {
            assert!(call(&router, CALL).await.is_ok());
        }
        assert_eq!(sorted(heard(INFO)), lines, "{error}");

        // The next outage is another one.
        let (yaml, lines) = all(&format!("mock_error: {error}"), "deployment cools down");
        let router = reloaded(&router, &(yaml + settings));
        for _ in 0..100 {
            assert!(call(&router, CALL).await.is_err());
        }
        assert_eq!(sorted(heard(INFO)), lines, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_at_one_time_are_one_line() {
    listen();
    let (yaml, lines) = all("mock_error: 503, mock_delay: 1", "deployment cools down");
    let router = router(&(yaml + "router_settings: {allowed_fails: 0}"));
    let outcomes = join_all((0..1000).map(|_| call(&router, CALL))).await;
    assert!(outcomes.iter().all(|outcome| asked(outcome).len() == 1));
    assert_eq!(sorted(heard(INFO)), lines);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_told_wherever_it_was_refused_once() {
    listen();
    let keyed = |mock: &str| {
        let entry = |id: &str| {
            format!(
                "- {{model_name: {id}, litellm_params: {{model: openai/m, api_key: k-0123456789, api_base: 'http://h:1', \
                 {mock}}}, model_info: {{id: {id}}}}}\n"
            )
        };
        format!("model_list:\n{}{}", entry("a"), entry("b"))
    };
    let router = router(&keyed("mock_error: 401"));
    for _ in 0..50 {
        let _ = call_group(&router, "a").await;
        // Whoever begins at the moment of the refusal makes sure of it with a deployment of his own.
        tokio::time::advance(Duration::from_millis(10)).await;
        let _ = call_group(&router, "b").await;
    }
    let told = heard(INFO);
    assert_eq!(told, ["a: key cools down wherever it is used", "a: deployment cools down"]);
    let router = reloaded(&router, &keyed("mock_response: ok"));
    tokio::time::advance(Duration::from_secs(5)).await;
    for _ in 0..50 {
        let _ = call_group(&router, "b").await;
        let _ = call_group(&router, "a").await;
    }
    assert_eq!(heard(INFO), ["b: key is back in service", "a: deployment is back in service"]);
}

/// A router that is alone: its warnings at load are not what this is about.
fn loaded(settings: &str, variable: Option<&'static str>) -> Arc<Router> {
    let yaml = list(&[("g", "mock_error: 500"), ("h", "mock_response: late, mock_delay: 60")]) + settings;
    let config = config::load(&yaml, move |name| variable.filter(|_| name == "LITELLM_LOG").map(str::to_owned));
    let router = Router::new(config.map_err(|error| error.message).unwrap()).unwrap();
    heard(DEBUG);
    Arc::new(router)
}

#[tokio::test(start_paused = true)]
async fn single_requests_are_told_where_that_is_asked_for() {
    listen();
    for (settings, variable, is_verbose) in [
        ("", None, false),
        ("set_verbose: true", None, true),
        ("router_settings: {set_verbose: true}", None, true),
        ("litellm_settings: {set_verbose: true}", None, true),
        ("router_settings: {debug_level: DEBUG}", None, true),
        ("router_settings: {set_verbose: true, debug_level: INFO}", None, false),
        ("", Some("DEBUG"), true),
        ("", Some("WARNING"), false),
        ("environment_variables: {LITELLM_LOG: INFO}", Some("DEBUG"), false),
        ("environment_variables: {LITELLM_LOG: DEBUG}", Some("ERROR"), true),
    ] {
        let router = loaded(settings, variable);
        for _ in 0..3 {
            assert!(call(&router, CALL).await.is_err());
        }
        let late = clock::within(Duration::from_secs(1), pin!(call_group(&router, "h"))).await;
        assert!(late.is_none());
        let told = heard(DEBUG);
        let requests: Vec<_> = told.iter().filter(|line| line.contains("attempt")).collect();
        assert_eq!(requests.len(), if is_verbose { 4 } else { 0 }, "{settings} {variable:?}: {told:?}");
        if is_verbose {
            assert!(requests[0] == "g-0: attempt failed" && requests[3] == "h-1: attempt cancelled", "{told:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn copies_that_fail_flood_nothing() {
    listen();
    for (settings, lines) in [("", 0), ("set_verbose: true", 20)] {
        let entries = [("g", "mock_response: ok, silent_model: h"), ("h", "mock_error: 500, num_retries: 0")];
        let yaml = format!("{}{settings}", list(&entries));
        let router = Arc::new(router(&yaml));
        heard(DEBUG);
        let request = Request::parse(r#"{"model":"g"}"#).unwrap();
        for _ in 0..20 {
            let answered = router.answer(&request, 1).await.ok().unwrap();
            router.mirror(&request, &answered.trail);
            clock::sleep(Duration::from_secs(9)).await;
        }
        let copies = heard(DEBUG).into_iter().filter(|line| line.contains("a copy failed")).count();
        assert_eq!(copies, lines, "{settings}");
    }
}

/// Whoever does not answer in between is out of service all the while, for those who hear of it, too.
#[tokio::test(start_paused = true)]
async fn what_others_tell_is_a_line_once() {
    use crate::store::Engine;
    use crate::store::memory::Memory;

    listen();
    let memory = Arc::new(Memory::default());
    let yaml = list(&[("g", "mock_error: 429"), ("g", "mock_error: 429")])
        + "llmrouter_settings: {shared_state: {file: memory}}\nrouter_settings: {cooldown_time: 5}";
    let process = || {
        let config = config::load(&yaml, |_| None).map_err(|error| error.message).unwrap();
        let router = Router::over(config, None, &(memory.link() as Arc<dyn Engine>)).unwrap();
        tokio::spawn(Arc::clone(router.fleet().unwrap()).run());
        router
    };
    let (one, _other) = (process(), process());
    clock::sleep(Duration::from_secs(1)).await;
    for _ in 0..100 {
        assert!(call(&one, CALL).await.is_err());
        clock::sleep(Duration::from_secs(1)).await;
    }
    let told = sorted(heard(INFO));
    let expected = ["cools down, as another process told", "deployment cools down"];
    let expected = ["g-0", "g-1"].map(|id| expected.map(|line| format!("{id}: {line}"))).concat();
    assert_eq!(told, expected);
}
