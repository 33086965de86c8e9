//! Bodies: compressed, of another length than was said, cut.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use network::process::alone;
use network::settings::{API_CONNECTION, API_RESPONSE, ask, failure, request, router_to, router_with_sibling, text};
use network::wire::{answer, completion, listen, provider, read_request, serve_each};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server that answers every request with these bytes and keeps the connection.
fn always(bytes: Vec<u8>) -> String {
    let (listener, address) = listen();
    serve_each(listener, move |mut stream, connection| {
        let bytes = bytes.clone();
        async move {
            let mut buffer = Vec::new();
            while read_request(&mut stream, &mut buffer, connection).await?.is_some() {
                stream.write_all(&bytes).await?;
            }
            Ok(())
        }
    });
    format!("http://{address}/v1")
}

fn compressed(body: &[u8], encoding: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn a_compressed_answer_is_unpacked() {
    alone(&[], |_| {
        let body = completion("hello from a small body");
        let base = always(compressed(&gzip(&body), "gzip"));
        let answer = ask(&router_to(&base, json!({}))).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer.body, body);
    });
}

#[test]
fn compression_is_offered_and_nothing_that_can_not_be_unpacked() {
    alone(&[], |_| {
        let provider = provider(json!({}));
        text(ask(&router_to(&format!("{}/east/v1", provider.base_url()), json!({}))));
        assert_eq!(provider.log()[0].headers["accept-encoding"], "gzip");
    });
}

/// The attempt fails with `code` and says that it may be retried; a sibling answers in its stead.
fn fails(base: &str, code: i32) {
    let error = failure(ask(&router_to(base, json!({}))), code);
    assert!(error.retryable, "{error}");
    let sibling = provider(json!({}));
    let router = router_with_sibling(base, &format!("{}/sibling/v1", sibling.base_url()));
    assert_eq!(text(ask(&router)), "hello from sibling");
}

#[test]
fn a_body_that_is_not_compressed_as_it_says_fails() {
    alone(&[], |_| {
        let body = completion("plain");
        let base = always(compressed(body.as_bytes(), "gzip"));
        let error = ask(&router_to(&base, json!({}))).expect_err("garbage");
        assert!([API_CONNECTION, API_RESPONSE].contains(&error.code), "{error}");
        fails(&base, error.code);
        let packed = gzip(&completion("cut"));
        let base = always(compressed(&packed[..packed.len() / 2], "gzip"));
        let error = ask(&router_to(&base, json!({}))).expect_err("cut");
        fails(&base, error.code);
    });
}

fn scripted(reply: Value) -> (fakeprovider::FakeProvider, String) {
    let provider = provider(json!({"paths": {"/": [reply]}}));
    let base = format!("{}/east/v1", provider.base_url());
    (provider, base)
}

#[test]
fn a_connection_cut_within_the_body_fails() {
    alone(&[], |_| {
        let chunks = json!([{"text": completion("in pieces")}]);
        for reply in [
            json!({"cut_at": -10}),
            json!({"cut_at": -10, "end": "reset"}),
            // The body is whole; only its end is missing.
            json!({"chunks": chunks, "cut_at": -5}),
            json!({"chunks": chunks, "framing": "length", "cut_at": -10}),
        ] {
            let (_provider, base) = scripted(reply);
            fails(&base, API_CONNECTION);
        }
    });
}

#[test]
fn a_body_shorter_than_was_said_fails() {
    alone(&[], |_| {
        let (_provider, base) = scripted(json!({"headers": {"content-length": "100000"}, "end": "close"}));
        fails(&base, API_CONNECTION);
    });
}

#[test]
fn a_body_that_ends_with_its_connection_is_whole() {
    alone(&[], |_| {
        let chunks = json!([{"text": completion("until the end")}]);
        let (_provider, base) = scripted(json!({"chunks": chunks, "framing": "close"}));
        assert_eq!(text(ask(&router_to(&base, json!({})))), "until the end");
    });
}

#[test]
fn a_body_longer_than_was_said_fails() {
    alone(&[], |_| {
        let (_provider, base) = scripted(json!({"headers": {"content-length": "20"}}));
        fails(&base, API_RESPONSE);
    });
}

/// What follows an answer is not the next call's, even if it looks like one.
#[test]
fn what_follows_an_answer_is_no_answer() {
    alone(&[], |_| {
        let doubled = [answer("mine"), answer("somebody else's")].concat();
        let router = router_to(&always(doubled), json!({}));
        for _ in 0..100 {
            assert_eq!(text(ask(&router)), "mine");
        }
    });
}

#[test]
fn an_unasked_answer_on_an_idle_connection_is_no_answer() {
    alone(&[], |_| {
        let (listener, address) = listen();
        serve_each(listener, |mut stream, connection| async move {
            let mut buffer = Vec::new();
            while read_request(&mut stream, &mut buffer, connection).await?.is_some() {
                stream.write_all(&answer("mine")).await?;
                tokio::time::sleep(Duration::from_millis(10)).await;
                stream.write_all(&answer("somebody else's")).await?;
            }
            Ok(())
        });
        let router = router_to(&format!("http://{address}/v1"), json!({}));
        for _ in 0..20 {
            assert_eq!(text(ask(&router)), "mine");
            std::thread::sleep(Duration::from_millis(30));
        }
    });
}

/// Interim answers (`100 Continue`, `103 Early Hints`) are not the answer.
#[test]
fn interim_answers_are_passed_over() {
    alone(&[], |_| {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
        let router = router_to(&always([interim.as_bytes(), &answer("the answer")].concat()), json!({}));
        assert_eq!(text(ask(&router)), "the answer");
        assert_eq!(text(ask(&router)), "the answer");
    });
}

/// Who refuses a large request need not read it.
#[test]
fn an_answer_before_the_request_was_read_counts() {
    alone(&[], |_| {
        let (listener, address) = listen();
        serve_each(listener, |mut stream, _| async move {
            stream.read_exact(&mut [0; 1000]).await?;
            let refusal = "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(refusal.as_bytes()).await?;
            // Open, so that what was written is not taken back.
            tokio::time::sleep(Duration::from_secs(30)).await;
            Ok(())
        });
        let router = router_to(&format!("http://{address}/v1"), json!({}));
        let large = request(json!({"messages": [{"role": "user", "content": "x".repeat(30_000_000)}], "timeout": 10}));
        let error = router.completion(&large).expect_err("refused");
        assert_eq!(error.http_status, 413, "{error}");
    });
}
