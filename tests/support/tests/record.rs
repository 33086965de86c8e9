//! The log, the counters and the steering over HTTP.

mod common;

use std::time::Duration;

use common::{chat, connect, playing, post, request};
use fakeprovider::{FakeProvider, Script};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn every_request_is_logged_with_what_it_carried() {
    let provider = FakeProvider::start(Script::default()).await.unwrap();
    let mut stream = connect(provider.address()).await;
    request(&mut stream, &post("/azure/chat/completions?api-version=1", common::CHAT)).await;
    request(&mut connect(provider.address()).await, &post("/x", "plain")).await;
    let log = provider.log();
    assert_eq!(
        (log[0].n, log[0].path.as_str(), log[0].query.as_deref()),
        (1, "/azure/chat/completions", Some("api-version=1"))
    );
    assert_eq!(log[0].headers["authorization"], "Bearer sk-secret");
    assert_eq!(log[0].body["model"], "gpt-4");
    assert_eq!((log[1].n, &log[1].body, log[1].connection), (2, &json!("plain"), 2));
    let stats = provider.stats();
    assert_eq!((stats.requests, stats.requests_by_path["/x"], stats.in_flight), (2, 1, 0));
    provider.clear();
    assert!(provider.log().is_empty());
    request(&mut stream, &chat("east")).await;
    assert_eq!(provider.log()[0].n, 1);
    assert_eq!(provider.stats().requests_by_path.len(), 1);
}

#[tokio::test]
async fn a_peer_that_leaves_early_is_counted_and_frees_its_place() {
    for reply in [json!({"hang": true}), json!({"delay_ms": 60_000}), json!({"drip": {"bytes": 1, "every_ms": 50}})] {
        let provider = playing(reply).await;
        let mut first = connect(provider.address()).await;
        let mut second = connect(provider.address()).await;
        first.write_all(chat("east").as_bytes()).await.unwrap();
        second.write_all(chat("east").as_bytes()).await.unwrap();
        until("two in flight", || provider.stats().in_flight == 2).await;
        drop(first);
        until("one abort", || provider.stats().client_aborts == 1).await;
        until("one in flight", || provider.stats().in_flight == 1).await;
        assert_eq!((provider.stats().max_in_flight, provider.stats().open_connections), (2, 1));
    }
}

#[tokio::test]
async fn a_dropped_server_closes_its_connections_and_its_port() {
    let provider = playing(json!({"hang": true})).await;
    let address = provider.address();
    let mut stream = connect(address).await;
    stream.write_all(chat("east").as_bytes()).await.unwrap();
    until("in flight", || provider.stats().in_flight == 1).await;
    drop(provider);
    assert_ne!(common::drain(&mut stream).await.1, common::Ended::StillOpen);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn it_is_steered_over_http_without_leaving_a_trace() {
    let provider = FakeProvider::start(Script::default()).await.unwrap();
    let mut control = connect(provider.address()).await;
    let put = |body: &str| post("/_control/script", body).replace("POST", "PUT");
    let (head, _) = request(&mut control, &put(r#"{"paths": {"/east": [503]}}"#)).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (head, body) = request(&mut control, &put(r#"{"paths": {"/east": [{"stat": 503}]}}"#)).await;
    assert!(head.starts_with("HTTP/1.1 400") && body.contains("unknown field `stat`"), "{body}");

    let (head, _) = request(&mut connect(provider.address()).await, &chat("east")).await;
    assert!(head.starts_with("HTTP/1.1 503"), "the refused script changed nothing: {head}");
    let (_, log) = request(&mut control, "GET /_control/log HTTP/1.1\r\n\r\n").await;
    let log: Value = serde_json::from_str(&log).unwrap();
    assert_eq!((log.as_array().unwrap().len(), &log[0]["body"]["model"]), (1, &json!("gpt-4")));
    let (_, stats) = request(&mut control, "GET /_control/stats HTTP/1.1\r\n\r\n").await;
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_eq!((&stats["requests"], &stats["total_connections"]), (&json!(1), &json!(1)));
    request(&mut control, "DELETE /_control/log HTTP/1.1\r\n\r\n").await;
    assert!(provider.log().is_empty());
}

#[tokio::test]
async fn without_a_log_requests_are_still_counted() {
    let provider = FakeProvider::builder().log(false).start().await.unwrap();
    request(&mut connect(provider.address()).await, &chat("east")).await;
    assert_eq!((provider.log().len(), provider.stats().requests), (0, 1));
}
