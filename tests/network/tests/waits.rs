//! Servers that let a connection hang while it opens.

use std::io;
use std::time::{Duration, Instant};

use fakeprovider::abi::Router;
use network::process::alone;
use network::settings::{API_CONNECTION, ask, config, deployment, failure, router, sibling, text};
use network::wire::{listen, provider, serve_each};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

/// `connect_timeout`, and how much longer a call may take that ran into it.
const LIMIT: Duration = Duration::from_millis(300);
const SLACK: Duration = Duration::from_millis(700);

/// Takes everything in and never says a word. The address only, without a scheme.
fn silent() -> String {
    let (listener, address) = listen();
    serve_each(listener, |mut stream, _| async move {
        while stream.read(&mut [0; 1024]).await? > 0 {}
        Err(io::ErrorKind::UnexpectedEof.into())
    });
    address.to_string()
}

fn router_of(deployments: &[Value], variables: Value) -> Router {
    let more = json!({
        "llmrouter_settings": {"connect_timeout": LIMIT.as_secs_f64()},
        "router_settings": {"num_retries": 1, "disable_cooldowns": true},
        "environment_variables": variables,
    });
    router(&config(deployments, more))
}

/// Alone the deployment fails in time; a sibling answers in its stead.
fn ends_in_time(base: &str, variables: Value) {
    let only = router_of(&[deployment(base, json!({"num_retries": 0}))], variables.clone());
    let start = Instant::now();
    let error = failure(ask(&only), API_CONNECTION);
    let took = start.elapsed();
    assert!(took >= LIMIT && took < LIMIT + SLACK, "{took:?}: {error}");

    let live = provider(json!({}));
    let live = sibling(&format!("http://localhost:{}/live/v1", live.address().port()));
    let both = router_of(&[deployment(base, json!({"weight": 1})), live], variables);
    assert_eq!(text(ask(&both)), "hello from live");
}

#[test]
fn a_handshake_that_hangs_ends_with_the_connect_timeout() {
    alone(&[], |_| ends_in_time(&format!("https://{}/v1", silent()), json!({})));
}

#[test]
fn a_tunnel_that_hangs_ends_with_the_connect_timeout() {
    alone(&[], |_| {
        let variables = json!({"HTTPS_PROXY": format!("http://{}", silent())});
        ends_in_time("https://provider.invalid/v1", variables);
    });
}

/// The twin: once a connection is open, its own limit no longer counts.
#[test]
fn the_connect_timeout_does_not_end_a_slow_answer() {
    alone(&[], |_| {
        let slow = provider(json!({"paths": {"/": [{"delay_ms": 800}]}}));
        let router = router_of(&[deployment(&format!("{}/slow/v1", slow.base_url()), json!({}))], json!({}));
        assert_eq!(text(ask(&router)), "hello from slow");
        assert_eq!(slow.stats().requests, 1);
    });
}
