//! Metrics: whether there are any, where they are served, and which series they have.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;

use crate::config::report::Report;
use crate::config::settings::Settings;

/// LiteLLM's, in seconds.
const LATENCY_BUCKETS: [f64; 17] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 420.0, 600.0];
/// Each bucket is a series; nobody reads more.
const MOST_BUCKETS: usize = 100;
/// Enough for a thousand deployments; what users write into labels stays below it.
const MAX_SERIES: usize = 10_000;
/// LiteLLM's.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(60);

/// What is counted, and how it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsConfig {
    /// `prometheus` is among the callbacks, or `listen` is set.
    pub is_on: bool,
    /// `llmrouter_settings.metrics.listen`: where the text is served, besides `router_metrics`.
    pub listen: Option<SocketAddr>,
    /// Upper bounds in seconds, rising, without +Inf.
    pub latency_buckets: Vec<f64>,
    /// The most series of one metric; what is above it is counted in one whose labels are all `other`.
    pub max_series: usize,
    /// `prometheus_metrics_ttl_seconds`: a series to which nothing was added for longer than that is forgotten.
    pub ttl: Option<Duration>,
    /// `prometheus_metrics_cleanup_interval_seconds`: how often that is looked for at the most.
    pub cleanup_interval: Duration,
    /// As written; see [`MetricsConfig::has_metric`].
    pub exclude_metrics: Vec<String>,
    /// As written; see [`MetricsConfig::has_label`].
    pub exclude_labels: Vec<String>,
    /// `prometheus_metrics_config`: where there is any, only these metrics are.
    pub groups: Vec<MetricsGroup>,
    /// `custom_prometheus_metadata_labels`: paths into a request's metadata, members parted by dots, without LiteLLM's
    /// prefix `metadata.`.
    pub metadata_labels: Vec<String>,
    /// The label of each of `metadata_labels`, LiteLLM's: `metadata_team` for `metadata.team`, `team` for `team`.
    pub metadata_label_names: Vec<String>,
    /// `custom_prometheus_tags`: each is a label `tag_…` (see [`metric_label`]) that is `true` or `false`; with `*` it fits
    /// many tags.
    pub tags: Vec<String>,
    /// `prometheus_emit_stream_label`.
    pub stream_label: bool,
    /// The label `end_user` has the request's user; empty otherwise.
    pub end_user: bool,
}

/// Metrics and the labels that they may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsGroup {
    pub metrics: Vec<String>,
    /// `None`: all of theirs.
    pub include_labels: Option<Vec<String>>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            is_on: false,
            listen: None,
            latency_buckets: LATENCY_BUCKETS.to_vec(),
            max_series: MAX_SERIES,
            ttl: None,
            cleanup_interval: CLEANUP_INTERVAL,
            exclude_metrics: Vec::new(),
            exclude_labels: Vec::new(),
            groups: Vec::new(),
            metadata_labels: Vec::new(),
            metadata_label_names: Vec::new(),
            tags: Vec::new(),
            stream_label: false,
            end_user: false,
        }
    }
}

impl MetricsConfig {
    /// Whether the settings leave a metric in. A `_total` at the end of a name, which LiteLLM's settings lack, means nothing.
    pub fn has_metric(&self, metric: &str) -> bool {
        let is_it = |name: &String| bare(name) == bare(metric);
        let is_wanted = self.groups.is_empty() || self.groups.iter().any(|group| group.metrics.iter().any(is_it));
        is_wanted && !self.exclude_metrics.iter().any(is_it)
    }

    /// Whether the settings leave a metric one of its labels. Of several groups that name a metric the last counts.
    pub fn has_label(&self, metric: &str, label: &str) -> bool {
        let mut groups = self.groups.iter().rev();
        let group = groups.find(|group| group.metrics.iter().any(|name| bare(name) == bare(metric)));
        let included = group.and_then(|group| group.include_labels.as_ref());
        included.is_none_or(|labels| labels.iter().any(|name| name == label))
            && !self.exclude_labels.iter().any(|name| name == label)
    }
}

fn bare(metric: &str) -> &str {
    metric.strip_suffix("_total").unwrap_or(metric)
}

/// A name that Prometheus takes for a label, LiteLLM's way: `_` for whatever else.
pub fn metric_label(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let label: String = text.chars().map(fit).collect();
    if label.starts_with(|c: char| c.is_ascii_digit()) || label.is_empty() { format!("_{label}") } else { label }
}

pub fn read(litellm: &Settings, own: &Settings, has_prometheus: bool, report: &mut Report) -> MetricsConfig {
    let listen = listen(own.get("metrics"), report);
    let texts = |name: &str| litellm.texts(name).map(str::to_owned).collect::<Vec<_>>();
    let (metadata_labels, metadata_label_names) = metadata_labels(litellm, report);
    let flag = |name: &str| litellm.flag(name) == Some(true);
    MetricsConfig {
        is_on: has_prometheus || listen.is_some(),
        listen,
        latency_buckets: latency_buckets(litellm.get("prometheus_latency_buckets"), report),
        max_series: max_series(litellm, report),
        ttl: ttl(litellm, report),
        cleanup_interval: litellm.time("prometheus_metrics_cleanup_interval_seconds").unwrap_or(CLEANUP_INTERVAL),
        exclude_metrics: texts("prometheus_exclude_metrics"),
        exclude_labels: texts("prometheus_exclude_labels"),
        groups: groups(litellm.get("prometheus_metrics_config"), report),
        metadata_labels,
        metadata_label_names,
        tags: distinct(texts("custom_prometheus_tags")),
        stream_label: flag("prometheus_emit_stream_label"),
        end_user: flag("enable_end_user_cost_tracking_prometheus_only")
            && !flag("disable_end_user_cost_tracking_prometheus_only")
            && !flag("disable_end_user_cost_tracking"),
    }
}

/// `metrics: {listen: ADDRESS}`, or the address alone.
fn listen(metrics: Option<&Value>, report: &mut Report) -> Option<SocketAddr> {
    let (text, path) = match metrics? {
        Value::Object(map) => (map.get("listen")?.as_str()?, "llmrouter_settings.metrics.listen"),
        other => (other.as_str()?, "llmrouter_settings.metrics"),
    };
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let address = text.parse().ok().or_else(|| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, local?))));
    if address.is_none() {
        report.error(path, "no address to listen on", "write an IP address and a port, such as 127.0.0.1:9464");
    }
    address
}

fn latency_buckets(written: Option<&Value>, report: &mut Report) -> Vec<f64> {
    let path = "litellm_settings.prometheus_latency_buckets";
    let Some(list) = written.and_then(Value::as_array) else { return LATENCY_BUCKETS.to_vec() };
    let buckets: Vec<_> = list.iter().filter_map(Value::as_f64).collect();
    let is_rising = buckets.windows(2).all(|pair| pair.first() < pair.last());
    if buckets.is_empty() || buckets.len() > MOST_BUCKETS || !is_rising {
        report.error(path, "no bounds of buckets", format!("write 1 to {MOST_BUCKETS} rising numbers of seconds"));
    }
    buckets
}

fn max_series(litellm: &Settings, report: &mut Report) -> usize {
    let name = "prometheus_metrics_max_series_per_metric";
    match litellm.count(name) {
        Some(0) => {
            let message = format!("0 is no number of series: {MAX_SERIES}, as if the key were not there");
            report.warn(&format!("litellm_settings.{name}"), message);
            MAX_SERIES
        }
        Some(count) => usize::try_from(count).unwrap_or(MAX_SERIES),
        None => MAX_SERIES,
    }
}

fn ttl(litellm: &Settings, report: &mut Report) -> Option<Duration> {
    let name = "prometheus_metrics_ttl_seconds";
    let ttl = litellm.time(name)?;
    if ttl.is_zero() {
        report.warn(&format!("litellm_settings.{name}"), "0 keeps no series: they stay, as if the key were not there");
        return None;
    }
    Some(ttl)
}

fn groups(written: Option<&Value>, report: &mut Report) -> Vec<MetricsGroup> {
    let list = written.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts = |value: &Value| {
        let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut groups = Vec::new();
    for (index, entry) in list.iter().enumerate().filter(|(_, entry)| entry.is_object()) {
        let metrics = entry.get("metrics").map(texts).unwrap_or_default();
        if metrics.is_empty() {
            let path = format!("litellm_settings.prometheus_metrics_config[{index}]");
            report.error(&path, "a group without metrics", "name some in its metrics");
            continue;
        }
        groups.push(MetricsGroup { metrics, include_labels: entry.get("include_labels").map(texts) });
    }
    groups
}

/// Paths and label names, each label once: Prometheus takes none twice.
fn metadata_labels(litellm: &Settings, report: &mut Report) -> (Vec<String>, Vec<String>) {
    let key = "custom_prometheus_metadata_labels";
    let (mut paths, mut labels): (Vec<String>, Vec<String>) = Default::default();
    for written in litellm.texts(key) {
        let path = written.strip_prefix("metadata.").unwrap_or(written);
        let label = metric_label(written);
        if labels.contains(&label) {
            let message = format!("the label {label} stands there twice; the first counts");
            report.warn(&format!("litellm_settings.{key}"), message);
            continue;
        }
        paths.push(path.to_owned());
        labels.push(label);
    }
    (paths, labels)
}

/// The first of those that mean the same label.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(metric_label(name))).collect()
}
