use super::*;
use proptest::prelude::*;
use serde_json::{Map, json};

/// A key of its own for each number.
pub fn key(number: u64) -> Key {
    Key(fingerprint([&number.to_le_bytes()[..]]))
}

const PLACE: Place<'static> =
    Place { namespace: None, tenant: None, group: "g", fingerprint: &[0; 32], restriction: "" };

fn of(verb: Verb, request: &Value) -> Key {
    of_request(&PLACE, &Request::parse_for(verb, &request.to_string()).unwrap())
}

fn chat(text: &str) -> Key {
    of_request(&PLACE, &Request::parse(text).unwrap())
}

/// LiteLLM's cacheable names, and some that nobody knows.
const NAMES: [&str; 113] = [
    "audio",
    "background",
    "best_of",
    "cache_control",
    "chunking_strategy",
    "compaction",
    "container",
    "context_management",
    "conversation",
    "dimensions",
    "documents",
    "echo",
    "encoding_format",
    "file",
    "frequency_penalty",
    "function_call",
    "functions",
    "include",
    "inference_geo",
    "input",
    "instruction",
    "instructions",
    "keywords",
    "known_speaker_names",
    "known_speaker_references",
    "language",
    "languages",
    "logit_bias",
    "logprobs",
    "max_chunks_per_doc",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "max_tokens_per_doc",
    "max_tokens_per_query",
    "max_tool_calls",
    "mcp_servers",
    "messages",
    "modalities",
    "moderation",
    "n",
    "output_config",
    "output_format",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "query",
    "rank_fields",
    "reasoning",
    "reasoning_effort",
    "response_format",
    "return_documents",
    "safeguards",
    "safety_identifier",
    "seed",
    "service_tier",
    "speed",
    "stop",
    "stop_sequences",
    "store",
    "suffix",
    "system",
    "temperature",
    "text",
    "thinking",
    "timestamp_granularities",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_n",
    "top_p",
    "truncate_prompt_tokens",
    "truncation",
    "truncation_strategy",
    "user",
    "verbosity",
    "web_search_options",
    // For the router, and still a word on the answer.
    "extra_body",
    "extra_headers",
    "headers",
    "drop_params",
    "additional_drop_params",
    "allowed_openai_params",
    "modify_params",
    "mock_response",
    "mock_error",
    "mock_delay",
    "mock_delay_ms",
    "mock_tool_calls",
    "mock_timeout",
    "mock_testing_fallbacks",
    "mock_testing_context_fallbacks",
    "mock_testing_content_policy_fallbacks",
    "mock_testing_rate_limit_error",
    "specific_deployment",
    "allowed_model_region",
    "enable_tag_filtering",
    "api_version",
    "organization",
    "custom_llm_provider",
    "region_name",
    "silent_model",
    "_router_weights",
    "a_parameter_of_tomorrow",
    "Temperature",
    "x",
    "stream_option",
];

/// A value that this member may have.
fn sample(name: &str, number: u64) -> Value {
    match name {
        "drop_params" | "modify_params" | "mock_timeout" | "specific_deployment" | "enable_tag_filtering" => {
            json!(number != 0)
        }
        _ if name.starts_with("mock_testing") => json!(number != 0),
        "additional_drop_params" | "allowed_openai_params" => json!([format!("p{number}")]),
        "extra_body" => json!({"inner": {"deep": number}}),
        "extra_headers" | "headers" => json!({"x-a": number.to_string()}),
        "mock_tool_calls" => json!([{"id": number}]),
        _ => json!(number),
    }
}

#[test]
fn every_member_is_a_part_of_it_unless_it_is_proven_inert() {
    for verb in [Verb::Chat, Verb::Embedding, Verb::Responses, Verb::Rerank, Verb::TextCompletion] {
        let with = |name: &str, value: Value| of(verb, &json!({"model": "m", name: value}));
        let without = of(verb, &json!({"model": "m"}));
        for name in NAMES {
            let (one, other) = (with(name, sample(name, 0)), with(name, sample(name, 1)));
            assert_ne!(one, other, "{name}");
            assert!(one != without && other != without, "{name}");
        }
        for name in INERT.iter().filter(|name| **name != "metadata") {
            let value = match *name {
                "model" => continue,
                "stream" | "caching" | "disable_fallbacks" => json!(true),
                "tags" => json!(["t"]),
                "fallbacks" => json!(["f"]),
                "context_window_fallbacks" | "content_policy_fallbacks" => json!([{"a": ["b"]}]),
                "cache" => json!({"ttl": 3}),
                "on_exhausted" => json!("wait"),
                "mid_stream_fallback" => json!("continue"),
                "retry_policy" | "model_group_retry_policy" | "litellm_metadata" | "proxy_server_request" => json!({}),
                _ => json!(1),
            };
            assert_eq!(with(name, value), without, "{name}");
        }
        let told = with("metadata", json!({"trace": "t"}));
        assert_eq!(told == without, verb != Verb::Responses, "a response's metadata comes back with it");
    }
}

#[test]
fn what_means_the_same_is_the_same() {
    let key = chat(r#"{"model":"m","messages":[{"role":"user","content":"h\u0069"}],"temperature":1}"#);
    for same in [
        r#"{"temperature":1.0,"messages":[{"content":"hi","role":"user"}],"model":"n"}"#,
        r#" { "model" : "m" , "temperature" : 1e0, "messages" : [ { "role" : "user" , "content" : "hi" } ] } "#,
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1,"seed":null,"stream":false}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1,"stream":true,"stream_options":{"include_usage":true},"timeout":3,"num_retries":1,"metadata":{"trace_id":"t"}}"#,
    ] {
        assert_eq!(chat(same), key, "{same}");
    }
    for other in [
        r#"{"model":"m","messages":[{"role":"user","content":"hi "}],"temperature":1}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hi","name":null}],"temperature":1}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1.1}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":"1"}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#,
    ] {
        assert_ne!(chat(other), key, "{other}");
    }
    let deep = format!(r#"{{"model":"m","messages":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    assert_eq!(chat(&deep), chat(&deep));
}

#[test]
fn the_place_is_a_part_of_it() {
    let request = Request::parse(r#"{"model":"m","messages":[]}"#).unwrap();
    let fingerprint = fingerprint([&b"x"[..]]);
    let places = [
        PLACE,
        Place { namespace: Some(""), ..PLACE },
        Place { namespace: Some("n"), ..PLACE },
        Place { tenant: Some("n"), ..PLACE },
        Place { tenant: Some(""), ..PLACE },
        Place { group: "gn", ..PLACE },
        Place { fingerprint: &fingerprint, ..PLACE },
        Place { restriction: "n", ..PLACE },
    ];
    let mut keys: Vec<_> = places.iter().map(|place| of_request(place, &request).hex()).collect();
    let embedding = Request::parse_for(Verb::Embedding, r#"{"model":"m","messages":[]}"#).unwrap();
    keys.push(of_request(&PLACE, &embedding).hex());
    assert!(keys.iter().all(|key| key.len() == 64));
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), places.len() + 1);
}

#[test]
fn an_input_has_the_same_key_in_every_list() {
    let keys = |input: &str, more: &str| {
        let text = format!(r#"{{"model":"m","input":{input}{more}}}"#);
        let request = Request::parse_for(Verb::Embedding, &text).unwrap();
        let of = of_inputs(&PLACE, &request);
        super::super::inputs(&request).unwrap().iter().map(|item| of(item)).collect::<Vec<_>>()
    };
    assert_eq!(keys(r#"["a","b"]"#, "")[1], keys(r#""b""#, "")[0]);
    assert_eq!(keys("[[1,2],[3]]", "")[0], keys("[1,2]", "")[0]);
    assert_ne!(keys(r#""b""#, "")[0], keys(r#""b""#, r#","dimensions":8"#)[0]);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c]{1,2}", inner), 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Replaces what stands at some path, which a number chooses.
fn changed(value: &mut Value, mut choice: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let place = choice % items.len();
            choice /= items.len();
            changed(&mut items[place], choice);
        }
        Value::Object(members) if !members.is_empty() => {
            let name = members.keys().nth(choice % members.len()).unwrap().clone();
            choice /= members.len();
            changed(members.get_mut(&name).unwrap(), choice);
        }
        other => *other = json!({"was": other.take()}),
    }
}

proptest! {
    #[test]
    fn a_change_at_any_path_is_another_key(name in prop::sample::select(&NAMES[..83]), own in value(), choice in any::<usize>()) {
        let mut other = own.clone();
        changed(&mut other, choice);
        let of = |value: &Value| of(Verb::Chat, &json!({"model": "m", name: value}));
        prop_assert_ne!(of(&own), of(&other));
    }

    #[test]
    fn values_that_differ_differ_in_canonical_form(one in value(), other in value()) {
        prop_assert_eq!(canonical(&one) == canonical(&other), one == other);
    }
}
