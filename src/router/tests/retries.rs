//! How often, by class of failure; and what bounds a whole call.

use super::*;

async fn calls(error: &str, settings: &str, request: &str) -> usize {
    let params = format!("mock_error: {error}");
    let router = router(&(list(&[("g", &params)]) + settings));
    asked(&call(&router, &format!(r#"{{"model":"g"{request}}}"#)).await).len()
}

#[tokio::test(start_paused = true)]
async fn a_policy_replaces_every_other_number() {
    let policy = |policy: &str| format!("router_settings: {{num_retries: 3, retry_policy: {{{policy}}}}}");
    for (error, entries, expected) in [
        ("500", "InternalServerErrorRetries: 1", 2),
        ("500", "InternalServerError: {max_retries: 1}", 2),
        ("500", "InternalServerErrorRetries: 0", 1),
        ("500", "RateLimitErrorRetries: 1", 4),
        ("500", "DefaultRetries: 1", 2),
        ("502", "InternalServerErrorRetries: 1", 2),
        ("503", "ServiceUnavailableErrorRetries: 0, InternalServerErrorRetries: 5", 1),
        ("APIConnectionError", "InternalServerErrorRetries: 1", 2),
        ("400", "BadRequestErrorRetries: 1", 2),
        ("422", "BadRequestErrorRetries: 1", 2),
        ("404", "NotFoundErrorRetries: 1", 1), // It is benched: nobody is left to ask again.
        ("408", "TimeoutErrorRetries: 1", 2),
        ("504", "Timeout: {max_retries: 0}", 1),
        ("429", "RateLimitError: 5", 6),
        ("ContentPolicyViolationError", "ContentPolicyViolationErrorRetries: 2, BadRequestErrorRetries: 0", 3),
        ("ContextWindowExceededError", "BadRequestErrorRetries: 2", 3),
    ] {
        assert_eq!(calls(error, &policy(entries), "").await, expected, "{error} with {entries}");
    }
    assert_eq!(calls("500", &policy("InternalServerErrorRetries: 2"), r#","num_retries":0"#).await, 1);
    assert_eq!(calls("500", &policy("InternalServerErrorRetries: 2"), r#","num_retries":9"#).await, 3);
    assert_eq!(calls("500", "router_settings: {num_retries: 0, retry_policy: {DefaultRetries: 1}}", "").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_groups_policy_counts_whole() {
    let settings = "router_settings: {num_retries: 3, retry_policy: {InternalServerErrorRetries: 1},
        model_group_retry_policy: {g: {RateLimitErrorRetries: 0}}}";
    assert_eq!(calls("500", settings, "").await, 4, "the group's policy says nothing, the router's is not asked");
    assert_eq!(calls("429", settings, "").await, 1);
    let asked = r#","model_group_retry_policy":{"g":{"InternalServerError":{"max_retries":2}}}"#;
    assert_eq!(calls("500", settings, asked).await, 3);
    assert_eq!(calls("500", "num_retries: 3", r#","retry_policy":{"InternalServerErrorRetries":1}"#).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_retry_takes_an_untried_deployment_first() {
    let settings = "retry_policy: {BadRequestErrorRetries: 2}";
    let router =
        router(&(list(&[("g", "mock_error: 400"), ("g", "mock_error: 400"), ("g", "mock_response: ok")]) + settings));
    for _ in 0..20 {
        let asked = asked(&call_group(&router, "g").await);
        assert_eq!(asked.iter().collect::<HashSet<_>>().len(), asked.len(), "{asked:?}");
        assert_eq!(asked.last().unwrap(), "g-2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_has_so_many_retries_in_all() {
    let groups = list(&[("a", "mock_error: 500"), ("b", "mock_error: 500"), ("c", "mock_response: c")]);
    let asked = async |bound: u32| {
        let settings = format!(
            "router_settings: {{num_retries: 1, fallbacks: [{{a: [b, c]}}]}}
litellm_settings: {{num_retries_per_request: {bound}}}"
        );
        asked(&call_group(&router(&(groups.clone() + &settings)), "a").await)
    };
    assert_eq!(asked(0).await, ["a-0", "[b]", "[c]"]);
    assert_eq!(asked(2).await, ["a-0", "a-0", "b-1", "[c]"]);
    assert_eq!(asked(4).await, ["a-0", "a-0", "b-1", "b-1", "c-2"]);
}

#[tokio::test(start_paused = true)]
async fn waits_are_the_configured_ones() {
    let backoff = "llmrouter_settings: {backoff: {initial: 3, max: 4, jitter: 0}}";
    let router = router(&(list(&[("g", "mock_error: 500")]) + "num_retries: 3\n" + backoff));
    let start = clock::now();
    assert_eq!(asked(&call_group(&router, "g").await).len(), 4);
    assert_eq!(clock::now() - start, Duration::from_secs(3 + 4 + 4));
}

#[tokio::test(start_paused = true)]
async fn lower_orders_come_first_and_each_level_has_its_retries() {
    let groups = [
        ("g", "mock_error: 500, order: 1"),
        ("g", "mock_error: 500, order: 2"),
        ("g", "mock_response: unordered"),
        ("h", "mock_response: h"),
    ];
    let settings = "router_settings: {num_retries: 1, fallbacks: [{g: [h]}], cooldown_time: 60}";
    let router = router(&(list(&groups) + settings));
    let outcome = call_group(&router, "g").await;
    assert_eq!(asked(&outcome), ["g-0", "g-0", "g-1", "g-1", "h-3"]);
    assert_eq!(outcome.ok().unwrap().trail.fallbacks(), 1, "levels are one visit of their group");

    let bench = |index: usize| {
        let member = router.names.resolve("g", false).unwrap().group.member(index).unwrap();
        member.deployment().state.bench.start(clock::now(), Duration::from_secs(60), "Timeout");
    };
    bench(0);
    assert_eq!(asked(&call(&router, r#"{"model":"g","num_retries":0}"#).await), ["g-1", "h-3"]);
    bench(1);
    assert_eq!(asked(&call_group(&router, "g").await), ["g-2"], "without a level only when no level is left");
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_group_may_come_before_other_groups() {
    let groups = [
        ("g", "mock_error: 500, weight: 1"),
        ("g", "mock_error: 500, weight: 1"),
        ("g", "mock_error: 400, weight: 1"),
        ("h", "mock_response: h"),
    ];
    let with = |settings: &str| {
        router(&(list(&groups) + "router_settings: {num_retries: 0, fallbacks: [{g: [h]}], " + settings + "}"))
    };
    for _ in 0..30 {
        let asked = asked(&call_group(&with("enable_weighted_failover: true"), "g").await);
        assert_eq!((asked.len(), asked.last().unwrap().as_str()), (4, "h-3"), "{asked:?}");
        assert_eq!(asked.iter().collect::<HashSet<_>>().len(), asked.len());
    }
    let bounded = asked(&call_group(&with("enable_weighted_failover: true, max_fallbacks: 0"), "g").await);
    assert_eq!(bounded.len(), 1);
    assert_eq!(asked(&call_group(&with("max_fallbacks: 1"), "g").await).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn failures_can_be_played() {
    let groups =
        [("a", "mock_response: a"), ("b", "mock_response: b"), ("c", "mock_response: c"), ("d", "mock_response: d")];
    let settings = "router_settings: {fallbacks: [{a: [b]}], context_window_fallbacks: [{a: [c]}],
        content_policy_fallbacks: [{a: [d]}]}";
    let router = router(&(list(&groups) + settings));
    let answered = async |option: &str| {
        let outcome = call(&router, &format!(r#"{{"model":"a","{option}":true}}"#)).await;
        let trail = outcome.ok().unwrap().trail;
        (trail.winner().unwrap().group.to_string(), trail.fallbacks(), trail.records.len())
    };
    assert_eq!(answered("mock_testing_fallbacks").await, ("b".to_owned(), 1, 2));
    assert_eq!(answered("mock_testing_context_fallbacks").await, ("c".to_owned(), 1, 2));
    assert_eq!(answered("mock_testing_content_policy_fallbacks").await, ("d".to_owned(), 1, 2));
    assert_eq!(answered("mock_testing_rate_limit_error").await, ("a".to_owned(), 0, 2));
    let alone = call(&router, r#"{"model":"d","mock_testing_fallbacks":"true"}"#).await;
    assert_eq!(kind(&alone), Some(ErrorKind::InternalServer));
    let ended = call(&router, r#"{"model":"d","mock_testing_rate_limit_error":true,"num_retries":0}"#).await;
    assert_eq!(kind(&ended), Some(ErrorKind::RateLimit));
    let deployment = router.names.resolve("a", false).unwrap().group.member(0).unwrap().deployment();
    assert_eq!(deployment.counts().1, 0, "no deployment is to blame");
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_sends_the_call_back_to_who_failed_before() {
    let groups = [("g", "mock_error: 500, weight: 1000000"), ("g", "mock_error: 401, weight: 1")];
    let router = router(&(list(&groups) + "num_retries: 2"));
    assert_eq!(asked(&call_group(&router, "g").await), ["g-0", "g-1", "g-0"]);
    let refused = [("g", "mock_error: 401"), ("g", "mock_error: 403")];
    let router = self::router(&(list(&refused) + "router_settings: {num_retries: 5, disable_cooldowns: true}"));
    assert_eq!(asked(&call_group(&router, "g").await).len(), 2, "a refused key is not shown twice");
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_decides_how_often() {
    let settings = "router_settings: {num_retries: 0, retry_policy: {InternalServerErrorRetries: 2}}";
    let groups = [
        ("g", "mock_error: 500, weight: 1000000"),
        ("g", "mock_error: 400, weight: 1"),
        ("g", "mock_response: ok, weight: 0"),
    ];
    let outcome = call_group(&router(&(list(&groups) + settings)), "g").await;
    assert_eq!(asked(&outcome)[..2], ["g-0", "g-1"], "the policy of the first failure covers what follows");
    assert_eq!(asked(&outcome).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_level_is_not_waited_for_while_another_is_free() {
    let groups = [("g", "mock_error: 500, order: 1"), ("g", "mock_response: ok, order: 2")];
    let router = router(&(list(&groups) + "num_retries: 2"));
    let start = clock::now();
    assert_eq!(asked(&call_group(&router, "g").await), ["g-0", "g-0", "g-0", "g-1"]);
    assert_eq!(clock::now(), start);
    let off = call(&router, r#"{"model":"g","num_retries":0,"disable_fallbacks":true}"#).await;
    assert_eq!(asked(&off), ["g-0"]);
}
