//! Observations of calls that are made by hand.

mod cost;
mod steering;

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::otlp::made::{Made, attributes, body, check_laws, hex, of, spans, stream};
use super::*;
use crate::chat::Verb;
use crate::error::{Error, ErrorKind};

fn config() -> LangfuseConfig {
    LangfuseConfig {
        host: "https://langfuse.test".to_owned(),
        public_key: "pk".to_owned(),
        secret_key: Secret::new("sk"),
        environment: Some("staging".to_owned()),
        release: Some("r1".to_owned()),
        sample_rate: 1.0,
        flush_at: 10,
        flush_interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        message_logging: true,
        default_tags: Vec::new(),
        update_trace_keys: false,
    }
}

fn request(members: &str) -> String {
    format!(r#"{{"model":"smart","messages":[{{"role":"user","content":"secret words"}}],"temperature":0.5{members}}}"#)
}

fn traced(config: &LangfuseConfig, made: impl FnOnce(&mut Made) -> Arc<Event>, members: &str) -> Vec<Span> {
    let mut call = Made::new(&request(members));
    let event = made(&mut call);
    spans(&Langfuse::new(config), &event, &[(1, "east is overloaded".to_owned())])
}

fn answered(made: &mut Made) -> Arc<Event> {
    made.answers("east");
    made.succeeds()
}

/// The generation of a call that one attempt answered.
fn generation(config: &LangfuseConfig, members: &str) -> serde_json::Map<String, Value> {
    let spans = traced(config, answered, members);
    assert_eq!(spans.len(), 1);
    attributes(&spans[0])
}

#[test]
fn one_attempt_is_one_generation() {
    let spans = traced(&config(), answered, "");
    check_laws(&spans, None);
    let [span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((span.name.as_str(), span.status.clone()), ("litellm-acompletion", None));
    let mut made = attributes(span);
    let id = made.remove("langfuse.observation.metadata.litellm_call_id").unwrap();
    assert_eq!(hex(&span.trace_id), id.as_str().unwrap().replace('-', ""));
    let cost: Value =
        serde_json::from_str(made.remove("langfuse.observation.cost_details").unwrap().as_str().unwrap()).unwrap();
    assert!((cost["total"].as_f64().unwrap() - 1.32e-5).abs() < 1e-12, "{cost}");
    assert_eq!(made.remove("gen_ai.usage.cost"), Some(cost["total"].clone()));
    let facts = |name: &str| format!("langfuse.observation.metadata.{name}");
    assert_eq!(
        Value::Object(made),
        json!({
            "langfuse.observation.type": "generation",
            "langfuse.trace.name": "litellm-acompletion",
            "langfuse.release": "r1",
            "langfuse.environment": "staging",
            "langfuse.observation.model.name": "gpt-4o-mini",
            "langfuse.observation.model.parameters": r#"{"temperature":0.5}"#,
            "langfuse.observation.level": "DEFAULT",
            "langfuse.observation.input": r#"{"messages":[{"role":"user","content":"secret words"}]}"#,
            "langfuse.observation.output": r#"{"role":"assistant","content":"hello","tool_calls":null}"#,
            "langfuse.observation.usage_details":
                r#"{"input":6,"output":20,"total":30,"cache_creation_input_tokens":0,"cache_read_input_tokens":4}"#,
            "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 20, "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o-mini", "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18", "gen_ai.response.finish_reasons": ["stop"],
            facts("response_id"): "chatcmpl-1", facts("model_group"): "smart", facts("deployment"): "east",
            facts("api_base"): "http://east.test:8080/v1", facts("cache_hit"): false,
            facts("attempted_retries"): 0, facts("attempted_fallbacks"): 0, facts("litellm_overhead_time_ms"): 2.0,
        })
    );
}

#[test]
fn retries_and_fallbacks_are_spans_within_the_calls() {
    let spans = traced(
        &config(),
        |made| {
            made.fails("east");
            made.goes_to("cheap");
            made.fails("west");
            made.answers("north");
            made.succeeds()
        },
        "",
    );
    check_laws(&spans, None);
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["litellm-acompletion", "failed attempt", "failed attempt", "litellm-acompletion"]);
    let told: Vec<_> = spans.iter().map(attributes).collect();
    let kinds: Vec<_> = told.iter().map(|span| span["langfuse.observation.type"].clone()).collect();
    assert_eq!(kinds, ["span", "span", "span", "generation"]);
    let words = ["langfuse.observation.level", "langfuse.observation.status_message"];
    assert_eq!(of(&told[1], words), json!(["WARNING", "east is overloaded"]));
    assert_eq!(of(&told[2], words), json!(["WARNING", "ServiceUnavailableError"]));
    let facts = ["deployment", "model_group", "status", "attempt"];
    let facts = facts.map(|name| format!("langfuse.observation.metadata.{name}"));
    assert_eq!(of(&told[2], facts.each_ref().map(String::as_str)), json!(["west", "cheap", "503", "2"]));
    assert_eq!(told[0]["langfuse.observation.metadata.fallback_chain"], r#"["smart","cheap"]"#);
    assert_eq!(told[0]["langfuse.observation.output"], told[3]["langfuse.observation.output"]);
    let costs = told.iter().filter(|span| span.contains_key("langfuse.observation.cost_details")).count();
    assert_eq!(costs, 1, "paid once");
}

#[test]
fn a_failed_call_is_a_generation_with_an_error() {
    let spans = traced(
        &config(),
        |made| {
            made.fails("east");
            made.breaks()
        },
        "",
    );
    check_laws(&spans, None);
    assert_eq!(spans.len(), 1);
    let made = attributes(&spans[0]);
    let names = ["langfuse.observation.level", "langfuse.observation.status_message", "langfuse.observation.output"];
    assert_eq!(of(&made, names), json!(["ERROR", "nobody is left", "nobody is left"]));
    assert!(!made.contains_key("langfuse.observation.cost_details"));
    assert_eq!(spans[0].status.as_ref().map(|status| status.code), Some(2));

    let gone = traced(
        &config(),
        |made| made.ends(None, Some(Error::new(ErrorKind::Cancelled, "the call was cancelled")), None),
        "",
    );
    let gone = attributes(&gone[0]);
    assert_eq!(gone["langfuse.observation.level"], "WARNING");
    assert_eq!(gone["langfuse.observation.model.name"], "smart");
}

#[test]
fn what_was_kept_is_free() {
    let config = LangfuseConfig {
        default_tags: ["cache_hit", "cache_key", "team", "is_it", "nothing"].map(str::to_owned).to_vec(),
        ..config()
    };
    let members = r#","metadata":{"team":"blue","is_it":true}"#;
    let spans = traced(&config, Made::is_kept, members);
    check_laws(&spans, None);
    let made = attributes(&spans[0]);
    let facts = ["cache_hit", "cache_key", "deployment"].map(|name| format!("langfuse.observation.metadata.{name}"));
    assert_eq!(of(&made, facts.each_ref().map(String::as_str)), json!([true, "abc", "east"]));
    assert_eq!(made["langfuse.observation.cost_details"], r#"{"total":0}"#);
    assert_eq!(made["langfuse.trace.tags"], json!(["cache_hit:True", "cache_key:abc", "team:blue", "is_it:True"]));
    let missed = generation(&config, "");
    assert_eq!(missed["langfuse.trace.tags"], json!(["cache_hit:False", "cache_key:None"]));
    let both = traced(
        &config,
        |made| {
            made.fails("east");
            made.is_kept()
        },
        "",
    );
    check_laws(&both, None);
    assert_eq!(both.len(), 3);
}

#[test]
fn other_verbs_show_what_they_answered() {
    let output = |verb: Verb, members: &str, answer: &str| {
        let mut made = Made::of(verb, &format!(r#"{{"model":"smart",{members}}}"#), false);
        made.answers("east");
        let event = made.ends(None, None, Some(body(verb, answer)));
        let made = attributes(&spans(&Langfuse::new(&config()), &event, &[])[0]);
        of(&made, ["langfuse.observation.type", "langfuse.observation.input", "langfuse.observation.output"])
    };
    let input = r#"{"messages":"a"}"#;
    assert_eq!(
        output(Verb::Embedding, r#""input":"a""#, r#"{"data":[{"embedding":[0.5]}]}"#),
        json!(["embedding", input, null])
    );
    assert_eq!(
        output(Verb::TextCompletion, r#""prompt":"a""#, r#"{"choices":[{"text":"b\n"}]}"#),
        json!(["generation", input, "b\n"])
    );
    assert_eq!(
        output(Verb::Responses, r#""input":"a""#, r#"{"status":"completed","output":[{"type":"message"}]}"#),
        json!(["generation", input, r#"[{"type":"message"}]"#])
    );
    assert_eq!(
        output(Verb::Rerank, r#""query":"a","documents":["d"]"#, r#"{"results":[{"index":0}]}"#),
        json!(["generation", input, r#"[{"index":0}]"#])
    );
}

#[test]
fn a_stream_tells_its_first_token_and_what_was_heard() {
    let mut made = Made::of(Verb::Chat, &request(""), true);
    made.answers("east");
    let heard = json!({"id": "x", "choices": [{"finish_reason": "length", "message": {"content": "hel"}}]});
    let event = made.ends(None, None, Some(stream(Some(heard))));
    let spans = spans(&Langfuse::new(&config()), &event, &[]);
    let made = attributes(&spans[0]);
    let first = made["langfuse.observation.completion_start_time"].as_str().unwrap().to_owned();
    let expected = moment::iso(spans[0].start_time_unix_nano + 11_000_000);
    assert_eq!(first, format!("\"{expected}\""), "JSON, as Langfuse's own client writes it");
    assert_eq!(
        of(&made, ["langfuse.observation.output", "gen_ai.response.finish_reasons", "gen_ai.response.id"]),
        json!([r#"{"content":"hel"}"#, ["length"], "x"])
    );
}

#[test]
fn a_price_that_is_not_known_is_not_told() {
    let mut made = Made::of(Verb::Moderation, r#"{"model":"smart","input":"a"}"#, false);
    made.answers("east");
    let event = made.ends(None, None, Some(body(Verb::Moderation, r#"{"results":[{"flagged":false}]}"#)));
    assert_eq!(event.cost(), None);
    let made = attributes(&spans(&Langfuse::new(&config()), &event, &[])[0]);
    assert!(!made.contains_key("langfuse.observation.cost_details") && !made.contains_key("gen_ai.usage.cost"));
}

/// `int.from_bytes(hashlib.sha256(bytes.fromhex(trace)).digest()[:8], "big") / 2**64` is 0.1375 of this one.
#[test]
fn traces_are_sampled_whole_and_as_litellm_does() {
    let of = |rate| {
        let named = |id: u128| is_sampled(TraceId(id.to_be_bytes()), rate);
        (0..1000).filter(|id| named(*id)).count()
    };
    assert_eq!((of(0.0), of(1.0)), (0, 1000));
    assert!((200..300).contains(&of(0.25)), "{}", of(0.25));
    let trace = TraceId::read("0af7651916cd43dd8448eb211c80319c").unwrap();
    assert!(is_sampled(trace, 0.138) && !is_sampled(trace, 0.137));
    let none = LangfuseConfig { sample_rate: 0.0, ..config() };
    assert!(traced(&none, answered, "").is_empty());
}

#[test]
fn credentials_are_in_the_headers_alone() {
    let headers = headers(&config());
    assert_eq!(headers[0].1.expose(), "Basic cGs6c2s=");
    let source = format!("{headers:?}");
    assert!(!source.contains("cGs6c2s") && !source.contains("sk"), "{source}");
}

proptest! {
    #[test]
    fn whatever_happened_is_one_trace_with_one_generation(steps in vec(any::<u8>(), 0..8), end in 0_u8..8) {
        let (_, event) = Made::whatever(&steps, end);
        let spans = spans(&Langfuse::new(&config()), &event, &[]);
        check_laws(&spans, None);
        let told: Vec<_> = spans.iter().map(attributes).collect();
        let with = |name: &str, value: Option<&str>| {
            told.iter().filter(|span| span.get(name).is_some_and(|is| value.is_none_or(|value| is == value))).count()
        };
        prop_assert_eq!(with("langfuse.observation.type", Some("generation")), 1);
        prop_assert!(with("langfuse.observation.cost_details", None) <= 1);
        prop_assert_eq!(with("langfuse.trace.name", Some("litellm-acompletion")), spans.len());
    }
}
