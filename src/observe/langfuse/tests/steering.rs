//! What requests say of their traces.

use serde_json::{Value, json};

use super::super::super::otlp::made::{attributes, check_laws, hex, of};
use super::super::super::otlp::{SpanId, TRUNCATED};
use super::*;

#[test]
fn the_metadata_names_the_trace() {
    let members = r#","user":"u","metadata":{"trace_id":"my-trace","trace_name":"checkout","session_id":"s","trace_user_id":"ann",
        "trace_version":"2","version":"1","trace_release":"r2","trace_metadata":{"plan":"pro","n":1},"tags":["a","b"],
        "trace_public":true,"generation_name":"summary","generation_id":"g","parent_observation_id":"00f067aa0ba902b7",
        "prompt":{"name":"p","version":3},"team":"blue","user_api_key_alias":"k","headers":{"authorization":"x"}}"#;
    let spans = traced(&config(), answered, members);
    check_laws(&spans, Some("00f067aa0ba902b7"));
    let span = &spans[0];
    assert_eq!(hex(&span.trace_id), "670c0f140bf357e6d99293ad6cf0d246", "as LiteLLM hashes it");
    assert_eq!((span.name.as_str(), span.span_id.clone()), ("summary", SpanId::of_name("g").unwrap().0.to_vec()));
    let made = attributes(span);
    assert_eq!(
        of(&made, ["langfuse.trace.name", "session.id", "user.id", "langfuse.version", "langfuse.release"]),
        json!(["checkout", "s", "ann", "2", "r2"])
    );
    assert_eq!(
        of(&made, ["langfuse.trace.tags", "langfuse.trace.public", "langfuse.trace.metadata.plan"]),
        json!([["a", "b"], true, "pro"])
    );
    assert_eq!(of(&made, ["langfuse.observation.prompt.name", "langfuse.observation.prompt.version"]), json!(["p", 3]));
    let own = "langfuse.observation.metadata.requester_metadata";
    assert_eq!(made[own], r#"{"team":"blue","user_api_key_alias":"k"}"#);
    let hidden = traced(
        &config(),
        |made| {
            made.hides_key_info();
            answered(made)
        },
        r#","metadata":{"team":"blue","user_api_key_alias":"k","debug_langfuse":true}"#,
    );
    let told = attributes(&hidden[0]);
    assert_eq!(told[own], r#"{"team":"blue"}"#);
    assert_eq!(hidden[0].name, "litellm-acompletion");
    assert!(!json!(told).to_string().contains("user_api_key"), "{told:?}");
    let by_header =
        r#","metadata":{"trace_name":"a","headers":{"langfuse_trace_name":"b","Langfuse_mask_input":"true"}}"#;
    let made = generation(&config(), by_header);
    assert_eq!(of(&made, ["langfuse.trace.name", "langfuse.observation.input"]), json!(["b", "redacted-by-litellm"]));
}

#[test]
fn a_trace_that_was_there_is_added_to_and_changed_where_that_is_asked() {
    let members = r#","metadata":{"existing_trace_id":"0af7651916cd43dd8448eb211c80319c","trace_name":"new","session_id":"s",
        "tags":["t"],"trace_metadata":{"a":1},"update_trace_keys":["trace_metadata","output"]}"#;
    let spans = traced(&config(), answered, members);
    assert_eq!(hex(&spans[0].trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert!(!spans[0].parent_span_id.is_empty(), "no second root, which would rename the trace");
    let made = attributes(&spans[0]);
    let names = ["langfuse.trace.name", "session.id", "langfuse.trace.tags", "langfuse.trace.metadata.a"];
    assert_eq!(of(&made, names), json!([null, null, null, null]));
    let may = LangfuseConfig { update_trace_keys: true, ..config() };
    let made = generation(&may, members);
    assert_eq!(of(&made, names), json!([null, null, null, "1"]));
    assert_eq!(made["langfuse.trace.output"], made["langfuse.observation.output"]);
    assert!(!made.contains_key("langfuse.trace.input"));
}

#[test]
fn content_is_hidden_where_that_is_asked() {
    let quiet = LangfuseConfig { message_logging: false, ..config() };
    let tools = r#","tools":[{"type":"function","function":{"name":"hush"}}]"#;
    let spans = traced(&quiet, answered, tools);
    let text = format!("{spans:?}");
    assert!(!text.contains("secret words") && !text.contains("hello") && !text.contains("hush"), "{text}");
    assert!(!Langfuse::new(&quiet).wants_content() && Langfuse::new(&config()).wants_content());
    let made = generation(&config(), tools);
    let input: Value = serde_json::from_str(made["langfuse.observation.input"].as_str().unwrap()).unwrap();
    assert_eq!(input["tools"][0]["function"]["name"], "hush");
    let made = generation(&config(), r#","metadata":{"mask_output":true}"#);
    assert_eq!(made["langfuse.observation.output"], "redacted-by-litellm");
    assert!(made["langfuse.observation.input"].as_str().unwrap().contains("secret words"));
    let long = format!(r#","tools":["{}"]"#, "x".repeat(2 * 1024 * 1024));
    assert_eq!(generation(&config(), &long)["langfuse.observation.input"], TRUNCATED);
}
