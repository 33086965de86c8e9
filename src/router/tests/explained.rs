//! The plan says what the call then does.

use serde_json::Value;

use super::*;

fn plan(router: &Router, request: &str) -> Value {
    let plan = router.explain(&Request::parse(request).unwrap());
    serde_json::from_str(&plan.map_err(|error| error.message().to_owned()).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn shares_levels_and_reasons_are_told() {
    let yaml = "
model_list:
- {model_name: g, litellm_params: {model: openai/m, mock_response: a, weight: 3}, model_info: {id: a}}
- {model_name: g, litellm_params: {model: openai/m, mock_response: b, weight: 1}, model_info: {id: b}}
- {model_name: g, litellm_params: {model: openai/m}, model_info: {id: keyless}}
- {model_name: g, litellm_params: {model: openai/m, mock_response: c, weight: 96}, model_info: {id: c}}
- {model_name: o, litellm_params: {model: openai/m, mock_response: x, order: 1}, model_info: {id: first}}
- {model_name: o, litellm_params: {model: openai/m, mock_response: x, order: 2}, model_info: {id: second}}
- {model_name: o, litellm_params: {model: openai/m, mock_response: x}, model_info: {id: none}}
router_settings: {model_group_alias: {nick: g}, fallbacks: [{g: [gone, o]}], context_window_fallbacks: [{g: [o]}]}
";
    let router = router(yaml);
    let c = router.names.resolve("g", false).unwrap().group.member(2).unwrap();
    c.deployment().state.bench.start(clock::now(), Duration::from_secs(30), "Timeout");
    let plan = plan(&router, r#"{"model":"nick"}"#);
    assert_eq!(plan["resolved"], serde_json::json!({"group": "g", "how": "alias"}));
    assert_eq!(plan["order"], serde_json::json!(["g", "o"]));
    assert_eq!(plan["fallbacks"]["generic"], serde_json::json!(["gone", "o"]));
    assert_eq!(plan["fallbacks"]["context_window"], serde_json::json!(["o"]));
    let of = |group: usize, place: usize| plan["groups"][group]["deployments"][place].clone();
    assert_eq!((of(0, 0)["share"].as_f64(), of(0, 1)["share"].as_f64()), (Some(0.75), Some(0.25)));
    assert!(of(0, 2)["skipped"].as_str().unwrap().contains("OPENAI_API_KEY"));
    assert_eq!(of(0, 3)["skipped"], "cools down after Timeout for another 30.0 s");
    assert_eq!(plan["groups"][1]["skipped"].as_str().unwrap().matches("gone").count(), 1);
    assert_eq!((of(2, 0)["share"].as_f64(), of(2, 0)["skipped"].is_null()), (Some(1.0), true));
    assert!(of(2, 1)["skipped"].as_str().unwrap().contains("lower order"));
    assert!(of(2, 2)["skipped"].as_str().unwrap().contains("no order"));
    let unknown = router.explain(&Request::parse(r#"{"model":"nobody"}"#).unwrap()).err().unwrap();
    assert_eq!((unknown.kind(), unknown.param()), (ErrorKind::BadRequest, Some("model")));
}

#[tokio::test]
async fn an_answer_may_carry_the_plan() {
    let router = router(&list(&[("g", "mock_response: ok")]));
    let metadata = async |request: &str| {
        let completed = call(&router, request).await.ok().unwrap();
        let text = crate::router::metadata_json(
            &completed.trail,
            &completed.answer.headers,
            crate::chat::Verb::Chat,
            completed.answer.body.json(),
            None,
        );
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let with = metadata(r#"{"model":"g","metadata":{"explain":true}}"#).await;
    assert_eq!(with["explain"]["order"], serde_json::json!(["g"]));
    assert!(metadata(r#"{"model":"g"}"#).await.get("explain").is_none());
}
