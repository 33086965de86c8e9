//! What benches whom, and for how long.

use super::*;

/// After which failure of a row the deployment is benched; `None` if after none of 20. `others` are further members.
async fn benched_at(params: &str, others: &[&str], settings: &str) -> Option<usize> {
    let mut entries = vec![("g", params)];
    entries.extend(others.iter().map(|other| ("h", *other)));
    let yaml = list(&entries).replace("model_name: h", "model_name: g") + settings;
    let router = router(&yaml);
    let group = router.names.resolve("g", false).unwrap().group;
    let deployment = group.member(0).unwrap().deployment();
    for failure in 1..=20 {
        while deployment.counts().1 < failure {
            let _ = call(&router, r#"{"model":"g","num_retries":0,"disable_fallbacks":true}"#).await;
        }
        if deployment.benched_for(clock::now()).is_some() {
            return usize::try_from(failure).ok();
        }
    }
    None
}

const OK: &[&str] = &["mock_response: ok, weight: 1"];

#[tokio::test(start_paused = true)]
async fn without_an_allowance_the_share_of_failures_decides() {
    let at =
        async |error: &str, others: &[&str]| benched_at(&format!("mock_error: {error}, weight: 1"), others, "").await;
    for error in ["500", "502", "503", "529", "408", "504", "APIConnectionError"] {
        assert_eq!(at(error, OK).await, Some(5), "{error} with another");
        assert_eq!(at(error, &[]).await, None, "{error} alone");
    }
    for error in ["401", "402", "403", "404"] {
        assert_eq!(at(error, OK).await, Some(1), "{error} with another");
        assert_eq!(at(error, &[]).await, Some(1), "{error} alone");
    }
    assert_eq!((at("429", OK).await, at("429", &[]).await), (Some(1), None));
}

#[tokio::test(start_paused = true)]
async fn what_the_request_is_to_blame_for_never_counts() {
    let settings = "router_settings: {allowed_fails: 0, allowed_fails_policy: {BadRequestErrorAllowedFails: 0}}";
    for error in ["400", "409", "413", "422", "418", "ContextWindowExceededError", "ContentPolicyViolationError"] {
        let yaml = list(&[("g", &format!("mock_error: {error}"))]) + settings;
        let router = router(&yaml);
        for _ in 0..5 {
            let _ = call(&router, r#"{"model":"g","num_retries":0}"#).await;
        }
        let deployment = router.names.resolve("g", false).unwrap().group.member(0).unwrap().deployment();
        assert_eq!((deployment.counts(), deployment.benched_for(clock::now())), ((0, 0), None), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_allowance_is_exact() {
    let with = async |error: &str, settings: &str| {
        benched_at(&format!("mock_error: {error}, weight: 1"), &[], &format!("router_settings: {{{settings}}}")).await
    };
    assert_eq!(with("500", "allowed_fails: 0").await, Some(1));
    assert_eq!(with("500", "allowed_fails: 2").await, Some(3));
    assert_eq!(with("500", "allowed_fails: 3").await, Some(4), "LiteLLM's default, said explicitly");
    assert_eq!(with("APIConnectionError", "allowed_fails: 1").await, Some(2));
    assert_eq!(with("404", "allowed_fails: 1").await, Some(2));
    assert_eq!(with("429", "allowed_fails: 1").await, Some(2));
    assert_eq!(with("401", "allowed_fails: 5").await, Some(1));
    assert_eq!(with("500", "allowed_fails: 0, disable_cooldowns: true").await, None);
    assert_eq!(with("500", "allowed_fails: 0, cooldown_time: 0").await, None);
    let named = "allowed_fails_policy: {RateLimitErrorAllowedFails: 1, AuthenticationErrorAllowedFails: 2}";
    assert_eq!(with("429", named).await, Some(2));
    assert_eq!(with("401", named).await, Some(3));
    assert_eq!(with("500", named).await, Some(4), "the others have LiteLLM's three");
    assert_eq!(with("500", &format!("{named}, allowed_fails: 0")).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_429_that_names_its_wait_benches_at_once_if_there_are_others() {
    let limited = "mock_error: {status: 429, retry_after: 7}, weight: 1";
    let silent = "mock_error: 429, weight: 1";
    let settings = "router_settings: {allowed_fails: 2}";
    assert_eq!(benched_at(limited, OK, settings).await, Some(1));
    assert_eq!(benched_at(silent, OK, settings).await, Some(3));
    assert_eq!(benched_at(limited, &[], settings).await, Some(3));
    let named = "router_settings: {allowed_fails_policy: {RateLimitErrorAllowedFails: 3}}";
    assert_eq!(benched_at(limited, OK, named).await, Some(4));
    assert_eq!(benched_at("mock_error: {status: 429, retry_after: 0}, weight: 1", OK, "").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_deployments_own_allowance_comes_first() {
    let with_info = async |info: &str, error: &str, settings: &str| {
        let yaml = format!(
            "model_list: [{{model_name: g, litellm_params: {{model: openai/m, mock_error: {error}}}, model_info: {{{info}}}}}]
router_settings: {{{settings}}}"
        );
        let router = router(&yaml);
        let deployment = router.names.resolve("g", false).unwrap().group.member(0).unwrap().deployment();
        for failure in 1..10 {
            let _ = call(&router, r#"{"model":"g","num_retries":0}"#).await;
            if deployment.benched_for(clock::now()).is_some() {
                return failure;
            }
        }
        0
    };
    assert_eq!(with_info("allowed_fails: 1", "500", "allowed_fails: 4").await, 2);
    assert_eq!(with_info("allowed_fails: 1", "429", "allowed_fails_policy: {RateLimitErrorAllowedFails: 4}").await, 2);
    let policy = "allowed_fails_policy: {InternalServerErrorAllowedFails: 2, BadRequestErrorAllowedFails: 0}";
    assert_eq!(with_info(policy, "500", "allowed_fails: 0").await, 3);
    assert_eq!(with_info(policy, "400", "").await, 1, "the deployment itself says that bad requests count");
    assert_eq!(with_info(policy, "429", "allowed_fails: 0").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_time_out_of_the_callers_own_making_counts_against_nobody() {
    let settings =
        "router_settings: {num_retries: 0, allowed_fails: 0, timeout: 30}\nllmrouter_settings: {deadline: 100}";
    let fails = async |option: &str| {
        let router = router(&(list(&[("g", "mock_response: late, mock_delay: 1000")]) + settings));
        assert_eq!(kind(&call(&router, &format!(r#"{{"model":"g"{option}}}"#)).await), Some(ErrorKind::Timeout));
        let deployment = router.names.resolve("g", false).unwrap().group.member(0).unwrap().deployment();
        deployment.benched_for(clock::now()).is_some()
    };
    assert!(fails("").await);
    assert!(!fails(r#","timeout":1"#).await);
    assert!(!fails(r#","deadline":1"#).await);
    assert!(fails(r#","timeout":60"#).await, "it gave more than the deployment has");
}

/// Deployments with keys: k1 in groups a and b, k2 in group b.
fn keyed(base: &str) -> Router {
    let entry = |group: &str, id: &str, key: &str| {
        format!(
            "- {{model_name: {group}, litellm_params: {{model: openai/m, api_key: {key}, api_base: '{base}/{id}'}}, model_info: {{id: {id}}}}}\n"
        )
    };
    let list = [entry("a", "a1", "k1"), entry("b", "b1", "k1"), entry("b", "b2", "k2")].concat();
    router(&format!("model_list:\n{list}router_settings: {{num_retries: 0}}"))
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_refused_wherever_it_is_used() {
    let router = keyed("http://127.0.0.1:1");
    let member = |group: &str, index: usize| router.names.resolve(group, false).unwrap().group.member(index).unwrap();
    let error = Error::new(ErrorKind::Authentication, "no").with_status(401);
    let endpoint = &member("a", 0).endpoint;
    let name: std::sync::Arc<str> = "a".into();
    let fail = || {
        let request = Request::parse(r#"{"model":"a"}"#).unwrap();
        let group = router.names.groups().next().unwrap();
        let view = super::super::view::View::new(&router, group, &request, false);
        let admission = view.admit(member("a", 0), clock::now()).unwrap();
        let attempt = super::super::ledger::Attempt::begin(
            &name,
            member("a", 0),
            admission,
            endpoint,
            &router.cooldown,
            None,
            router.verbosity,
        );
        attempt.failed(&error, false)
    };
    fail();
    let benched = |group, index| member(group, index).deployment().benched_for(clock::now()).is_some();
    assert_eq!([benched("a", 0), benched("b", 0), benched("b", 1)], [true, true, false]);
    assert_eq!(member("b", 0).deployment().cooldown(clock::now()).unwrap().cause, "AuthenticationError");
    // An answer with the same key, which was under way, shows that the key is good.
    member("b", 0).deployment().count_success(clock::now());
    assert_eq!([benched("a", 0), benched("b", 0)], [true, false]);
}
