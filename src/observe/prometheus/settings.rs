//! What is counted, how finely, and where it is read.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;

use crate::config::Sections;

use super::labels::label_name;

/// LiteLLM's, in seconds.
const LATENCY_BUCKETS: [f64; 17] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 420.0, 600.0];
/// Enough for a thousand deployments, each with some kinds of failure; what users write into labels stays below it.
const MAX_SERIES: usize = 10_000;

/// The settings of the metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `prometheus` is among the callbacks, or `listen` is set.
    pub is_on: bool,
    /// `llmrouter_settings.metrics.listen`.
    pub listen: Option<SocketAddr>,
    /// Upper bounds in seconds, rising, without +Inf.
    pub latency_buckets: Vec<f64>,
    /// The most series of one metric.
    pub max_series: usize,
    pub exclude_metrics: Vec<String>,
    pub exclude_labels: Vec<String>,
    /// Paths into a request's metadata.
    pub metadata_labels: Vec<String>,
    /// The label of each.
    pub metadata_label_names: Vec<String>,
    pub tags: Vec<String>,
    pub stream_label: bool,
    /// The labels `end_user` and `user` have values.
    pub end_user: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_on: false,
            listen: None,
            latency_buckets: LATENCY_BUCKETS.to_vec(),
            max_series: MAX_SERIES,
            exclude_metrics: Vec::new(),
            exclude_labels: Vec::new(),
            metadata_labels: Vec::new(),
            metadata_label_names: Vec::new(),
            tags: Vec::new(),
            stream_label: false,
            end_user: false,
        }
    }
}

impl Settings {
    /// An error names what can't be read, and how to write it.
    pub fn of(sections: &Sections) -> Result<Self, String> {
        let (litellm, own) = (&sections.litellm, &sections.llmrouter);
        let texts = |name: &str| litellm.texts(name).map(str::to_owned).collect::<Vec<_>>();
        let written = texts("custom_prometheus_metadata_labels");
        let is_named = ["success_callback", "failure_callback", "callbacks"].iter().any(|list| {
            let alone = litellm.text(list);
            litellm.texts(list).chain(alone).any(|name| name == "prometheus")
        });
        let listen = own.get("metrics").map(listen).transpose()?.flatten();
        let buckets = litellm.get("prometheus_latency_buckets").and_then(Value::as_array);
        let buckets = buckets.map(|list| list.iter().filter_map(Value::as_f64).collect::<Vec<_>>());
        let is_rising = |list: &Vec<f64>| !list.is_empty() && list.windows(2).all(|pair| pair.first() < pair.last());
        let max_series = litellm.count("prometheus_metrics_max_series_per_metric").filter(|count| *count > 0);
        Ok(Self {
            is_on: is_named || listen.is_some(),
            listen,
            latency_buckets: buckets.filter(is_rising).unwrap_or_else(|| LATENCY_BUCKETS.to_vec()),
            max_series: max_series.and_then(|count| count.try_into().ok()).unwrap_or(MAX_SERIES),
            exclude_metrics: texts("prometheus_exclude_metrics"),
            exclude_labels: texts("prometheus_exclude_labels"),
            metadata_labels: written
                .iter()
                .map(|text| text.strip_prefix("metadata.").unwrap_or(text).to_owned())
                .collect(),
            metadata_label_names: written.iter().map(|text| label_name(text)).collect(),
            tags: texts("custom_prometheus_tags"),
            stream_label: litellm.flag("prometheus_emit_stream_label") == Some(true),
            end_user: litellm.flag("enable_end_user_cost_tracking_prometheus_only") == Some(true),
        })
    }

    /// Whether the same is counted in the same way, wherever it is read.
    pub fn counts_like(&self, other: &Self) -> bool {
        let how = |settings: &Self| Self { is_on: false, listen: None, ..settings.clone() };
        how(self) == how(other)
    }

    /// Whether a metric is wanted. A `_total` at the end of a name, which LiteLLM's settings lack, means nothing.
    pub fn has_metric(&self, metric: &str) -> bool {
        !self.exclude_metrics.iter().any(|name| bare(name) == bare(metric))
    }

    /// Whether a metric is to have one of its labels.
    pub fn has_label(&self, _metric: &str, label: &str) -> bool {
        !self.exclude_labels.iter().any(|name| name == label)
    }
}

fn bare(metric: &str) -> &str {
    metric.strip_suffix("_total").unwrap_or(metric)
}

/// `{listen: ADDRESS}`, or the address alone.
fn listen(metrics: &Value) -> Result<Option<SocketAddr>, String> {
    let Some(address) = metrics.get("listen").unwrap_or(metrics).as_str() else { return Ok(None) };
    let local = address.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let address = address.parse().ok().or_else(|| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, local?))));
    address.map(Some).ok_or_else(|| {
        "llmrouter_settings.metrics.listen: no address to listen on; write an IP address and a port, such as \
         127.0.0.1:9464"
            .to_owned()
    })
}
