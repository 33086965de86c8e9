//! Spans as one request: they are encoded when they are made, and only framed when they go out.

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::Value;

use crate::transport::{HeaderName, HeaderValue};

use super::super::export::{FIRST_WAIT, Limits, Reply, TRIES, Verdict, Wire};
use super::attributes::Attributes;

/// As the standard's own exporters have it.
pub const LIMITS: Limits = Limits {
    batch: 512,
    batch_bytes: 1024 * 1024,
    interval: Duration::from_secs(5),
    timeout: Duration::from_secs(10),
    tries: TRIES,
    first_wait: FIRST_WAIT,
};

/// Field 1 of a request, and field 2 of what it holds, of bytes whose length is told.
const FIRST: u8 = 1 << 3 | 2;
const SECOND: u8 = 2 << 3 | 2;

/// Who sends them.
pub struct Source {
    pub resource: Attributes,
    /// Name of the library that made them.
    pub scope: &'static str,
}

/// One request for many spans.
pub struct Batch {
    /// Encoded: what stands before the spans.
    resource: Vec<u8>,
    scope: Vec<u8>,
}

impl Batch {
    pub fn of(source: Source) -> Self {
        let resource = Resource { attributes: source.resource.done(), ..Resource::default() };
        let resource = ResourceSpans { resource: Some(resource), ..ResourceSpans::default() };
        let scope = InstrumentationScope {
            name: source.scope.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let scope = ScopeSpans { scope: Some(scope), ..ScopeSpans::default() };
        Self { resource: resource.encode_to_vec(), scope: scope.encode_to_vec() }
    }

    /// A span as an item: a field of the message that holds it.
    pub fn item(span: &Span) -> Bytes {
        let mut item = Vec::with_capacity(span.encoded_len() + 11);
        item.push(SECOND);
        // Fails for want of room alone, which a vector makes.
        let _ = span.encode_length_delimited(&mut item);
        item.into()
    }
}

impl Wire for Batch {
    fn body(&self, items: &[Bytes]) -> (Bytes, Vec<(HeaderName, HeaderValue)>) {
        let spans: usize = items.iter().map(Bytes::len).sum();
        let in_scope = self.scope.len() + spans;
        let mut resource = self.resource.clone();
        frame(SECOND, in_scope, &mut resource);
        let mut body = Vec::with_capacity(resource.len() + in_scope + 11);
        frame(FIRST, resource.len() + in_scope, &mut body);
        body.extend_from_slice(&resource);
        body.extend_from_slice(&self.scope);
        items.iter().for_each(|item| body.extend_from_slice(item));
        let kind = HeaderValue::from_static("application/x-protobuf");
        (body.into(), vec![(HeaderName::from_static("content-type"), kind)])
    }

    /// A receiver may take a part of them.
    fn judge(&self, reply: &Reply) -> Verdict {
        match Verdict::of_status(reply) {
            Verdict::Delivered { .. } => Verdict::Delivered { refused: refused(reply) },
            other => other,
        }
    }
}

/// Spans that the receiver did not take, by its own word.
fn refused(reply: &Reply) -> usize {
    let kind = reply.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let refused = if kind.contains("json") {
        let told: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let refused = told.pointer("/partialSuccess/rejectedSpans");
        // 64-bit numbers are texts in this JSON.
        refused.and_then(|refused| refused.as_i64().or_else(|| refused.as_str()?.parse().ok()))
    } else {
        let told = ExportTraceServiceResponse::decode(&*reply.body).unwrap_or_default();
        told.partial_success.map(|partial| partial.rejected_spans)
    };
    refused.and_then(|refused| usize::try_from(refused).ok()).unwrap_or(0)
}

/// What stands before the bytes of a field.
fn frame(field: u8, length: usize, into: &mut Vec<u8>) {
    into.push(field);
    // Fails for want of room alone, which a vector makes.
    let _ = prost::encode_length_delimiter(length, into);
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest};

    use super::*;
    use crate::transport::HeaderMap;

    fn batch() -> Batch {
        let mut resource = Attributes::default();
        resource.text("service.name", "shop");
        Batch::of(Source { resource, scope: "llmrouter" })
    }

    #[test]
    fn what_is_framed_is_what_the_messages_would_be() {
        let named = |name: &str| Span { name: name.to_owned(), span_id: vec![7; 8], ..Span::default() };
        let spans = [named("a"), named(&"b".repeat(300)), Span::default()];
        let items: Vec<_> = spans.iter().map(Batch::item).collect();
        let (body, headers) = batch().body(&items);
        let read = ExportTraceServiceRequest::decode(body.clone()).unwrap();
        assert_eq!(read.resource_spans.len(), 1);
        let resource = &read.resource_spans[0];
        assert_eq!(resource.resource.as_ref().unwrap().attributes[0].key, "service.name");
        assert_eq!(resource.scope_spans.len(), 1);
        assert_eq!(resource.scope_spans[0].scope.as_ref().unwrap().name, "llmrouter");
        assert_eq!(resource.scope_spans[0].spans, spans);
        assert_eq!(read.encode_to_vec(), body);
        assert_eq!(headers[0].1, "application/x-protobuf");
    }

    #[test]
    fn what_a_receiver_refuses_is_heard() {
        let reply = |status, kind: &str, body: &[u8]| {
            let headers = HeaderMap::from_iter([("content-type".parse().unwrap(), kind.parse().unwrap())]);
            batch().judge(&Reply { status, headers, body: body.to_vec() })
        };
        let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: "no".to_owned() };
        let told = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        let protobuf = "application/x-protobuf";
        assert_eq!(reply(200, protobuf, &told), Verdict::Delivered { refused: 3 });
        assert_eq!(reply(200, protobuf, b""), Verdict::Delivered { refused: 0 });
        assert_eq!(reply(200, protobuf, b"\xff\xff"), Verdict::Delivered { refused: 0 });
        let json = br#"{"partialSuccess":{"rejectedSpans":"2"}}"#;
        assert_eq!(reply(207, "application/json; charset=utf-8", json), Verdict::Delivered { refused: 2 });
        assert_eq!(reply(200, "application/json", b"{}"), Verdict::Delivered { refused: 0 });
        assert!(matches!(reply(503, protobuf, &told), Verdict::Again { .. }));
        assert!(matches!(reply(400, protobuf, &told), Verdict::Refused(_)));
    }
}
