//! A fake provider with a script, routers over it, and the pieces of OpenAI's streams.

#![allow(dead_code, reason = "each test file uses its part")]

use fakeprovider::abi::{Failure, Router};
use fakeprovider::{FakeProvider, Script};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

pub struct World {
    pub provider: FakeProvider,
    _runtime: Runtime,
}

pub fn world(script: Value) -> World {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let provider = runtime.block_on(FakeProvider::start(Script::from_json(script).unwrap())).unwrap();
    World { provider, _runtime: runtime }
}

impl World {
    /// Deployments of one group, by their paths; `claude-…` speaks Anthropic's wire.
    pub fn router(&self, names: &[&str], settings: Value) -> Router {
        let entry = |(place, name): (usize, &&str)| {
            let model = if name.starts_with("claude") { "anthropic/claude-x" } else { "openai/gpt-x" };
            json!({
                "model_name": "m",
                "litellm_params": {"model": model, "api_key": format!("sk-{name}-0123456789"),
                    "api_base": format!("{}/{name}", self.provider.base_url()), "order": place},
                "model_info": {"id": name},
            })
        };
        let mut config = json!({"model_list": names.iter().enumerate().map(entry).collect::<Vec<_>>(),
            "router_settings": {"num_retries": 0}});
        for (section, members) in settings.as_object().into_iter().flatten() {
            for (name, value) in members.as_object().unwrap() {
                config[section][name] = value.clone();
            }
        }
        Router::from_yaml(&config.to_string()).unwrap()
    }
}

pub fn request(more: Value) -> String {
    let mut request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    request.to_string()
}

pub fn text(chunks: &[Value]) -> String {
    let delta = |chunk: &Value| chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned();
    chunks.iter().map(delta).collect()
}

pub fn chunk(delta: Value, finish: Option<&str>) -> String {
    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "x",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    format!("data: {chunk}\n\n")
}

pub fn role() -> String {
    chunk(json!({"role": "assistant", "content": ""}), None)
}

pub fn word(word: &str) -> String {
    chunk(json!({"content": word}), None)
}

/// A reply in pieces, each with a pause before it.
pub fn pieces(pieces: &[(u64, String)]) -> Value {
    let pieces: Vec<_> = pieces.iter().map(|(delay, text)| json!({"text": text, "delay_ms": delay})).collect();
    json!({"chunks": pieces})
}

pub fn ended(error: Result<(), Box<Failure>>) -> Option<i32> {
    error.err().map(|failure| failure.code)
}
