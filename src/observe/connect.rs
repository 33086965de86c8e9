//! The sinks of a configuration: which there are, and which stay over a reload.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{ObserveConfig, Secret, SinkConfig, SinkKind, TlsConfig, TransportConfig};
use crate::runtime::Threads;
use crate::transport::{Clients, Target};

#[cfg(feature = "otlp")]
use super::langfuse::Langfuse;
#[cfg(feature = "otlp")]
use super::otlp::Otel;
use super::sink::Sink;

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
}

impl Connect<'_> {
    /// The sinks of the configuration; one of `before` whose settings have not changed stays as it is. An error says
    /// what to change.
    pub fn sinks(&self, before: &[Connected]) -> Result<Vec<Connected>, String> {
        let mut connected = Vec::new();
        for config in &self.observe.sinks {
            if let Some(same) = before.iter().find(|before| before.config == *config) {
                connected.push(same.clone());
                continue;
            }
            let sink = self.sink(config).map_err(|why| format!("the callback \"{}\": {why}", config.name))?;
            connected.extend(sink.map(|sink| Connected { config: config.clone(), sink }));
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
            SinkKind::Sentry(_) => Ok(None),
            SinkKind::Webhook(_) => Ok(None),
            SinkKind::File(_) => Ok(None),
        }
    }

    /// Where a sink's requests go, with these headers on each.
    pub fn target(&self, url: &str, headers: &[(String, Secret)]) -> Result<Target, String> {
        Clients::new(self.transport, CONNECT).target(url, headers, &TlsConfig::default())
    }
}
