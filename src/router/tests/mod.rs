//! The policy over mock deployments, with time turned by hand.

mod affinity;
mod bounds;
mod caching;
mod content;
mod cooldown;
mod explained;
mod fallbacks;
mod filters;
mod fleet;
mod herd;
mod laws;
mod limits;
mod logs;
mod measured;
mod metrics;
mod mirror;
mod names;
mod observed;
mod reload;
mod retries;
mod schedules;
mod slots;
mod snapshot;
mod strategies;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::pin::pin;
use std::time::Duration;

use super::{Completed, Failed, Router};
use crate::chat::Request;
use crate::clock;
use crate::config;
use crate::error::{Error, ErrorKind};

fn router(yaml: &str) -> Router {
    Router::new(config::load(yaml, |_| None).map_err(|error| error.message).unwrap()).unwrap()
}

/// A model list of mocks: group, then `litellm_params` beyond the model.
fn list(entries: &[(&str, &str)]) -> String {
    let mut yaml = "model_list:\n".to_owned();
    for (position, (group, params)) in entries.iter().enumerate() {
        let info = format!("model_info: {{id: {group}-{position}}}");
        writeln!(yaml, "- {{model_name: {group}, litellm_params: {{model: openai/m, {params}}}, {info}}}").unwrap();
    }
    yaml
}

async fn call(router: &Router, request: &str) -> Result<Completed, Failed> {
    router.answer(&Request::parse(request).unwrap(), 1).await
}

async fn call_group(router: &Router, group: &str) -> Result<Completed, Failed> {
    call(router, &format!(r#"{{"model":"{group}","messages":[]}}"#)).await
}

/// The deployments that were asked, in order; groups passed over in brackets.
fn asked(outcome: &Result<Completed, Failed>) -> Vec<String> {
    let trail = match outcome {
        Ok(completed) => &completed.trail,
        Err(failed) => &failed.trail,
    };
    let name = |record: &std::sync::Arc<crate::observe::Record>| match &record.deployment {
        Some(deployment) => deployment.id().to_owned(),
        None => format!("[{}]", record.group),
    };
    trail.records.iter().map(name).collect()
}

fn kind(outcome: &Result<Completed, Failed>) -> Option<ErrorKind> {
    outcome.as_ref().err().map(Failed::kind)
}

#[tokio::test(start_paused = true)]
async fn calls_by_status_on_one_and_on_two_deployments() {
    // status, calls on one deployment, calls on two; with two retries.
    let table = [
        (400, 1, 1),
        (401, 1, 2),
        (402, 1, 1),
        (403, 1, 2),
        (404, 1, 1),
        (408, 3, 3),
        (409, 3, 3),
        (413, 1, 1),
        (422, 1, 1),
        (429, 3, 2),
        (500, 3, 3),
        (502, 3, 3),
        (503, 3, 3),
        (504, 3, 3),
        (529, 3, 3),
    ];
    for (status, on_one, on_two) in table {
        let error = format!("mock_error: {status}");
        let one = router(&list(&[("g", &error)]));
        assert_eq!(asked(&call_group(&one, "g").await).len(), on_one, "{status} on one");
        let two = router(&list(&[("g", &error), ("g", &error)]));
        assert_eq!(asked(&call_group(&two, "g").await).len(), on_two, "{status} on two");
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_deployment_is_waited_for_and_another_is_not() {
    let one = router(&list(&[("g", "mock_error: 500")]));
    let start = clock::now();
    assert!(call_group(&one, "g").await.is_err());
    let took = (clock::now() - start).as_secs_f64();
    // 0.5 and 1 with up to 0.75 each, and nothing after the last failure.
    assert!((1.5..=3.0).contains(&took), "{took}");

    let three = router(&list(&[("g", "mock_error: 500"), ("g", "mock_error: 500"), ("g", "mock_error: 500")]));
    let start = clock::now();
    let asked = asked(&call_group(&three, "g").await);
    assert_eq!(clock::now(), start);
    assert_eq!(asked.iter().collect::<HashSet<_>>().len(), 3, "an untried one comes first: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_named_wait_is_kept_and_one_that_is_too_long_ends_the_group() {
    let wait = |seconds: u32| list(&[("g", &format!("mock_error: {{status: 503, retry_after: {seconds}}}"))]);
    let start = clock::now();
    let outcome = call_group(&router(&(wait(7) + "router_settings: {num_retries: 1}")), "g").await;
    let took = (clock::now() - start).as_secs_f64();
    assert!((7.0..=7.75).contains(&took), "{took}");
    assert_eq!(asked(&outcome).len(), 2);

    let start = clock::now();
    let outcome = call_group(&router(&wait(61)), "g").await;
    assert_eq!((asked(&outcome).len(), clock::now()), (1, start));
    let error = outcome.err().unwrap().error;
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::ServiceUnavailable, Some(Duration::from_secs(61))));
}

#[tokio::test(start_paused = true)]
async fn rate_limited_deployments_rest_and_the_error_says_how_long() {
    let two =
        router(&(list(&[("g", "mock_error: 429"), ("g", "mock_error: 429")]) + "router_settings: {cooldown_time: 30}"));
    assert_eq!(kind(&call_group(&two, "g").await), Some(ErrorKind::RateLimit));
    tokio::time::advance(Duration::from_secs(10)).await;
    let outcome = call_group(&two, "g").await;
    assert_eq!(asked(&outcome), ["[g]"]);
    let error = outcome.err().unwrap().error;
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::NoDeploymentAvailable, Some(Duration::from_secs(20))));
    tokio::time::advance(Duration::from_secs(21)).await;
    assert_eq!(kind(&call_group(&two, "g").await), Some(ErrorKind::RateLimit));
}

#[tokio::test(start_paused = true)]
async fn cooldown_times_have_their_order() {
    let benched = |params: &str, settings: &str| {
        let router = router(&(list(&[("g", params), ("g", "mock_response: ok")]) + settings));
        async move {
            for _ in 0..64 {
                let _ = call_group(&router, "g").await;
            }
            let group = router.names.resolve("g", false).unwrap().group;
            group
                .member(0)
                .unwrap()
                .deployment()
                .cooldown(clock::now())
                .map(|cooldown| (cooldown.until - cooldown.since).as_secs())
        }
    };
    let limited = "mock_error: {status: 429, retry_after: 7}";
    assert_eq!(benched("mock_error: 429", "").await, Some(5));
    assert_eq!(benched("mock_error: 429", "router_settings: {cooldown_time: 30}").await, Some(30));
    assert_eq!(benched(limited, "router_settings: {cooldown_time: 30}").await, Some(7));
    assert_eq!(benched(&format!("{limited}, cooldown_time: 11"), "").await, Some(11));
    assert_eq!(benched("mock_error: {status: 429, retry_after: 0}", "").await, None);
    assert_eq!(benched("mock_error: {status: 429, retry_after: 99999}", "").await, Some(86_400));
    assert_eq!(benched("mock_error: 429", "router_settings: {cooldown_time: 0}").await, None);
    assert_eq!(benched("mock_error: 429", "router_settings: {disable_cooldowns: true}").await, None);
    assert_eq!(benched("mock_error: 401", "").await, Some(5));
    assert_eq!(benched("mock_error: 400", "").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_cooldown_only_grows() {
    let router = router(&list(&[("g", "mock_response: ok")]));
    let group = router.names.resolve("g", false).unwrap().group;
    let deployment = group.member(0).unwrap().deployment();
    deployment.state.bench.start(clock::now(), Duration::from_secs(60), "RateLimitError");
    deployment.state.bench.start(clock::now(), Duration::from_secs(1), "AuthenticationError");
    assert_eq!(deployment.benched_for(clock::now()), Some(Duration::from_secs(60)));
    assert_eq!(deployment.cooldown(clock::now()).unwrap().cause, "RateLimitError");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!((deployment.benched_for(clock::now()), deployment.cooldown(clock::now())), (None, None));
}

#[tokio::test(start_paused = true)]
async fn retries_are_the_requests_then_the_deployments_then_the_routers() {
    let count = async |own: &str, router_s: &str, request: &str| {
        let params = format!("mock_error: 500{own}");
        let router = router(&(list(&[("g", &params)]) + router_s));
        asked(&call(&router, &format!(r#"{{"model":"g"{request}}}"#)).await).len()
    };
    assert_eq!(count("", "", "").await, 3);
    assert_eq!(count("", "router_settings: {num_retries: 4}", "").await, 5);
    assert_eq!(count(", num_retries: 1", "router_settings: {num_retries: 3}", "").await, 2);
    assert_eq!(count(", num_retries: 1", "", r#","num_retries":2"#).await, 3);
    assert_eq!(count(", num_retries: 0", "", "").await, 1);
    assert_eq!(count("", "router_settings: {num_retries: 4}", r#","num_retries":0"#).await, 1);
}

#[tokio::test(start_paused = true)]
async fn fallbacks_are_walked_in_order_and_each_group_once() {
    let groups =
        [("a", "mock_error: 500"), ("b", "mock_error: 400"), ("c", "mock_error: 500"), ("d", "mock_response: d")];
    let with = |settings: &str| router(&(list(&groups) + "router_settings: {num_retries: 0, " + settings + "}"));
    let walk = async |settings: &str, request: &str| asked(&call(&with(settings), request).await);

    assert_eq!(walk("fallbacks: [{a: [b, d]}]", r#"{"model":"a"}"#).await, ["a-0", "b-1", "d-3"]);
    assert_eq!(walk("fallbacks: [{a: [b, d]}, {b: [c]}]", r#"{"model":"a"}"#).await, ["a-0", "b-1", "c-2", "d-3"]);
    assert_eq!(walk("fallbacks: [{a: [b]}, {b: [a]}]", r#"{"model":"a"}"#).await, ["a-0", "b-1"]);
    assert_eq!(walk("fallbacks: [{a: [gone, d]}]", r#"{"model":"a"}"#).await, ["a-0", "[gone]", "d-3"]);
    assert_eq!(walk("fallbacks: [{a: [b, c, d]}], max_fallbacks: 1", r#"{"model":"a"}"#).await, ["a-0", "b-1"]);
    assert_eq!(walk("default_fallbacks: [d]", r#"{"model":"c"}"#).await, ["c-2", "d-3"]);
    assert_eq!(walk("fallbacks: [{a: [b]}]", r#"{"model":"a","fallbacks":["d"]}"#).await, ["a-0", "d-3"]);
    assert_eq!(walk("fallbacks: [{a: [d]}]", r#"{"model":"a","fallbacks":[]}"#).await, ["a-0"]);
    assert_eq!(walk("fallbacks: [{a: [d]}]", r#"{"model":"a","disable_fallbacks":true}"#).await, ["a-0"]);
    assert_eq!(walk("fallbacks: [{a: [d]}], model_group_alias: {x: a}", r#"{"model":"x"}"#).await, ["a-0", "d-3"]);
    assert_eq!(walk("fallbacks: [{x: [d]}], model_group_alias: {x: a}", r#"{"model":"x"}"#).await, ["a-0", "d-3"]);

    let outcome = call(&with("fallbacks: [{a: [b, c]}]"), r#"{"model":"a"}"#).await;
    assert_eq!(outcome.err().unwrap().error.deployment(), Some("a-0"), "the first group's error is the call's");
    let outcome = call(&with("fallbacks: [{a: [b, d]}]"), r#"{"model":"a"}"#).await;
    assert_eq!(outcome.ok().unwrap().trail.fallbacks(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_resting_group_is_passed_over() {
    let settings = "router_settings: {num_retries: 0, cooldown_time: 60, fallbacks: [{a: [b]}]}";
    let router = router(&(list(&[("a", "mock_error: 401"), ("b", "mock_response: b")]) + settings));
    assert_eq!(asked(&call_group(&router, "a").await), ["a-0", "b-1"]);
    let outcome = call_group(&router, "a").await;
    assert_eq!(asked(&outcome), ["[a]", "b-1"]);
    assert_eq!(outcome.ok().unwrap().trail.fallbacks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_time_out_is_the_nearest_one() {
    let took = async |own: &str, settings: &str, request: &str| {
        let params = format!("mock_response: late, mock_delay: 1000{own}");
        let router = router(&(list(&[("g", &params)]) + settings));
        let start = clock::now();
        let outcome = call(&router, &format!(r#"{{"model":"g","num_retries":0{request}}}"#)).await;
        assert_eq!(kind(&outcome), Some(ErrorKind::Timeout));
        (clock::now() - start).as_secs()
    };
    let router_30 = "router_settings: {timeout: 30}\n";
    let request_300 = "litellm_settings: {request_timeout: 300}";
    assert_eq!(took("", router_30, "").await, 30);
    assert_eq!(took("", &(router_30.to_owned() + request_300), "").await, 300);
    assert_eq!(took(", timeout: 7", router_30, "").await, 7);
    let last = "router_settings: {default_litellm_params: {timeout: 9}}";
    assert_eq!(took("", last, "").await, 9);
    assert_eq!(took("", "router_settings: {timeout: 30, default_litellm_params: {timeout: 9}}", "").await, 30);
    assert_eq!(took(", timeout: 7", router_30, r#","timeout":3"#).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_leaves_nothing_in_flight() {
    let router = router(&list(&[("g", "mock_response: late, mock_delay: 10")]));
    let deployment = router.names.resolve("g", false).unwrap().group.member(0).unwrap().deployment();
    let cancelled = clock::within(Duration::from_secs(1), pin!(call_group(&router, "g"))).await;
    assert!(cancelled.is_none());
    assert_eq!((deployment.in_flight(), deployment.counts()), (0, (0, 0)));
}

/// A call's future is moved into its task and lives on the heap: it costs its size with every call.
#[test]
fn a_call_is_small() {
    let router = router(&list(&[("g", "mock_response: ok")]));
    let request = Request::parse(r#"{"model":"g"}"#).unwrap();
    let size = std::mem::size_of_val(&router.answer(&request, 1));
    assert!(size <= 1024, "{size} bytes");
}

#[tokio::test]
async fn what_leads_nowhere_is_a_bad_request() {
    let router = router("model_list: []");
    let outcome = call_group(&router, "nobody").await;
    let error = outcome.err().unwrap().error;
    assert_eq!((error.kind(), error.param()), (ErrorKind::BadRequest, Some("model")));
    assert!(error.message().contains("nobody"));
}

#[tokio::test]
async fn a_group_without_a_key_or_an_endpoint_says_so() {
    let yaml = "model_list: [{model_name: k, litellm_params: {model: gpt-4}}, {model_name: e, litellm_params: {model: hosted_vllm/m}}]";
    let router = router(yaml);
    assert_eq!(kind(&call_group(&router, "k").await), Some(ErrorKind::Authentication));
    assert_eq!(kind(&call_group(&router, "e").await), Some(ErrorKind::BadRequest));
    let snapshot: serde_json::Value = serde_json::from_str(&router.snapshot()).unwrap();
    assert_eq!(snapshot["warnings"].as_array().unwrap().len(), 2);
    assert_eq!(snapshot["groups"][0]["deployments"][0]["state"], "blocked");
}
