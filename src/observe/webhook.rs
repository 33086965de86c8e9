//! Posts events as JSON: LiteLLM's `generic_api`.

use std::sync::Arc;

use bytes::Bytes;

use crate::config::{SinkConfig, WebhookConfig, WebhookFormat};
use crate::transport::{HeaderName, HeaderValue};

use super::connect::Connect;
use super::event::Event;
use super::export::{Exporter, Limits, Wire, post};
use super::shown::Showing;
use super::sink::{Sink, takes};

/// Of one request.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Sends the payload of each event of its outcomes, attempts and calls alike.
pub struct Webhook {
    config: SinkConfig,
    showing: Arc<Showing>,
    exporter: Arc<Exporter>,
}

impl Webhook {
    pub fn connect(config: &SinkConfig, own: &WebhookConfig, connect: &Connect) -> Result<Self, String> {
        let target = connect.target(&own.endpoint, &own.headers)?;
        let is_single = own.format == WebhookFormat::Single;
        let limits = Limits {
            batch: if is_single { 1 } else { own.flush_at },
            batch_bytes: MOST_BYTES,
            interval: own.flush_interval,
            timeout: own.timeout,
            tries: own.tries,
            first_wait: own.first_wait,
        };
        let says_type = own.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let wire = Payloads { format: own.format, says_type };
        let exporter =
            Exporter::start(&config.name, limits, Box::new(wire), post(target, own.timeout), connect.threads);
        Ok(Self { config: config.clone(), showing: Arc::clone(connect.showing), exporter })
    }
}

impl Sink for Webhook {
    fn take(&self, event: &Arc<Event>) {
        if takes(&self.config, event) && self.exporter.has_room() {
            self.exporter.put(Bytes::copy_from_slice(self.showing.payload(event).as_bytes()));
        }
    }

    fn exporter(&self) -> Option<&Exporter> {
        Some(&self.exporter)
    }
}

/// How payloads become a body.
struct Payloads {
    format: WebhookFormat,
    /// The settings say what kind of body it is.
    says_type: bool,
}

impl Wire for Payloads {
    fn body(&self, items: &[Bytes]) -> (Bytes, Vec<(HeaderName, HeaderValue)>) {
        let mut headers = Vec::new();
        let body = match self.format {
            WebhookFormat::JsonArray => [&b"["[..], &items.join(&b","[..]), &b"]"[..]].concat(),
            WebhookFormat::Single => items.concat(),
            WebhookFormat::Ndjson => {
                if !self.says_type {
                    let kind = HeaderValue::from_static("application/x-ndjson");
                    headers.push((HeaderName::from_static("content-type"), kind));
                }
                let mut lines = items.join(&b"\n"[..]);
                lines.push(b'\n');
                lines
            }
        };
        (body.into(), headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_a_list_lines_or_one() {
        let body = |format, says_type, items: &[&'static str]| {
            let items: Vec<Bytes> = items.iter().map(|item| Bytes::from_static(item.as_bytes())).collect();
            let (body, headers) = Payloads { format, says_type }.body(&items);
            (String::from_utf8(body.to_vec()).unwrap(), headers.len())
        };
        assert_eq!(body(WebhookFormat::JsonArray, false, &["{}", "1"]), ("[{},1]".to_owned(), 0));
        assert_eq!(body(WebhookFormat::Ndjson, false, &["{}", "1"]), ("{}\n1\n".to_owned(), 1));
        assert_eq!(body(WebhookFormat::Ndjson, true, &["1"]), ("1\n".to_owned(), 0));
        assert_eq!(body(WebhookFormat::Single, false, &["{}"]), ("{}".to_owned(), 0));
    }
}
