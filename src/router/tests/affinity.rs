//! Calls go back to who knows them.

use super::*;
use crate::chat::Verb;

fn with(checks: &str) -> Router {
    let three = [("g", "mock_response: a"), ("g", "mock_response: a"), ("g", "mock_response: a")];
    router(&format!("{}router_settings: {{num_retries: 2, optional_pre_call_checks: [{checks}]}}", list(&three)))
}

async fn who(router: &Router, members: &str) -> String {
    asked(&call(router, &format!(r#"{{"model":"g","messages":[],{members}}}"#)).await).join(" ")
}

#[tokio::test(start_paused = true)]
async fn a_session_stays_where_it_is() {
    let router = with("session_affinity");
    let mut spread = HashSet::new();
    for session in 0..40 {
        let members = format!(r#""metadata":{{"session_id":"s{session}"}}"#);
        let first = who(&router, &members).await;
        for _ in 0..5 {
            assert_eq!(who(&router, &members).await, first);
        }
        spread.insert(first);
    }
    assert_eq!(spread.len(), 3, "sessions are spread");
    // Without a session, and after its time, chance decides again.
    let mut others = HashSet::new();
    for _ in 0..40 {
        others.insert(who(&router, r#""user":"x""#).await);
    }
    assert_eq!(others.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn two_tenants_with_one_session_are_two() {
    let router = with("session_affinity");
    let mut places = HashSet::new();
    for tenant in 0..40 {
        places.insert(who(&router, &format!(r#""metadata":{{"session_id":"s","tenant_id":"t{tenant}"}}"#)).await);
    }
    assert_eq!(places.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_fails_is_left_and_who_answers_is_known() {
    let router = with("session_affinity, deployment_affinity");
    for members in [r#""metadata":{"session_id":"s"}"#, r#""metadata":{"tenant_id":"t"}"#] {
        let first = who(&router, members).await;
        let index = first.trim_start_matches("g-").parse().unwrap();
        let member = router.names.resolve("g", false).unwrap().group.member(index).unwrap();
        member.deployment().state.bench.start(clock::now(), Duration::from_secs(10), "test");
        let second = who(&router, members).await;
        assert_ne!(second, first);
        tokio::time::advance(Duration::from_secs(20)).await;
        for _ in 0..9 {
            assert_eq!(who(&router, members).await, second, "known from then on");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cached_prompt_goes_where_it_is_cached() {
    let router = with("prompt_caching");
    let turn = |more: &str| {
        format!(
            r#"{{"model":"g","messages":[{{"role":"system","content":[{{"type":"text","text":"long","cache_control":{{"type":"ephemeral"}}}}]}}{more}]}}"#
        )
    };
    let first = asked(&call(&router, &turn("")).await);
    for place in 0..9 {
        let more = format!(r#",{{"role":"user","content":"{place}"}}"#);
        assert_eq!(asked(&call(&router, &turn(&more)).await), first);
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_on_a_response_goes_where_that_is_stored() {
    let router = with("responses_api_deployment_check");
    for _ in 0..20 {
        let begun = Request::parse_for(Verb::Responses, r#"{"model":"g","input":"a"}"#).unwrap();
        let begun = router.answer(&begun, 1).await.ok().unwrap();
        let body: serde_json::Value = serde_json::from_str(begun.answer.body.json().unwrap()).unwrap();
        let next = format!(r#"{{"model":"g","input":"b","previous_response_id":{}}}"#, body["id"]);
        let next = router.answer(&Request::parse_for(Verb::Responses, &next).unwrap(), 1).await;
        let first = begun.trail.winner().unwrap().deployment.as_ref().unwrap().id().to_owned();
        assert_eq!(asked(&next), [first]);
    }
}
