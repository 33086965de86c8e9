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
