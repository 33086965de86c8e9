//! Many picks at once: no strategy sends them all to one.

use std::sync::Arc;

use super::*;
use crate::policy::STRATEGIES;
use crate::router::candidates::{Choice, Round, choose};
use crate::router::retry::{Retries, Rules};
use crate::router::view::View;

const CALLS: usize = 1000;
const MEMBERS: usize = 10;

/// So many calls, all begun before one of them has ended. The most that one deployment got.
async fn most(router: &Arc<Router>) -> usize {
    let call = |_| {
        let router = Arc::clone(router);
        tokio::spawn(async move { asked(&call_group(&router, "g").await) })
    };
    let calls: Vec<_> = (0..CALLS).map(call).collect();
    let mut counts = std::collections::HashMap::<String, usize>::new();
    for call in calls {
        for id in call.await.unwrap() {
            *counts.entry(id).or_default() += 1;
        }
    }
    assert_eq!(counts.values().sum::<usize>(), CALLS);
    counts.into_values().max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_more_than_twice_its_share_of_a_herd() {
    for strategy in STRATEGIES {
        fastrand::seed(3);
        let list = list(&[("g", "mock_response: a, mock_delay: 5"); MEMBERS]);
        let router = Arc::new(router(&format!("{list}router_settings: {{routing_strategy: {strategy}}}")));
        let most_when_cold = most(&router).await;
        assert!(most_when_cold <= 2 * CALLS / MEMBERS, "{strategy}: {most_when_cold}");
        // Hours later whatever was measured is stale.
        tokio::time::advance(Duration::from_secs(7200)).await;
        let most_when_stale = most(&router).await;
        assert!(most_when_stale <= 2 * CALLS / MEMBERS, "{strategy}: {most_when_stale}");
    }
}

/// Whatever the order in the file and whoever cools down, the others keep their proportions.
#[tokio::test(start_paused = true)]
async fn shares_hold_in_every_order_and_whoever_cools_down() {
    const PICKS: usize = 10_000;
    fastrand::seed(5);
    let weights = [1.0, 3.0, 6.0];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let params = order.map(|place| format!("mock_response: a, weight: {}", weights[place]));
        let router = router(&list(&[("g", &params[0]), ("g", &params[1]), ("g", &params[2])]));
        let group = router.names.resolve("g", false).unwrap().group;
        for benched in 0..7u32 {
            let cools = |index: usize| benched & (1 << index) != 0;
            for member in group.usable().filter(|member| cools(member.index)) {
                member.deployment().state.bench.start(clock::now(), Duration::from_secs(9), "RateLimitError");
            }
            let request = Request::parse(r#"{"model":"g","messages":[]}"#).unwrap();
            let view = View::new(&router, group, &request, false);
            let round = Round { order: None, excluded: Vec::new(), view, call_start: clock::now() };
            let mut counts = [0usize; 3];
            for _ in 0..PICKS {
                let retries = Retries::new(Rules::new(&router.config.retry, &request, ["g", "g"]), 0);
                let Choice::Member { member, .. } = choose(group, &round, &retries) else { panic!("nobody") };
                counts[member.index] += 1;
            }
            let left: f64 = (0..3).filter(|index| !cools(*index)).map(|index| weights[order[index]]).sum();
            for (index, count) in counts.into_iter().enumerate() {
                let share = if cools(index) { 0.0 } else { weights[order[index]] / left };
                let (expected, sigma) = (share * PICKS as f64, (PICKS as f64 * share * (1.0 - share)).sqrt());
                assert!((count as f64 - expected).abs() <= 3.0 * sigma, "{order:?} {benched:b}: {counts:?}");
            }
            tokio::time::advance(Duration::from_secs(10)).await;
        }
    }
}
