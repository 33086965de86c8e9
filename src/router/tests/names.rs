//! What a name leads to.

use super::*;

const GROUPS: &str = "
model_list:
- {model_name: g, litellm_params: {model: openai/real, mock_response: g}, model_info: {id: id-g}}
- {model_name: 'openai/*', litellm_params: {model: 'openai/*', mock_response: any}, model_info: {id: id-any}}
- {model_name: 'openai/gpt-*', litellm_params: {model: 'openai/*-x', mock_response: gpt}, model_info: {id: id-gpt}}
- {model_name: h, litellm_params: {model: openai/real, mock_response: h}, model_info: {id: id-h}}
- {model_name: off, litellm_params: {model: openai/off, mock_response: off}, model_info: {id: id-off, blocked: true}}
";

async fn led(router: &Router, request: &str) -> (String, String, String) {
    let outcome = call(router, request).await;
    let completed = outcome.map_err(|failed| failed.error.message().to_owned()).ok().unwrap();
    let record = completed.trail.winner().unwrap();
    (
        record.deployment.as_ref().unwrap().id().to_owned(),
        record.group.to_string(),
        record.model.as_deref().unwrap().to_owned(),
    )
}

fn to(id: &str, group: &str, model: &str) -> (String, String, String) {
    (id.to_owned(), group.to_owned(), model.to_owned())
}

#[tokio::test]
async fn names_are_understood_in_order() {
    let router =
        router(&format!("{GROUPS}\nmodel_group_alias: {{nick: g, many: gpt-9, hid: {{model: h, hidden: true}}}}"));
    let led = async |name: &str| led(&router, &format!(r#"{{"model":"{name}"}}"#)).await;
    assert_eq!(led("g").await, to("id-g", "g", "real"));
    assert_eq!(led("id-h").await, to("id-h", "id-h", "real"));
    assert_eq!(led("nick").await, to("id-g", "g", "real"));
    assert_eq!(led("hid").await, to("id-h", "h", "real"));
    assert_eq!(led("openai/foo").await, to("id-any", "openai/foo", "foo"));
    assert_eq!(led("openai/gpt-4").await, to("id-gpt", "openai/gpt-4", "4-x"));
    assert_eq!(led("gpt-4").await, to("id-gpt", "openai/gpt-4", "4-x"), "its maker is put before it");
    assert_eq!(led("many").await, to("id-gpt", "openai/gpt-9", "9-x"));
    assert_eq!(led("openai/real").await.0, "id-any", "a wildcard beats a deployment's model");
}

#[tokio::test]
async fn a_deployments_own_model_is_a_name_too() {
    let router = router(&list(&[("g", "mock_response: g")]));
    assert_eq!(led(&router, r#"{"model":"openai/m"}"#).await, to("g-0", "openai/m", "m"));
    let wild = self::router(GROUPS);
    let specific = led(&wild, r#"{"model":"openai/real","specific_deployment":true}"#).await;
    assert!(["id-g", "id-h"].contains(&specific.0.as_str()), "{specific:?}");
}

#[tokio::test]
async fn a_blocked_deployment_is_never_asked() {
    let router = router(GROUPS);
    let by_id = call_group(&router, "id-off").await.err().unwrap().error;
    assert_eq!((by_id.kind(), by_id.http_status()), (ErrorKind::ServiceUnavailable, Some(503)));
    assert_eq!(kind(&call_group(&router, "off").await), Some(ErrorKind::NoDeploymentAvailable));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_asked_for_by_its_id_is_asked_though_it_rests() {
    let settings = "router_settings: {num_retries: 0, allowed_fails: 0, cooldown_time: 60}";
    let router = router(&(list(&[("g", "mock_error: 500")]) + settings));
    assert_eq!(asked(&call_group(&router, "g").await), ["g-0"]);
    assert_eq!(asked(&call_group(&router, "g").await), ["[g]"]);
    assert_eq!(asked(&call_group(&router, "g-0").await), ["g-0"]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_is_answered_by_the_first_default() {
    let groups = [("a", "mock_error: 500"), ("b", "mock_response: b")];
    let with = |settings: &str| router(&(list(&groups) + "router_settings: {num_retries: 0, " + settings + "}"));

    let outcome = call_group(&with("default_fallbacks: [b, a]"), "nobody").await;
    assert_eq!(asked(&outcome), ["b-1"]);
    assert_eq!(outcome.ok().unwrap().trail.fallbacks(), 0);
    assert_eq!(asked(&call_group(&with("default_fallbacks: [a, b]"), "nobody").await), ["a-0", "b-1"]);
    let instead = call(&with("default_fallbacks: [b]"), r#"{"model":"nobody","disable_fallbacks":true}"#).await;
    assert_eq!(asked(&instead), ["b-1"], "it is what the name means, not a fallback");

    let own = with("fallbacks: [{nobody: [a]}]");
    let outcome = call_group(&own, "nobody").await;
    assert_eq!(asked(&outcome), ["[nobody]", "a-0"]);
    assert_eq!(kind(&outcome), Some(ErrorKind::BadRequest), "the first failure is the call's");
}

#[tokio::test(start_paused = true)]
async fn an_alias_is_its_group_in_every_rule() {
    let settings = "router_settings:
  num_retries: 0
  model_group_alias: {nick: a}
  model_group_retry_policy: {KEY: {InternalServerErrorRetries: 2}}
  fallbacks: [{KEY: [b]}]
  context_window_fallbacks: [{KEY: [b]}]
  content_policy_fallbacks: [{KEY: [b]}]
";
    for (error, calls) in
        [("500", 3), ("ContextWindowExceededError", 1), ("ContentPolicyViolationError", 1), ("401", 1), ("404", 1)]
    {
        for key in ["a", "nick"] {
            let mocks = [("a", format!("mock_error: {error}")), ("b", "mock_response: b".to_owned())];
            let mocks: Vec<_> = mocks.iter().map(|(group, params)| (*group, params.as_str())).collect();
            let yaml = list(&mocks) + &settings.replace("KEY", key);
            let names = if key == "a" { vec!["a", "nick"] } else { vec!["nick"] };
            for name in names {
                let outcome = call_group(&router(&yaml), name).await;
                let mut expected = vec!["a-0"; calls];
                expected.push("b-1");
                assert_eq!(asked(&outcome), expected, "{error} by {name}, keyed by {key}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_may_leave_the_provider_out_or_add_it() {
    let groups = "
model_list:
- {model_name: 'openai/gpt-4', litellm_params: {model: openai/m, mock_error: 400}, model_info: {id: a}}
- {model_name: gpt-5, litellm_params: {model: openai/m, mock_error: 400}, model_info: {id: b}}
- {model_name: c, litellm_params: {model: openai/m, mock_response: c}, model_info: {id: c}}
fallbacks: [{gpt-4: [c]}, {openai/gpt-5: [c]}]
";
    for (name, first) in [("openai/gpt-4", "a"), ("gpt-5", "b")] {
        assert_eq!(asked(&call_group(&router(groups), name).await), [first, "c"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wildcard_is_never_benched_for_one_model() {
    let yaml = "
model_list:
- {model_name: 'w/*', litellm_params: {model: 'openai/*', mock_error: 429}, model_info: {id: w}}
- {model_name: 'w/*', litellm_params: {model: 'openai/*', mock_error: 404}, model_info: {id: x}}
router_settings: {num_retries: 0, allowed_fails: 0}
";
    let router = router(yaml);
    for _ in 0..20 {
        assert_eq!(asked(&call_group(&router, "w/one").await).len(), 1);
        let group = router.names.resolve("w/two", false).unwrap().group;
        assert!(group.usable().all(|member| member.deployment().benched_for(clock::now()).is_none()));
    }
}
