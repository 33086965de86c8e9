//! `mid_stream_fallback: continue`: whoever goes on says the rest of the answer, and nothing twice.

mod common;

use common::{World, chunk, ended, pieces, request, role, text, word, world};
use fakeprovider::abi::{Router, Stream};
use serde_json::{Value, json};

const BAD_REQUEST: i32 = 400;
const STREAM_TRUNCATED: i32 = 1003;

fn usage(prompt: u64, completion: u64) -> String {
    let usage = json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion});
    format!("data: {}\n\n", json!({"id": "c", "choices": [], "usage": usage}))
}

fn done() -> String {
    format!("{}data: [DONE]\n\n", chunk(json!({}), Some("stop")))
}

/// What breaks behind its second word.
fn broken(first: &str, second: &str) -> Value {
    pieces(&[(0, role()), (0, word(first)), (0, word(second))])
}

fn rest(words: &[&str]) -> Value {
    let words = words.iter().map(|text| (0, word(text)));
    pieces(&[(0, role())].into_iter().chain(words).chain([(0, usage(7, 3) + &done())]).collect::<Vec<_>>())
}

fn continuing() -> Value {
    json!({"llmrouter_settings": {"mid_stream_fallback": "continue"}})
}

/// A stream, and the router that it lives from.
struct Opened {
    stream: Stream,
    _router: Router,
}

impl Opened {
    fn rest(&self) -> (String, Option<i32>, Vec<Value>) {
        let (chunks, end) = self.stream.rest();
        (text(&chunks), ended(end), chunks)
    }
}

fn open(world: &World, names: &[&str], settings: Value, more: Value) -> Opened {
    let router = world.router(names, settings);
    let stream = router.stream(&request(more), false).unwrap_or_else(|error| panic!("{}", error.json));
    Opened { stream, _router: router }
}

/// The bodies of the requests to one path.
fn sent(world: &World, path: &str) -> Vec<Value> {
    let log = world.provider.log();
    log.iter().filter(|entry| entry.path.starts_with(path)).map(|entry| entry.body.clone()).collect()
}

#[test]
fn the_rest_comes_from_somebody_else() {
    let world = world(json!({"paths": {"/east": [broken("one ", "two")], "/west": [rest(&[" three", " four"])]}}));
    let open = open(&world, &["east", "west"], continuing(), json!({"max_tokens": 50}));
    let (said, end, chunks) = open.rest();
    assert_eq!((said.as_str(), end), ("one two three four", None));
    let roles = chunks.iter().filter(|chunk| chunk["choices"][0]["delta"].get("role").is_some()).count();
    assert_eq!(roles, 1, "the role is told once: {chunks:?}");
    let metadata = open.stream.metadata();
    let attempts = &metadata["attempts"];
    assert_eq!((&attempts[0]["deployment"], &attempts[1]["deployment"]), (&json!("east"), &json!("west")));
    assert!(attempts[0]["error"].is_string() && attempts[1]["error"].is_null(), "{attempts}");
    assert_eq!(metadata["usage_estimated"], true);
    assert!(metadata["usage"]["completion_tokens"].as_u64() > Some(3), "both parts count: {metadata}");
    let asked = &sent(&world, "/west")[0];
    let last = asked["messages"].as_array().unwrap();
    assert_eq!(last[last.len() - 1], json!({"role": "assistant", "content": "one two"}));
    assert_eq!((&last[last.len() - 2]["role"], last.len()), (&json!("system"), 3));
    assert!(asked["max_tokens"].as_u64() < Some(50));
}

#[test]
fn who_asked_for_the_usage_gets_that_of_all_parts() {
    let script = json!({"paths": {"/east": [broken("one ", "two")], "/west": [rest(&[" three"])]}});
    let asked = json!({"stream_options": {"include_usage": true}, "mid_stream_fallback": "continue"});
    let (_, end, chunks) = open(&world(script), &["east", "west"], json!({}), asked).rest();
    let told = chunks.iter().find(|chunk| chunk["usage"].is_object()).expect("a usage chunk");
    assert!(told["usage"]["completion_tokens"].as_u64() > Some(3) && end.is_none(), "{told}");
}

#[test]
fn each_part_is_charged_to_who_gave_it() {
    let world = world(json!({"paths": {"/east": [broken("one ", "two")], "/west": [rest(&[" three", " four"])]}}));
    let mut settings = continuing();
    settings["router_settings"] = json!({
        "default_litellm_params": {"input_cost_per_token": 0.0, "output_cost_per_token": 1.0},
        "provider_budget_config": {"openai": {"budget_limit": 1000, "time_period": "1d"}},
    });
    let open = open(&world, &["east", "west"], settings, json!({}));
    let (said, end, _) = open.rest();
    assert_eq!((said.as_str(), end), ("one two three four", None));
    let cost = open.stream.metadata()["cost"].as_f64().unwrap();
    let Opened { stream, _router: router } = open;
    drop(stream);
    let snapshot = router.snapshot();
    let spend = |place: usize| snapshot["groups"][0]["deployments"][place]["spend"].as_f64().unwrap();
    assert!(spend(0) > 0.0 && spend(1) > 0.0 && spend(0) + spend(1) == cost, "{} and {} of {cost}", spend(0), spend(1));
    assert_eq!(spend(1), 3.0, "what it told of itself");
    assert_eq!(snapshot["budgets"][0]["spent"].as_f64(), Some(cost));
}

#[test]
fn it_goes_on_more_than_once_and_over_groups_and_wires() {
    let script = json!({"paths": {"/east": [broken("one ", "two")], "/west": [broken(" three", " four")]}});
    let world = world(script);
    let (said, end, _) = open(&world, &["east", "west", "claude-x"], continuing(), json!({})).rest();
    assert_eq!((said.as_str(), end), ("one two three fourhello from claude-x", None));
    let prefill = sent(&world, "/claude-x")[0]["messages"].as_array().unwrap().last().cloned().unwrap();
    let prefilled = prefill["content"].as_str().map_or_else(|| prefill["content"][0]["text"].clone(), Value::from);
    assert_eq!((&prefill["role"], prefilled), (&json!("assistant"), json!("one two three four")));
}

#[test]
fn without_the_option_or_another_deployment_the_error_stands() {
    let script = || json!({"paths": {"/east": [broken("one ", "two")], "/west": [500]}});
    for (names, settings) in
        [(&["east", "west"][..], json!({})), (&["east"], continuing()), (&["east", "west"], continuing())]
    {
        let world = world(script());
        let open = open(&world, names, settings, json!({}));
        let (said, end, _) = open.rest();
        assert_eq!((said.as_str(), end), ("one two", Some(STREAM_TRUNCATED)));
        assert_eq!(sent(&world, "/east").len(), 1, "who broke is not asked again");
        assert_eq!(open.stream.next_text().unwrap_err().code, STREAM_TRUNCATED, "the end stays");
    }
}

#[test]
fn what_has_a_shape_is_never_gone_on_with() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let shapes = [
        json!({"tools": tools}),
        json!({"response_format": {"type": "json_object"}}),
        json!({"n": 2}),
        json!({"logprobs": true}),
    ];
    for shape in shapes {
        let world = world(json!({"paths": {"/east": [broken("one ", "two")]}}));
        let (said, end, _) = open(&world, &["east", "west"], continuing(), shape.clone()).rest();
        assert_eq!((said.as_str(), end), ("one two", Some(STREAM_TRUNCATED)), "{shape}");
        let mut asked = shape.clone();
        asked["mid_stream_fallback"] = "continue".into();
        let refused = world.router(&["east"], json!({})).stream(&request(asked), false).err().unwrap();
        assert_eq!((refused.code, &refused.json["param"]), (BAD_REQUEST, &json!("mid_stream_fallback")), "{shape}");
    }
    let plain = json!({"tools": [], "response_format": {"type": "text"}, "n": 1, "mid_stream_fallback": "continue"});
    let world = world(json!({"paths": {"/east": [broken("one ", "two")], "/west": [rest(&[" three"])]}}));
    assert_eq!(open(&world, &["east", "west"], json!({}), plain).rest().0, "one two three");
}

#[test]
fn an_answer_that_became_a_tool_call_is_not_gone_on_with() {
    let call =
        chunk(json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]}), None);
    let world = world(json!({"paths": {"/east": [pieces(&[(0, role()), (0, word("look")), (0, call)])]}}));
    let (_, end, _) = open(&world, &["east", "west"], continuing(), json!({})).rest();
    assert_eq!(end, Some(STREAM_TRUNCATED));
    assert!(sent(&world, "/west").is_empty());
}
