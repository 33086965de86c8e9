//! Which callbacks there are: names, lists, settings, and what is said of those that can't work.

use super::{KEYS, told, try_with, with};
use crate::config::{Config, ObserveConfig, SinkKind};

#[test]
fn nothing_is_observed_unless_asked_for() {
    let config = with("", &KEYS);
    assert_eq!(config.observe, ObserveConfig::default());
    assert!(!config.observe.metrics.is_on && config.observe.metrics.latency_buckets.len() == 17);
    assert_eq!(config.observe.metrics.max_series, 10_000);
}

#[test]
fn lists_are_taken_together_in_file_order() {
    let config = with(
        "litellm_settings:\n  failure_callback: [sentry, prometheus]\n  success_callback: langfuse\n  callbacks: [otel, sentry]\n",
        &[("SENTRY_DSN", "https://k@h/1"), KEYS[0], KEYS[1]],
    );
    let flags: Vec<_> =
        config.observe.sinks.iter().map(|sink| (sink.name.as_str(), sink.on_success, sink.on_failure)).collect();
    assert_eq!(
        flags,
        [("sentry", true, true), ("prometheus", false, true), ("langfuse", true, false), ("otel", true, true)]
    );
    assert!(config.observe.metrics.is_on && config.observe.off.is_empty());
    assert_eq!(told(&config), [""; 0]);
}

#[test]
fn the_section_of_the_documentation_loads_with_and_without_keys() {
    let text =
        "litellm_settings:\n  success_callback: [\"langfuse\", \"prometheus\"]\n  failure_callback: [\"sentry\"]\n";
    let bare = with(text, &[]);
    assert_eq!(
        told(&bare),
        [
            "litellm_settings.success_callback[0] at line 3 column 22: langfuse is off: LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY are not set",
            "litellm_settings.failure_callback[0] at line 4 column 22: sentry is off: SENTRY_DSN is not set",
        ]
    );
    let names = |config: &Config| config.observe.sinks.iter().map(|sink| sink.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&bare), ["prometheus"]);
    let full = with(text, &[KEYS[0], KEYS[1], ("SENTRY_DSN", "https://k@sentry.example.com/1")]);
    assert_eq!(names(&full), ["langfuse", "prometheus", "sentry"]);
    assert_eq!(told(&full), [""; 0]);
}

#[test]
fn the_example_of_the_page_on_observability_loads() {
    let text = include_str!("../../../../docs/observability.md");
    let example = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config = with(example, &[KEYS[0], KEYS[1], ("SENTRY_DSN", "https://k@h/1"), ("HOOK_TOKEN", "canary")]);
    let flags: Vec<_> =
        config.observe.sinks.iter().map(|sink| (sink.name.as_str(), sink.on_success, sink.on_failure)).collect();
    assert_eq!(
        flags,
        [
            ("langfuse", true, false),
            ("prometheus", true, false),
            ("sentry", false, true),
            ("otel", true, true),
            ("our_hook", false, true)
        ]
    );
    assert_eq!(told(&config), [""; 0]);
}

#[test]
fn names_that_are_not_there() {
    let config = with(
        "litellm_settings:\n  callbacks: [langfus, datadog, my_module.handler, nobody_knows]\n  input_callback: [sentry, snetry]\n",
        &[],
    );
    let known =
        "known are langfuse, langfuse_otel, prometheus, sentry, otel, opentelemetry, webhook, generic_api, json_file";
    let elsewhere = "is off: not part of this library; a webhook or the event listener can feed it";
    assert_eq!(
        told(&config),
        [
            "litellm_settings.input_callback at line 4 column 3: not in force yet".to_owned(),
            format!(
                "litellm_settings.input_callback[1] at line 4 column 28: unknown callback snetry, ignored; did you mean sentry? {known}"
            ),
            format!(
                "litellm_settings.callbacks[0] at line 3 column 15: unknown callback langfus, ignored; did you mean langfuse? {known}"
            ),
            format!("litellm_settings.callbacks[1] at line 3 column 24: datadog {elsewhere}"),
            format!("litellm_settings.callbacks[2] at line 3 column 33: my_module.handler {elsewhere}"),
            format!(
                "litellm_settings.callbacks[3] at line 3 column 52: unknown callback nobody_knows, ignored; {known}"
            ),
        ]
    );
    let off: Vec<_> = config.observe.off.iter().map(|off| (off.name.as_str(), off.why.as_str())).collect();
    assert_eq!(off[0], ("langfus", "unknown name"));
    assert_eq!(off.len(), 4);
    let text = with("litellm_settings:\n  success_callback: helicone\n", &[]);
    assert_eq!(told(&text), [format!("litellm_settings.success_callback at line 3 column 3: helicone {elsewhere}")]);
}

#[test]
fn one_destination_is_told_once() {
    let text = "litellm_settings:\n  success_callback: [langfuse]\n  failure_callback: [langfuse_otel]\n  callbacks: [otel, opentelemetry]\n";
    let config = with(text, &[KEYS[0], KEYS[1], ("LANGFUSE_HOST", "h")]);
    let flags: Vec<_> =
        config.observe.sinks.iter().map(|sink| (sink.name.as_str(), sink.on_success, sink.on_failure)).collect();
    assert_eq!(flags, [("langfuse", true, true), ("otel", true, true)]);
    assert!(told(&config)[0].ends_with("column 22: langfuse_otel has the destination of langfuse: they are one"));
    let apart = with(text, &KEYS);
    assert_eq!(apart.observe.sinks.len(), 3, "two clouds");
}

#[test]
fn settings_that_change_nothing_are_told() {
    let text = "
litellm_settings: {callbacks: [prometheus, hook, json_file], failure_callback: [generic_api]}
callback_settings:
  prometheus: {endpoint: os.environ/NOWHERE}
  hook: {endpoint: 'https://h'}
  generic_api: {endpoint: 'https://h', event_types: [llm_api_success]}
  json_file: {path: f, max_size_of_it: 1}
  otel: null
";
    let config = with(text, &[]);
    let told = told(&config).join("\n");
    for part in [
        "callback_settings.prometheus at line 5 column 3: without effect: this callback has no settings here",
        "callback_settings.hook at line 6 column 3: without effect",
        "unknown callback hook, ignored; known are",
        "with callback_type: generic_api its callback_settings would make it a webhook",
        "generic_api is off: its event_types leave nothing of the lists that name it",
        "callback_settings.json_file.max_size_of_it at line 8 column 24: unknown key, ignored",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let names: Vec<_> = config.observe.sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["prometheus", "json_file"]);
}

#[test]
fn what_stands_wrong_in_the_file_is_an_error() {
    for (settings, message) in [
        (
            "callbacks: webhook}\ncallback_settings: {webhook: {endpoint: 'https://u:canary@h'}}",
            "callback_settings.webhook.endpoint: no address at line 3 column 31; write http://",
        ),
        ("callbacks: webhook}\ncallback_settings: {webhook: {endpoit: x}}", "did you mean endpoint?"),
        (
            "callbacks: webhook}\ncallback_settings: {webhook: {endpoint: 'https://h', log_format: xml}}",
            "valid are json_array, ndjson, single",
        ),
        (
            "callbacks: webhook}\ncallback_settings: {webhook: {endpoint: 'https://h', headers: {'a b': canary}}}",
            "callback_settings.webhook.headers.a b: no header that can be sent at line 3",
        ),
        (
            "callbacks: webhook}\ncallback_settings: {webhook: {endpoint: os.environ/HOOK}}",
            "environment variables are not set: HOOK for callback_settings.webhook.endpoint at line 3",
        ),
        ("callbacks: json_file}\ncallback_settings: {json_file: {path: ''}}", "no path of a file at line 3"),
        ("callbacks: otel}\ncallback_settings: {otel: {message_logging: perhaps}}", "expected true or false"),
        ("callbacks: otel}\ncallback_settings: [otel]", "callback_settings: expected a map at line 3"),
        ("callbacks: otel}\ncallback_settings: {otel: true}", "callback_settings.otel: expected a map"),
        ("callbacks: [[otel]]}", "litellm_settings.callbacks[0]: expected text"),
        ("prometheus_latency_buckets: [1, 1]}", "prometheus_latency_buckets: no bounds of buckets at line 2"),
        ("prometheus_latency_buckets: []}", "write 1 to 100 rising numbers of seconds"),
        ("prometheus_metrics_config: [{group: a}]}", "prometheus_metrics_config[0]: a group without metrics at line 2"),
        (
            "}\nllmrouter_settings: {metrics: {listen: here}}",
            "llmrouter_settings.metrics.listen: no address to listen on",
        ),
        ("}\nllmrouter_settings: {metrics: '9464'}", "write an IP address and a port, such as 127.0.0.1:9464"),
        ("}\nllmrouter_settings: {metrics: {port: 1}}", "llmrouter_settings.metrics.port: unknown key"),
        ("}\ncallback_setings: {otel: {}}", "did you mean callback_settings?"),
    ] {
        let error =
            try_with(&format!("litellm_settings: {{{settings}"), &[]).err().unwrap_or_else(|| panic!("{settings}"));
        assert!(error.contains(message), "{error} lacks {message}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[test]
fn who_has_prompts_and_answers() {
    let logging = |settings: &str| {
        let text = format!("litellm_settings: {{callbacks: [otel, langfuse]{settings}");
        let config = with(&text, &KEYS);
        let [otel, langfuse] = config.observe.sinks.as_slice() else { panic!("{:?}", config.observe.sinks) };
        let (SinkKind::Otel(otel), SinkKind::Langfuse(langfuse)) = (&otel.kind, &langfuse.kind) else {
            panic!("kinds")
        };
        (config.observe.log_content, otel.message_logging, langfuse.message_logging, told(&config).join("\n"))
    };
    let (off, on) = ("}\nllmrouter_settings: {log_content: false}", "}\nllmrouter_settings: {log_content: true}");
    assert_eq!(logging("}"), (false, false, true, String::new()));
    assert_eq!(logging(off), (false, false, true, String::new()));
    assert_eq!(logging(on), (true, true, true, String::new()));
    let quiet = "callback_settings: {otel: {message_logging: false}, langfuse: {turn_off_message_logging: true}}";
    assert_eq!(logging(&format!("{on}\n{quiet}")), (true, false, false, String::new()));
    let (content, otel, langfuse, told) = logging(&format!(", turn_off_message_logging: true{on}"));
    assert_eq!((content, otel, langfuse), (false, false, false));
    assert_eq!(
        told,
        "llmrouter_settings.log_content at line 3 column 22: overridden by litellm_settings.turn_off_message_logging"
    );
    let (_, otel, _, told) = logging("}\ncallback_settings: {otel: {message_logging: true}}");
    assert!(!otel && told.contains("callback_settings.otel.message_logging at line 3"), "{told}");
    assert!(with("litellm_settings: {redact_user_api_key_info: true}", &[]).observe.redact_user_api_key_info);
}

#[test]
fn no_secret_is_shown() {
    let text = "litellm_settings: {callbacks: [langfuse, sentry, otel, hook]}
callback_settings: {hook: {callback_type: generic_api, endpoint: 'https://h/canary?t=canary', headers: {A: canary}}}";
    let config = with(
        text,
        &[
            KEYS[0],
            KEYS[1],
            ("SENTRY_DSN", "https://k:canary@h/1"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://h/canary"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=canary"),
        ],
    );
    assert_eq!(config.observe.sinks.len(), 4);
    let shown = format!("{:?} {:?}", config.observe, config.warnings);
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("[redacted]") && shown.contains("https://h"), "{shown}");
}
