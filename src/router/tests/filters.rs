//! Who may answer a request at all.

use super::*;

fn with(entries: &[(&str, &str, &str)], settings: &str) -> Router {
    let mut yaml = "model_list:\n".to_owned();
    for (position, (group, params, info)) in entries.iter().enumerate() {
        let info = format!("model_info: {{id: {group}-{position}, {info}}}");
        let model = if params.contains("model:") { "" } else { "model: openai/m, " };
        let params = format!("{model}mock_response: a{}{params}", if params.is_empty() { "" } else { ", " });
        writeln!(yaml, "- {{model_name: {group}, litellm_params: {{{params}}}, {info}}}").unwrap();
    }
    router(&format!("{yaml}router_settings: {{num_retries: 0, {settings}}}"))
}

fn yaml_of(params: &str, settings: &str) -> String {
    format!("{}router_settings: {{num_retries: 0, {settings}}}", list(&[("g", params)]))
}

/// Who answers, or the class of the error.
async fn answers(router: &Router, members: &str) -> String {
    match call(router, &format!(r#"{{"model":"g",{members}}}"#)).await {
        Ok(completed) => completed.trail.winner().unwrap().deployment.as_ref().unwrap().id().to_owned(),
        Err(failed) => failed.error.class().to_owned(),
    }
}

const MESSAGES: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

#[tokio::test]
async fn tags_lead_to_who_has_them() {
    let three = [("g", "tags: [free, eu]", ""), ("g", "tags: [paid]", ""), ("g", "tags: [default]", "")];
    let router = with(&three, "enable_tag_filtering: true");
    for (tags, who) in [
        (r#""metadata":{"tags":["paid"]}"#, "g-1"),
        (r#""tags":["free"]"#, "g-0"),
        (r#""tags":["eu","nobodys"]"#, "g-0"),
        (r#""tags":["&eu","&free"]"#, "g-0"),
        (r#""tags":["nobodys"]"#, "g-2"),
        (r#""user":"x""#, "g-2"),
        (r#""tags":["!default"]"#, "BadRequestError"),
        (r#""tags":["paid","!paid"]"#, "BadRequestError"),
    ] {
        assert_eq!(answers(&router, &format!("{MESSAGES},{tags}")).await, who, "{tags}");
    }
    let all = with(&three, "enable_tag_filtering: true, tag_filtering_match_any: false");
    assert_eq!(answers(&all, &format!(r#"{MESSAGES},"tags":["free","eu"]"#)).await, "g-0");
    assert_eq!(answers(&all, &format!(r#"{MESSAGES},"tags":["free","paid"]"#)).await, "BadRequestError");
    let refused = call(&router, r#"{"model":"g","tags":["paid"]}"#).await.ok().unwrap();
    let skipped: Vec<_> = refused.trail.records.iter().filter_map(|record| record.skipped.as_deref()).collect();
    assert_eq!(skipped, [r#"its tags do not go with ["paid"]"#; 2]);
}

#[tokio::test]
async fn tags_count_only_where_they_are_asked_for() {
    let two = [("g", "tags: [a]", ""), ("g", "tags: [a]", "")];
    assert_ne!(answers(&with(&two, ""), r#""tags":["b"]"#).await, "BadRequestError");
    assert_eq!(answers(&with(&two, ""), r#""tags":["b"],"enable_tag_filtering":true"#).await, "BadRequestError");
    let own = [("g", "tags: [a]", "enable_tag_filtering: true"), ("g", "tags: [b]", "")];
    assert_eq!(answers(&with(&own, ""), r#""tags":["b"]"#).await, "g-1");
    let agents = [("g", "tags: [x], tag_regex: ['^User-Agent: curl']", ""), ("g", "tags: [default]", "")];
    let router = with(&agents, "enable_tag_filtering: true");
    assert_eq!(answers(&router, r#""metadata":{"user_agent":"curl/8"}"#).await, "g-0");
    assert_eq!(answers(&router, r#""metadata":{"user_agent":"wget"}"#).await, "g-1");
}

#[tokio::test]
async fn a_prompt_goes_where_it_fits() {
    let windows = [("g", "", "max_input_tokens: 10"), ("g", "", "max_input_tokens: 1000"), ("big", "", "")];
    let long = |words: usize| format!(r#""messages":[{{"role":"user","content":"{}"}}]"#, "word ".repeat(words));
    let router = with(&windows, "enable_pre_call_checks: true, context_window_fallbacks: [{g: [big]}]");
    for _ in 0..20 {
        assert_eq!(answers(&router, &long(100)).await, "g-1");
    }
    assert_eq!(answers(&router, &long(2000)).await, "big-2");
    let alone = with(&windows[..2], "enable_pre_call_checks: true");
    let refused = call(&alone, &format!(r#"{{"model":"g",{}}}"#, long(2000))).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::ContextWindowExceeded);
    assert!(refused.error.message().contains("[10, 1000]"), "{}", refused.error.message());
    assert_eq!(refused.trail.attempts(), 0);
    assert_ne!(answers(&with(&windows[..2], ""), &long(2000)).await, "ContextWindowExceededError");
}

#[cfg(feature = "exact-tokens")]
#[tokio::test]
async fn near_its_window_a_prompt_is_counted() {
    // By its length this prompt has 151 tokens, by the vocabulary 107.
    let prompt = format!(r#""messages":[{{"role":"user","content":"{}"}}]"#, " hello".repeat(100));
    for (model, checks, who) in
        [("gpt-4o", true, "g-0"), ("gpt-4o", false, "g-0"), ("nobodys", true, "ContextWindowExceededError")]
    {
        let info = format!("max_input_tokens: 120, base_model: {model}");
        let router = with(&[("g", "", &info)], &format!("enable_pre_call_checks: {checks}"));
        assert!(checks || router.preparation().is_none());
        // Another test may be at it.
        while let Some(work) = router.preparation() {
            work();
        }
        assert_eq!(answers(&router, &prompt).await, who, "{model}");
    }
}

#[tokio::test]
async fn who_is_known_to_lack_something_is_not_asked() {
    let two = [("g", "", "supports_function_calling: false, supports_vision: false"), ("g", "", "")];
    let router = with(&two, "");
    let tools = r#""tools":[{"type":"function","function":{"name":"f"}}]"#;
    let picture = r#""messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]"#;
    for _ in 0..20 {
        assert_eq!(answers(&router, &format!("{MESSAGES},{tools}")).await, "g-1");
        assert_eq!(answers(&router, picture).await, "g-1");
    }
    assert_eq!(answers(&with(&two[..1], ""), tools).await, "BadRequestError");
    let plan = router.explain(&Request::parse(&format!(r#"{{"model":"g",{tools}}}"#)).unwrap()).ok().unwrap();
    assert!(plan.contains("its model is known not to support tools"), "{plan}");
}

#[tokio::test]
async fn only_the_allowed_region_answers() {
    let two = [("g", "region_name: eu", ""), ("g", "", "region_name: us")];
    let router = with(&two, "");
    assert_eq!(answers(&router, r#""allowed_model_region":"eu""#).await, "g-0");
    assert_eq!(answers(&router, r#""allowed_model_region":"us""#).await, "g-1");
    assert_eq!(answers(&router, r#""allowed_model_region":"cn""#).await, "RouterRateLimitError");
}

#[tokio::test]
async fn the_cheapest_answers() {
    let entries = [
        ("g", "model: openai/gpt-4o", ""),
        ("g", "model: openai/gpt-4o-mini", ""),
        ("g", "model: openai/nobodys", ""),
        ("g", "model: openai/x, input_cost_per_token: 0.1, output_cost_per_token: 0.1", ""),
    ];
    let router = with(&entries, "routing_strategy: cost-based-routing");
    assert_eq!(answers(&router, MESSAGES).await, "g-1");
    let free = [entries[1], ("g", "model: openai/x", "input_cost_per_token: 0, output_cost_per_token: 0")];
    assert_eq!(answers(&with(&free, "routing_strategy: cost-based-routing"), MESSAGES).await, "g-1");
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_rests_until_it_begins_anew() {
    let price = "input_cost_per_token: 0.1, output_cost_per_token: 0.1";
    let entries = [("g", price, ""), ("other", price, "")];
    // A mock's answer has thirty tokens.
    for (budget, params) in [
        ("provider_budget_config: {openai: {budget_limit: 5, time_period: 1h}}", ""),
        ("num_retries: 0", ", max_budget: 5, budget_duration: 1h"),
    ] {
        let params = format!("{price}{params}");
        let budget = budget.replace("num_retries: 0", "disable_cooldowns: false");
        let router = with(&[("g", &params, "")], &budget);
        assert_eq!(answers(&router, MESSAGES).await, "g-0");
        assert_eq!(answers(&router, MESSAGES).await, "g-0");
        let over = call(&router, r#"{"model":"g","messages":[]}"#).await.err().unwrap();
        assert_eq!(over.kind(), ErrorKind::BudgetExceeded, "{}", over.error.message());
        assert_eq!(over.error.retry_after(), Some(Duration::from_secs(3600)));
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(answers(&router, MESSAGES).await, "g-0");
        let params = format!("mock_response: a, {params}");
        // A call of the old configuration is charged to the budget that goes on in the new one.
        let again = router.reloaded(config::load(&yaml_of(&params, &budget), |_| None).ok().unwrap()).unwrap();
        assert_eq!(answers(&router, MESSAGES).await, "g-0");
        assert_eq!(answers(&again, MESSAGES).await, "BudgetExceededError");
        let reloaded = router.reloaded(config::load(&list(&[("g", &params)]), |_| None).ok().unwrap()).unwrap();
        // The deployment's own is still there.
        let then = if budget.contains("provider") { "g-0" } else { "BudgetExceededError" };
        assert_eq!(answers(&reloaded, MESSAGES).await, then);
    }
    let fallback = with(
        &entries,
        "fallbacks: [{g: [other]}], provider_budget_config: {anthropic: {budget_limit: 1, time_period: 1d}}",
    );
    assert_eq!(answers(&fallback, MESSAGES).await, "g-0");
}

#[tokio::test(start_paused = true)]
async fn a_tag_has_a_budget_of_its_own() {
    let yaml = format!(
        "{}litellm_settings: {{tag_budget_config: {{team: {{max_budget: 1, budget_duration: 1d}}}}}}",
        list(&[("g", "mock_response: a, input_cost_per_token: 0.1, output_cost_per_token: 0.1")])
    );
    let router = router(&yaml);
    let tagged = r#""tags":["team"]"#;
    assert_eq!(answers(&router, tagged).await, "g-0");
    assert_eq!(answers(&router, tagged).await, "BudgetExceededError");
    assert_eq!(answers(&router, MESSAGES).await, "g-0");
}
