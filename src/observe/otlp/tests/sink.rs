//! What becomes of events on their way to a receiver.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::*;
use crate::clock;
use crate::config::{SinkConfig, SinkKind};
use crate::observe::export::{Exporter, Limits, Post, Reply};
use crate::observe::sink::Sink;
use crate::runtime::Runtime;
use crate::transport::HeaderMap;

/// The names of the spans that come of these events.
fn sent(on_success: bool, on_failure: bool, calls: Vec<Made>) -> Vec<String> {
    let runtime = Runtime::new(1, |start| start());
    let got: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&got);
    let post: Post = Box::new(move |body, _| {
        let read = ExportTraceServiceRequest::decode(body).unwrap();
        let spans = &read.resource_spans[0].scope_spans[0].spans;
        seen.lock().unwrap().extend(spans.iter().map(|span| span.name.clone()));
        Box::pin(async { Ok(Reply { status: 200, headers: HeaderMap::new(), body: Vec::new() }) })
    });
    let batch = Batch::of(Source { resource: Attributes::default(), scope: "llmrouter" });
    let limits = Limits { batch: 100, ..LIMITS };
    let exporter = Exporter::start("otel", limits, Box::new(batch), post, &runtime.threads().unwrap());
    let config = SinkConfig { name: "otel".to_owned(), on_success, on_failure, kind: SinkKind::Prometheus };
    let sink = Traces::new(&config, Otel::new(false), exporter);
    calls.iter().flat_map(|made| &made.events).for_each(|event| sink.take(event));
    sink.flush(clock::now() + std::time::Duration::from_secs(9));
    let status = sink.status();
    let names = got.lock().unwrap().clone();
    assert_eq!((status.sent, status.lost, status.name.as_str()), (names.len() as u64, 0, "otel"));
    names
}

fn calls() -> Vec<Made> {
    let (mut good, mut bad) = (Made::new(ASKED), Made::new(&ASKED.replace("smart", "dumb")));
    good.fails("east");
    good.answers("west");
    good.succeeds();
    bad.fails("east");
    bad.breaks();
    vec![good, bad]
}

#[test]
fn the_calls_outcome_selects_its_attempts() {
    let attempt = "chat gpt-4o-mini";
    assert_eq!(sent(true, false, calls()), [attempt, attempt, "chat smart"]);
    assert_eq!(sent(false, true, calls()), [attempt, "chat dumb"]);
    assert_eq!(sent(true, true, calls()).len(), 5);
}

#[test]
fn a_trace_that_is_not_recorded_is_neither_sent_nor_lost() {
    let request = format!(
        r#"{{"model":"m","messages":[],"metadata":{{"traceparent":"{}"}}}}"#,
        TRACEPARENT.replace("-01", "-00")
    );
    let mut made = Made::new(&request);
    made.answers("east");
    made.succeeds();
    assert!(sent(true, true, vec![made]).is_empty());
}

#[test]
fn nothing_is_rendered_without_room() {
    struct Never(bool);
    impl Tracing for Never {
        type Place = ();
        fn chooses(&self, _: &crate::observe::event::Event) -> bool {
            self.0
        }
        fn place(&self, _: &crate::observe::event::Event) -> Option<()> {
            assert!(self.0, "looked for in vain");
            Some(())
        }
        fn spans(&self, (): (), _: &Story) -> Vec<Span> {
            panic!("rendered for nothing")
        }
        fn wants_content(&self) -> bool {
            false
        }
    }
    let runtime = Runtime::new(1, |start| start());
    let config = SinkConfig { name: "otel".to_owned(), on_success: true, on_failure: true, kind: SinkKind::Prometheus };
    for chooses in [false, true] {
        let post: Post = Box::new(|_, _| Box::pin(async { Err("can't connect".to_owned()) }));
        let batch = Batch::of(Source { resource: Attributes::default(), scope: "llmrouter" });
        let exporter = Exporter::start("otel", LIMITS, Box::new(batch), post, &runtime.threads().unwrap());
        exporter.end();
        let sink = Traces::new(&config, Never(chooses), exporter);
        sink.take(&Made::new(ASKED).succeeds());
        assert_eq!(sink.status().lost, 1);
    }
}
