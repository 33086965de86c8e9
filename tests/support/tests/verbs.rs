//! Unscripted paths of the verbs beside chat answer, refuse and stream as OpenAI does.

mod common;

use common::{connect, drain, post};
use fakeprovider::{FakeProvider, Script};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

struct Answer {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }
}

/// Sends over a connection that ends with the answer.
async fn send(request: &[u8]) -> (Answer, FakeProvider) {
    let provider = FakeProvider::start(Script::default()).await.unwrap();
    let mut stream = connect(provider.address()).await;
    let line = request.iter().position(|byte| *byte == b'\n').expect("a request line") + 1;
    let closing = [&request[..line], b"connection: close\r\n", &request[line..]].concat();
    stream.write_all(&closing).await.unwrap();
    let bytes = drain(&mut stream).await.0;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect(&head);
    let content_type = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default().to_owned();
    (Answer { status, content_type, body: bytes[end + 4..].to_vec() }, provider)
}

async fn ask(path: &str, body: Value) -> Answer {
    send(post(path, &body.to_string()).as_bytes()).await.0
}

fn form(path: &str, parts: &[&str]) -> Vec<u8> {
    let parts: String =
        parts.iter().map(|part| format!("--b\r\ncontent-disposition: form-data; name=\"{part}\r\n")).collect();
    let body = format!("{parts}--b--\r\n");
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: fake\r\ncontent-type: multipart/form-data; boundary=b\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

const MODEL: &str = "model\"\r\n\r\nwhisper-1";
const SOUND: &str = "file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\nRIFF";

#[tokio::test]
async fn each_path_answers_in_its_own_shape() {
    let answer = ask("/east/v1/embeddings", json!({"model": "m", "input": ["a", "b"]})).await.json();
    assert_eq!(
        answer["data"][1],
        json!({"object": "embedding", "index": 1, "embedding": [0.5, -0.25, 0.125, -0.0625]})
    );
    assert_eq!((answer["data"].as_array().unwrap().len(), &answer["usage"]["total_tokens"]), (2, &json!(10)));
    let packed = json!({"model": "m", "input": [1, 2, 3], "encoding_format": "base64", "dimensions": 1});
    let answer = ask("/east/openai/deployments/m/embeddings?api-version=1", packed).await.json();
    assert_eq!(answer["data"], json!([{"object": "embedding", "index": 0, "embedding": "AAAAPw=="}]));

    let answer = ask("/east/v1/completions", json!({"model": "m", "prompt": "hi"})).await.json();
    assert_eq!(
        (&answer["object"], &answer["choices"][0]["text"]),
        (&json!("text_completion"), &json!("hello from east"))
    );
    let asked = json!({"model": "m", "input": "hi", "metadata": {"a": "b"}});
    let answer = ask("/east/v1/responses", asked).await.json();
    assert_eq!(answer["output"][0]["content"][0]["text"], "hello from east");
    assert_eq!((&answer["status"], &answer["metadata"]["a"]), (&json!("completed"), &json!("b")));
    let answer = ask("/east/v1/moderations", json!({"model": "m", "input": ["a", "b", "c"]})).await.json();
    assert_eq!((answer["results"].as_array().unwrap().len(), &answer["results"][0]["flagged"]), (3, &json!(false)));
    let answer = ask("/east/v1/images/generations", json!({"model": "m", "prompt": "p", "n": 2})).await.json();
    assert_eq!(answer["data"][1], json!({"url": "https://east.example/2.png"}));
    let ranked = json!({"model": "m", "query": "q", "documents": ["a", "b", "c"], "top_n": 2});
    let answer = ask("/east/v2/rerank", ranked).await.json();
    assert_eq!(answer["results"], json!([{"index": 2, "relevance_score": 1.0}, {"index": 1, "relevance_score": 0.5}]));
}

#[tokio::test]
async fn speech_is_bytes() {
    let answer = ask("/east/v1/audio/speech", json!({"model": "m", "input": "x", "voice": "alloy"})).await;
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "audio/mpeg"));
    assert!(answer.body.contains(&0) && std::str::from_utf8(&answer.body).is_err());
    assert!(answer.body.windows(15).any(|window| window == b"hello from east"));
    let wav = json!({"model": "m", "input": "x", "voice": "alloy", "response_format": "wav"});
    assert_eq!(ask("/east/v1/audio/speech", wav).await.content_type, "audio/wav");
}

#[tokio::test]
async fn files_come_as_forms_and_are_logged_as_parts() {
    let path = "/east/v1/audio/transcriptions";
    let (answer, provider) = send(&form(path, &[MODEL, SOUND])).await;
    assert_eq!((answer.status, &answer.json()["text"]), (200, &json!("hello from east")));
    let file = json!({"name": "file", "filename": "a.wav", "content_type": "audio/wav", "text": "RIFF"});
    assert_eq!(provider.log()[0].body, json!([{"name": "model", "text": "whisper-1"}, file]));
    let (plain, _) = send(&form(path, &[MODEL, "response_format\"\r\n\r\ntext", SOUND])).await;
    assert_eq!(
        (plain.text().as_str(), plain.content_type.as_str()),
        ("hello from east\n", "text/plain; charset=utf-8")
    );
    let edit = form("/east/v1/images/edits", &["image[]\"; filename=\"a.png\"\r\n\r\nP", "prompt\"\r\n\r\np"]);
    assert_eq!(send(&edit).await.0.json()["data"][0]["url"], "https://east.example/1.png");
}

#[tokio::test]
async fn what_openai_refuses_is_refused() {
    let transcribe = |parts: &[&str]| form("/east/v1/audio/transcriptions", parts);
    let json = |path: &str, body: Value| post(&format!("/east/v1{path}"), &body.to_string()).into_bytes();
    for (request, why) in [
        (transcribe(&[MODEL]), "'file'"),
        (transcribe(&[SOUND]), "model"),
        (transcribe(&[MODEL, "file\"\r\n\r\nRIFF"]), "'file'"),
        (transcribe(&[MODEL, "file\"; filename=\"a.txt\"\r\n\r\nRIFF"]), "Unrecognized file format"),
        (transcribe(&[MODEL, "file\"; filename=\"a.wav\"\r\n\r\n"]), "could not be decoded"),
        (json("/audio/transcriptions", json!({"model": "m", "file": "x"})), "multipart/form-data"),
        (form("/east/v1/images/edits", &["prompt\"\r\n\r\np"]), "'image'"),
        (form("/east/v1/images/edits", &["image\"; filename=\"a.png\"\r\n\r\nP"]), "'prompt'"),
        (json("/embeddings", json!({"model": "m"})), "'input'"),
        (json("/embeddings", json!({"input": "a"})), "model"),
        (json("/completions", json!({"model": "m"})), "'prompt'"),
        (json("/responses", json!({"model": "m"})), "'input'"),
        (json("/rerank", json!({"model": "m", "query": "q"})), "'documents'"),
        (json("/audio/speech", json!({"model": "m", "input": "x"})), "'voice'"),
    ] {
        let answer = send(&request).await.0;
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 400 && message.contains(why), "{why}: {} {message}", answer.status);
    }
}

#[tokio::test]
async fn text_completions_stream_as_chunks_with_the_usage_if_asked() {
    let asked = json!({"model": "m", "prompt": "hi", "stream": true, "stream_options": {"include_usage": true}});
    let answer = ask("/east/v1/completions", asked).await;
    assert_eq!(answer.content_type, "text/event-stream");
    let text = answer.text();
    let chunks: Vec<Value> = text
        .split_terminator("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ").expect("data")).ok())
        .collect();
    let said: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
    assert_eq!((said.as_str(), chunks.len(), text.ends_with("data: [DONE]\n\n")), ("hello from east", 5, true));
    assert_eq!(
        (&chunks[3]["choices"][0]["finish_reason"], &chunks[4]["usage"]["total_tokens"]),
        (&json!("stop"), &json!(30))
    );
    let plain = ask("/east/v1/completions", json!({"model": "m", "prompt": "hi", "stream": true})).await.text();
    assert!(!plain.contains("usage"), "{plain}");
}

#[tokio::test]
async fn responses_stream_as_named_events() {
    let answer = ask("/east/v1/responses", json!({"model": "m", "input": "hi", "stream": true})).await;
    let text = answer.text();
    let mut said = String::new();
    let mut names = Vec::new();
    for (number, event) in text.split_terminator("\n\n").enumerate() {
        let (name, data) = event.strip_prefix("event: ").and_then(|event| event.split_once("\ndata: ")).expect(event);
        let data: Value = serde_json::from_str(data).expect(data);
        assert_eq!((&data["type"], &data["sequence_number"]), (&json!(name), &json!(number)));
        said += data["delta"].as_str().unwrap_or_default();
        names.push(name.trim_start_matches("response.").to_owned());
    }
    assert_eq!((answer.content_type.as_str(), said.as_str()), ("text/event-stream", "hello from east"));
    assert_eq!(names[..4], ["created", "in_progress", "output_item.added", "content_part.added"]);
    assert_eq!(names[7..], ["output_text.done", "content_part.done", "output_item.done", "completed"]);
}
