//! Deadlines, and waiting for somebody to return.

use super::*;

fn hanging(groups: usize, settings: &str) -> Router {
    let names: Vec<String> = (0..groups).map(|group| format!("g{group}")).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), "mock_response: late, mock_delay: 1000")).collect();
    router(
        &(list(&entries)
            + "- {model_name: last, litellm_params: {model: openai/m, mock_response: here, mock_delay: 2}, model_info: {id: last}}\n"
            + settings),
    )
}

#[tokio::test(start_paused = true)]
async fn a_deadline_leaves_every_group_its_share() {
    let settings = "router_settings: {fallbacks: [{g0: [g1, last]}]}\nllmrouter_settings: {deadline: 30}";
    let router = hanging(2, settings);
    let start = clock::now();
    let outcome = call_group(&router, "g0").await;
    assert_eq!(asked(&outcome), ["g0-0", "g1-1", "last"]);
    assert_eq!((clock::now() - start).as_secs(), 10 + 10 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline() {
    let settings = "router_settings: {num_retries: 5, fallbacks: [{g0: [g1]}]}\nllmrouter_settings: {deadline: 600}";
    let router = hanging(2, settings);
    for deadline in [0.5, 3.0, 77.0] {
        let start = clock::now();
        let outcome = call(&router, &format!(r#"{{"model":"g0","deadline":{deadline}}}"#)).await;
        let took = (clock::now() - start).as_secs_f64();
        assert!((deadline - 0.002..=deadline + 0.05).contains(&took), "{deadline}: {took}");
        assert_eq!(
            (asked(&outcome), kind(&outcome)),
            (vec!["g0-0".to_owned(), "g1-1".to_owned()], Some(ErrorKind::Timeout))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn untried_deployments_share_their_groups_time() {
    let hang = "mock_response: late, mock_delay: 1000";
    let router = router(&(list(&[("g", hang), ("g", hang), ("g", hang)]) + "llmrouter_settings: {deadline: 30}"));
    let start = clock::now();
    let outcome = call_group(&router, "g").await;
    assert_eq!(asked(&outcome).len(), 3);
    assert_eq!((clock::now() - start).as_secs(), 30);
    let shares: Vec<_> = outcome.err().unwrap().trail.records.iter().map(|record| record.took.as_secs()).collect();
    assert_eq!(shares, [10, 10, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let groups = list(&[("a", "mock_error: {status: 503, retry_after: 20}"), ("b", "mock_response: b")]);
    let router = router(&(groups + "router_settings: {fallbacks: [{a: [b]}]}\nllmrouter_settings: {deadline: 30}"));
    let start = clock::now();
    assert_eq!(asked(&call_group(&router, "a").await), ["a-0", "b-1"]);
    assert_eq!(clock::now(), start);
}

const WAIT: &str = "router_settings: {num_retries: 0, cooldown_time: 20}\nllmrouter_settings: {on_exhausted: wait}";

fn bench(router: &Router, group: &str, index: usize, seconds: u64) {
    let member = router.names.resolve(group, false).unwrap().group.member(index).unwrap();
    member.deployment().state.bench.start(clock::now(), Duration::from_secs(seconds), "RateLimitError");
}

#[tokio::test(start_paused = true)]
async fn a_call_may_wait_for_the_first_that_returns() {
    let router = router(&(list(&[("g", "mock_response: a"), ("g", "mock_response: b")]) + WAIT));
    bench(&router, "g", 0, 20);
    bench(&router, "g", 1, 9);
    let start = clock::now();
    assert_eq!(asked(&call_group(&router, "g").await), ["[g]", "g-1"]);
    assert!((clock::now() - start).as_millis() <= 9_050);

    bench(&router, "g", 1, 60);
    bench(&router, "g", 0, 60);
    let start = clock::now();
    let outcome = call(&router, r#"{"model":"g","deadline":5}"#).await;
    assert_eq!(kind(&outcome), Some(ErrorKind::NoDeploymentAvailable));
    assert_eq!((clock::now() - start).as_secs(), 5);
    let outcome = call(&router, r#"{"model":"g","on_exhausted":"fail"}"#).await;
    assert_eq!(kind(&outcome), Some(ErrorKind::NoDeploymentAvailable));
    assert_eq!((clock::now() - start).as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_is_free_is_not_waited_for() {
    let groups = list(&[("g", "mock_response: g"), ("h", "mock_response: h")]);
    let router = router(&(groups + &WAIT.replace("cooldown_time", "fallbacks: [{g: [h]}], cooldown_time")));
    bench(&router, "g", 0, 20);
    let start = clock::now();
    assert_eq!(asked(&call_group(&router, "g").await), ["[g]", "h-1"]);
    assert_eq!(clock::now(), start);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_go_in_the_order_in_which_they_came() {
    let router = std::sync::Arc::new(router(&(list(&[("g", "mock_response: ok")]) + WAIT)));
    bench(&router, "g", 0, 5);
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    for place in 0..50 {
        let (router, sender) = (std::sync::Arc::clone(&router), sender.clone());
        tokio::spawn(async move {
            assert!(call_group(&router, "g").await.is_ok());
            sender.send(place).unwrap();
        });
        tokio::task::yield_now().await;
    }
    drop(sender);
    let mut order = Vec::new();
    while let Some(place) = receiver.recv().await {
        order.push(place);
    }
    assert_eq!(order, (0..50).collect::<Vec<_>>());
}
