//! Secrets and prompts stay where they belong, whoever is told of calls and whatever a provider repeats.

use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fakeprovider::{Collector, FakeProvider, Script};
use llmrouter::observe::logs;
use llmrouter::runtime::{Beside, Runtime};
use observe::scene::{PROMPT, Scene};
use serde_json::json;

const DEPLOYMENT: &str = "sk-deployment-0a1b2c3d4e5f";
const LANGFUSE: &str = "sk-lf-1a2b3c4d5e6f7a8b";
const SENTRY: &str = "dsnsecret2a3b4c5d6e7f";
const WEBHOOK: &str = "webhook-token-3a4b5c6d7e";
const OTHER: &str = "other-token-4a5b6c7d8e9f";
const OTEL: &str = "otel-token-5a6b7c8d9e0f";

static LOGGED: Mutex<String> = Mutex::new(String::new());

fn config(provider: &str, collector: &Collector, file: &str, settings: &str) -> String {
    let url = |path: &str| collector.url(path);
    format!(
        "model_list:
  - {{model_name: echo, litellm_params: {{model: openai/gpt-4o, api_base: \"{provider}/echo/v1\", api_key: {DEPLOYMENT}}}}}
  - {{model_name: live, litellm_params: {{model: openai/gpt-4o, api_base: \"{provider}/live/v1\", api_key: {DEPLOYMENT}}}}}
  - {{model_name: dead, litellm_params: {{model: openai/gpt-4o, api_base: \"http://127.0.0.1:1/v1\", api_key: {DEPLOYMENT}}}}}
router_settings: {{num_retries: 1, retry_after: 0, disable_cooldowns: true, set_verbose: true}}
litellm_settings: {{callbacks: [webhook, other, json_file, sentry, langfuse, otel, prometheus]{settings}}}
callback_settings:
  webhook: {{endpoint: \"{}\", headers: {{authorization: \"Bearer {WEBHOOK}\"}}}}
  other: {{callback_type: generic_api, endpoint: \"{}\", headers: {{x-token: {OTHER}}}}}
  json_file: {{path: \"{file}\"}}
environment_variables:
  SENTRY_DSN: \"http://public:{SENTRY}@{}/7\"
  LANGFUSE_PUBLIC_KEY: pk-lf-1
  LANGFUSE_SECRET_KEY: {LANGFUSE}
  LANGFUSE_HOST: \"{}\"
  OTEL_EXPORTER_OTLP_ENDPOINT: \"{}\"
  OTEL_EXPORTER_OTLP_HEADERS: \"x-token={OTEL}\"
",
        url("/webhook"),
        url("/other"),
        collector.authority(),
        url("/langfuse"),
        url("/otel"),
    )
}

/// All that is said where, as one text each.
fn said(settings: &str) -> Vec<(String, String)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let script = json!({"paths": {"/echo": {"then": "cycle", "replies": [
        {"status": 400, "echo": "request"}, {"status": 401, "echo": "authorization"},
        {"status": 500, "echo": "request"}, {"status": 200, "text": format!("<html>{DEPLOYMENT}</html>")},
    ]}}});
    let script = Script::parse(script.to_string().as_bytes()).unwrap();
    let provider = runtime.block_on(FakeProvider::start(script)).unwrap();
    let collector = Collector::start();
    // One receiver refuses, and repeats what it was sent.
    collector.answer("/other", &[json!({"status": 400, "echo": "request"})]);
    let file = std::env::temp_dir().join(format!("llmrouter-canary-{}-{}", std::process::id(), settings.len()));
    let _ = std::fs::remove_file(&file);

    let scene = Scene::new(&config(&provider.base_url(), &collector, file.to_str().unwrap(), settings));
    let heard: &'static Mutex<String> = Box::leak(Box::default());
    let own = Runtime::new(1, |start| start());
    let listener = move |_: i32, payload: &str| heard.lock().unwrap().push_str(payload);
    scene.router().observer().listen(Some(Box::new(listener)), &own).unwrap();
    for _ in 0..4 {
        assert!(scene.ask("live").0);
        scene.ask("echo");
        assert!(!scene.ask("dead").0);
    }
    scene.shutdown(Duration::from_secs(20));
    let mut said = vec![
        ("snapshot".to_owned(), scene.router().snapshot().to_string()),
        ("statuses".to_owned(), {
            let sinks = scene.router().observer().sinks();
            sinks.iter().map(|connected| format!("{:?}{:?}", connected.sink.status(), connected.config)).collect()
        }),
        ("file".to_owned(), std::fs::read_to_string(&file).unwrap()),
        ("log".to_owned(), LOGGED.lock().unwrap().clone()),
    ];
    scene.router().observer().end();
    said.push(("events".to_owned(), heard.lock().unwrap().clone()));
    for request in collector.received() {
        let headers = serde_json::Value::Object(request.headers.clone()).to_string();
        said.push((request.path.clone(), headers + &String::from_utf8_lossy(&request.body)));
    }
    std::fs::remove_file(file).unwrap();
    said
}

/// Where something stands that is not to stand there.
fn around<'a>(text: &'a str, part: &str) -> &'a str {
    let start = text.find(part).unwrap_or_default();
    let (from, to) = (text.floor_char_boundary(start.saturating_sub(200)), text.ceil_char_boundary(start + 300));
    &text[from..to]
}

#[test]
fn each_secret_goes_to_its_own_place_alone_and_prompts_to_nobody() {
    logs::install(|_, record| LOGGED.lock().unwrap().push_str(record));
    logs::set_level(5);
    for settings in ["", ", turn_off_message_logging: true"] {
        let said = said(settings);
        for (place, text) in &said {
            let text = text.as_str();
            let own = |path: &str| place.starts_with(path);
            for (secret, is_at_home) in [
                (DEPLOYMENT, false),
                (SENTRY, false),
                (LANGFUSE, false),
                (WEBHOOK, own("/webhook")),
                (OTHER, own("/other")),
                (OTEL, own("/otel")),
                (&STANDARD.encode(format!("pk-lf-1:{LANGFUSE}")), own("/langfuse")),
            ] {
                assert!(is_at_home || !text.contains(secret), "{secret} is in {place}: {}", around(text, secret));
            }
            // Langfuse is for reading prompts, unless that is turned off.
            if !own("/langfuse") || !settings.is_empty() {
                assert!(!text.contains(PROMPT), "the prompt is in {place}: {}", around(text, PROMPT));
            }
        }
        // A test in which nothing is told would prove nothing.
        let texts = |place: &str| {
            said.iter().filter(|(own, _)| own == place).map(|(_, text)| text.as_str()).collect::<String>()
        };
        for (place, sign) in [
            ("/webhook", WEBHOOK),
            ("/other", OTHER),
            ("/api/7/envelope/", "sentry_key=public"),
            ("file", "Incorrect API key provided"),
            ("events", "[redacted]"),
            ("log", "attempt"),
            ("snapshot", "groups"),
        ] {
            assert!(texts(place).contains(sign), "no \"{sign}\" was told at {place}");
        }
    }
}
