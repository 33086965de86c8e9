//! What the snapshot tells.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::store::Engine;
use crate::store::memory::Memory;

const SECOND: Duration = Duration::from_secs(1);
/// A mock's answer has ten tokens and twenty: ten dollars.
const PRICED: &str = "mock_response: ok, input_cost_per_token: 0.5, output_cost_per_token: 0.25";
const UNPRICED: &str = "mock_response: ok";
const BUDGET: &str = "router_settings: {provider_budget_config: {openai: {budget_limit: 1000, time_period: 1h}}}";

fn snapshot(router: &Router) -> Value {
    serde_json::from_str(&router.snapshot()).unwrap()
}

fn deployments(router: &Router) -> Vec<Value> {
    let groups = snapshot(router)["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["deployments"].as_array().unwrap().clone()).collect()
}

fn each(router: &Router, member: &str) -> Value {
    deployments(router).into_iter().map(|deployment| deployment[member].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn limits_are_shown_with_what_is_left_of_them() {
    let router = router(&list(&[
        ("g", "mock_response: ok, rpm: 3, tpm: 100, itpm: 50, otpm: 30, max_parallel_requests: 7, weight: 2, order: 1"),
        ("h", "mock_response: ok, tags: [free, eu]"),
    ]));
    let before = deployments(&router);
    let limits = json!({"rpm": 3, "tpm": 100, "itpm": 50, "otpm": 30, "max_parallel_requests": 7});
    assert_eq!(before[0]["limits"], limits);
    let left = json!({"requests": 3, "tokens": 100, "input_tokens": 50, "output_tokens": 30});
    assert_eq!(before[0]["left"], left);
    assert_eq!((&before[0]["weight"], &before[0]["order"], &before[0]["tags"]), (&json!(2.0), &json!(1), &json!([])));
    let none = json!({"rpm": null, "tpm": null, "itpm": null, "otpm": null, "max_parallel_requests": null});
    assert_eq!(before[1]["limits"], none);
    let none = json!({"requests": null, "tokens": null, "input_tokens": null, "output_tokens": null});
    assert_eq!(before[1]["left"], none);
    assert_eq!((&before[1]["weight"], &before[1]["order"]), (&Value::Null, &Value::Null));
    assert_eq!(before[1]["tags"], json!(["free", "eu"]));

    // simple-shuffle holds nobody to a limit: what is left is nothing, and never less.
    for (calls, left) in [(1, [2, 70, 40, 10]), (1, [1, 40, 30, 0]), (3, [0, 0, 0, 0])] {
        for _ in 0..calls {
            assert!(call_group(&router, "g").await.is_ok());
        }
        let [requests, tokens, input, output] = left;
        let left = json!({"requests": requests, "tokens": tokens, "input_tokens": input, "output_tokens": output});
        assert_eq!(each(&router, "left")[0], left);
    }
    let group = &snapshot(&router)["groups"][0];
    assert_eq!((&group["rpm"], &group["tpm"], &group["in_flight"]), (&json!(5), &json!(150), &json!(0)));
    tokio::time::advance(61 * SECOND).await;
    assert_eq!(each(&router, "left")[0]["requests"], 3);
}

#[tokio::test(start_paused = true)]
async fn slots_may_be_those_of_all() {
    let router = router(&(list(&[("g", UNPRICED)]) + "router_settings: {default_max_parallel_requests: 4}"));
    assert_eq!(each(&router, "limits")[0]["max_parallel_requests"], 4);
}

#[tokio::test(start_paused = true)]
async fn what_others_have_used_is_not_left() {
    let memory = Arc::new(Memory::default());
    let yaml = list(&[("g", "mock_response: ok, rpm: 9")]) + "llmrouter_settings: {shared_state: {file: memory}}";
    let process = || {
        let config = config::load(&yaml, |_| None).map_err(|error| error.message).unwrap();
        let router = Router::over(config, None, &(memory.link() as Arc<dyn Engine>)).unwrap();
        tokio::spawn(Arc::clone(router.fleet().unwrap()).run());
        router
    };
    let (one, other) = (process(), process());
    clock::sleep(SECOND).await;
    for _ in 0..4 {
        assert!(call_group(&one, "g").await.is_ok());
    }
    assert!(call_group(&other, "g").await.is_ok());
    clock::sleep(SECOND).await;
    for router in [&one, &other] {
        assert_eq!((each(router, "rpm"), &each(router, "left")[0]["requests"]), (json!([5]), &json!(4)));
    }
}

#[tokio::test(start_paused = true)]
async fn spend_is_null_unless_it_is_known() {
    let entries = [("g", PRICED), ("g", UNPRICED), ("h", PRICED)];
    let silent = router(&list(&entries));
    for group in ["g", "h"] {
        assert!(call_group(&silent, group).await.is_ok());
    }
    assert_eq!(each(&silent, "spend"), json!([null, null, null]), "nobody reckons");

    let router = router(&(list(&entries) + BUDGET));
    assert_eq!(each(&router, "spend"), json!([0.0, 0.0, 0.0]), "nobody was asked");
    for id in ["g-0", "g-0", "g-1", "h-2"] {
        assert!(call_group(&router, id).await.is_ok());
    }
    assert_eq!(each(&router, "spend"), json!([20.0, null, 10.0]));
    let groups = &snapshot(&router)["groups"];
    assert_eq!((&groups[0]["spend"], &groups[1]["spend"]), (&Value::Null, &json!(10.0)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_costs_at_its_end() {
    let router = Arc::new(router(&(list(&[("g", PRICED)]) + BUDGET)));
    let request = Request::parse(r#"{"model":"g","messages":[]}"#).unwrap();
    let mut stream = router.stream(request, 1).await.ok().unwrap();
    assert_eq!((snapshot(&router)["in_flight"].clone(), each(&router, "spend")), (json!(1), json!([0.0])));
    while stream.next().await.is_ok_and(|chunk| chunk.is_some()) {}
    drop(stream.close());
    assert_eq!((snapshot(&router)["in_flight"].clone(), each(&router, "spend")), (json!(0), json!([10.0])));
}

#[tokio::test(start_paused = true)]
async fn budgets_show_when_they_begin_anew() {
    let yaml = list(&[("g", &format!("{PRICED}, max_budget: 12.5, budget_duration: 60s"))])
        + "litellm_settings: {tag_budget_config: {team: {budget_limit: 5, time_period: 1d}}}\n"
        + BUDGET;
    let router = router(&yaml);
    let unspent = |kind: &str, name: &str, limit: f64, period: f64| json!({"kind": kind, "name": name, "limit": limit, "spent": 0.0, "period_s": period, "resets_at": null});
    let rest = [unspent("provider", "openai", 1000.0, 3600.0), unspent("deployment", "g-0", 12.5, 60.0)];
    let fresh = json!([rest[0], rest[1], unspent("tag", "team", 5.0, 86_400.0)]);
    assert_eq!(snapshot(&router)["budgets"], fresh);
    let before = clock::unix_ms();
    assert!(call_group(&router, "g").await.is_ok());
    let spent = &snapshot(&router)["budgets"][1];
    assert_eq!(spent["spent"], 10.0);
    let resets = spent["resets_at"].as_u64().unwrap();
    assert!((before + 60_000..before + 62_000).contains(&resets), "{spent}");
    tokio::time::advance(61 * SECOND).await;
    assert_eq!(snapshot(&router)["budgets"][1], rest[1]);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_as_well_as_its_deployments() {
    let yaml = list(&[("g", "mock_error: 429, weight: 1"), ("g", "mock_response: ok, weight: 1")])
        + "- {model_name: k, litellm_params: {model: gpt-4}}\n"
        + "router_settings: {cooldown_time: 30, routing_groups: [{group_name: x, models: [g], routing_strategy: least-busy}]}";
    let router = router(&yaml);
    let state = |router: &Router| -> Value {
        snapshot(router)["groups"].as_array().unwrap().iter().map(|group| group["state"].clone()).collect()
    };
    assert_eq!(state(&router), json!(["healthy", "down"]));
    while each(&router, "failed")[0] == 0 {
        assert!(call_group(&router, "g").await.is_ok());
    }
    assert_eq!(state(&router), json!(["partial", "down"]));
    assert_eq!(each(&router, "state"), json!(["cooling", "healthy", "blocked"]));
    assert_eq!(snapshot(&router)["groups"][0]["strategy"], "least-busy");
    assert_eq!(snapshot(&router)["groups"][1]["strategy"], "simple-shuffle");
    tokio::time::advance(31 * SECOND).await;
    assert_eq!(state(&router), json!(["healthy", "down"]));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_rests_is_shown_wherever_it_is_used() {
    let keyed = |id: &str, mock: &str| {
        format!(
            "- {{model_name: {id}, litellm_params: {{model: openai/m, api_key: k-0123456789, api_base: 'http://h:1', \
             {mock}}}, model_info: {{id: {id}}}}}\n"
        )
    };
    let yaml = format!(
        "model_list:\n{}{}router_settings: {{cooldown_time: 30}}",
        keyed("a", "mock_error: 401"),
        keyed("b", "mock_response: ok")
    );
    let router = router(&yaml);
    let before = clock::unix_ms();
    assert!(call_group(&router, "a").await.is_err());
    for deployment in deployments(&router) {
        assert_eq!((&deployment["state"], &deployment["cause"]), (&json!("cooling"), &json!("AuthenticationError")));
        let time = |member: &str| deployment[member].as_u64().unwrap() - before;
        assert!(time("since") < 2_000 && (30_000..32_000).contains(&time("until")), "{deployment}");
    }
    assert_eq!(snapshot(&router)["groups"][1]["state"], "down");
}

#[tokio::test(start_paused = true)]
async fn aliases_lead_somewhere_or_nowhere() {
    let yaml = list(&[("g", UNPRICED)])
        + "router_settings: {model_group_alias: {a: g, b: {model: g, hidden: true}, c: nobody}}";
    let aliases = json!([
        {"name": "a", "model_group": "g", "hidden": false},
        {"name": "b", "model_group": "g", "hidden": true},
        {"name": "c", "model_group": null, "hidden": false},
    ]);
    assert_eq!(snapshot(&router(&yaml))["aliases"], aliases);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_counted() {
    let yaml = list(&[("g", "mock_error: {status: 429, retry_after: 30}")])
        + "router_settings: {num_retries: 0, allowed_fails: 0}\nllmrouter_settings: {on_exhausted: wait, deadline: 20}";
    let router = Arc::new(router(&yaml));
    assert!(call_group(&router, "g").await.is_err());
    let patient = r#"{"model":"g","messages":[],"deadline":100}"#;
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let router = Arc::clone(&router);
            tokio::spawn(async move { drop(call(&router, patient).await) })
        })
        .collect();
    clock::sleep(SECOND).await;
    assert_eq!((&snapshot(&router)["waiting"], &snapshot(&router)["in_flight"]), (&json!(3), &json!(0)));
    let again = router.reloaded(config::load(&yaml, |_| None).ok().unwrap()).unwrap();
    assert_eq!(snapshot(&again)["waiting"], 3);
    calls[0].abort();
    clock::sleep(SECOND).await;
    assert_eq!(snapshot(&again)["waiting"], 2);
    for call in calls {
        let _ = call.await;
    }
    assert_eq!(snapshot(&router)["waiting"], 0);
}

#[tokio::test(start_paused = true)]
async fn an_empty_router_has_every_member() {
    let snapshot = snapshot(&router("model_list: []"));
    let members: Vec<_> = snapshot.as_object().unwrap().keys().map(String::as_str).collect();
    let all = "version in_flight waiting groups aliases budgets cache store callbacks warnings";
    assert_eq!(members.join(" "), all);
    assert_eq!(snapshot["callbacks"], json!([]));
}
