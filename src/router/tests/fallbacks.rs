//! Which list is walked after which failure.

use super::*;

const GROUPS: [(&str, &str); 5] = [
    ("long", "mock_error: ContextWindowExceededError"),
    ("rude", "mock_error: ContentPolicyViolationError"),
    ("down", "mock_error: 500"),
    ("b", "mock_response: b"),
    ("c", "mock_response: c"),
];

async fn walk(settings: &str, request: &str) -> Vec<String> {
    let router = router(&(list(&GROUPS) + "router_settings: {num_retries: 0, " + settings + "}"));
    asked(&call(&router, request).await)
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_failure_has_its_list() {
    let all =
        "fallbacks: [{'*': [b]}], context_window_fallbacks: [{long: [c]}], content_policy_fallbacks: [{rude: [c]}]";
    assert_eq!(walk(all, r#"{"model":"long"}"#).await, ["long-0", "c-4"]);
    assert_eq!(walk(all, r#"{"model":"rude"}"#).await, ["rude-1", "c-4"]);
    assert_eq!(walk(all, r#"{"model":"down"}"#).await, ["down-2", "b-3"]);
    let generic = "fallbacks: [{'*': [b]}]";
    assert_eq!(walk(generic, r#"{"model":"long"}"#).await, ["long-0", "b-3"], "not set: the generic list");
    let without = "fallbacks: [{'*': [b]}], context_window_fallbacks: [{other: [c]}]";
    assert_eq!(walk(without, r#"{"model":"long"}"#).await, ["long-0"], "set, and without an entry: none");
    assert_eq!(walk("fallbacks: [{'*': [b]}], context_window_fallbacks: []", r#"{"model":"long"}"#).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fallbacks_own_failure_has_its_own_list() {
    let settings = "fallbacks: [{down: [long, b]}], context_window_fallbacks: [{long: [c]}]";
    assert_eq!(walk(settings, r#"{"model":"down"}"#).await, ["down-2", "long-0", "c-4"]);
    let origin = "fallbacks: [{down: [long]}], context_window_fallbacks: [{down: [c]}]";
    assert_eq!(walk(origin, r#"{"model":"down"}"#).await, ["down-2", "long-0", "c-4"], "else the first group's");
}

#[tokio::test(start_paused = true)]
async fn a_request_brings_its_own_lists() {
    let settings = "fallbacks: [{down: [b]}], context_window_fallbacks: [{long: [b]}]";
    assert_eq!(walk(settings, r#"{"model":"down","fallbacks":["c"]}"#).await, ["down-2", "c-4"]);
    assert_eq!(walk(settings, r#"{"model":"down","fallbacks":[{"down":["c"]}]}"#).await, ["down-2", "c-4"]);
    assert_eq!(walk(settings, r#"{"model":"down","fallbacks":[{"other":["c"]}]}"#).await, ["down-2"]);
    assert_eq!(walk(settings, r#"{"model":"long","fallbacks":["c"]}"#).await, ["long-0", "c-4"], "for any failure");
    let asked = r#"{"model":"long","context_window_fallbacks":[{"long":["c"]}]}"#;
    assert_eq!(walk(settings, asked).await, ["long-0", "c-4"]);
    let asked = r#"{"model":"rude","content_policy_fallbacks":{"rude":"c"}}"#;
    assert_eq!(walk(settings, asked).await, ["rude-1", "c-4"]);
    assert_eq!(walk(settings, r#"{"model":"long","disable_fallbacks":true}"#).await, ["long-0"]);
}

#[tokio::test(start_paused = true)]
async fn a_filtered_answer_falls_back_where_somebody_answers_instead() {
    let filtered = r#"mock_response: {choices: [{finish_reason: content_filter, message: {content: cut}}]}"#;
    let groups = [("g", filtered), ("b", "mock_response: b")];
    let asked_of = async |settings: &str| asked(&call_group(&router(&(list(&groups) + settings)), "g").await);
    assert_eq!(asked_of("content_policy_fallbacks: [{g: [b]}]").await, ["g-0", "b-1"]);
    assert_eq!(asked_of("content_policy_fallbacks: [{x: [b]}]").await, ["g-0"]);
    assert_eq!(asked_of("fallbacks: [{g: [b]}]").await, ["g-0"]);
    assert_eq!(
        asked_of("default_fallbacks: [b]").await,
        ["g-0", "b-1"],
        "the list for any group is asked for this, too"
    );
    assert_eq!(asked_of("content_policy_fallbacks: [{g: [gone]}]").await, ["g-0"], "nobody is left to answer instead");
    let router = router(&(list(&groups) + "content_policy_fallbacks: [{g: [b]}]"));
    assert_eq!(asked(&call(&router, r#"{"model":"g","disable_fallbacks":true}"#).await), ["g-0"]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_changes_the_request_for_itself_alone() {
    let yaml = list(&[("a", "mock_error: 500"), ("b", "mock_response: b"), ("c", "mock_response: c")])
        + "router_settings: {num_retries: 0, fallbacks: [{a: [{model: b, mock_error: 503, num_retries: 1}, c]}]}";
    assert_eq!(asked(&call_group(&router(&yaml), "a").await), ["a-0", "b-1", "b-1", "c-2"]);
    let refused = config::load(&yaml.replace("mock_error: 503", "api_key: k"), |_| None).err().unwrap().message;
    assert!(refused.contains("fallbacks[0].a[0].api_key: a fallback can't change this"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_was_too_long_goes_to_a_larger_window() {
    let yaml = "
model_list:
- {model_name: a, litellm_params: {model: openai/m, mock_error: ContextWindowExceededError}, model_info: {id: a, max_input_tokens: 100}}
- {model_name: same, litellm_params: {model: openai/m, mock_response: same}, model_info: {id: same, max_input_tokens: 100}}
- {model_name: larger, litellm_params: {model: openai/m, mock_response: larger}, model_info: {id: larger, max_input_tokens: 200}}
- {model_name: any, litellm_params: {model: openai/m, mock_response: any}, model_info: {id: any}}
context_window_fallbacks: [{a: TARGETS}]
";
    let walk = async |targets: &str| asked(&call_group(&router(&yaml.replace("TARGETS", targets)), "a").await);
    assert_eq!(walk("[same, larger]").await, ["a", "[same]", "larger"]);
    assert_eq!(walk("[same, any]").await, ["a", "[same]", "any"]);
}
