//! The sinks of a configuration: which there are, and which stay over a reload.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{ObserveConfig, Secret, SinkConfig, SinkKind, TlsConfig, TransportConfig};
use crate::runtime::{Runtime, Threads};
use crate::transport::{Clients, Target};

use super::file::JsonFile;
#[cfg(feature = "otlp")]
use super::langfuse::Langfuse;
#[cfg(feature = "otlp")]
use super::otlp::Otel;
use super::sentry::Sentry;
use super::shown::Showing;
use super::sink::Sink;
use super::webhook::Webhook;

/// For a connection to a receiver.
const CONNECT: Duration = Duration::from_secs(5);

/// A sink at work, and the settings that it was made by.
#[derive(Clone)]
pub struct Connected {
    pub config: SinkConfig,
    pub sink: Arc<dyn Sink>,
}

/// What sinks are made with.
pub struct Connect<'a> {
    pub observe: &'a ObserveConfig,
    pub transport: &'a TransportConfig,
    pub threads: &'a Threads,
    /// Makes threads that may block.
    pub runtime: &'a Runtime,
    /// What payloads show, now and after a reload.
    pub showing: &'a Arc<Showing>,
}

impl Connect<'_> {
    /// The sinks of the configuration; one of `before` whose settings have not changed stays as it is. An error says
    /// what to change.
    pub fn sinks(&self, before: &[Connected]) -> Result<Vec<Connected>, String> {
        let mut connected: Vec<Connected> = Vec::new();
        for config in &self.observe.sinks {
            if let Some(same) = before.iter().find(|before| before.config == *config) {
                connected.push(same.clone());
                continue;
            }
            match self.sink(config) {
                Ok(sink) => connected.extend(sink.map(|sink| Connected { config: config.clone(), sink })),
                Err(why) => {
                    let is_new = |one: &&Connected| !before.iter().any(|old| Arc::ptr_eq(&old.sink, &one.sink));
                    connected.iter().filter(is_new).for_each(|one| one.sink.end());
                    return Err(format!("the callback \"{}\": {why}", config.name));
                }
            }
        }
        Ok(connected)
    }

    /// `None` for the metrics, which are the router's own.
    fn sink(&self, config: &SinkConfig) -> Result<Option<Arc<dyn Sink>>, String> {
        match &config.kind {
            SinkKind::Prometheus => Ok(None),
            #[cfg(feature = "otlp")]
            SinkKind::Langfuse(own) => Langfuse::connect(config, own, self).map(Some),
            #[cfg(feature = "otlp")]
            SinkKind::Otel(own) => Otel::connect(config, own, self).map(Some),
            // The configuration has none of them then.
            #[cfg(not(feature = "otlp"))]
            SinkKind::Langfuse(_) | SinkKind::Otel(_) => Ok(None),
            SinkKind::Sentry(own) => made(Sentry::connect(config, own, self)),
            SinkKind::Webhook(own) => made(Webhook::connect(config, own, self)),
            SinkKind::File(own) => made(JsonFile::connect(config, own, self)),
        }
    }

    /// Where a sink's requests go, with these headers on each.
    pub fn target(&self, url: &str, headers: &[(String, Secret)]) -> Result<Target, String> {
        Clients::new(self.transport, CONNECT).target(url, headers, &TlsConfig::default())
    }
}

fn made<S: Sink + 'static>(sink: Result<S, String>) -> Result<Option<Arc<dyn Sink>>, String> {
    sink.map(|sink| Some(Arc::new(sink) as Arc<dyn Sink>))
}
