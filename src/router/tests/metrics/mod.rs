//! What is counted of calls, and what is looked up: the text that Prometheus reads.

mod bounds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::runtime::{Beside, Runtime};

fn plain(start: &mut dyn FnMut()) {
    start();
}

/// A router that counts.
struct Counting {
    router: Arc<Router>,
    runtime: Runtime,
}

/// Name and labels of each sample, with its value.
type Samples = BTreeMap<String, f64>;

impl Counting {
    fn new(yaml: &str) -> Self {
        let (router, runtime) = (Arc::new(router(yaml)), Runtime::new(1, plain));
        router.count(&runtime).unwrap();
        Self { router, runtime }
    }

    fn samples(&self) -> Samples {
        // A busy machine takes longer than the text waits for.
        assert!(self.router.observer().settle(Duration::from_secs(60)));
        samples(&self.router.metrics())
    }

    fn reload(&mut self, yaml: &str) {
        let config = config::load(yaml, |_| None).map_err(|error| error.message).unwrap();
        self.router = Arc::new(self.router.reloaded(config).unwrap());
        assert!(self.router.wants_metrics());
        self.router.count(&self.runtime).unwrap();
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.router.observer().end();
    }
}

fn samples(text: &str) -> Samples {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The samples of a metric, by some of their labels.
fn by(samples: &Samples, metric: &str, labels: &[&str]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for (series, value) in samples {
        let (name, all) = series.split_once('{').unwrap_or((series, ""));
        if name == metric {
            let value_of = |label: &&str| {
                let mut pairs = all.trim_end_matches("\"}").split("\",").filter_map(|pair| pair.split_once("=\""));
                pairs.find(|(name, _)| name == label).map_or("?", |(_, value)| value).to_owned()
            };
            *sums.entry(labels.iter().map(value_of).collect::<Vec<_>>().join(" ")).or_default() += *value;
        }
    }
    sums
}

fn sum(samples: &Samples, metric: &str) -> f64 {
    by(samples, metric, &[]).values().sum()
}

const YAML: &str = r#"
model_list:
  - {model_name: bad, litellm_params: {model: openai/gpt-4o, mock_error: 429, api_base: "https://u:p@bad.example/v1"}, model_info: {id: b}}
  - {model_name: bad, litellm_params: {model: openai/gpt-4o, mock_error: 503}, model_info: {id: c}}
  - {model_name: good, litellm_params: {model: openai/gpt-4o-mini, mock_response: hi, rpm: 100, tpm: 5000}, model_info: {id: g}}
  - {model_name: slow, litellm_params: {model: openai/gpt-4o-mini, mock_response: hi, mock_delay_ms: 60000}, model_info: {id: s}}
  - {model_name: own, litellm_params: {model: openai/nobodys, mock_response: hi}, model_info: {id: o}}
router_settings: {num_retries: 1, fallbacks: [{bad: [good]}]}
litellm_settings: {cache: true, cache_params: {type: local}}
"#;

async fn cancelled(router: &Router, group: &str) {
    let call = Box::pin(call(router, &format!(r#"{{"model":"{group}","messages":[]}}"#))).await;
    drop(call);
}

#[tokio::test]
async fn calls_and_attempts_are_counted_once_each() {
    let own = Counting::new(YAML);
    let router = &own.router;
    call_group(router, "good").await.ok().unwrap();
    call_group(router, "good").await.ok().unwrap();
    call_group(router, "own").await.ok().unwrap();
    call(router, r#"{"model":"bad","messages":[],"user":"u"}"#).await.ok().unwrap();
    call_group(router, "nobody").await.err().unwrap();
    let slow = Box::pin(cancelled(router, "slow"));
    assert!(tokio::time::timeout(Duration::from_millis(20), slow).await.is_err());
    let all = own.samples();
    assert_eq!(
        by(&all, "llmrouter_calls_total", &["requested_model", "model_group", "status", "exception_class"]),
        BTreeMap::from(
            [
                ("bad good success ", 1.0),
                ("good good success ", 2.0),
                ("own own success ", 1.0),
                ("slow slow cancelled CancelledError", 1.0),
                ("unknown unknown failure BadRequestError", 1.0),
            ]
            .map(|(key, value)| (key.to_owned(), value))
        )
        .into_iter()
        .map(|(key, value)| (key.replace("CancelledError", "Openai.CancelledError"), value))
        .collect()
    );
    let attempts = by(&all, "llmrouter_attempts_total", &["model_id", "status", "exception_status"]);
    let count = |key: &str| attempts.get(key).copied().unwrap_or_default();
    // The first of the two in "bad" is chosen by chance; the other one is next.
    assert_eq!((count("b failure 429"), count("c failure 503")), (1.0, 1.0));
    assert_eq!((count("g success "), count("o success "), count("s cancelled ")), (2.0, 1.0, 1.0));
    // What was cancelled is no request of LiteLLM's, for it is neither a success nor a failure.
    let requests = by(&all, "litellm_deployment_total_requests_total", &["model_id"]);
    assert_eq!(requests.get("s"), None);
    assert_eq!(sum(&all, "litellm_deployment_total_requests_total"), 5.0);
    assert_eq!(sum(&all, "litellm_deployment_success_responses_total"), 3.0);
    let failures = by(&all, "litellm_deployment_failure_responses_total", &["exception_class", "api_base"]);
    assert_eq!(failures.get("Openai.RateLimitError https://bad.example/v1"), Some(&1.0));
    assert_eq!(by(&all, "litellm_deployment_cooled_down_total", &["model_id", "exception_status"])["b 429"], 1.0);
    // Money: two answers of 10 and 20 tokens; the kept one is free, and one model has no price.
    assert!((sum(&all, "litellm_spend_metric_total") - 2.0 * 1.35e-5).abs() < 1e-12);
    assert_eq!(by(&all, "llmrouter_unpriced_attempts_total", &["model_id"])["o"], 1.0);
    assert_eq!(by(&all, "litellm_total_tokens_metric_total", &["model_id", "end_user"])["g "], 60.0);
    assert_eq!(
        (sum(&all, "litellm_input_tokens_metric_total"), sum(&all, "litellm_output_tokens_metric_total")),
        (30.0, 60.0)
    );
    assert_eq!(by(&all, "litellm_cache_hits_metric_total", &["model_id"])["g"], 1.0);
    assert_eq!(by(&all, "litellm_cached_tokens_metric_total", &["model"])["gpt-4o-mini"], 30.0);
    assert_eq!(sum(&all, "litellm_cache_misses_metric_total"), 3.0);
    // The fallback, and why.
    assert_eq!(
        by(&all, "litellm_deployment_successful_fallbacks_total", &["requested_model", "fallback_model", "model_id"]),
        BTreeMap::from([("bad good g".to_owned(), 1.0)])
    );
    assert_eq!(sum(&all, "llmrouter_fallbacks_total"), 1.0);
    assert_eq!(sum(&all, "litellm_request_total_latency_metric_count"), 4.0);
    assert_eq!(sum(&all, "litellm_llm_api_latency_metric_count"), 3.0);
    assert_eq!(sum(&all, "litellm_deployment_latency_per_output_token_count"), 3.0);
    assert_eq!(sum(&all, "llmrouter_overhead_seconds_count"), 5.0, "of all but the cancelled one");
    assert!(by(&all, "llmrouter_attempt_phase_seconds_total", &["phase"])["headers"] > 0.0);
}

#[tokio::test]
async fn what_is_now_is_looked_up() {
    let own = Counting::new(YAML);
    call_group(&own.router, "good").await.ok().unwrap();
    call(&own.router, r#"{"model":"bad","messages":[],"user":"u"}"#).await.ok().unwrap();
    let slow = Request::parse(r#"{"model":"slow","messages":[]}"#).unwrap();
    let mut slow = Box::pin(own.router.answer(&slow, 1));
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut slow).await.is_err());
    let all = own.samples();
    assert_eq!(by(&all, "llmrouter_in_flight", &["model_id"])["s"], 1.0);
    assert_eq!(by(&all, "litellm_deployment_state", &["model_id"])["b"], 2.0);
    assert_eq!(by(&all, "litellm_deployment_state", &["model_id"])["c"], 1.0);
    assert_eq!(by(&all, "litellm_deployment_state", &["litellm_model_name"])["gpt-4o-mini"], 0.0);
    assert_eq!(by(&all, "llmrouter_deployment_cooling", &["model_id"])["b"], 1.0);
    let left = by(&all, "llmrouter_cooldown_seconds_left", &["model_id"]);
    assert!((4.0..=5.0).contains(&left["b"]) && left["g"] == 0.0, "{left:?}");
    let limits = by(&all, "llmrouter_limit_remaining", &["model_id", "kind"]);
    assert_eq!((limits["g requests"], limits["g tokens"], limits.len()), (98.0, 4940.0, 2));
    assert_eq!(by(&all, "litellm_remaining_requests_metric", &["model_id"])["g"], 98.0);
    assert_eq!(by(&all, "litellm_deployment_tpm_limit", &["model_id"])["g"], 5000.0);
    assert_eq!((sum(&all, "llmrouter_cache_entries"), sum(&all, "llmrouter_cache_misses_total")), (2.0, 4.0));
    assert_eq!(by(&all, "llmrouter_queue", &["model_group"])["good"], 0.0);
    assert_eq!(by(&all, "llmrouter_events_lost_total", &["observer"]).len(), 2);
    assert_eq!(sum(&all, "llmrouter_build_info"), 1.0);
    drop(slow);
    assert_eq!(by(&own.samples(), "llmrouter_in_flight", &["model_id"])["s"], 0.0);
}

#[tokio::test]
async fn waiting_calls_are_a_queue() {
    let own =
        Counting::new(&format!("{}llmrouter_settings: {{on_exhausted: wait}}\n", list(&[("g", "mock_response: a")])));
    let member = own.router.names.resolve("g", false).unwrap().group.member(0).unwrap();
    member.deployment().state.bench.start(clock::now(), Duration::from_secs(60), "RateLimitError");
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(call_group(&own.router, "g"))).collect();
    for call in &mut waiting {
        assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
    }
    assert_eq!(by(&own.samples(), "llmrouter_queue", &["model_group"])["g"], 3.0);
    drop(waiting);
    assert_eq!(by(&own.samples(), "llmrouter_queue", &["model_group"])["g"], 0.0);
}

/// The names of all labels of each metric.
fn label_names(samples: &Samples) -> BTreeMap<String, BTreeSet<Vec<String>>> {
    let mut all: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
    for series in samples.keys() {
        let (metric, labels) = series.split_once('{').unwrap_or((series, ""));
        let names = labels.split("\",").filter_map(|label| label.split_once("=\"")).map(|(name, _)| name.to_owned());
        all.entry(metric.to_owned()).or_default().insert(names.collect());
    }
    all
}

#[tokio::test]
async fn labels_are_the_same_whatever_a_call_ended_in() {
    let settings = "litellm_settings: {cache: true, cache_params: {type: local}, custom_prometheus_metadata_labels: [metadata.dept, team], \
                    custom_prometheus_tags: [prod], prometheus_emit_stream_label: true}\n";
    let own = Counting::new(&YAML.replace("litellm_settings: {cache: true, cache_params: {type: local}}\n", settings));
    let request = |model: &str| {
        format!(
            r#"{{"model":"{model}","messages":[],"metadata":{{"dept":"d","user_api_key_team_id":"t","tags":["prod"]}}}}"#
        )
    };
    for model in ["good", "good", "bad", "nobody"] {
        drop(call(&own.router, &request(model)).await);
    }
    let slow = request("slow");
    let slow = Box::pin(call(&own.router, &slow));
    assert!(tokio::time::timeout(Duration::from_millis(20), slow).await.is_err());
    let mut stream = own.router.stream(Request::parse(&request("own")).unwrap(), 1).await.ok().unwrap();
    while stream.next().await.ok().unwrap().is_some() {}
    stream.close();
    let all = own.samples();
    for (metric, names) in label_names(&all) {
        assert_eq!(names.len(), 1, "{metric}: {names:?}");
    }
    // Each outcome has the caller's labels, the failed, the cancelled and the kept one too.
    for metric in [
        "llmrouter_calls_total",
        "llmrouter_attempts_total",
        "litellm_spend_metric_total",
        "litellm_cache_hits_metric_total",
    ] {
        let values = by(&all, metric, &["metadata_dept", "team", "tag_prod"]);
        assert_eq!(values.keys().collect::<Vec<_>>(), ["d t true"], "{metric}");
    }
    let statuses = by(&all, "llmrouter_calls_total", &["status", "stream"]);
    assert_eq!(statuses.len(), 4, "{statuses:?}");
}

#[tokio::test]
async fn a_reload_keeps_the_counts_and_drops_the_gauges_of_who_has_gone() {
    let mut own = Counting::new(YAML);
    call_group(&own.router, "good").await.ok().unwrap();
    own.reload(&YAML.replace("id: s}", "id: other}"));
    call_group(&own.router, "own").await.ok().unwrap();
    let all = own.samples();
    assert_eq!(sum(&all, "llmrouter_calls_total"), 2.0);
    let flights = by(&all, "llmrouter_in_flight", &["model_id"]);
    assert!(flights.contains_key("other") && !flights.contains_key("s"), "{flights:?}");
    // What is counted in another way begins anew, and goes on counting.
    own.reload(&YAML.replace("cache: true", "cache: true, prometheus_latency_buckets: [1, 2]"));
    call_group(&own.router, "good").await.ok().unwrap();
    let all = own.samples();
    assert_eq!(sum(&all, "llmrouter_calls_total"), 1.0);
    assert_eq!(by(&all, "litellm_request_total_latency_metric_bucket", &["le"]).len(), 3);
}

#[test]
fn nothing_counts_unless_somebody_wants_it() {
    let wants = |settings: &str| router(&format!("{YAML}{settings}")).wants_metrics();
    assert!(!wants(""));
    assert!(wants("llmrouter_settings: {metrics: {listen: \"127.0.0.1:9464\"}}"));
    assert!(
        router(&YAML.replace("cache: true", "cache: true, success_callback: [langfuse, prometheus]")).wants_metrics()
    );
}
