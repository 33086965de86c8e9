//! Calls for tests: made by hand, so that every time and every number is known.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Map, Value, json};

use crate::chat::{Body, Request, Verb};
use crate::clock;
use crate::config;
use crate::deployment::{Deployment, State};
use crate::error::{Error, ErrorKind};
use crate::transport::{HeaderMap, Phases};

use super::super::event::{AttemptEnded, Call, CallEnded, Ended, Event, Kept};
use super::super::heard::Heard;
use super::super::record::Record;
use super::super::told::Told;
use super::story::Story;
use super::traces::Tracing;

pub const MS: Duration = Duration::from_millis(1);

pub const ANSWER: &str = r#"{"id":"chatcmpl-1","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"finish_reason":"stop",
    "message":{"role":"assistant","content":"hello","tool_calls":null}}],
    "usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,"prompt_tokens_details":{"cached_tokens":4}}}"#;

/// A call of mocks: 5 ms before the first attempt, 10 ms each, 5 ms between them and behind the last.
pub struct Made {
    pub call: Arc<Call>,
    pub records: Vec<Arc<Record>>,
    pub events: Vec<Arc<Event>>,
    at: Instant,
    group: Arc<str>,
}

impl Made {
    pub fn new(request: &str) -> Self {
        Self::of(Verb::Chat, request, false)
    }

    pub fn of(verb: Verb, request: &str, is_stream: bool) -> Self {
        let start = clock::now();
        let request = Request::parse_for(verb, request).unwrap();
        let mut call = Call::new(1, &request, is_stream, start, Arc::default());
        call.id = 0x1234_5678_9abc_def0_0fed_cba9_8765_4321;
        let group = request.model().into();
        Self { call: Arc::new(call), records: Vec::new(), events: Vec::new(), at: start + 5 * MS, group }
    }

    /// What the metadata says of the caller's key is told to nobody.
    pub fn hides_key_info(&mut self) {
        let own = &self.call;
        let call = Call::new(own.number, &own.request, own.is_stream, own.start, Arc::default()).without_key_info();
        self.call = Arc::new(call);
    }

    fn event(&self, ended: Ended, error: Option<Error>, told: Option<Told>) -> Arc<Event> {
        Arc::new(Event::new(Arc::clone(&self.call), ended, error, told.map(Arc::new)))
    }

    fn record(&self, id: &str, error: Option<&'static str>) -> Record {
        let phases = Phases { headers: 4 * MS, first_content: 2 * MS, stream: 4 * MS, ..Phases::default() };
        Record {
            group: Arc::clone(&self.group),
            deployment: Some(deployment(id)),
            model: Some("gpt-4o-mini".into()),
            status: error.map_or(Some(200), |_| Some(503)),
            error,
            start: self.at,
            took: 10 * MS,
            phases,
            tokens: None,
            skipped: None,
            broke: false,
            cooled: None,
        }
    }

    fn push(&mut self, record: Record, error: Option<Error>) {
        self.at += 15 * MS;
        let record = Arc::new(record);
        self.records.push(Arc::clone(&record));
        let number = u32::try_from(self.records.iter().filter(|record| record.is_attempt()).count()).unwrap();
        let event = self.event(Ended::Attempt(AttemptEnded { number, retries: 0, fallbacks: 0, record }), error, None);
        self.events.push(event);
    }

    pub fn fails(&mut self, id: &str) {
        let error = Error::new(ErrorKind::ServiceUnavailable, format!("{id} is overloaded"));
        self.push(self.record(id, Some(error.class())), Some(error));
    }

    pub fn answers(&mut self, id: &str) {
        self.push(self.record(id, None), None);
    }

    /// A deployment is passed over.
    pub fn skips(&mut self, id: &str) {
        let skipped = Some("cools down".to_owned());
        let record = Record { skipped, took: Duration::ZERO, error: None, status: None, ..self.record(id, None) };
        self.records.push(record.into());
    }

    pub fn goes_to(&mut self, group: &str) {
        self.group = group.into();
    }

    pub fn ends(&mut self, kept: Option<Kept>, error: Option<Error>, told: Option<Told>) -> Arc<Event> {
        let ended = CallEnded {
            took: self.at - self.call.start,
            overhead: Some(2 * MS),
            ttft: self.call.is_stream.then_some(11 * MS),
            records: self.records.clone(),
            fallbacks: super::super::fallbacks(&self.records, None),
            kept,
            joined: None,
            missed: false,
            dropped_params: Vec::new(),
        };
        let event = self.event(Ended::Call(Box::new(ended)), error, told);
        self.events.push(Arc::clone(&event));
        event
    }

    pub fn succeeds(&mut self) -> Arc<Event> {
        self.ends(None, None, Some(body(self.call.request.verb(), ANSWER)))
    }

    pub fn fails_with(&mut self, error: Error) -> Arc<Event> {
        self.ends(None, Some(error), None)
    }

    pub fn breaks(&mut self) -> Arc<Event> {
        self.fails_with(Error::new(ErrorKind::ServiceUnavailable, "nobody is left"))
    }

    /// A call that came to whatever these numbers say.
    pub fn whatever(steps: &[u8], end: u8) -> (Self, Arc<Event>) {
        let mut made = Self::of(Verb::Chat, r#"{"model":"smart","messages":[]}"#, end > 3);
        for step in steps {
            match step % 4 {
                0 => made.skips("cold"),
                1 => made.goes_to(if made.group.starts_with('s') { "cheap" } else { "smart" }),
                _ => made.fails(["east", "west"][usize::from(step % 2)]),
            }
        }
        let event = match end % 4 {
            0 => made.breaks(),
            1 => made.is_kept(),
            2 => made.ends(None, Some(Error::new(ErrorKind::Cancelled, "the call was cancelled")), None),
            _ => {
                made.answers("north");
                made.succeeds()
            }
        };
        (made, event)
    }

    pub fn is_kept(&mut self) -> Arc<Event> {
        let text = |text: &str| text.to_owned();
        let kept = Kept {
            deployment: text("east"),
            provider: text("openai"),
            model: text("gpt-4o-mini"),
            group: text("smart"),
            key: text("abc"),
        };
        self.ends(Some(kept), None, Some(body(Verb::Chat, ANSWER)))
    }
}

/// Made once for each id.
pub fn deployment(id: &str) -> Arc<Deployment> {
    static MADE: Mutex<Vec<Arc<Deployment>>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap();
    if let Some(one) = made.iter().find(|one| one.id() == id) {
        return Arc::clone(one);
    }
    let one = make(id);
    made.push(Arc::clone(&one));
    one
}

fn make(id: &str) -> Arc<Deployment> {
    let yaml = format!(
        "model_list: [{{model_name: g, litellm_params: {{model: openai/gpt-4o-mini, api_key: k, api_base: 'http://{id}.test:8080/v1'}}, model_info: {{id: {id}}}}}]"
    );
    let mut config = config::load(&yaml, |_| None).map_err(|error| error.message).unwrap();
    let state = Arc::new(State::new(&config.routing.strategy, clock::now()));
    let settings = config.deployments.remove(0);
    Arc::new(Deployment::new(settings, "openai".to_owned(), "gpt-4o-mini".to_owned(), Arc::default(), state))
}

pub fn body(verb: Verb, text: &str) -> Told {
    let body = Body::check(verb, text.as_bytes().to_vec(), "application/json").ok().unwrap();
    Told { body: Some(body), headers: HeaderMap::new(), ..Told::default() }
}

/// A stream that said this.
pub fn stream(heard: Option<Value>) -> Told {
    Told {
        usage: Some(r#"{"prompt_tokens":10,"completion_tokens":20}"#.to_owned()),
        heard: heard.map(Heard::of),
        first: Some(Bytes::from_static(br#"{"id":"chatcmpl-2","model":"gpt-4o-mini","choices":[{"delta":{}}]}"#)),
        ..Told::default()
    }
}

/// The spans of a call, if it is told of.
pub fn spans<T: Tracing>(tracing: &T, event: &Event, noted: &[(u32, String)]) -> Vec<Span> {
    let Ended::Call(ended) = &event.ended else { panic!("no call") };
    let place = tracing.place(event);
    place.map(|place| tracing.spans(place, &Story::of(event, ended, noted, true))).unwrap_or_default()
}

pub fn attributes(span: &Span) -> Map<String, Value> {
    let mut map = Map::new();
    for pair in &span.attributes {
        let value = pair.value.clone().and_then(|value| value.value).unwrap();
        let before = map.insert(pair.key.clone(), plain(value));
        assert_eq!(before, None, "{} twice", pair.key);
    }
    map
}

fn plain(value: Any) -> Value {
    match value {
        Any::StringValue(text) => text.into(),
        Any::BoolValue(flag) => flag.into(),
        Any::IntValue(number) => number.into(),
        Any::DoubleValue(number) => number.into(),
        Any::ArrayValue(list) => list.values.into_iter().filter_map(|value| value.value).map(plain).collect(),
        other => panic!("{other:?}"),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is true of the spans of every call.
pub fn check_laws(spans: &[Span], outer: Option<&str>) {
    let ids: Vec<_> = spans.iter().map(|span| span.span_id.clone()).collect();
    let roots: Vec<_> = spans.iter().filter(|span| !ids.contains(&span.parent_span_id)).collect();
    assert_eq!(roots.len(), 1, "one root");
    assert_eq!(hex(&roots[0].parent_span_id), outer.unwrap_or_default());
    for (place, span) in spans.iter().enumerate() {
        assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
        assert!(span.trace_id.iter().any(|byte| *byte != 0) && span.span_id.iter().any(|byte| *byte != 0));
        assert_eq!(span.trace_id, spans[0].trace_id);
        assert!(!ids[..place].contains(&span.span_id), "an id twice");
        let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
        assert!(start <= end && roots[0].start_time_unix_nano <= start && end <= roots[0].end_time_unix_nano);
        assert!(!span.name.is_empty() && span.kind != 0);
        attributes(span);
    }
}

/// Members of an object that are there, for comparison with what is expected.
pub fn of<const N: usize>(map: &Map<String, Value>, names: [&str; N]) -> Value {
    names.into_iter().map(|name| map.get(name).cloned().unwrap_or(json!(null))).collect()
}
