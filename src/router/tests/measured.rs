//! `latency-based-routing`: what is measured, and what the measure does to the choice.

use std::sync::Arc;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const CALL: &str = r#"{"model":"g","messages":[]}"#;

fn with(entries: &[(&str, &str)], settings: &str) -> Arc<Router> {
    let settings =
        format!("num_retries: 0, disable_cooldowns: true, routing_strategy: latency-based-routing, {settings}");
    Arc::new(router(&format!("{}router_settings: {{{settings}}}", list(entries))))
}

/// How many of so many calls each of two deployments was asked first for.
async fn shares(router: &Router, calls: usize) -> [usize; 2] {
    let mut counts = [0; 2];
    for _ in 0..calls {
        counts[usize::from(asked(&call(router, CALL).await)[0] == "g-1")] += 1;
    }
    counts
}

fn state(router: &Router, index: usize) -> Arc<crate::deployment::State> {
    Arc::clone(&router.names.resolve("g", false).unwrap().group.member(index).unwrap().deployment().state)
}

#[tokio::test(start_paused = true)]
async fn who_fails_at_once_is_not_the_fastest() {
    let router = with(&[("g", "mock_error: 500, mock_delay: 0.001"), ("g", "mock_response: a, mock_delay: 0.3")], "");
    shares(&router, 20).await;
    let [failing, well] = shares(&router, 2000).await;
    // Ten minutes of calls: it is looked at again once a minute.
    assert!(failing * 100 < well, "{failing} of {}", failing + well);
    assert!(failing > 0, "it is never tried again");
}

#[tokio::test(start_paused = true)]
async fn what_the_request_is_to_blame_for_is_no_measure() {
    let router = with(&[("g", "mock_error: 400"), ("g", "mock_error: 400")], "");
    shares(&router, 10).await;
    assert_eq!(
        (state(&router, 0).latency.value(clock::now()), state(&router, 1).ttft.value(clock::now())),
        (None, None)
    );
}

#[tokio::test(start_paused = true)]
async fn the_newest_samples_decide() {
    let router = with(&[("g", "mock_response: a, mock_delay: 0.2"), ("g", "mock_response: a, mock_delay: 1")], "");
    shares(&router, 30).await;
    assert_eq!(shares(&router, 10).await, [10, 0]);
    // The fast one becomes slow: within its ten samples and not within the hour.
    let slow = r#"{"model":"g","messages":[],"mock_response":"a","mock_delay":2}"#;
    let mut left = 0;
    while asked(&call(&router, slow).await) == ["g-0"] {
        left += 1;
        assert!(left <= 10, "its first samples are kept for ever");
    }
    // The mean of ten passes the other's when five are slow.
    assert_eq!(left, 5);
}

#[tokio::test(start_paused = true)]
async fn a_sample_lives_for_its_ttl() {
    let router = with(
        &[("g", "mock_response: a, mock_delay: 2"), ("g", "mock_response: a, mock_delay: 1")],
        "routing_strategy_args: {ttl: 30}",
    );
    shares(&router, 2).await;
    assert_eq!(shares(&router, 20).await, [0, 20]);
    // The slow one's sample runs out, the fast one's are renewed: it is measured again.
    tokio::time::advance(10 * SECOND).await;
    assert_eq!(shares(&router, 5).await, [1, 4]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_measured_by_the_token_and_a_stream_by_its_first() {
    let router = with(&[("g", "mock_response: a, mock_delay: 4")], "");
    assert!(call(&router, CALL).await.is_ok());
    let now = clock::now();
    // Twenty tokens.
    assert_eq!((state(&router, 0).latency.value(now), state(&router, 0).ttft.value(now)), (Some(0.2), None));
    let request = Request::parse(r#"{"model":"g","messages":[],"stream":true}"#).unwrap();
    let mut stream = router.stream(request, 1).await.ok().unwrap();
    tokio::time::advance(100 * SECOND).await;
    while stream.next().await.unwrap().is_some() {}
    let ttft = state(&router, 0).ttft.value(clock::now());
    assert_eq!(ttft, Some(4.0), "however long the reader takes");
}

/// A stream is chosen by the time to its first content, a whole answer by that of its tokens.
#[tokio::test(start_paused = true)]
async fn each_form_goes_by_its_own_measure() {
    let router = with(&[("g", "mock_response: a"), ("g", "mock_response: a")], "");
    let now = clock::now();
    for (index, latency, ttft) in [(0, 0.001, 3.0), (1, 0.5, 1.0)] {
        state(&router, index).latency.add(latency, now);
        state(&router, index).ttft.add(ttft, now);
    }
    let share = |request: &str| {
        let plan = router.explain(&Request::parse(request).unwrap()).ok().unwrap();
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        plan["groups"][0]["deployments"][0]["share"].as_f64().unwrap()
    };
    assert_eq!((share(CALL), share(&CALL.replace("[]", r#"[],"stream":true"#))), (1.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn a_percentile_sees_a_tail_that_the_mean_hides() {
    for (args, expected) in [("latency_percentile: 0.95", 1.0), ("max_latency_list_size: 100", 0.0)] {
        let router = with(
            &[("g", "mock_response: a"), ("g", "mock_response: a")],
            &format!("routing_strategy_args: {{{args}}}"),
        );
        let now = clock::now();
        for place in 0..10 {
            state(&router, 0).latency.add(if place == 4 { 1.5 } else { 0.1 }, now);
            state(&router, 1).latency.add(0.3, now);
        }
        let plan = router.explain(&Request::parse(CALL).unwrap()).ok().unwrap();
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        assert_eq!(plan["groups"][0]["deployments"][1]["share"], expected, "{args}");
    }
}
