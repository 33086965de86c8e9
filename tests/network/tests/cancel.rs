//! A cancelled call leaves the provider at once: tokens that nobody reads are paid for.

use std::time::{Duration, Instant};

use fakeprovider::FakeProvider;
use network::process::alone;
use network::settings::{CANCELLED, ask, failure, request, router_to, text};
use network::wire::provider;
use serde_json::{Value, json};

/// From `router_cancel` to the end of the connection at the server.
const SOON: Duration = Duration::from_millis(50);
/// On a busy machine one of many may have to wait for its turn.
const TIMES: usize = 11;
const LATEST: Duration = Duration::from_secs(2);

fn until(what: &str, limit: Duration, condition: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
    start.elapsed()
}

/// Cancels calls to a provider that plays `reply`, each after `waiting`.
fn closes_soon(reply: Value, waiting: impl Fn(&FakeProvider)) {
    let provider = provider(json!({"paths": {"/": [reply]}}));
    let router = router_to(&format!("{}/east/v1", provider.base_url()), json!({}));
    let mut took: Vec<Duration> = (1..=TIMES as u64)
        .map(|number| {
            let call = router.completion_async(&request(json!({}))).expect("accepted");
            until("the request arrives", LATEST, || provider.stats().requests == number);
            waiting(&provider);
            assert_eq!(provider.stats().client_aborts, number - 1, "the connection ends before it is told to");
            router.cancel(&call);
            let took = until("the connection ends", LATEST, || provider.stats().client_aborts == number);
            failure(call.wait_for(LATEST).expect("the callback comes"), CANCELLED);
            took
        })
        .collect();
    took.sort_unstable();
    assert!(took[TIMES / 2] < SOON, "{took:?}");
    assert_eq!(provider.stats().open_connections, 0);
}

#[test]
fn while_it_waits_for_headers() {
    alone(&[], |_| closes_soon(json!({"hang": true}), |_| {}));
}

#[test]
fn within_a_body_that_drips() {
    alone(&[], |_| {
        closes_soon(json!({"drip": {"bytes": 1, "every_ms": 5}}), |_| std::thread::sleep(Duration::from_millis(50)));
        // Headers at once, then nothing.
        closes_soon(json!({"body_delay_ms": 60_000}), |_| std::thread::sleep(Duration::from_millis(20)));
    });
}

/// A call that has been answered gives its connection back; cancelling it afterwards does no harm.
#[test]
fn after_it_has_ended_nothing_closes() {
    alone(&[], |_| {
        let provider = provider(json!({}));
        let router = router_to(&format!("{}/east/v1", provider.base_url()), json!({}));
        for _ in 0..20 {
            let call = router.completion_async(&request(json!({}))).expect("accepted");
            assert_eq!(text(call.wait()), "hello from east");
            router.cancel(&call);
        }
        assert_eq!(text(ask(&router)), "hello from east");
        let stats = provider.stats();
        assert_eq!((stats.total_connections, stats.client_aborts), (1, 0));
    });
}
