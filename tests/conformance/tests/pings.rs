//! Signs of life without content: they end a silence, and they do not keep a stream for ever.

use std::time::{Duration, Instant};

use fakeprovider::abi::Router;
use fakeprovider::{FakeProvider, Script};
use serde_json::{Value, json};

const TIMEOUT: i32 = 408;
const REQUEST: &str = r#"{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}"#;

fn event(delta: Value, finish: Value) -> String {
    let chunk = json!({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    format!("data: {chunk}\n\n")
}

/// A word, so many pings 30 ms apart, and the end; what is heard of it, and after how long.
fn heard(pings: usize) -> (Result<(), i32>, Duration) {
    let piece = |text: String, delay: u64| json!({"text": text, "delay_ms": delay});
    let mut pieces = vec![piece(event(json!({"content": "a"}), Value::Null), 0)];
    pieces.extend((0..pings).map(|_| piece(": ping\n\n".to_owned(), 30)));
    pieces.push(piece(event(json!({}), json!("stop")), 0));
    let script = Script::from_json(json!({"paths": {"/": [{"chunks": pieces}]}})).unwrap();

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let provider = runtime.block_on(FakeProvider::start(script)).unwrap();
    let params = json!({"model": "openai/x", "api_key": "k", "api_base": provider.base_url()});
    let config = json!({"model_list": [{"model_name": "m", "litellm_params": params}],
        "llmrouter_settings": {"idle_timeout": 0.15}});
    let router = Router::from_yaml(&config.to_string()).unwrap();
    let stream = router.stream(REQUEST, false).unwrap();
    let start = Instant::now();
    let (chunks, end) = stream.rest();
    assert_eq!(chunks[0]["choices"][0]["delta"]["content"], "a");
    (end.map_err(|failure| failure.code), start.elapsed())
}

#[test]
fn pings_end_a_silence() {
    // Each gap is below the idle time-out, all of them together are above it.
    let (end, took) = heard(12);
    assert_eq!(end, Ok(()), "{took:?}");
    assert!(took > Duration::from_millis(300), "{took:?}");
}

#[test]
fn ten_idle_times_of_pings_are_too_many() {
    let (end, took) = heard(200);
    assert_eq!(end, Err(TIMEOUT));
    assert!(took > Duration::from_millis(1400) && took < Duration::from_millis(4000), "{took:?}");
}
