//! Tells Sentry of calls that failed: one event each, as an envelope of its own.

mod limits;
mod report;
mod scrub;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::clock;
use crate::config::{Secret, SentryConfig, SinkConfig};
use crate::transport::{HeaderName, HeaderValue};

use super::connect::Connect;
use super::event::Event;
use super::export::{Exporter, FIRST_WAIT, Limits, Reply, TRIES, Verdict, Wire, post};
use super::sink::{Sink, takes};
use report::Reporter;

/// An envelope has room for one event.
const LIMITS: Limits = Limits {
    batch: 1,
    batch_bytes: 1024 * 1024,
    interval: Duration::ZERO,
    timeout: Duration::from_secs(10),
    tries: TRIES,
    first_wait: FIRST_WAIT,
};
const CLIENT: &str = concat!("llmrouter/", env!("CARGO_PKG_VERSION"));
/// Characters of an event's id, with which each item begins.
const ID: usize = 32;

/// Sends the failures of calls. A failed attempt that another one makes good is none, nor is a call that was cancelled.
pub struct Sentry {
    config: SinkConfig,
    sample_rate: f64,
    reporter: Reporter,
    exporter: Arc<Exporter>,
}

impl Sentry {
    pub fn connect(config: &SinkConfig, own: &SentryConfig, connect: &Connect) -> Result<Self, String> {
        let auth = format!("Sentry sentry_version=7, sentry_client={CLIENT}, sentry_key={}", own.public_key);
        let kind = "application/x-sentry-envelope";
        let headers = [("x-sentry-auth".to_owned(), Secret::new(auth)), ("content-type".to_owned(), Secret::new(kind))];
        let target = connect.target(&own.endpoint, &headers)?;
        let wire = Envelopes { dsn: own.dsn.clone() };
        let exporter =
            Exporter::start(&config.name, LIMITS, Box::new(wire), post(target, LIMITS.timeout), connect.threads);
        let (config, reporter) = (config.clone(), Reporter::new(own));
        Ok(Self { config, sample_rate: own.sample_rate, reporter, exporter })
    }

    fn wants(&self, event: &Event) -> bool {
        let failed = event.is_call() && event.error.is_some() && !event.is_cancelled();
        failed && takes(&self.config, event) && is_sampled(event.call.id, self.sample_rate)
    }
}

/// Whether a call is within the share that is told. `id` is random.
fn is_sampled(id: u128, rate: f64) -> bool {
    // Its upper 53 bits, as a part of all that there can be: so many are told exactly.
    let part = (id >> 75) as f64 / 2_f64.powi(53);
    part < rate
}

impl Sink for Sentry {
    fn take(&self, event: &Arc<Event>) {
        if self.wants(event) && self.exporter.has_room() {
            let id = format!("{:032x}", event.call.id);
            self.exporter.put([id.as_bytes(), self.reporter.report(&id, event).as_bytes()].concat());
        }
    }

    fn exporter(&self) -> Option<&Exporter> {
        Some(&self.exporter)
    }
}

struct Envelopes {
    dsn: String,
}

impl Wire for Envelopes {
    fn body(&self, items: &[Bytes]) -> (Bytes, Vec<(HeaderName, HeaderValue)>) {
        let mut envelope = Vec::new();
        for item in items {
            let (id, report) = item.split_at(ID.min(item.len()));
            let about = serde_json::json!({
                "event_id": String::from_utf8_lossy(id),
                "dsn": self.dsn,
                "sent_at": report::moment(clock::unix_ms()),
            });
            let head = serde_json::json!({
                "type": "event",
                "content_type": "application/json",
                "length": report.len(),
            });
            envelope.extend_from_slice(format!("{about}\n{head}\n").as_bytes());
            envelope.extend_from_slice(report);
            envelope.push(b'\n');
        }
        (envelope.into(), Vec::new())
    }

    /// What Sentry has no room for is not to be sent again.
    fn judge(&self, reply: &Reply) -> Verdict {
        match reply.status {
            429 => Verdict::Refused("the receiver takes no more for a while (429)".to_owned()),
            _ => Verdict::of_status(reply),
        }
    }

    fn quiet(&self, reply: &Reply) -> Option<Duration> {
        limits::wait(reply)
    }
}
