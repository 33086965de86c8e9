//! Strategies and limits at work.

use super::*;

fn with(entries: &[(&str, &str)], settings: &str) -> Router {
    let retries = if settings.contains("num_retries") { "" } else { "num_retries: 0, " };
    router(&format!("{}router_settings: {{{retries}{settings}}}", list(entries)))
}

async fn answered(router: &Router, request: &str) -> String {
    asked(&call(router, request).await).join(" ")
}

const CALL: &str = r#"{"model":"g","messages":[]}"#;

/// Who answers one call after the other.
async fn run(router: &Router, times: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..times {
        all.push(answered(router, CALL).await);
    }
    all
}

fn count(all: &[String], name: &str) -> usize {
    all.iter().filter(|other| *other == name).count()
}

const OK: &str = "mock_response: a";

#[tokio::test(start_paused = true)]
async fn who_is_busy_is_left_in_peace() {
    let router = with(
        &[("g", "mock_response: a, mock_delay: 5"), ("g", "mock_response: a, mock_delay: 5")],
        "routing_strategy: least-busy",
    );
    let (first, second) = tokio::join!(answered(&router, CALL), answered(&router, CALL));
    assert_ne!(first, second);
    // Alike, nobody is first by its place.
    let quick = with(&[("g", OK), ("g", OK)], "routing_strategy: least-busy");
    let all = run(&quick, 400).await;
    assert!((120..280).contains(&count(&all, "g-0")), "{}", count(&all, "g-0"));
}

#[tokio::test(start_paused = true)]
async fn who_has_used_the_fewest_tokens_is_next() {
    for name in ["usage-based-routing", "usage-based-routing-v2"] {
        let router = with(&[("g", OK), ("g", OK), ("g", OK)], &format!("routing_strategy: {name}"));
        let mut three = run(&router, 3).await;
        three.sort();
        assert_eq!(three, ["g-0", "g-1", "g-2"], "{name}");
        tokio::time::advance(Duration::from_secs(62)).await;
        let snapshot: serde_json::Value = serde_json::from_str(&router.snapshot()).unwrap();
        assert_eq!(snapshot["groups"][0]["deployments"][0]["tpm"], 0);
    }
}

#[tokio::test(start_paused = true)]
async fn exactly_the_limit_is_let_in() {
    for settings in [
        "routing_strategy: usage-based-routing-v2",
        "routing_strategy: latency-based-routing",
        "routing_strategy: cost-based-routing",
        "enable_pre_call_checks: true",
        "optional_pre_call_checks: [enforce_model_rate_limits]",
    ] {
        let router = with(&[("g", "mock_response: a, rpm: 3"), ("g", "mock_response: a, rpm: 2")], settings);
        let all = run(&router, 5).await;
        assert_eq!((count(&all, "g-0"), count(&all, "g-1")), (3, 2), "{settings}: {all:?}");
        let sixth = call(&router, CALL).await.err().unwrap();
        assert_eq!(sixth.kind(), ErrorKind::NoDeploymentAvailable, "{settings}");
        let wait = sixth.error.retry_after().unwrap();
        assert!((60..=61).contains(&wait.as_secs()), "{settings}: {wait:?}");
        assert!(sixth.error.message().contains("2 at the limits of their minute"), "{}", sixth.error.message());
        tokio::time::advance(wait).await;
        assert_eq!(run(&router, 5).await.len(), 5, "{settings}");
    }
    let unlimited = with(&[("g", "mock_response: a, rpm: 3")], "routing_strategy: simple-shuffle");
    assert_eq!(run(&unlimited, 9).await, ["g-0"; 9]);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_taken_before_and_settled_after() {
    // The prompt is two tokens, the answer of a mock thirty in all.
    let request = r#"{"model":"g","messages":[{"role":"user","content":"hi"}],"max_tokens":60}"#;
    let router = with(&[("g", "mock_response: a, tpm: 100")], "enable_pre_call_checks: true");
    for _ in 0..2 {
        assert_eq!(answered(&router, request).await, "g-0");
    }
    let full = call(&router, request).await.err().unwrap();
    assert_eq!(full.kind(), ErrorKind::NoDeploymentAvailable);
    // What failed took none.
    let failing = with(&[("g", "mock_error: 500, tpm: 100")], "enable_pre_call_checks: true, disable_cooldowns: true");
    for _ in 0..5 {
        assert_eq!(call(&failing, request).await.err().unwrap().kind(), ErrorKind::InternalServer);
    }
    let never = r#"{"model":"g","messages":[],"max_tokens":101}"#;
    assert_eq!(call(&router, never).await.err().unwrap().error.retry_after(), None);
}

#[tokio::test(start_paused = true)]
async fn the_fastest_answers_and_failures_are_not_fast() {
    let slow = "mock_response: a, mock_delay: 3";
    let router =
        with(&[("g", slow), ("g", "mock_response: a, mock_delay: 1")], "routing_strategy: latency-based-routing");
    run(&router, 2).await;
    assert_eq!(run(&router, 20).await, ["g-1"; 20]);
    let failing = with(
        &[("g", "mock_error: 500"), ("g", slow)],
        "routing_strategy: latency-based-routing, disable_cooldowns: true",
    );
    run(&failing, 2).await;
    assert_eq!(run(&failing, 15).await, ["g-1"; 15]);
    // A minute later it is tried again.
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(count(&run(&failing, 2).await, "g-0"), 1);
    let near = with(
        &[("g", "mock_response: a, mock_delay: 1.2"), ("g", "mock_response: a, mock_delay: 1")],
        "routing_strategy: latency-based-routing, routing_strategy_args: {lowest_latency_buffer: 0.5}",
    );
    let all = run(&near, 100).await;
    assert!((20..80).contains(&count(&all, "g-0")), "{}", count(&all, "g-0"));
}

#[tokio::test(start_paused = true)]
async fn who_has_no_slot_is_passed_over() {
    let one = "mock_response: a, mock_delay: 2, max_parallel_requests: 1";
    let router = with(&[("g", one), ("g", one)], "num_retries: 2");
    let (first, second) = tokio::join!(answered(&router, CALL), answered(&router, CALL));
    assert_ne!(first, second);
    // The only one is waited for, as long as retries last.
    let alone = with(&[("g", one)], "num_retries: 3");
    let start = clock::now();
    let (first, second) = tokio::join!(answered(&alone, CALL), answered(&alone, CALL));
    assert_eq!((first.as_str(), second.as_str()), ("g-0", "g-0"));
    assert!(clock::now() - start >= Duration::from_secs(4));
    let impatient = with(&[("g", one)], "");
    let (_, second) = tokio::join!(call(&impatient, CALL), call(&impatient, CALL));
    let second = second.err().unwrap();
    assert_eq!((second.kind(), second.error.retry_after()), (ErrorKind::RateLimit, None));
    assert_eq!(second.trail.attempts(), 0);
    let default = with(&[("g", "mock_response: a, mock_delay: 2")], "default_max_parallel_requests: 1");
    let (_, second) = tokio::join!(call(&default, CALL), call(&default, CALL));
    assert_eq!(kind(&second), Some(ErrorKind::RateLimit));
}

#[tokio::test(start_paused = true)]
async fn a_full_group_leaves_the_call_to_its_fallbacks() {
    let router = with(
        &[("g", "mock_response: a, rpm: 1"), ("other", OK)],
        "routing_strategy: usage-based-routing-v2, fallbacks: [{g: [other]}]",
    );
    assert_eq!(run(&router, 2).await, ["g-0", "[g] other-1"]);
}

#[tokio::test(start_paused = true)]
async fn groups_have_strategies_of_their_own() {
    let groups = "routing_groups: [{group_name: fast, models: [g], routing_strategy: latency-based-routing}]";
    let router =
        with(&[("g", "mock_response: a, mock_delay: 3"), ("g", "mock_response: a, mock_delay: 1"), ("h", OK)], groups);
    run(&router, 2).await;
    assert_eq!(run(&router, 9).await, ["g-1"; 9]);
    assert_eq!(answered(&router, r#"{"model":"fast","messages":[]}"#).await, "g-1");
    let plan: serde_json::Value =
        serde_json::from_str(&router.explain(&Request::parse(CALL).unwrap()).ok().unwrap()).unwrap();
    assert_eq!(plan["groups"][0]["strategy"], "latency-based-routing");
    assert_eq!(plan["groups"][0]["deployments"][0]["share"], 0.0);
    assert!(plan["groups"][0]["deployments"][0]["score"].as_f64() >= Some(3.0 / 20.0), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn priorities_are_levels() {
    let groups = "routing_groups: [{group_name: both, models: [g, h], routing_strategy: priority, model_priorities: {g: 2, h: 1}}]";
    let router = with(&[("g", OK), ("h", "mock_error: 500")], groups);
    assert_eq!(answered(&router, r#"{"model":"both","messages":[]}"#).await, "h-1 g-0");
}

#[tokio::test(start_paused = true)]
async fn a_request_names_its_strategy() {
    let router = with(&[("g", "mock_response: a, weight: 1"), ("g", "mock_response: a, weight: 0")], "");
    let asked = r#"{"model":"g","messages":[],"routing_strategy":"usage-based-routing-v2"}"#;
    let mut two = [answered(&router, asked).await, answered(&router, asked).await];
    two.sort();
    assert_eq!(two, ["g-0", "g-1"]);
    // A name that nobody knows changes nothing, and not to the default either.
    let other = with(&[("g", OK), ("g", OK)], "routing_strategy: usage-based-routing");
    let misspelt = r#"{"model":"g","messages":[],"routing_strategy":"least_busy"}"#;
    for _ in 0..5 {
        assert_ne!(answered(&other, misspelt).await, answered(&other, misspelt).await);
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_a_priority_waits_and_the_urgent_go_first() {
    let router = with(&[("g", "mock_response: a, mock_delay: 1, rpm: 1")], "routing_strategy: usage-based-routing-v2");
    assert_eq!(answered(&router, CALL).await, "g-0");
    let order = std::sync::Mutex::new(Vec::new());
    let wait = async |priority: u32| {
        let request = format!(r#"{{"model":"g","messages":[],"priority":{priority},"timeout":600}}"#);
        let outcome = call(&router, &request).await;
        assert!(outcome.is_ok(), "{priority}: {}", outcome.err().unwrap().error.message());
        order.lock().unwrap().push(priority);
    };
    tokio::join!(wait(7), wait(3), wait(0));
    // The first to come is at the head already.
    assert_eq!(*order.lock().unwrap(), [7, 0, 3]);
    assert_eq!(kind(&call(&router, CALL).await), Some(ErrorKind::NoDeploymentAvailable));
}
