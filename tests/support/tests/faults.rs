//! Each fault of the script language really happens on the wire.

mod common;

use std::time::Duration;

use common::{Ended, ask, playing, request};
use serde_json::json;

#[tokio::test]
async fn a_body_is_cut_at_any_byte_and_the_connection_closed() {
    let whole = ask(&playing(json!({"text": "0123456789"})).await).await.0;
    for (cut_at, kept) in [(0, 0), (10, 10), (-3, whole.len() - 3), (100_000, whole.len())] {
        let (got, ended, _) = ask(&playing(json!({"text": "0123456789", "cut_at": cut_at})).await).await;
        assert_eq!((got.as_str(), ended), (&whole[..kept], Ended::Closed), "cut_at {cut_at}");
    }
}

#[tokio::test]
async fn an_answer_ends_in_a_reset_a_close_or_silence() {
    let (got, ended, _) =
        ask(&playing(json!({"text": "half", "cut_at": -2, "end": "reset", "body_delay_ms": 30})).await).await;
    assert!(got.ends_with("\r\n\r\n") || got.ends_with("ha"), "{got}");
    assert_eq!(ended, Ended::Reset);
    let (got, ended, _) = ask(&playing(json!({"text": "x", "end": "close"})).await).await;
    assert!(!got.contains("connection: close"), "it closes without a word: {got}");
    assert_eq!(ended, Ended::Closed);
    let (got, ended, _) = ask(&playing(json!({"text": "abc", "cut_at": -1, "end": "hang"})).await).await;
    assert!(got.ends_with("ab"), "{got}");
    assert_eq!(ended, Ended::StillOpen);
}

#[tokio::test]
async fn without_an_answer_it_hangs_closes_or_resets() {
    for (reply, expected) in [
        (json!({"hang": true}), Ended::StillOpen),
        (json!({"close_before_headers": true}), Ended::Closed),
        (json!({"reset_before_headers": true}), Ended::Reset),
    ] {
        let provider = playing(reply).await;
        let (got, ended, _) = ask(&provider).await;
        assert_eq!((got.as_str(), ended), ("", expected));
        assert_eq!(provider.log().len(), 1, "the request was read");
    }
}

#[tokio::test]
async fn a_reused_connection_is_closed_under_the_second_request() {
    let provider = playing(json!({})).await;
    let script = json!({"paths": {"/east": [200, {"close_before_headers": true}]}});
    provider.set_script(&fakeprovider::Script::from_json(script).unwrap()).unwrap();
    let mut stream = common::connect(provider.address()).await;
    request(&mut stream, &common::chat("east")).await;
    tokio::io::AsyncWriteExt::write_all(&mut stream, common::chat("east").as_bytes()).await.unwrap();
    assert_eq!(common::drain(&mut stream).await, (vec![], Ended::Closed));
    assert_eq!(provider.log()[1].connection, 1);
}

#[tokio::test]
async fn connections_are_closed_reset_or_left_alone_as_they_are_accepted() {
    let provider = playing(json!({})).await;
    let script = json!({"accept": ["close", "reset", "hang", "serve"], "paths": {}});
    provider.set_script(&fakeprovider::Script::from_json(script).unwrap()).unwrap();
    for expected in ["", "", "", "HTTP/1.1 200", "HTTP/1.1 200"] {
        let mut stream = common::connect(provider.address()).await;
        let sent = tokio::io::AsyncWriteExt::write_all(&mut stream, common::chat("east").as_bytes()).await;
        let (got, _) = common::drain(&mut stream).await;
        assert!(
            if expected.is_empty() { got.is_empty() } else { got.starts_with(expected.as_bytes()) },
            "{sent:?} {got:?}"
        );
    }
}

#[tokio::test]
async fn delays_come_before_the_head_before_the_body_and_between_pieces() {
    let (_, _, took) = ask(&playing(json!({"text": "x", "delay_ms": 80, "keep_alive": false})).await).await;
    assert!(took >= Duration::from_millis(80), "{took:?}");

    let provider = playing(json!({"text": "late", "body_delay_ms": 300})).await;
    let mut stream = common::connect(provider.address()).await;
    tokio::io::AsyncWriteExt::write_all(&mut stream, common::chat("east").as_bytes()).await.unwrap();
    let (head, _) = common::drain(&mut stream).await;
    assert!(head.ends_with(b"\r\n\r\n"), "only the head came first");

    let drip =
        playing(json!({"raw": "HTTP/1.1 200 OK\r\n\r\nabcdefghij", "drip": {"bytes": 10, "every_ms": 20}})).await;
    let (got, ended, took) = ask(&drip).await;
    assert!(
        got.ends_with("abcdefghij") && ended == Ended::Closed && took >= Duration::from_millis(60),
        "{got} {took:?}"
    );
}

#[tokio::test]
async fn pieces_are_framed_as_said_and_can_end_without_the_terminator() {
    let chunks = json!([{"text": "data: 1\n\n"}, {"base64": "/w==", "delay_ms": 40}]);
    let provider = playing(json!({"chunks": chunks})).await;
    let mut stream = common::connect(provider.address()).await;
    tokio::io::AsyncWriteExt::write_all(&mut stream, common::chat("east").as_bytes()).await.unwrap();
    let (bytes, _) = common::drain(&mut stream).await;
    assert!(bytes.ends_with(b"9\r\ndata: 1\n\n\r\n1\r\n\xff\r\n0\r\n\r\n"), "{}", String::from_utf8_lossy(&bytes));
    assert!(String::from_utf8_lossy(&bytes).contains("content-type: text/event-stream\r\ntransfer-encoding: chunked"));

    let (got, ended, _) = ask(&playing(json!({"chunks": [{"text": "ab"}], "cut_at": -5})).await).await;
    assert!(got.ends_with("2\r\nab\r\n") && ended == Ended::Closed, "{got}");
    let (got, ended, _) =
        ask(&playing(json!({"chunks": [{"text": "ab"}, {"text": "c"}], "framing": "close"})).await).await;
    assert!(got.ends_with("connection: close\r\n\r\nabc") && ended == Ended::Closed, "{got}");
    let (got, ended, _) =
        ask(&playing(json!({"chunks": [{"text": "ab"}, {"text": "c"}], "framing": "length"})).await).await;
    assert!(got.ends_with("content-length: 3\r\n\r\nabc") && ended == Ended::StillOpen, "{got}");
}

#[tokio::test]
async fn headers_lie_when_the_script_says_so() {
    let reply = json!({"text": "abc", "headers": {"Content-Length": 10, "content-type": null, "set-cookie": ["a", "b"]}, "end": "close"});
    let (got, ended, _) = ask(&playing(reply).await).await;
    assert_eq!(got, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nset-cookie: a\r\nset-cookie: b\r\n\r\nabc");
    assert_eq!(ended, Ended::Closed);
    let (got, _, _) = ask(&playing(json!({"raw_base64": "AP8="})).await).await;
    assert_eq!(got, "\0\u{fffd}", "garbage is sent as it is");
}
