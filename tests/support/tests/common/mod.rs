//! A client that sees the raw bytes.
#![allow(dead_code, reason = "each test program uses a part")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fakeprovider::{FakeProvider, Script};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub const CHAT: &str = r#"{"model":"gpt-4","messages":[{"role":"user","content":"hi"}]}"#;

/// How a connection ended, as the client saw it.
#[derive(Debug, PartialEq)]
pub enum Ended {
    Closed,
    Reset,
    StillOpen,
}

pub async fn playing(reply: Value) -> FakeProvider {
    let script = Script::from_json(json!({"paths": {"/east": [reply]}})).unwrap();
    FakeProvider::start(script).await.unwrap()
}

pub fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: fake\r\nauthorization: Bearer sk-secret\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

pub fn chat(name: &str) -> String {
    post(&format!("/{name}/v1/chat/completions"), CHAT)
}

pub async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Sends a chat request over a new connection and reads until the connection ends or is silent for a while.
pub async fn ask(provider: &FakeProvider) -> (String, Ended, Duration) {
    let mut stream = connect(provider.address()).await;
    let start = Instant::now();
    stream.write_all(chat("east").as_bytes()).await.unwrap();
    let (bytes, ended) = drain(&mut stream).await;
    (String::from_utf8_lossy(&bytes).into_owned(), ended, start.elapsed())
}

pub async fn drain(stream: &mut TcpStream) -> (Vec<u8>, Ended) {
    let mut bytes = Vec::new();
    loop {
        match timeout(Duration::from_millis(250), stream.read_buf(&mut bytes)).await {
            Err(_) => return (bytes, Ended::StillOpen),
            Ok(Ok(0)) => return (bytes, Ended::Closed),
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return (bytes, Ended::Reset),
        }
    }
}

/// Reads one answer with a content-length.
pub async fn answer(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect(&head);
            let total = end + 4 + length.parse::<usize>().unwrap();
            while bytes.len() < total {
                assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "cut short");
            }
            return (head, String::from_utf8(bytes[end + 4..total].to_vec()).unwrap());
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "closed before an answer");
    }
}

pub async fn request(stream: &mut TcpStream, text: &str) -> (String, String) {
    stream.write_all(text.as_bytes()).await.unwrap();
    answer(stream).await
}
