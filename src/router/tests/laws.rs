//! Properties of any graph of fallbacks and any script of failures.

use proptest::prelude::*;

use super::*;

const GRAPH: usize = 6;

/// The groups g0 … g5, all failing, and any graph of fallbacks between them.
fn failing_graph(edges: &[Vec<usize>], max_fallbacks: usize) -> String {
    let mut yaml = String::from("model_list:\n");
    for group in 0..GRAPH {
        writeln!(yaml, "- {{model_name: g{group}, litellm_params: {{model: openai/m, mock_error: 400}}}}").unwrap();
    }
    writeln!(yaml, "router_settings:\n  max_fallbacks: {max_fallbacks}\n  fallbacks:").unwrap();
    for (from, targets) in edges.iter().enumerate() {
        let targets: Vec<_> = targets.iter().map(|target| format!("g{target}")).collect();
        writeln!(yaml, "  - g{from}: [{}]", targets.join(", ")).unwrap();
    }
    yaml
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_graph_of_fallbacks_ends_and_visits_a_group_once(
        edges in prop::collection::vec(prop::collection::vec(0..GRAPH, 0..GRAPH), GRAPH),
        max_fallbacks in 0usize..8,
    ) {
        let router = router(&failing_graph(&edges, max_fallbacks));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let outcome = runtime.block_on(call_group(&router, "g0"));
        let asked = asked(&outcome);
        prop_assert!(asked.len() <= 1 + max_fallbacks);
        prop_assert_eq!(asked.iter().collect::<HashSet<_>>().len(), asked.len());
        prop_assert_eq!(kind(&outcome), Some(ErrorKind::BadRequest));
    }
}

/// What a mock deployment does, and what the policy may make of it.
const PLAYS: [&str; 8] = [
    "mock_response: ok",
    "mock_error: 500",
    "mock_error: 429",
    "mock_error: {status: 429, retry_after: 3}",
    "mock_error: 401",
    "mock_error: 404",
    "mock_error: ContextWindowExceededError",
    "mock_error: APIConnectionError",
];

/// A router of some groups with one to three deployments each; `edges` are fallbacks of every kind.
fn any_router(plays: &[Vec<usize>], edges: &[Vec<usize>], retries: u32, settings: &str) -> Router {
    let mut yaml = String::from("model_list:\n");
    for (group, plays) in plays.iter().enumerate() {
        for play in plays {
            let params = PLAYS[*play];
            writeln!(yaml, "- {{model_name: g{group}, litellm_params: {{model: openai/m, {params}}}}}").unwrap();
        }
    }
    writeln!(yaml, "router_settings:\n  num_retries: {retries}\n  {settings}").unwrap();
    for kind in ["fallbacks", "context_window_fallbacks"] {
        writeln!(yaml, "  {kind}:").unwrap();
        for (from, targets) in edges.iter().enumerate() {
            let targets: Vec<_> = targets.iter().map(|target| format!("g{target}")).collect();
            writeln!(yaml, "  - g{from}: [{}]", targets.join(", ")).unwrap();
        }
    }
    router(&yaml)
}

fn groups() -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<Vec<usize>>)> {
    let plays = prop::collection::vec(prop::collection::vec(0..PLAYS.len(), 1..4), GRAPH);
    (plays, prop::collection::vec(prop::collection::vec(0..GRAPH, 0..GRAPH), GRAPH))
}

fn paused<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Attempts are bounded, in-flight counts return to 0, and the plan agrees with what then happens.
    #[test]
    fn any_script_ends_within_its_bounds_and_as_planned(
        (plays, edges) in groups(),
        retries in 0u32..4,
        max_fallbacks in 0usize..5,
        weighted in any::<bool>(),
        calls in 1usize..4,
    ) {
        let settings = format!("max_fallbacks: {max_fallbacks}\n  enable_weighted_failover: {weighted}");
        let router = any_router(&plays, &edges, retries, &settings);
        paused(async {
            for _ in 0..calls {
                let plan = router.explain(&Request::parse(r#"{"model":"g0"}"#).unwrap()).ok().unwrap();
                let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
                let outcome = call_group(&router, "g0").await;
                let trail = match &outcome {
                    Ok(completed) => &completed.trail,
                    Err(failed) => &failed.trail,
                };
                let rounds = if weighted { 1 + max_fallbacks } else { 1 };
                prop_assert!(trail.attempts() <= (1 + max_fallbacks) * rounds * (retries as usize + 1));
                for group in router.names.groups() {
                    prop_assert!(group.usable().all(|member| member.deployment().in_flight() == 0));
                }
                agrees(&plan, trail)?;
            }
            Ok(())
        })?;
    }
}

/// Whoever was asked first had a share in the plan, and nobody whom the plan passed over in the first group was asked
/// before the others had failed.
fn agrees(plan: &serde_json::Value, trail: &super::super::Trail) -> Result<(), TestCaseError> {
    let Some(first) = trail.records.iter().find(|record| record.deployment.is_some()) else {
        prop_assert_eq!(&plan["order"], &serde_json::json!([]), "nobody was planned to be asked");
        return Ok(());
    };
    prop_assert_eq!(plan["order"][0].as_str(), Some(&*first.group));
    let id = first.deployment.as_ref().unwrap().id();
    let groups = plan["groups"].as_array().unwrap();
    let group = groups.iter().find(|group| group["name"] == *first.group).unwrap();
    let entry = group["deployments"].as_array().unwrap().iter().find(|entry| entry["id"] == id).unwrap();
    prop_assert!(entry["share"].as_f64().unwrap() > 0.0 && entry["skipped"].is_null(), "{}", entry);
    // As long as servers' faults alone happen, the groups come in the planned order.
    let mut visited: Vec<&str> =
        trail.records.iter().filter(|record| record.deployment.is_some()).map(|record| &*record.group).collect();
    visited.dedup();
    let of_kind = |record: &std::sync::Arc<crate::observe::Record>| record.error != Some("ContextWindowExceededError");
    if trail.records.iter().all(of_kind) {
        let order: Vec<&str> = plan["order"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
        // While a call waits between attempts, others may return from the bench.
        visited.retain(|group| order.contains(group));
        prop_assert_eq!(&visited[..], &order[..visited.len()]);
    }
    Ok(())
}
