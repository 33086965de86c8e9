//! How long connections live, and what their ends cost.

use std::time::{Duration, Instant};

use fakeprovider::FakeProvider;
use network::process::alone;
use network::settings::{API_CONNECTION, ask, failure, router_to, router_with_sibling, text};
use network::wire::{answer, listen, provider, read_request, serve_each};
use serde_json::json;
use tokio::io::AsyncWriteExt;

/// More than a connection on this machine takes, less than any wait between attempts.
const NO_DELAY: Duration = Duration::from_millis(250);

fn base(provider: &FakeProvider) -> String {
    format!("{}/east/v1", provider.base_url())
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(5), "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_thousand_calls_take_one_connection() {
    alone(&[], |_| {
        let provider = provider(json!({}));
        let router = router_to(&base(&provider), json!({}));
        for _ in 0..1000 {
            assert_eq!(text(ask(&router)), "hello from east");
        }
        let stats = provider.stats();
        assert_eq!((stats.requests, stats.total_connections), (1000, 1));
    });
}

#[test]
fn a_refused_call_does_not_cost_the_connection() {
    alone(&[], |_| {
        let provider = provider(json!({"paths": {"/": {"replies": [500, 429, 400, 200], "then": "cycle"}}}));
        let router = router_to(&base(&provider), json!({}));
        let answered = (0..40).filter(|_| ask(&router).is_ok()).count();
        assert_eq!((answered, provider.stats().total_connections), (10, 1));
    });
}

#[test]
fn deployments_of_one_server_share_its_connections() {
    alone(&[], |_| {
        let provider = provider(json!({"paths": {"/first": [500]}}));
        let url = provider.base_url();
        let router = router_with_sibling(&format!("{url}/first/v1"), &format!("{url}/second/v1"));
        for _ in 0..10 {
            assert_eq!(text(ask(&router)), "hello from second");
        }
        let stats = provider.stats();
        assert_eq!((stats.requests, stats.total_connections), (20, 1));
    });
}

/// A server ends an idle connection without having announced it. By the next call the end has arrived, so that no request is
/// lost on it.
#[test]
fn an_idle_connection_that_the_server_closed_costs_nothing() {
    alone(&[], |_| {
        for end in ["close", "reset"] {
            let provider = provider(json!({"paths": {"/": [{"end": end}]}}));
            let router = router_to(&base(&provider), json!({}));
            for _ in 0..50 {
                let start = Instant::now();
                assert_eq!(text(ask(&router)), "hello from east", "{end}");
                assert!(start.elapsed() < NO_DELAY, "{end}: {:?}", start.elapsed());
                eventually("the server closes", || provider.stats().open_connections == 0);
                // The end is on its way; the library's thread has to see it.
                std::thread::sleep(Duration::from_millis(10));
            }
            assert_eq!((provider.stats().requests, provider.stats().total_connections), (50, 50));
        }
    });
}

/// A server that answers the first request of each connection and closes when the second has come.
fn closes_on_reuse() -> String {
    let (listener, address) = listen();
    serve_each(listener, |mut stream, connection| async move {
        let mut buffer = Vec::new();
        if read_request(&mut stream, &mut buffer, connection).await?.is_some() {
            stream.write_all(&answer("hello from a new connection")).await?;
            read_request(&mut stream, &mut buffer, connection).await?;
        }
        Ok(())
    });
    format!("http://{address}/v1")
}

/// The request may have been served, so without a retry to spend it is not sent again.
#[test]
fn a_connection_closed_on_the_request_fails_an_attempt_that_may_be_retried() {
    alone(&[], |_| {
        let router = router_to(&closes_on_reuse(), json!({}));
        assert_eq!(text(ask(&router)), "hello from a new connection");
        let error = failure(ask(&router), API_CONNECTION);
        assert!(error.retryable, "{error}");
        assert_eq!(error.json["attempts"].as_array().map(Vec::len), Some(1), "{}", error.json);
        assert_eq!(text(ask(&router)), "hello from a new connection", "the dead connection is not used again");
    });
}

#[test]
fn a_connection_closed_on_the_request_costs_nothing_beside_a_sibling() {
    alone(&[], |_| {
        let sibling = provider(json!({}));
        let router = router_with_sibling(&closes_on_reuse(), &base(&sibling));
        assert_eq!(text(ask(&router)), "hello from a new connection");
        let start = Instant::now();
        assert_eq!(text(ask(&router)), "hello from east");
        assert!(start.elapsed() < NO_DELAY, "{:?}", start.elapsed());
    });
}

#[test]
fn routers_keep_no_connection_after_they_are_freed() {
    alone(&[], |_| {
        let provider = provider(json!({}));
        let router = router_to(&base(&provider), json!({}));
        assert_eq!(text(ask(&router)), "hello from east");
        assert_eq!(provider.stats().open_connections, 1);
        drop(router);
        eventually("the connection is closed", || provider.stats().open_connections == 0);
    });
}
