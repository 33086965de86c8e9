//! Webhooks and files.

use std::time::Duration;

use super::{off, only, told, with};
use crate::config::{Secret, SinkKind, WebhookFormat};

#[test]
fn webhooks_by_variables() {
    for name in ["webhook", "generic_api"] {
        let text = format!("litellm_settings: {{callbacks: [{name}], generic_logger_headers: {{X-B: file}}}}");
        let variables =
            [("GENERIC_LOGGER_ENDPOINT", "https://h/hook?x=1"), ("GENERIC_LOGGER_HEADERS", "X-A=a=b, x-b=variable")];
        let config = with(&text, &variables);
        let SinkKind::Webhook(webhook) = only(&config) else { panic!("no webhook") };
        assert_eq!((webhook.endpoint.as_str(), webhook.format), ("https://h/hook?x=1", WebhookFormat::JsonArray));
        let headers = [("X-A", "a=b"), ("X-B", "file")];
        assert_eq!(webhook.headers, headers.map(|(name, value)| (name.to_owned(), Secret::new(value))));
        assert_eq!((webhook.flush_at, webhook.flush_interval), (512, Duration::from_secs(5)));
        assert_eq!(webhook.timeout, Duration::from_secs(10));
        let text = format!("litellm_settings: {{callbacks: {name}}}");
        off(&text, &[], &format!("GENERIC_LOGGER_ENDPOINT is not set, and callback_settings.{name} has no endpoint"));
        off(&text, &[("GENERIC_LOGGER_ENDPOINT", "canary")], "GENERIC_LOGGER_ENDPOINT holds no address");
        off(&text, &[variables[0], ("GENERIC_LOGGER_HEADERS", "canary")], "GENERIC_LOGGER_HEADERS holds no list");
    }
}

#[test]
fn webhooks_by_names_of_their_own() {
    let text = "
litellm_settings:
  callbacks: [mine, datadog, plain]
callback_settings:
  mine:
    callback_type: generic_api
    endpoint: os.environ/HOOK
    headers: {Authorization: os.environ/TOKEN}
    log_format: ndjson
    event_types: [llm_api_failure]
    timeout: 2
    batch_size: 7
    flush_interval: 0.5
    max_retries: 2
    retry_delay: 0.25
  datadog: {callback_type: generic_api, endpoint: 'https://d/', log_format: single}
  plain: {callback_type: generic_api}
  unused: {endpoint: os.environ/NOWHERE}
";
    let variables = [
        ("HOOK", "https://h/canary"),
        ("TOKEN", "Bearer canary"),
        ("GENERIC_LOGGER_ENDPOINT", "https://other"),
        ("GENERIC_LOGGER_HEADERS", "X-Other=canary"),
    ];
    let config = with(text, &variables);
    let [mine, datadog] = config.observe.sinks.as_slice() else { panic!("{:?}", config.observe.sinks) };
    assert_eq!((mine.name.as_str(), mine.on_success, mine.on_failure), ("mine", false, true));
    let SinkKind::Webhook(webhook) = &mine.kind else { panic!("no webhook") };
    assert_eq!((webhook.endpoint.as_str(), webhook.format), ("https://h/canary", WebhookFormat::Ndjson));
    // The variable's headers are another server's.
    assert_eq!(webhook.headers, [("Authorization".to_owned(), Secret::new("Bearer canary"))]);
    assert_eq!((webhook.timeout, webhook.flush_at), (Duration::from_secs(2), 7));
    assert_eq!(webhook.flush_interval, Duration::from_millis(500));
    assert_eq!((webhook.tries, webhook.first_wait), (3, Duration::from_millis(250)));
    assert!(matches!(&datadog.kind, SinkKind::Webhook(hook) if hook.format == WebhookFormat::Single));
    assert_eq!(
        told(&config),
        [
            "callback_settings.unused at line 19 column 3: without effect: no list of callbacks has this name",
            "litellm_settings.callbacks[2] at line 4 column 30: plain is off: callback_settings.plain has no endpoint",
        ]
    );
}

#[test]
fn files_of_json_lines() {
    let text = "litellm_settings: {callbacks: json_file}\ncallback_settings: {json_file: {path: logs/calls.jsonl}}";
    let config = with(text, &[]);
    assert!(matches!(only(&config), SinkKind::File(file) if file.path.as_os_str() == "logs/calls.jsonl"));
    off("litellm_settings: {callbacks: json_file}", &[], "callback_settings.json_file has no path");
}
