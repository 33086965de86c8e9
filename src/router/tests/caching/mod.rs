//! What is kept answers: without anybody's health, work or money.

mod flights;
mod inputs;
mod streams;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::chat::{Accumulated, Chunk, Verb};
use crate::router::{Ended, Stream};

const CACHE: &str = "cache_responses: true\n";

fn cached(entries: &[(&str, &str)], settings: &str) -> Arc<Router> {
    Arc::new(router(&format!("{}{CACHE}{settings}", list(entries))))
}

fn request(members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"model":"g","messages":[{{"role":"user","content":"hi"}}]{comma}{members}}}"#)
}

fn metadata(completed: &Completed) -> Value {
    let (body, trail) = (&completed.answer.body, &completed.trail);
    let text =
        crate::router::metadata_json(trail, &completed.answer.headers, body.verb(), body.json(), body.content_type());
    serde_json::from_str(&text).unwrap()
}

async fn ask(router: &Router, members: &str) -> Value {
    metadata(&call(router, &request(members)).await.ok().unwrap())
}

async fn is_hit(router: &Router, members: &str) -> bool {
    ask(router, members).await["cache_hit"] == true
}

fn deployment(router: &Router, group: &str, index: usize) -> Arc<crate::deployment::Deployment> {
    Arc::clone(router.names.resolve(group, false).unwrap().group.member(index).unwrap().deployment())
}

/// Calls that a deployment has answered.
fn answered(router: &Router, group: &str) -> u64 {
    deployment(router, group, 0).counts().0
}

fn snapshot(router: &Router) -> Value {
    serde_json::from_str::<Value>(&router.snapshot()).unwrap()["cache"].take()
}

async fn open(router: &Arc<Router>, members: &str) -> Stream {
    let text = request(members);
    router.stream(Request::parse(&text).unwrap(), 1).await.ok().unwrap()
}

async fn read(mut stream: Stream) -> (Vec<Chunk>, Ended) {
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.next().await.ok().unwrap() {
        chunks.push(chunk);
    }
    (chunks, stream.close())
}

fn text(chunks: &[Chunk]) -> String {
    chunks.iter().filter_map(Chunk::delta_text).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_nobodys_work() {
    let own = "mock_response: kept, mock_delay: 2, input_cost_per_token: 1, output_cost_per_token: 1";
    let router = cached(&[("g", own)], "");
    let first = ask(&router, "").await;
    assert_eq!(
        (&first["cache_hit"], &first["cost"], first["attempts"].as_array().unwrap().len()),
        (&json!(false), &json!(30.0), 1)
    );
    assert!(first.get("cache_key").is_none());
    let own = deployment(&router, "g", 0);
    let before = (own.counts(), own.state.window.used(clock::now()).tokens(), own.state.latency.value(clock::now()));
    let start = clock::now();
    let second = ask(&router, "").await;
    assert_eq!(clock::now(), start);
    let expected = json!({"cache_hit": true, "cost": 0.0, "attempts": [], "fallbacks": 0, "deployment": "g-0",
        "model_group": "g", "provider": "openai", "model": "m", "usage": first["usage"], "latency_ms": 0.0});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&second[name], value, "{name}");
    }
    assert_eq!(second["cache_key"].as_str().unwrap().len(), 64);
    let after = (own.counts(), own.state.window.used(clock::now()).tokens(), own.state.latency.value(clock::now()));
    assert_eq!((before, own.in_flight()), (after, 0));
    let own = snapshot(&router);
    assert_eq!(
        (&own["hits"], &own["misses"], &own["stored"], &own["entries"]),
        (&json!(1), &json!(1), &json!(1), &json!(1))
    );
    assert!(own["bytes"].as_u64().unwrap() > 100 && own["shared"].is_null());
}

#[tokio::test(start_paused = true)]
async fn a_hit_needs_no_healthy_deployment_and_no_slot() {
    let router = cached(&[("g", "mock_response: kept, max_parallel_requests: 1")], "");
    assert!(!is_hit(&router, "").await);
    let own = deployment(&router, "g", 0);
    own.state.bench.start(clock::now(), Duration::from_secs(9), "RateLimitError");
    let slot = own.enter(Some(1)).unwrap();
    assert!(is_hit(&router, "").await);
    assert!(call(&router, &request(r#""seed":1"#)).await.is_err());
    drop(slot);
}

#[tokio::test(start_paused = true)]
async fn without_a_cache_nothing_is_kept_and_its_options_are_told() {
    let router = router(&list(&[("g", "mock_response: a")]));
    let told = ask(&router, r#""cache":{"ttl":3},"caching":true"#).await;
    assert_eq!(told["dropped_params"], json!(["cache", "caching"]));
    assert!(!is_hit(&router, "").await && snapshot(&router).is_null());
    // Nobody has hashed anything.
    let parsed = Request::parse(&request("")).unwrap();
    router.answer(&parsed, 1).await.ok().unwrap();
    assert_eq!(parsed.digest_or(|| [7; 32]), &[7; 32]);
    let with = cached(&[("g", "mock_response: a")], "");
    assert_eq!(ask(&with, r#""cache":{"ttl":3},"caching":true"#).await["dropped_params"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_request_steers_what_is_looked_up_and_kept() {
    let router = cached(&[("g", "mock_response: a")], "default_cache_time_seconds: 60");
    let no_cache = r#""cache":{"no-cache":true}"#;
    assert!(!is_hit(&router, r#""cache":{"no-store":true}"#).await && !is_hit(&router, no_cache).await);
    assert!(!is_hit(&router, no_cache).await && is_hit(&router, r#""cache":{"no-store":true}"#).await);
    tokio::time::advance(Duration::from_secs(59)).await;
    assert!(is_hit(&router, "").await && is_hit(&router, r#""cache":{"s-maxage":59}"#).await);
    assert!(!is_hit(&router, r#""cache":{"s-maxage":58}"#).await, "and it is kept anew");
    tokio::time::advance(Duration::from_secs(59)).await;
    assert!(is_hit(&router, "").await);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!is_hit(&router, "").await);
    // A time of its own.
    assert!(!is_hit(&router, r#""seed":1,"cache":{"ttl":2}"#).await);
    tokio::time::advance(Duration::from_millis(1999)).await;
    assert!(is_hit(&router, r#""seed":1"#).await);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!is_hit(&router, r#""seed":1"#).await);
    // Namespaces and tenants see their own.
    for own in [
        r#""cache":{"namespace":"x"}"#,
        r#""metadata":{"redis_namespace":"y"}"#,
        r#""metadata":{"tenant_id":"x"}"#,
        r#""metadata":{"tenant_id":"y","redis_namespace":"x"}"#,
    ] {
        assert!(!is_hit(&router, own).await && is_hit(&router, own).await, "{own}");
    }
    assert!(!is_hit(&router, r#""caching":false"#).await);
}

#[tokio::test(start_paused = true)]
async fn groups_have_their_own_and_aliases_their_groups() {
    let entries = [("g", "mock_response: g"), ("h", "mock_response: h"), ("i", "mock_response: i")];
    let router = cached(&entries, "model_group_alias: {a: g}\ncaching_groups: [[h, i]]");
    let hit = async |model: &str| {
        let outcome = call(&router, &request("").replace(r#""g""#, &format!("\"{model}\""))).await.ok().unwrap();
        let told = metadata(&outcome);
        (told["cache_hit"] == true, told["model_group"].as_str().unwrap().to_owned())
    };
    let named = |is_hit, group: &str| (is_hit, group.to_owned());
    assert_eq!(hit("g").await, named(false, "g"));
    assert_eq!(hit("a").await, named(true, "g"));
    assert_eq!(hit("h").await, named(false, "h"));
    assert_eq!(hit("i").await, named(true, "h"), "they share");
    assert_eq!(hit("g").await, named(true, "g"));
}

#[tokio::test(start_paused = true)]
async fn a_fallbacks_answer_is_its_own() {
    let entries = [("g", "mock_error: 400"), ("h", "mock_response: h")];
    let rules = "fallbacks: [{g: [h]}]\nnum_retries: 0\n";
    let router = cached(&entries, rules);
    let first = ask(&router, "").await;
    assert_eq!(
        (&first["cache_hit"], &first["model_group"], &first["fallbacks"]),
        (&json!(false), &json!("h"), &json!(1))
    );
    let second = ask(&router, "").await;
    assert_eq!((&second["cache_hit"], &second["fallbacks"]), (&json!(true), &json!(1)));
    assert_eq!(second["attempts"].as_array().unwrap().len(), 1, "the first group was asked again: {second}");
    let other = call(&router, &request("").replace(r#""g""#, r#""h""#)).await.ok().unwrap();
    assert_eq!(metadata(&other)["cache_hit"], true);
    let sharing = cached(&entries, &format!("{rules}llmrouter_settings: {{cache: {{share_across_fallback: true}}}}"));
    assert!(!is_hit(&sharing, "").await);
    let shared = ask(&sharing, "").await;
    let told = (&shared["cache_hit"], &shared["model_group"], &shared["fallbacks"], &shared["attempts"]);
    assert_eq!(told, (&json!(true), &json!("h"), &json!(0), &json!([])));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_for_others_is_not_kept() {
    let filtered = r#""mock_response":{"choices":[{"message":{"content":"x"},"finish_reason":"content_filter"}]}"#;
    let router = cached(&[("g", "mock_response: a")], "num_retries: 0");
    assert!(!is_hit(&router, filtered).await && !is_hit(&router, filtered).await);
    let failing = request(r#""mock_error":400"#);
    assert!(call(&router, &failing).await.is_err() && call(&router, &failing).await.is_err());
    assert_eq!(snapshot(&router)["entries"], 0);
    for verb in [Verb::Image, Verb::Speech, Verb::Moderation] {
        let request = Request::parse_for(verb, r#"{"model":"g","input":"i","prompt":"p","voice":"v"}"#).unwrap();
        for _ in 0..2 {
            let outcome = router.answer(&request, 1).await.ok().unwrap();
            assert!(outcome.trail.hit().is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tags_that_choose_who_answers_choose_what_is_kept() {
    let entries = [("g", "mock_response: free, tags: [free]"), ("g", "mock_response: paid, tags: [paid]")];
    let router = cached(&entries, "enable_tag_filtering: true");
    let said = async |tag: &str| {
        let outcome = call(&router, &request(&format!(r#""tags":["{tag}"]"#))).await.ok().unwrap();
        (outcome.trail.hit().is_some(), outcome.answer.body.json().unwrap().contains(tag))
    };
    assert_eq!([said("free").await, said("paid").await], [(false, true), (false, true)]);
    assert_eq!([said("free").await, said("paid").await], [(true, true), (true, true)]);
    let unfiltered = cached(&[("g", "mock_response: a")], "");
    assert!(!is_hit(&unfiltered, r#""tags":["a"]"#).await && is_hit(&unfiltered, r#""tags":["b"]"#).await);
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_what_is_kept_unless_what_answers_has_changed() {
    let text = |entries: &[(&str, &str)], settings: &str| format!("{}{CACHE}{settings}", list(entries));
    let load = |text: &str| config::load(text, |_| None).ok().unwrap();
    let old = Router::new(load(&text(&[("g", "mock_response: a")], ""))).unwrap();
    assert!(!is_hit(&old, "").await && is_hit(&old, "").await);
    let again = |entries: &[(&str, &str)], settings: &str| old.reloaded(load(&text(entries, settings))).unwrap();
    let own = ("g", "mock_response: a");
    assert!(is_hit(&again(&[own], "num_retries: 0"), "").await);
    assert!(
        is_hit(&again(&[("g", "mock_response: a, api_key: k2, weight: 3, rpm: 9, input_cost_per_token: 1")], ""), "")
            .await
    );
    assert!(is_hit(&again(&[own, own], ""), "").await, "another one of the same");
    for other in ["mock_response: b", "mock_response: a, temperature: 0.5", "mock_response: a, drop_params: true"] {
        assert!(!is_hit(&again(&[("g", other)], ""), "").await, "{other}");
    }
    assert!(!is_hit(&again(&[own], "default_cache_time_seconds: 9"), "").await, "another cache");
}

#[tokio::test(start_paused = true)]
async fn memory_answers_on_the_callers_thread() {
    let router = cached(&[("g", "mock_response: a")], "");
    let known = |members: &str| router.known(&Request::parse(&request(members)).unwrap(), 7);
    let repeated = |members: &str| router.repeated(Verb::Chat, &request(members), 7);
    assert!(known("").is_none() && repeated("").is_none());
    assert!(!is_hit(&router, "").await);
    assert!(repeated("").is_none(), "nobody has asked by these bytes yet");
    let told = metadata(&known("").unwrap());
    assert_eq!((&told["cache_hit"], &told["call_id"], &told["deployment"]), (&json!(true), &json!(7), &json!("g-0")));
    let again = metadata(&repeated("").unwrap());
    assert_eq!((&again["cache_key"], &again["attempts"]), (&told["cache_key"], &json!([])));
    assert!(repeated(r#""seed":1"#).is_none());
    // What is not the same at any time is looked at anew.
    for members in [r#""cache":{"s-maxage":9}"#, r#""organization":"o""#] {
        let _ = is_hit(&router, members).await;
        assert!(known(members).is_some(), "{members}");
        assert!(repeated(members).is_none(), "{members}");
    }
    for members in [
        r#""cache":{"no-cache":true}"#,
        r#""caching":false"#,
        r#""stream":true"#,
        r#""mock_testing_fallbacks":true"#,
        r#""metadata":{"explain":true}"#,
    ] {
        assert!(known(members).is_none(), "{members}");
    }
    assert_eq!(snapshot(&router)["hits"], 5);
}
