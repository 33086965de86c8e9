//! A provider, a router of two deployments, and requests of any verb.
#![allow(dead_code, reason = "each test program uses a part")]

use std::time::{Duration, Instant};

use conformance::completed;
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
    pub fn play(&self, script: Value) {
        self.provider.set_script(&Script::from_json(script).unwrap()).unwrap();
    }

    /// Two deployments of a group, asked one after the other.
    pub fn router(&self, settings: Value) -> Router {
        let entry = |name: &str, order: u32| {
            json!({"model_name": "m", "model_info": {"id": name}, "litellm_params":
                {"model": "openai/x", "api_key": format!("sk-{name}-0123456789"), "order": order,
                "api_base": format!("{}/{name}/v1", self.provider.base_url())}})
        };
        let mut config = json!({"model_list": [entry("east", 1), entry("west", 2)],
            "router_settings": {"num_retries": 0, "disable_cooldowns": true}});
        for (section, members) in settings.as_object().into_iter().flatten() {
            for (name, value) in members.as_object().unwrap() {
                config[section][name] = value.clone();
            }
        }
        Router::from_yaml(&config.to_string()).unwrap()
    }
}

/// The least request of this verb, and `more`.
pub fn request(path: &str, more: Value) -> String {
    let mut request = json!({"model": "m"});
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    let Value::Object(request) = request else { unreachable!() };
    completed(Some(path), request)
}

pub fn pieces(text: String) -> Value {
    json!({"chunks": [{"text": text}]})
}

/// The same, and then silence.
pub fn hanging(text: String) -> Value {
    json!({"chunks": [{"text": text}], "framing": "close", "end": "hang"})
}

pub fn code(end: Result<(), Box<Failure>>) -> Option<i32> {
    end.err().map(|failure| failure.code)
}

/// Waits for what comes soon, or fails.
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(2), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
