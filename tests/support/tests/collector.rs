//! What is posted is remembered as it was meant, and answered as the script says.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use fakeprovider::{Collector, Refusing};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

/// Posts `body` on a connection of its own; the answer as it came.
fn post(collector: &Collector, path: &str, headers: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(collector.authority()).unwrap();
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n")
        .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn bodies_are_unpacked_and_bytes_are_kept() {
    let collector = Collector::start();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(br#"{"a": 1}"#).unwrap();
    let answer = post(&collector, "/v1/traces", "content-encoding: gzip\r\n", &packed.finish().unwrap());
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{}"), "{answer}");
    post(&collector, "/", "x-one: two\r\n", b"\xff\0");
    let received = collector.wait(2, Duration::from_secs(5));
    assert_eq!((received[0].path.as_str(), received[0].json()), ("/v1/traces", json!({"a": 1})));
    assert_eq!((received[1].header("x-one"), received[1].body.as_slice()), ("two", &b"\xff\0"[..]));
    collector.clear();
    assert!(collector.received().is_empty());
}

#[test]
fn answers_are_played_and_then_all_is_taken() {
    let collector = Collector::start();
    collector.answer("/hook", &[json!({"status": 429, "headers": {"retry-after": "7"}}), json!(503)]);
    let first = post(&collector, "/hook", "", b"1");
    assert!(first.starts_with("HTTP/1.1 429") && first.contains("retry-after: 7"), "{first}");
    assert!(post(&collector, "/elsewhere", "", b"").starts_with("HTTP/1.1 200"));
    assert!(post(&collector, "/hook", "", b"2").starts_with("HTTP/1.1 503"));
    assert!(post(&collector, "/hook", "", b"3").starts_with("HTTP/1.1 200"));
    collector.always(&json!(401));
    assert!(post(&collector, "/hook", "", b"4").starts_with("HTTP/1.1 401"));
}

#[test]
fn nobody_is_where_connections_are_refused() {
    let nobody = Refusing::new();
    let refused = TcpStream::connect(nobody.authority()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}
