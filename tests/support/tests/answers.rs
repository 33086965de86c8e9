//! What is answered without faults: OpenAI's shapes, scripted statuses, echoes, sizes, HTTP's own rules.

mod common;

use common::{Ended, ask, chat, connect, playing, post, request};
use fakeprovider::{FakeProvider, Script};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

fn parse(body: &str) -> Value {
    serde_json::from_str(body).expect(body)
}

#[tokio::test]
async fn an_unscripted_path_answers_as_openai_would_over_one_connection() {
    let provider = FakeProvider::start(Script::default()).await.unwrap();
    let mut stream = connect(provider.address()).await;
    let (head, body) = request(&mut stream, &chat("east")).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/json"), "{head}");
    let answer = parse(&body);
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "gpt-4");
    assert_eq!(answer["choices"][0]["message"]["content"], "hello from east");
    assert_eq!(answer["usage"]["total_tokens"], 30);
    let (_, body) = request(&mut stream, &chat("west")).await;
    assert_eq!(parse(&body)["choices"][0]["message"]["content"], "hello from west");

    let (head, body) = request(&mut stream, &post("/east/v1/nothing", "{}")).await;
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    assert_eq!(parse(&body)["error"]["type"], "invalid_request_error");
    let streamed = r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;
    let (head, body) = request(&mut stream, &post("/east/v1/chat/completions", streamed)).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream"), "{head}");
    assert!(body.starts_with("data: {") && body.ends_with("data: [DONE]\n\n") && body.contains("\"total_tokens\":30"));
    for bad in ["not json", r#"{"messages":[]}"#, r#"{"model":"m"}"#] {
        let (head, _) = request(&mut stream, &post("/east/v1/chat/completions", bad)).await;
        assert!(head.starts_with("HTTP/1.1 400"), "{bad}: {head}");
    }
    assert_eq!(provider.stats().total_connections, 1);
}

#[tokio::test]
async fn a_status_alone_is_an_error_in_openais_shape() {
    for (status, code) in [(401, json!("invalid_api_key")), (429, json!("rate_limit_exceeded")), (500, Value::Null)] {
        let provider = playing(json!(status)).await;
        let (head, body) = request(&mut connect(provider.address()).await, &chat("east")).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(parse(&body)["error"]["code"], code);
    }
    let (got, ended, _) = ask(&playing(json!({"status": 204, "keep_alive": false})).await).await;
    assert_eq!((got.as_str(), ended), ("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", Ended::Closed));
}

#[tokio::test]
async fn an_answer_grows_to_its_size() {
    for reply in
        [json!({"pad_to": 1024}), json!({"pad_to": 1024, "json": {"a": 1}}), json!({"pad_to": 1024, "status": 500})]
    {
        let provider = playing(reply).await;
        let (_, body) = request(&mut connect(provider.address()).await, &chat("east")).await;
        assert_eq!(body.len(), 1024);
        parse(&body);
    }
}

#[tokio::test]
async fn an_echo_gives_the_key_away() {
    let provider = playing(json!({"echo": "authorization", "status": 401})).await;
    let (head, body) = request(&mut connect(provider.address()).await, &chat("east")).await;
    assert!(head.starts_with("HTTP/1.1 401") && head.contains("x-request-id: Bearer sk-secret"), "{head}");
    assert_eq!(parse(&body)["error"]["code"], "Bearer sk-secret");
    let provider = playing(json!({"echo": {"header": "Host"}})).await;
    let (_, body) = request(&mut connect(provider.address()).await, &chat("east")).await;
    assert_eq!(parse(&body)["error"]["code"], "fake");
    let provider = playing(json!({"echo": "request"})).await;
    let (head, body) = request(&mut connect(provider.address()).await, &chat("east")).await;
    let message = parse(&body)["error"]["message"].to_string();
    assert!(
        head.starts_with("HTTP/1.1 400") && message.contains("sk-secret") && message.contains("messages"),
        "{message}"
    );
}

#[tokio::test]
async fn requests_come_in_pieces_chunked_pipelined_or_announced() {
    let provider = FakeProvider::start(Script::default()).await.unwrap();
    let mut stream = connect(provider.address()).await;
    let text = chat("east");
    for piece in text.as_bytes().chunks(31) {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(common::answer(&mut stream).await.0.starts_with("HTTP/1.1 200"));

    let (half, rest) = common::CHAT.split_at(20);
    let head = "POST /east/v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = format!("{head}{:x}\r\n{half}\r\n{:X};ext=1\r\n{rest}\r\n0\r\n\r\n", half.len(), rest.len());
    assert!(request(&mut stream, &chunked).await.0.starts_with("HTTP/1.1 200"));
    assert_eq!(provider.log()[1].raw, common::CHAT);

    stream.write_all(format!("{}{}", chat("a"), chat("b")).as_bytes()).await.unwrap();
    let (bytes, _) = common::drain(&mut stream).await;
    let both = String::from_utf8(bytes).unwrap();
    assert!(both.find("hello from a").unwrap() < both.find("hello from b").unwrap());

    let expecting = format!(
        "POST /east/v1/chat/completions HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        common::CHAT.len()
    );
    stream.write_all(expecting.as_bytes()).await.unwrap();
    let (bytes, _) = common::drain(&mut stream).await;
    assert_eq!(bytes, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(request(&mut stream, common::CHAT).await.0.starts_with("HTTP/1.1 200"));

    let (bytes, ended) = {
        stream.write_all(b"this is not HTTP\r\n\r\n").await.unwrap();
        common::drain(&mut stream).await
    };
    assert!(bytes.starts_with(b"HTTP/1.1 400") && ended == Ended::Closed);
}
