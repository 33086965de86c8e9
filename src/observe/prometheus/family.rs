//! One metric with its series, of which there are only so many.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use prometheus::{Counter, CounterVec, Histogram, HistogramOpts, HistogramVec, Opts, Registry};

use crate::clock;

use super::catalogue::{Kind, Spec};
use super::labels::{Label, OTHER, Values};
use super::settings::Settings;

/// Those of LiteLLM's client library.
const TOKEN_BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// A call takes us some millionths of a second.
const OVERHEAD_BUCKETS: [f64; 14] =
    [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.1, 0.5, 1.0];

/// A series at hand.
#[derive(Clone, Default)]
pub enum Series {
    /// Not looked up yet.
    #[default]
    Unknown,
    /// The configuration leaves the metric out.
    None,
    Counter(Counter),
    Histogram(Histogram),
}

enum Source {
    Label(Label),
    /// Of those that the configuration adds.
    Custom(usize),
}

enum Made {
    Counters(CounterVec),
    Histograms(HistogramVec),
}

/// A metric and its series.
pub struct Family {
    /// `None` if the configuration leaves it out.
    made: Option<Made>,
    labels: Vec<Source>,
    series: HashMap<Vec<String>, Kept>,
    most: usize,
}

/// A series that there is.
struct Kept {
    series: Series,
    /// What it had come to when it was last looked at, and since when that is so.
    state: u64,
    since: Instant,
}

impl Series {
    pub fn add(&self, amount: f64) {
        match self {
            Series::Counter(counter) => counter.inc_by(amount),
            Series::Histogram(histogram) => histogram.observe(amount),
            Series::None | Series::Unknown => {}
        }
    }

    /// A number that is another one when something was added.
    fn state(&self) -> u64 {
        match self {
            Series::Counter(counter) => counter.get().to_bits(),
            Series::Histogram(histogram) => histogram.get_sample_count(),
            Series::None | Series::Unknown => 0,
        }
    }
}

impl Family {
    /// `custom`: names of the labels that the configuration adds to every metric.
    pub fn new(
        spec: &Spec,
        settings: &Settings,
        custom: &[String],
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let mut labels: Vec<Source> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        let stream = spec.streams && settings.stream_label;
        let own = spec.labels.iter().copied().chain(stream.then_some(Label::Stream));
        for label in own.filter(|label| settings.has_label(spec.name, label.name())) {
            labels.push(Source::Label(label));
            names.push(label.name());
        }
        for (index, name) in custom.iter().enumerate().filter(|(_, name)| settings.has_label(spec.name, name)) {
            // A label that is there already is the metric's own.
            if !names.contains(&name.as_str()) && name != "le" {
                labels.push(Source::Custom(index));
                names.push(name);
            }
        }
        let histogram = |buckets: &[f64]| {
            let options = HistogramOpts::new(spec.name, spec.help).buckets(buckets.to_vec());
            HistogramVec::new(options, &names).map(Made::Histograms)
        };
        let made = match spec.kind {
            _ if !settings.has_metric(spec.name) => None,
            Kind::Counter => Some(Made::Counters(CounterVec::new(Opts::new(spec.name, spec.help), &names)?)),
            Kind::Latency => Some(histogram(&settings.latency_buckets)?),
            Kind::TokenLatency => Some(histogram(&TOKEN_BUCKETS)?),
            Kind::Overhead => Some(histogram(&OVERHEAD_BUCKETS)?),
        };
        match &made {
            Some(Made::Counters(counters)) => registry.register(Box::new(counters.clone()))?,
            Some(Made::Histograms(histograms)) => registry.register(Box::new(histograms.clone()))?,
            None => {}
        }
        Ok(Self { made, labels, series: HashMap::new(), most: settings.max_series.max(1) })
    }

    /// The series of these values; the one of all others if there are too many.
    pub fn series(&mut self, values: &Values) -> Series {
        let Some(made) = &self.made else { return Series::None };
        let value = |source: &Source| match source {
            Source::Label(label) => values.get(*label).to_owned(),
            Source::Custom(index) => values.custom.get(*index).cloned().unwrap_or_default(),
        };
        let mut texts: Vec<String> = self.labels.iter().map(value).collect();
        if let Some(kept) = self.series.get(&texts) {
            return kept.series.clone();
        }
        // One place is that of the others.
        if self.series.len() + 1 >= self.most {
            texts.iter_mut().for_each(|text| OTHER.clone_into(text));
            if let Some(kept) = self.series.get(&texts) {
                return kept.series.clone();
            }
        }
        let series = match made {
            Made::Counters(counters) => counters.get_metric_with_label_values(&texts).map(Series::Counter),
            Made::Histograms(histograms) => histograms.get_metric_with_label_values(&texts).map(Series::Histogram),
        };
        // As many values as labels: there is nothing that could be wrong.
        let Ok(series) = series else { return Series::None };
        self.series.insert(texts, Kept { series: series.clone(), state: 0, since: clock::now() });
        series
    }

    /// Forgets the series to which nothing was added for longer than `ttl`, as far as looking from time to time tells.
    /// Whether there were any: then no series at hand is good any more.
    pub fn forget_idle(&mut self, ttl: Duration, now: Instant) -> bool {
        let before = self.series.len();
        let made = self.made.as_ref();
        self.series.retain(|labels, kept| {
            let state = kept.series.state();
            if state != kept.state {
                (kept.state, kept.since) = (state, now);
            }
            if now.saturating_duration_since(kept.since) <= ttl {
                return true;
            }
            // They are there.
            let _ = match made {
                Some(Made::Counters(counters)) => counters.remove_label_values(labels),
                Some(Made::Histograms(histograms)) => histograms.remove_label_values(labels),
                None => Ok(()),
            };
            false
        });
        self.series.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Metric;
    use super::*;

    #[test]
    fn what_is_too_much_is_one_series() {
        let registry = Registry::new();
        let settings = Settings { max_series: 3, ..Settings::default() };
        let custom = ["team".to_owned(), "status".to_owned()];
        let mut family = Family::new(Metric::Fallbacks.spec(), &settings, &custom, &registry).unwrap();
        for number in 0..9 {
            let mut values = Values::default().with(Label::RequestedModel, &format!("m{number}"));
            values.custom = vec!["t".to_owned(), "never".to_owned()];
            family.series(&values).add(1.0);
            family.series(&values).add(1.0);
        }
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                r#"llmrouter_fallbacks_total{fallback_model="",requested_model="m0",status="",team="t"} 2"#,
                r#"llmrouter_fallbacks_total{fallback_model="",requested_model="m1",status="",team="t"} 2"#,
                r#"llmrouter_fallbacks_total{fallback_model="other",requested_model="other",status="other",team="other"} 14"#,
            ]
        );
    }

    #[test]
    fn what_is_idle_is_forgotten_and_makes_room() {
        let registry = Registry::new();
        let settings = Settings { max_series: 3, ..Settings::default() };
        let mut families = [Metric::Fallbacks, Metric::ApiLatency]
            .map(|metric| Family::new(metric.spec(), &settings, &[], &registry).unwrap());
        let (ttl, start) = (Duration::from_secs(100), clock::now());
        let at = |second| start + Duration::from_secs(second);
        let named = |name: &str| Values::default().with(Label::RequestedModel, name);
        let sizes = || registry.gather().iter().map(|family| family.get_metric().len()).collect::<Vec<_>>();
        for family in &mut families {
            ["old", "used"].iter().for_each(|name| family.series(&named(name)).add(1.0));
            assert!(!family.forget_idle(ttl, at(50)), "what was added is looked at");
            family.series(&named("used")).add(1.0);
            assert!(!family.forget_idle(ttl, at(149)));
            assert!(family.forget_idle(ttl, at(151)));
        }
        assert_eq!(sizes(), [1, 1]);
        for family in &mut families {
            family.series(&named("new")).add(1.0);
            family.series(&named("old")).add(1.0);
            assert!(family.forget_idle(ttl, at(250)), "\"used\" was seen to change at 149");
        }
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        assert!(text.contains(r#"requested_model="new",status=""} 1"#), "it has the place of the old one: {text}");
        assert!(!text.contains(r#""old""#) && text.contains(r#"requested_model="other",status="other"} 1"#), "{text}");
    }

    #[test]
    fn metrics_and_labels_can_be_left_out() {
        let registry = Registry::new();
        let settings = Settings {
            exclude_metrics: vec!["litellm_spend_metric".to_owned()],
            exclude_labels: vec!["model_id".to_owned(), "team".to_owned()],
            ..Settings::default()
        };
        let mut spend = Family::new(Metric::Spend.spec(), &settings, &[], &registry).unwrap();
        assert!(matches!(spend.series(&Values::default()), Series::None));
        let custom = ["team".to_owned()];
        let mut hits = Family::new(Metric::CacheHits.spec(), &settings, &custom, &registry).unwrap();
        hits.series(&Values::default().with(Label::ModelId, "x")).add(1.0);
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        assert!(text.contains(r#"litellm_cache_hits_metric_total{api_provider="",end_user="",model="",user=""} 1"#));
    }
}
