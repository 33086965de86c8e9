//! Spans of calls that are made by hand, and laws that hold for all of them.

mod sink;

use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::made::{Made, attributes, body, check_laws, hex, of, spans, stream};
use super::*;
use crate::chat::Verb;

const ASKED: &str = r#"{"model":"smart","messages":[{"role":"user","content":"secret words"}],"temperature":0.5,"max_tokens":9,
    "stop":"x","seed":7,"n":2,"metadata":{"session_id":"s1","tags":["a"]},"user":"ann"}"#;
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn otel(event: &crate::observe::event::Event) -> Vec<Span> {
    spans(&Otel::new(false), event, &[])
}

#[test]
fn a_call_is_a_span_and_its_attempt_another() {
    let mut made = Made::new(ASKED);
    made.answers("east");
    let event = made.succeeds();
    let spans = otel(&event);
    check_laws(&spans, None);
    let [attempt, call] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((attempt.name.as_str(), attempt.kind), ("chat gpt-4o-mini", 3));
    assert_eq!((call.name.as_str(), call.kind), ("chat smart", 1));
    assert_eq!((attempt.status.clone(), call.status.clone()), (None, None));
    assert_eq!(hex(&call.trace_id), event.call.origin().call_id.replace('-', ""));
    assert_eq!((attempt.flags, call.flags), (0x101, 0x101));
    assert_eq!(attempt.end_time_unix_nano - attempt.start_time_unix_nano, 10_000_000);
    assert_eq!(attempt.start_time_unix_nano - call.start_time_unix_nano, 5_000_000);
    let mut asked = attributes(attempt);
    // Dollars are compared as numbers, not as texts.
    let cost = asked.remove("llmrouter.cost").and_then(|cost| cost.as_f64()).unwrap();
    assert!((cost - 1.32e-5).abs() < 1e-12, "{cost}");
    assert_eq!(
        Value::Object(asked),
        json!({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o-mini", "gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 9,
            "gen_ai.request.stop_sequences": ["x"], "gen_ai.request.seed": 7, "gen_ai.request.choice.count": 2,
            "gen_ai.conversation.id": "s1", "server.address": "east.test", "server.port": 8080,
            "http.response.status_code": 200, "llmrouter.deployment": "east", "llmrouter.model_group": "smart",
            "llmrouter.attempt": 1, "llmrouter.resolve_ms": 0.0, "llmrouter.connect_ms": 0.0,
            "llmrouter.headers_ms": 4.0, "llmrouter.first_content_ms": 2.0, "llmrouter.stream_ms": 4.0,
            "gen_ai.response.id": "chatcmpl-1", "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.response.finish_reasons": ["stop"], "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 20, "gen_ai.usage.cache_read.input_tokens": 4,
        })
    );
    let whole = attributes(call);
    assert_eq!(
        of(&whole, ["gen_ai.request.model", "user.id", "llmrouter.attempts", "llmrouter.fallbacks"]),
        json!(["smart", "ann", 1, 0])
    );
    assert_eq!(
        of(&whole, ["llmrouter.cache_hit", "llmrouter.tags", "llmrouter.overhead_ms"]),
        json!([false, ["a"], 2.0])
    );
    assert_eq!(whole["llmrouter.call.cost"].as_f64(), Some(cost));
    assert!(!whole.contains_key("gen_ai.usage.input_tokens"), "sums over spans count it once");
    assert!(!format!("{spans:?}").contains("secret words"));
}

#[test]
fn attempts_that_failed_have_their_own_spans_and_words() {
    let mut made = Made::new(ASKED);
    made.skips("cold");
    made.fails("east");
    made.goes_to("cheap");
    made.fails("west");
    made.answers("north");
    let event = made.succeeds();
    let noted = [(1, "east is overloaded".to_owned())];
    let spans = spans(&Otel::new(false), &event, &noted);
    check_laws(&spans, None);
    assert_eq!(spans.len(), 4);
    let status = |span: &Span| span.status.clone().map(|status| (status.code, status.message));
    assert_eq!(status(&spans[0]), Some((2, "east is overloaded".to_owned())));
    assert_eq!(status(&spans[1]), Some((2, "ServiceUnavailableError".to_owned())), "at least the class");
    assert_eq!((status(&spans[2]), status(&spans[3])), (None, None));
    let second = attributes(&spans[1]);
    assert_eq!(
        of(&second, ["error.type", "llmrouter.attempt", "llmrouter.model_group", "http.response.status_code"]),
        json!(["ServiceUnavailableError", 2, "cheap", 503])
    );
    assert!(!second.contains_key("gen_ai.response.id") && !second.contains_key("llmrouter.cost"));
    let call = attributes(&spans[3]);
    assert_eq!(
        of(&call, ["llmrouter.model_group", "llmrouter.deployment", "llmrouter.fallbacks", "llmrouter.attempts"]),
        json!(["cheap", "north", 1, 3])
    );
    let sum: f64 = spans.iter().filter_map(|span| attributes(span).get("llmrouter.cost")?.as_f64()).sum();
    assert_eq!(Some(sum), call["llmrouter.call.cost"].as_f64());
    let passed: Vec<_> = spans[3].events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(passed, ["llmrouter.passed_over"]);
}

#[test]
fn a_failed_call_says_why() {
    let mut made = Made::new(ASKED);
    made.fails("east");
    let spans = otel(&made.breaks());
    check_laws(&spans, None);
    let call = spans.last().unwrap();
    assert_eq!(call.status.clone().map(|status| status.message).as_deref(), Some("nobody is left"));
    assert_eq!(attributes(call)["error.type"], "ServiceUnavailableError");

    let nobody = otel(&Made::new(ASKED).breaks());
    check_laws(&nobody, None);
    assert_eq!(nobody.len(), 1);
}

#[test]
fn what_was_kept_is_nobodys_answer() {
    let mut made = Made::new(ASKED);
    made.fails("east");
    let spans = otel(&made.is_kept());
    check_laws(&spans, None);
    let (attempt, call) = (attributes(&spans[0]), attributes(&spans[1]));
    assert!(!attempt.contains_key("gen_ai.response.id"));
    assert_eq!(
        of(&call, ["llmrouter.cache_hit", "llmrouter.cache_key", "llmrouter.call.cost", "gen_ai.response.id"]),
        json!([true, "abc", 0.0, "chatcmpl-1"])
    );
}

#[test]
fn the_callers_span_is_the_parent() {
    let request = |metadata: &str| format!(r#"{{"model":"smart","messages":[],"metadata":{metadata}}}"#);
    let traced = |metadata: &str| {
        let mut made = Made::new(&request(metadata));
        made.answers("east");
        otel(&made.succeeds())
    };
    let within = traced(&format!(r#"{{"traceparent":"{TRACEPARENT}","tracestate":"a=1"}}"#));
    check_laws(&within, Some("b7ad6b7169203331"));
    assert_eq!(hex(&within[0].trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert!(within.iter().all(|span| span.trace_state == "a=1"));
    assert_eq!((within[0].flags, within[1].flags), (0x101, 0x301), "the caller's span is elsewhere");
    let header = traced(&format!(r#"{{"headers":{{"traceparent":"{TRACEPARENT}"}}}}"#));
    check_laws(&header, Some("b7ad6b7169203331"));
    assert!(traced(&format!(r#"{{"traceparent":"{}"}}"#, TRACEPARENT.replace("-01", "-00"))).is_empty());
    let named = traced(r#"{"trace_id":"0af76519-16cd-43dd-8448-eb211c80319c"}"#);
    check_laws(&named, None);
    assert_eq!(hex(&named[0].trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&traced(r#"{"trace_id":"mine"}"#)[0].trace_id), "123456789abc4ef08fedcba987654321");
}

#[test]
fn content_stands_at_the_attempt_that_answered() {
    let mut made = Made::new(ASKED);
    made.fails("east");
    made.answers("west");
    let event = made.succeeds();
    let spans = spans(&Otel::new(true), &event, &[]);
    let with: Vec<_> = spans.iter().map(|span| attributes(span).contains_key("gen_ai.input.messages")).collect();
    assert_eq!(with, [false, true, false]);
    let answer = attributes(&spans[1]);
    assert!(answer["gen_ai.input.messages"].as_str().unwrap().contains("secret words"));
    assert_eq!(
        answer["gen_ai.output.messages"],
        r#"[{"role":"assistant","parts":[{"type":"text","content":"hello"}],"finish_reason":"stop"}]"#
    );
    let kept = Made::new(ASKED).is_kept();
    assert!(attributes(&super::made::spans(&Otel::new(true), &kept, &[])[0]).contains_key("gen_ai.output.messages"));
}

#[test]
fn a_stream_tells_its_first_chunk() {
    let mut made = Made::of(Verb::Chat, ASKED, true);
    made.answers("east");
    let spans = otel(&made.ends(None, None, Some(stream(None))));
    let (attempt, call) = (attributes(&spans[0]), attributes(&spans[1]));
    let names = ["gen_ai.request.stream", "gen_ai.response.time_to_first_chunk", "gen_ai.response.id"];
    assert_eq!(of(&attempt, names), json!([true, 0.006, "chatcmpl-2"]));
    assert_eq!(call["llmrouter.ttft_ms"], 11.0);
}

#[test]
fn every_verb_has_an_operation() {
    let request = r#"{"model":"smart","input":"a","encoding_format":"float","dimensions":3}"#;
    let mut made = Made::of(Verb::Embedding, request, false);
    made.answers("east");
    let told = body(Verb::Embedding, r#"{"model":"e","data":[{"embedding":[0.5]}],"usage":{"prompt_tokens":8}}"#);
    let spans = otel(&made.ends(None, None, Some(told)));
    let attempt = attributes(&spans[0]);
    let names = ["gen_ai.operation.name", "gen_ai.request.encoding_formats", "gen_ai.embeddings.dimension.count"];
    assert_eq!(of(&attempt, names), json!(["embeddings", ["float"], 3]));
    assert_eq!(of(&attempt, ["gen_ai.response.model", "gen_ai.usage.input_tokens"]), json!(["e", 8]));
    assert!(Verb::ALL.iter().all(|verb| !operation(*verb).is_empty()));
}

proptest! {
    #[test]
    fn whatever_happened_is_one_whole_trace(steps in vec(any::<u8>(), 0..8), end in 0_u8..8) {
        let (made, event) = Made::whatever(&steps, end);
        let spans = otel(&event);
        check_laws(&spans, None);
        let told: Vec<_> = spans.iter().map(attributes).collect();
        prop_assert_eq!(told.len(), made.records.iter().filter(|record| record.is_attempt()).count() + 1);
        let paid: f64 = told.iter().filter_map(|span| span.get("llmrouter.cost")?.as_f64()).sum();
        let whole: f64 = told.iter().filter_map(|span| span.get("llmrouter.call.cost")?.as_f64()).sum();
        prop_assert_eq!(paid, whole);
        let has_type = |span: &Span| attributes(span).contains_key("error.type");
        prop_assert!(spans.iter().all(|span| has_type(span) == span.status.is_some()));
    }
}
