//! What a deployment may use in a minute, with time turned by hand.

use std::sync::Arc;

use super::*;
use crate::chat::Verb;
use crate::deployment::{Deployment, Used};

const SECOND: Duration = Duration::from_secs(1);
pub(super) const CALL: &str = r#"{"model":"g","messages":[]}"#;
/// Two tokens there, and at most 28 back: as many as a mock's answer says that it took.
const THIRTY: &str = r#"{"model":"g","messages":[{"role":"user","content":"hi"}],"max_tokens":28}"#;

pub(super) fn with(entries: &[(&str, &str)], settings: &str) -> Arc<Router> {
    let settings = format!("enable_pre_call_checks: true, disable_cooldowns: true, {settings}");
    let retries = if settings.contains("num_retries") { "" } else { "num_retries: 0, " };
    Arc::new(router(&format!("{}router_settings: {{{retries}{settings}}}", list(entries))))
}

pub(super) fn deployment(router: &Router, index: usize) -> Arc<Deployment> {
    let members: Vec<_> = router.names.groups().flat_map(super::super::group::Group::usable).collect();
    Arc::clone(members[index].deployment())
}

fn used(router: &Router, index: usize) -> Used {
    deployment(router, index).state.window.used(clock::now())
}

/// How many of so many calls are answered.
async fn answered(router: &Router, calls: usize) -> usize {
    let mut count = 0;
    for _ in 0..calls {
        count += usize::from(call(router, CALL).await.is_ok());
    }
    count
}

pub(super) async fn stream(router: &Arc<Router>, request: &str) -> Result<crate::router::Stream, Failed> {
    let request = request.replacen('{', r#"{"stream":true,"#, 1);
    router.stream(Request::parse(&request).unwrap(), 1).await
}

pub(super) async fn read(mut stream: crate::router::Stream) {
    while stream.next().await.unwrap().is_some() {}
    drop(stream.close());
}

#[tokio::test(start_paused = true)]
async fn the_window_slides() {
    let router = with(&[("g", "mock_response: a, rpm: 3")], "");
    for _ in 0..3 {
        assert_eq!(answered(&router, 1).await, 1);
        tokio::time::advance(20 * SECOND).await;
    }
    // A minute after the first: nothing but the first is forgotten, and that only when its second has gone, too.
    assert_eq!(answered(&router, 2).await, 0);
    tokio::time::advance(SECOND).await;
    assert_eq!(answered(&router, 5).await, 1);
    tokio::time::advance(20 * SECOND).await;
    assert_eq!(answered(&router, 5).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_minutes_edge_is_like_any_other_moment() {
    for edge in [60, 120, 300] {
        for early in [0, 1, 59] {
            let router = with(&[("g", "mock_response: a, rpm: 10")], "");
            tokio::time::advance(SECOND * (edge - early)).await;
            let before = answered(&router, 10).await;
            tokio::time::advance(SECOND * early + SECOND / 1000).await;
            assert_eq!((before, answered(&router, 10).await), (10, 0), "{edge} {early}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_at_once_exactly_so_many_get_in() {
    let slow = "mock_response: a, mock_delay: 1, rpm: 40, max_parallel_requests: 5000";
    let router = with(&[("g", slow), ("g", slow)], "");
    let calls = (0..1000).map(|_| {
        let router = Arc::clone(&router);
        tokio::spawn(async move { call(&router, CALL).await.is_ok() })
    });
    let calls: Vec<_> = calls.collect();
    let mut answered = 0;
    for call in calls {
        answered += usize::from(call.await.unwrap());
    }
    assert_eq!((answered, used(&router, 0).requests, used(&router, 1).requests), (80, 40, 40));
}

/// The same from many threads, where somebody else may come between the look and the taking.
#[test]
fn of_many_threads_exactly_so_many_get_in() {
    const THREADS: usize = 8;
    for _ in 0..20 {
        let router = with(&[("g", "mock_response: a, rpm: 50, max_parallel_requests: 99")], "");
        let start = std::sync::Barrier::new(THREADS);
        let one = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            start.wait();
            runtime.block_on(answered(&router, 10))
        };
        let answered: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((answered, used(&router, 0).requests), (50, 50));
    }
}

#[tokio::test(start_paused = true)]
async fn under_pressure_hardly_less_than_the_limit_is_answered() {
    let router = with(&[("g", "mock_response: a, rpm: 120"), ("g", "mock_response: a, rpm: 60")], "");
    let mut count = 0;
    for _ in 0..600 * 4 {
        count += answered(&router, 1).await;
        tokio::time::advance(SECOND / 4).await;
    }
    assert!(count as f64 >= 0.95 * 10.0 * 180.0, "{count}");
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_expected_take_room_until_the_call_ends() {
    let router = with(&[("g", "mock_response: a, mock_delay: 5, tpm: 100, max_parallel_requests: 9")], "");
    let call = |router: &Arc<Router>, bound: u32| {
        let (router, request) = (Arc::clone(router), THIRTY.replace("28", &bound.to_string()));
        tokio::spawn(async move { call(&router, &request).await.is_ok() })
    };
    let first = call(&router, 88);
    tokio::task::yield_now().await;
    assert_eq!((used(&router, 0).tokens(), call(&router, 28).await.unwrap()), (90, false));
    assert!(first.await.unwrap());
    assert_eq!((used(&router, 0).tokens(), call(&router, 28).await.unwrap()), (30, true));
}

#[tokio::test(start_paused = true)]
async fn failures_give_their_tokens_back_and_keep_their_request() {
    for error in ["500", "429", "400", "401", "APIConnectionError", "Timeout"] {
        let router = with(&[("g", &format!("mock_error: {error}, tpm: 30, rpm: 100"))], "");
        for _ in 0..3 {
            assert!(call(&router, THIRTY).await.is_err());
        }
        assert_eq!(used(&router, 0), Used { requests: 3, input: 0, output: 0 }, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_gives_its_tokens_back() {
    let router = with(&[("g", "mock_response: a, mock_delay: 5, tpm: 30")], "");
    assert!(clock::within(SECOND, pin!(call(&router, THIRTY))).await.is_none());
    assert_eq!(used(&router, 0), Used { requests: 1, input: 0, output: 0 });
    assert!(call(&router, THIRTY).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_settled_at_its_end() {
    let router = with(&[("g", "mock_response: a, tpm: 100")], "");
    let open = stream(&router, THIRTY).await.ok().unwrap();
    assert_eq!(used(&router, 0), Used { requests: 1, input: 2, output: 28 });
    read(open).await;
    let settled = used(&router, 0);
    assert!((1..=30).contains(&settled.tokens()) && settled.requests == 1, "{settled:?}");
    // One that nobody reads to its end took what came of it.
    let left = with(&[("g", "mock_response: a, tpm: 100")], "");
    let mut open = stream(&left, &THIRTY.replace("28", "98")).await.ok().unwrap();
    open.next().await.unwrap();
    drop(open.close());
    let settled = used(&left, 0);
    assert!(settled.requests == 1 && settled.input == 2 && settled.output < 98, "{settled:?}");
}

#[tokio::test(start_paused = true)]
async fn input_and_output_have_limits_of_their_own() {
    let (none, full) = (ErrorKind::NoDeploymentAvailable, None);
    for (limit, prompt, bound, expected) in [
        ("itpm: 10", 40, 1000, full),
        ("itpm: 10", 44, 1, Some(none)),
        ("otpm: 10", 4000, 10, full),
        ("otpm: 10", 4, 11, Some(none)),
        ("tpm: 30", 40, 20, full),
        ("tpm: 30", 44, 20, Some(none)),
    ] {
        let router = with(&[("g", &format!("mock_response: a, {limit}"))], "");
        let request =
            format!(r#"{{"model":"g","messages":[{{"content":"{}"}}],"max_tokens":{bound}}}"#, "x".repeat(prompt));
        assert_eq!(kind(&call(&router, &request).await), expected, "{limit} {prompt} {bound}");
    }
}

#[tokio::test(start_paused = true)]
async fn embeddings_take_their_prompt_alone() {
    let router = with(&[("g", "mock_response: a, itpm: 10, otpm: 1")], "");
    let request = |length: usize| {
        let text = format!(r#"{{"model":"g","input":"{}"}}"#, "x".repeat(length));
        Request::parse_for(Verb::Embedding, &text).unwrap()
    };
    assert!(router.answer(&request(40), 1).await.is_ok());
    let refused = router.answer(&request(44), 1).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::NoDeploymentAvailable);
    assert_eq!(used(&router, 0).requests, 1);
}

/// A call that lasts longer than the window must not take the place of those that came after.
#[tokio::test(start_paused = true)]
async fn what_lasts_longer_than_a_minute_leaves_the_others_count_alone() {
    let router = with(&[("g", "mock_response: a, rpm: 2, tpm: 1000, max_parallel_requests: 9")], "");
    let open = stream(&router, THIRTY).await.ok().unwrap();
    tokio::time::advance(100 * SECOND).await;
    assert_eq!(answered(&router, 3).await, 2);
    let before = used(&router, 0);
    read(open).await;
    assert_eq!((used(&router, 0), answered(&router, 3).await), (before, 0));
}

#[tokio::test(start_paused = true)]
async fn every_name_of_a_deployment_shares_its_minute() {
    let yaml = "model_list: [{model_name: 'openai/*', litellm_params: {model: openai/*, mock_response: a, rpm: 3}, model_info: {id: one}}]\n\
                router_settings: {num_retries: 0, routing_strategy: usage-based-routing, model_group_alias: {x: openai/gpt-4}}";
    let router = router(yaml);
    for name in ["openai/gpt-4", "x", "openai/gpt-5"] {
        assert!(call_group(&router, name).await.is_ok(), "{name}");
    }
    for name in ["openai/gpt-4", "x", "openai/o1"] {
        assert_eq!(kind(&call_group(&router, name).await), Some(ErrorKind::NoDeploymentAvailable), "{name}");
    }
}

/// Neither health nor limits stand in the way of who asks for a deployment by its id; the use is counted all the same.
#[tokio::test(start_paused = true)]
async fn by_its_id_a_deployment_has_no_limits() {
    let router = with(&[("g", "mock_response: a, rpm: 1")], "");
    for _ in 0..3 {
        assert!(call_group(&router, "g-0").await.is_ok());
    }
    assert_eq!((used(&router, 0).requests, answered(&router, 1).await), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_that_until_the_first_has_room() {
    let router = with(
        &[("g", "mock_response: a, rpm: 1"), ("g", "mock_response: a, rpm: 1"), ("h", "mock_response: a, rpm: 1")],
        "fallbacks: [{g: [h]}]",
    );
    for _ in 0..3 {
        assert!(call(&router, CALL).await.is_ok());
        tokio::time::advance(10 * SECOND).await;
    }
    let full = call(&router, CALL).await.err().unwrap();
    assert_eq!((full.error.retry_after(), full.trail.attempts()), (Some(31 * SECOND), 0));
    tokio::time::advance(31 * SECOND).await;
    assert_eq!(answered(&router, 2).await, 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_goes_on_when_there_is_room_and_in_order() {
    let yaml = list(&[("g", "mock_response: a, rpm: 1")])
        + "router_settings: {num_retries: 0, enable_pre_call_checks: true}\nllmrouter_settings: {on_exhausted: wait, deadline: 300}";
    let router = Arc::new(router(&yaml));
    let start = clock::now();
    let calls = (0..3).map(|_| {
        let router = Arc::clone(&router);
        tokio::spawn(async move {
            assert!(call(&router, CALL).await.is_ok());
            clock::now() - start
        })
    });
    let calls: Vec<_> = calls.collect();
    for (place, call) in calls.into_iter().enumerate() {
        let (took, expected) = (call.await.unwrap(), 61 * SECOND * u32::try_from(place).unwrap());
        assert!(took >= expected && took <= expected + SECOND / 20, "{place}: {took:?}");
    }
}
