//! What Sentry is told, and what it never is.

use std::time::Duration;

use fakeprovider::{Collector, FakeProvider, Received, Script};
use observe::scene::{PROMPT, Scene, with_callbacks};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

fn sentry(collector: &Collector, variables: &str) -> String {
    let dsn = format!("SENTRY_DSN: \"http://publickey:secretpart@{}/prefix/7\"", collector.authority());
    with_callbacks("sentry", "", &format!("{dsn}, {variables}"))
}

/// Headers of an envelope and of its item, and the event.
fn parts(received: &Received) -> [Value; 3] {
    let lines: Vec<&str> = received.text().lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    [0, 1, 2].map(|line| serde_json::from_str(lines[line]).expect("JSON"))
}

#[test]
fn a_failed_call_is_an_event_with_its_attempts() {
    let collector = Collector::start();
    let yaml = sentry(&collector, "SENTRY_ENVIRONMENT: staging, SENTRY_RELEASE: \"1.2.3\"")
        .replace("num_retries: 0", "num_retries: 2, retry_after: 0");
    let scene = Scene::new(&yaml);
    assert!(scene.ask("good").0);
    assert!(!scene.ask("bad").0);
    let received = collector.wait(1, SOON);
    let [about, head, event] = parts(&received[0]);
    assert_eq!(received[0].path, "/prefix/api/7/envelope/");
    assert_eq!(received[0].header("content-type"), "application/x-sentry-envelope");
    let auth = received[0].header("x-sentry-auth");
    assert!(
        auth.starts_with("Sentry sentry_version=7, sentry_client=llmrouter/") && auth.ends_with("sentry_key=publickey")
    );
    assert!(!received[0].text().contains("secretpart") && !auth.contains("secretpart"));
    assert_eq!((&about["event_id"], &head["type"]), (&event["event_id"], &json!("event")));
    assert_eq!(event["exception"]["values"][0]["type"], "ServiceUnavailableError");
    assert_eq!(event["fingerprint"], json!(["ServiceUnavailableError", "openai", "bad"]));
    assert_eq!(
        (&event["level"], &event["environment"], &event["release"]),
        (&json!("error"), &json!("staging"), &json!("1.2.3"))
    );
    assert_eq!(event["tags"]["deployment"], "b");
    assert_eq!((&event["tags"]["attempts"], &event["tags"]["status"]), (&json!("3"), &json!("503")));
    let crumbs = event["breadcrumbs"]["values"].as_array().unwrap();
    assert!(crumbs.len() == 3 && crumbs.iter().all(|crumb| crumb["category"] == "litellm.llm_call"), "{crumbs:?}");
    assert!(event["server_name"].is_null() && event["user"].is_null());
    assert!(!received[0].text().contains(PROMPT));
}

#[test]
fn a_mistake_of_the_callers_is_a_warning_and_the_user_is_told_where_that_is_wished() {
    let collector = Collector::start();
    let scene = Scene::new(&sentry(&collector, "SENTRY_SEND_DEFAULT_PII: \"true\""));
    assert!(!scene.send(r#"{"model":"jo@example.org","messages":[],"user":"u-7@example.org"}"#).0);
    let [.., event] = parts(&collector.wait(1, SOON)[0]);
    assert_eq!((&event["level"], &event["user"]["id"]), (&json!("warning"), &json!("u-7@example.org")));
    assert!(event["server_name"].as_str().is_some_and(|name| !name.is_empty()));
    // A caller may write anything where a model's name belongs.
    assert_eq!(event["tags"]["requested_model"], "[Filtered]");
}

#[test]
fn no_share_is_nobody_and_successes_are_not_told() {
    let collector = Collector::start();
    let scene = Scene::new(&sentry(&collector, "SENTRY_API_SAMPLE_RATE: \"0\""));
    (0..20).for_each(|_| _ = scene.ask("bad"));
    scene.shutdown(SOON);
    assert!(collector.received().is_empty());
    assert_eq!(scene.status("sentry").lost, 0);
}

#[test]
fn a_limit_that_sentry_sets_is_kept() {
    let collector = Collector::start();
    let limited = json!({"status": 200, "headers": {"x-sentry-rate-limits": "2:error:organization:quota"}, "json": {}});
    collector.answer("/prefix", &[limited]);
    let scene = Scene::new(&sentry(&collector, ""));
    scene.ask("bad");
    scene.wait("sentry", |status| status.sent == 1);
    (0..5).for_each(|_| _ = scene.ask("bad"));
    scene.wait("sentry", |status| status.lost == 5);
    assert_eq!(collector.received().len(), 1);
    // The limit's time passes; that is the receiver's clock as well as ours.
    let end = std::time::Instant::now() + SOON;
    while scene.status("sentry").sent < 2 {
        assert!(std::time::Instant::now() < end);
        std::thread::sleep(Duration::from_millis(50));
        scene.ask("bad");
    }
    let received = collector.received();
    assert!(received[1].at_ms - received[0].at_ms >= 1900, "{received:?}");
}

#[test]
fn what_a_provider_repeats_of_prompt_and_key_goes_no_further() {
    let collector = Collector::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let script = json!({"paths": {"/": [{"status": 400, "echo": "request"}]}});
    let provider =
        runtime.block_on(FakeProvider::start(Script::parse(script.to_string().as_bytes()).unwrap())).unwrap();
    let params = format!("api_base: \"{}/v1\", api_key: sk-canary-5f1c9a77e3, ", provider.base_url());
    let scene = Scene::new(&sentry(&collector, "").replace("mock_error: 503", &params));
    assert!(!scene.ask("bad").0);
    let received = collector.wait(1, SOON);
    assert_eq!(provider.log().len(), 1);
    let text = received[0].text();
    assert!(!text.contains(PROMPT) && !text.contains("5f1c9a77") && text.contains("redacted"), "{text}");
}
