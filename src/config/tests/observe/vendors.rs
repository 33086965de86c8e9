//! Langfuse, Sentry and OpenTelemetry by their variables.

use std::time::Duration;

use super::{KEYS, LANGFUSE, OTEL, SENTRY, off, only, told, with};
use crate::config::{Secret, SinkKind};

#[test]
fn langfuse_by_its_variables() {
    let config = with(LANGFUSE, &KEYS);
    let SinkKind::Langfuse(langfuse) = only(&config) else { panic!("no langfuse") };
    assert_eq!(langfuse.host, "https://cloud.langfuse.com");
    assert_eq!((langfuse.public_key.as_str(), langfuse.secret_key.expose()), ("pk-lf-1", "sk-lf-canary"));
    assert_eq!((langfuse.flush_at, langfuse.flush_interval), (512, Duration::from_secs(1)));
    assert_eq!((langfuse.timeout, langfuse.sample_rate), (Duration::from_secs(20), 1.0));
    assert!(langfuse.message_logging && langfuse.environment.is_none() && langfuse.default_tags.is_empty());
    assert!(!langfuse.update_trace_keys);
    let flags = "langfuse_enable_update_trace_keys: true";
    let config = with(&format!("litellm_settings: {{callbacks: langfuse, {flags}}}"), &KEYS);
    let SinkKind::Langfuse(langfuse) = only(&config) else { panic!("no langfuse") };
    assert!(langfuse.update_trace_keys);

    let text =
        "litellm_settings: {callbacks: langfuse, langfuse_default_tags: [cache_hit], turn_off_message_logging: true}";
    let more = [
        KEYS[0],
        KEYS[1],
        ("LANGFUSE_HOST", "langfuse.example.com:3000/base/"),
        ("LANGFUSE_BASE_URL", "https://other"),
        ("LANGFUSE_TRACING_ENVIRONMENT", "staging-2"),
        ("LANGFUSE_RELEASE", "v7"),
        ("LANGFUSE_SAMPLE_RATE", "0.25"),
        ("LANGFUSE_FLUSH_AT", "20"),
        ("LANGFUSE_FLUSH_INTERVAL", "2.5"),
        ("LANGFUSE_TIMEOUT", "7"),
        ("LANGFUSE_TRACING_ENABLED", "True"),
    ];
    let config = with(text, &more);
    let SinkKind::Langfuse(langfuse) = only(&config) else { panic!("no langfuse") };
    assert_eq!(langfuse.host, "https://langfuse.example.com:3000/base");
    assert_eq!((langfuse.environment.as_deref(), langfuse.release.as_deref()), (Some("staging-2"), Some("v7")));
    assert_eq!((langfuse.flush_at, langfuse.flush_interval), (20, Duration::from_millis(2500)));
    assert_eq!((langfuse.timeout, langfuse.sample_rate), (Duration::from_secs(7), 0.25));
    assert_eq!((langfuse.message_logging, langfuse.default_tags.as_slice()), (false, &["cache_hit".to_owned()][..]));
}

#[test]
fn hosts_of_langfuse() {
    let host = |name: &str, variables: &[(&str, &str)]| {
        let all = [&KEYS, variables].concat();
        let config = with(&format!("litellm_settings: {{callbacks: {name}}}"), &all);
        let SinkKind::Langfuse(langfuse) = only(&config) else { panic!("no langfuse") };
        langfuse.host.clone()
    };
    assert_eq!(host("langfuse", &[("LANGFUSE_BASE_URL", "http://localhost:3000")]), "http://localhost:3000");
    assert_eq!(host("langfuse", &[("LANGFUSE_HOST", "  "), ("LANGFUSE_BASE_URL", "b")]), "https://b");
    assert_eq!(host("langfuse", &[("LANGFUSE_OTEL_HOST", "b")]), "https://cloud.langfuse.com");
    assert_eq!(host("langfuse_otel", &[]), "https://us.cloud.langfuse.com");
    assert_eq!(host("langfuse_otel", &[("LANGFUSE_HOST", "a"), ("LANGFUSE_OTEL_HOST", "b")]), "https://b");
    assert_eq!(host("langfuse_otel", &[("LANGFUSE_HOST", "https://a/api/public/otel/")]), "https://a");
}

#[test]
fn the_files_variables_come_before_the_process() {
    let text =
        format!("{LANGFUSE}\nenvironment_variables: {{LANGFUSE_PUBLIC_KEY: ours, LANGFUSE_HOST: os.environ/HOST}}");
    let config = with(&text, &[KEYS[0], KEYS[1], ("HOST", "ours.example.com"), ("LANGFUSE_HOST", "theirs")]);
    let SinkKind::Langfuse(langfuse) = only(&config) else { panic!("no langfuse") };
    assert_eq!((langfuse.public_key.as_str(), langfuse.host.as_str()), ("ours", "https://ours.example.com"));
}

#[test]
fn langfuse_is_off_for_a_reason() {
    off(LANGFUSE, &KEYS[..1], "langfuse is off: LANGFUSE_SECRET_KEY is not set");
    for (name, value, why) in [
        ("LANGFUSE_TRACING_ENABLED", "false", "LANGFUSE_TRACING_ENABLED is false"),
        ("LANGFUSE_TRACING_ENABLED", "perhaps", "LANGFUSE_TRACING_ENABLED holds neither true nor false"),
        ("LANGFUSE_SAMPLE_RATE", "1.5", "LANGFUSE_SAMPLE_RATE holds no number from 0 to 1"),
        ("LANGFUSE_SAMPLE_RATE", "half", "LANGFUSE_SAMPLE_RATE holds no number from 0 to 1"),
        ("LANGFUSE_FLUSH_AT", "0", "LANGFUSE_FLUSH_AT holds no whole number from 1 to 10000"),
        ("LANGFUSE_FLUSH_INTERVAL", "0", "LANGFUSE_FLUSH_INTERVAL holds no number of seconds above 0"),
        ("LANGFUSE_TIMEOUT", "-1", "LANGFUSE_TIMEOUT holds no number of seconds above 0"),
        ("LANGFUSE_TRACING_ENVIRONMENT", "langfuse-x", "LANGFUSE_TRACING_ENVIRONMENT is no name of an environment"),
        ("LANGFUSE_TRACING_ENVIRONMENT", "Prod", "LANGFUSE_TRACING_ENVIRONMENT is no name of an environment"),
        ("LANGFUSE_HOST", "https://user:canary@host", "LANGFUSE_HOST holds no address of a server"),
        ("LANGFUSE_HOST", "ftp://host", "LANGFUSE_HOST holds no address of a server"),
    ] {
        off(LANGFUSE, &[KEYS[0], KEYS[1], (name, value)], why);
    }
}

#[test]
fn sentry_by_its_dsn() {
    let config = with(SENTRY, &[("SENTRY_DSN", "https://public:canary@o1.ingest.example.com:8443/pre/fix/42")]);
    let SinkKind::Sentry(sentry) = only(&config) else { panic!("no sentry") };
    assert_eq!(sentry.endpoint, "https://o1.ingest.example.com:8443/pre/fix/api/42/envelope/");
    assert_eq!(sentry.dsn, "https://public@o1.ingest.example.com:8443/pre/fix/42");
    assert_eq!((sentry.public_key.as_str(), sentry.environment.as_str()), ("public", "production"));
    assert_eq!((sentry.sample_rate, sentry.send_default_pii, sentry.release.as_deref()), (1.0, false, None));

    let all = [
        ("SENTRY_DSN", "http://k@localhost/1/"),
        ("SENTRY_API_SAMPLE_RATE", "0.5"),
        ("SENTRY_ENVIRONMENT", "dev"),
        ("SENTRY_RELEASE", "r1"),
        ("SENTRY_SEND_DEFAULT_PII", "true"),
    ];
    let config = with(SENTRY, &all);
    let SinkKind::Sentry(sentry) = only(&config) else { panic!("no sentry") };
    assert_eq!(
        (sentry.endpoint.as_str(), sentry.dsn.as_str()),
        ("http://localhost/api/1/envelope/", "http://k@localhost/1")
    );
    assert_eq!((sentry.environment.as_str(), sentry.release.as_deref()), ("dev", Some("r1")));
    assert_eq!((sentry.sample_rate, sentry.send_default_pii), (0.5, true));
}

#[test]
fn sentry_is_off_for_a_reason() {
    for dsn in ["canary", "https://host/1", "https://canary@host/", "https://canary@host/abc", "ftp://canary@host/1"] {
        off(SENTRY, &[("SENTRY_DSN", dsn)], "sentry is off: SENTRY_DSN is none (https://PUBLIC_KEY@HOST/PROJECT_ID)");
    }
    let dsn = ("SENTRY_DSN", "https://k@h/1");
    off(SENTRY, &[dsn, ("SENTRY_API_SAMPLE_RATE", "2")], "SENTRY_API_SAMPLE_RATE holds no number from 0 to 1");
    off(SENTRY, &[dsn, ("SENTRY_SEND_DEFAULT_PII", "x")], "SENTRY_SEND_DEFAULT_PII holds neither true nor false");
    off(SENTRY, &[("SENTRY_DSN", "")], "SENTRY_DSN is not set");
}

#[test]
fn otel_by_the_standards_variables_and_litellms() {
    let config = with(OTEL, &[]);
    let SinkKind::Otel(otel) = only(&config) else { panic!("no otel") };
    assert_eq!((otel.endpoint.as_str(), otel.service_name.as_str()), ("http://localhost:4318/v1/traces", "llmrouter"));
    assert_eq!((otel.timeout, otel.message_logging, otel.headers.len()), (Duration::from_secs(10), false, 0));

    let standard = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c.example.com/otlp/"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20canary, x-team=a"),
        ("OTEL_HEADERS", "x-old=1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine,team=a%2Cb"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ];
    let config = with(OTEL, &standard);
    let SinkKind::Otel(otel) = only(&config) else { panic!("no otel") };
    assert_eq!(otel.endpoint, "https://c.example.com/otlp/v1/traces");
    let headers = [("authorization", "Bearer canary"), ("x-team", "a")];
    assert_eq!(otel.headers, headers.map(|(name, value)| (name.to_owned(), Secret::new(value))));
    assert_eq!((otel.service_name.as_str(), otel.timeout), ("mine", Duration::from_millis(2500)));
    assert_eq!(otel.resource_attributes, [("team".to_owned(), "a,b".to_owned())]);
    let named = with(OTEL, &[standard[3], ("OTEL_SERVICE_NAME", "named")]);
    assert!(matches!(only(&named), SinkKind::Otel(otel) if otel.service_name == "named"));
}

#[test]
fn endpoints_of_otel() {
    let endpoint = |variables: &[(&str, &str)]| match only(&with(OTEL, variables)) {
        SinkKind::Otel(otel) => otel.endpoint.clone(),
        other => panic!("{other:?}"),
    };
    let (traces, all) = (("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/as/it/is"), "OTEL_EXPORTER_OTLP_ENDPOINT");
    let old = ("OTEL_ENDPOINT", "https://api.example.com/v1/traces");
    assert_eq!(endpoint(&[traces, (all, "http://b"), old]), "http://t/as/it/is");
    assert_eq!(endpoint(&[(all, "http://b:4318"), old]), "http://b:4318/v1/traces");
    assert_eq!(endpoint(&[old]), "https://api.example.com/v1/traces");
    assert_eq!(endpoint(&[("OTEL_ENDPOINT", "http://c:1"), ("OTEL_EXPORTER", "otlp_http")]), "http://c:1/v1/traces");
}

#[test]
fn otel_is_off_for_a_reason() {
    for (name, value, why) in [
        ("OTEL_SDK_DISABLED", "true", "OTEL_SDK_DISABLED is true"),
        ("OTEL_EXPORTER", "console", "OTEL_EXPORTER asks for something else than OTLP over HTTP"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL asks for something else"),
        ("OTEL_TRACES_EXPORTER", "none", "OTEL_TRACES_EXPORTER asks for something else"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "canary", "OTEL_EXPORTER_OTLP_HEADERS holds no list of headers"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%0Acanary", "OTEL_EXPORTER_OTLP_HEADERS holds no list of headers"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT holds no address"),
        ("OTEL_ENDPOINT", "http://u:canary@h", "OTEL_ENDPOINT holds no address"),
        ("OTEL_RESOURCE_ATTRIBUTES", "canary", "OTEL_RESOURCE_ATTRIBUTES holds no list of attributes"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "OTEL_EXPORTER_OTLP_TIMEOUT holds no number of milliseconds above 0"),
    ] {
        off(OTEL, &[(name, value)], why);
    }
}

#[test]
fn what_no_payload_may_have_is_in_no_trace() {
    let excluding = |fields: &str| {
        let fields = format!("standard_logging_payload_excluded_fields: {fields}");
        let text = format!(
            "llmrouter_settings: {{log_content: true}}\nlitellm_settings: {{callbacks: [langfuse, otel], {fields}}}"
        );
        let config = with(&text, &KEYS);
        let shown = config.observe.sinks.iter().map(|sink| match &sink.kind {
            SinkKind::Langfuse(langfuse) => langfuse.message_logging,
            SinkKind::Otel(otel) => otel.message_logging,
            _ => panic!("neither langfuse nor otel"),
        });
        (shown.collect::<Vec<_>>(), told(&config))
    };
    assert_eq!(excluding("[metadata]"), (vec![true, true], vec![]));
    assert_eq!(excluding("[messages]").0, [false, false]);
    assert_eq!(excluding("[response]").0, [false, false]);
    let (shown, told) = excluding("[messsages]");
    assert_eq!(shown, [true, true]);
    assert!(told[0].ends_with("payloads have no member \"messsages\""), "{told:?}");
}
