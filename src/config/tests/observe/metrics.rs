//! Whether there are metrics, where, and which.

use std::time::Duration;

use super::{told, with};
use crate::config::metric_label;

#[test]
fn metrics_by_callback_or_address() {
    let metrics = |text: &str| with(text, &[]).observe.metrics;
    for text in ["{listen: '127.0.0.1:9464'}", "'127.0.0.1:9464'", "{listen: 'localhost:9464'}"] {
        let metrics = metrics(&format!("llmrouter_settings: {{metrics: {text}}}"));
        assert_eq!((metrics.is_on, metrics.listen), (true, Some(([127, 0, 0, 1], 9464).into())), "{text}");
    }
    assert!(!metrics("llmrouter_settings: {metrics: {}}").is_on);
    let named = metrics("litellm_settings: {success_callback: prometheus}");
    assert_eq!((named.is_on, named.listen), (true, None));
    assert_eq!(metrics("llmrouter_settings: {metrics: '[::1]:0'}").listen, "[::1]:0".parse().ok());
}

#[test]
fn what_litellms_settings_say_of_metrics() {
    let text = "litellm_settings:
  prometheus_latency_buckets: [0.1, 1, '10']
  prometheus_metrics_max_series_per_metric: 50
  prometheus_metrics_ttl_seconds: 3600
  prometheus_metrics_cleanup_interval_seconds: 5
  prometheus_exclude_metrics: [litellm_deployment_state]
  prometheus_exclude_labels: user
  prometheus_emit_stream_label: true
  enable_end_user_cost_tracking_prometheus_only: true
  custom_prometheus_metadata_labels: [metadata.team, region.name, metadata_team]
  custom_prometheus_tags: [prod, 'User-Agent: *', 'User-Agent: +']
  prometheus_metrics_config:
    - {group: a, metrics: [litellm_spend_metric, litellm_deployment_state], include_labels: [model, user]}
    - {group: b, metrics: litellm_deployment_total_requests}
";
    let config = with(text, &[]);
    let metrics = &config.observe.metrics;
    assert_eq!((metrics.latency_buckets.as_slice(), metrics.max_series), (&[0.1, 1.0, 10.0][..], 50));
    assert_eq!((metrics.stream_label, metrics.end_user, metrics.is_on), (true, true, false));
    assert_eq!(metrics.metadata_labels, ["team", "region.name"]);
    assert_eq!(metrics.metadata_label_names, ["metadata_team", "region_name"]);
    assert_eq!(metrics.tags, ["prod", "User-Agent: *"]);
    assert_eq!(
        told(&config),
        [
            "litellm_settings.custom_prometheus_metadata_labels at line 11 column 3: the label metadata_team stands there twice; the first counts"
        ]
    );
    assert!(
        metrics.has_metric("litellm_spend_metric_total")
            && metrics.has_metric("litellm_deployment_total_requests_total")
    );
    assert!(!metrics.has_metric("litellm_deployment_state") && !metrics.has_metric("litellm_cache_hits_metric_total"));
    assert!(metrics.has_label("litellm_spend_metric", "model") && !metrics.has_label("litellm_spend_metric", "team"));
    assert!(!metrics.has_label("litellm_spend_metric", "user"));
    assert!(metrics.has_label("litellm_deployment_total_requests_total", "team"));
    for key in ["disable_end_user_cost_tracking", "disable_end_user_cost_tracking_prometheus_only"] {
        let text = format!("litellm_settings: {{enable_end_user_cost_tracking_prometheus_only: true, {key}: true}}");
        assert!(!with(&text, &[]).observe.metrics.end_user, "{key}");
    }
    assert_eq!((metrics.ttl, metrics.cleanup_interval), (Some(Duration::from_secs(3600)), Duration::from_secs(5)));
    let zeros = "prometheus_metrics_max_series_per_metric: 0, prometheus_metrics_ttl_seconds: 0";
    let none = with(&format!("litellm_settings: {{{zeros}}}"), &[]);
    assert_eq!((none.observe.metrics.max_series, none.observe.metrics.ttl, told(&none).len()), (10_000, None, 2));
}

#[test]
fn labels_as_prometheus_takes_them() {
    let labels = ["tag_User-Agent: x", "1st", "", "größe"].map(metric_label);
    assert_eq!(labels, ["tag_User_Agent__x", "_1st", "_", "gr__e"]);
}
