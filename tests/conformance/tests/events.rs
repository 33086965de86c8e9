//! What an event listener hears through the C ABI: each outcome of `tests/bindings/events.json` by each way into the library.

mod common;

use std::time::{Duration, Instant};

use common::{World, request, world};
use fakeprovider::Script;
use fakeprovider::abi::{Export, Failure, Router, Stream};
use serde_json::{Value, json};

const CHAT: &str = "/chat/completions";

/// A function of the header.
#[derive(Clone, Copy, Debug)]
struct Way<'a> {
    export: Export<'a>,
    by_callback: bool,
}

/// How a call ended, as its caller sees it.
enum Seen {
    Answer(Value),
    /// Its error; with the metadata where it is a stream that broke.
    Error(Value, Option<Value>),
    /// Nobody asked.
    Nothing,
}

fn table() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../bindings/events.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What must be there is there; more may be.
fn fits(is: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Object(members) => members.iter().all(|(name, value)| fits(&is[name], value)),
        Value::Array(items) => is
            .as_array()
            .is_some_and(|own| own.len() == items.len() && own.iter().zip(items).all(|(is, wanted)| fits(is, wanted))),
        Value::Number(wanted) => near(is.as_f64(), wanted.as_f64()),
        wanted => is == wanted,
    }
}

/// Sums may end in another digit.
fn near(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-9 * other.abs(),
        (one, other) => one == other,
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Way<'_> {
    fn whole(self, router: &Router, asked: &str) -> Seen {
        let outcome = match self.by_callback {
            true => router.start(self.export, asked).and_then(|call| call.wait()),
            false => router.call(self.export, asked),
        };
        outcome.map_or_else(error, |answer| Seen::Answer(answer.metadata))
    }

    fn stream(self, router: &Router, asked: &str, read: Option<u64>) -> Seen {
        let stream = match router.call_stream(self.export, asked, self.by_callback) {
            Ok(stream) => stream,
            Err(failure) => return error(failure),
        };
        let end = match (read, self.by_callback) {
            (Some(chunks), _) => return left(&stream, chunks),
            (None, true) => stream.rest_in_batches(3).1,
            (None, false) => stream.rest().1,
        };
        let metadata = stream.metadata();
        match end {
            Ok(()) => Seen::Answer(metadata),
            Err(failure) => Seen::Error(failure.json, Some(metadata)),
        }
    }
}

fn error(failure: impl AsRef<Failure>) -> Seen {
    Seen::Error(failure.as_ref().json.clone(), None)
}

/// Reads so many chunks and cancels.
fn left(stream: &Stream, chunks: u64) -> Seen {
    for _ in 0..chunks {
        stream.next_text().unwrap();
    }
    stream.cancel();
    while let Ok(Some(_)) = stream.next_text() {}
    let failure = stream.next_text().unwrap_err();
    Seen::Error(failure.json, Some(stream.metadata()))
}

fn ways<'a>(case: &'a Value) -> Vec<Way<'a>> {
    let path = case["path"].as_str().unwrap_or(CHAT);
    let own = if path == CHAT { Export::Completion } else { Export::Embedding };
    let ended_by_us = case["cancel"] == true || case["close"] == true;
    let all = [(own, false), (own, true), (Export::Request(path), false), (Export::Request(path), true)];
    // Only what was started by a callback has a number.
    let all = all.into_iter().filter(|(_, by_callback)| *by_callback || !ended_by_us);
    all.map(|(export, by_callback)| Way { export, by_callback }).collect()
}

/// One case by one way: what its caller saw, and what was heard.
fn run(case: &Value, config: &str, world: &World, way: Way) -> (Seen, Vec<(i32, Value)>) {
    let script = if case["script"].is_object() { case["script"].clone() } else { json!({}) };
    world.provider.set_script(&Script::from_json(script).unwrap()).unwrap();
    world.provider.clear();
    let router = Router::from_yaml(&config.replace("{{provider}}", &world.provider.base_url())).unwrap();
    let heard = router.listen();
    let asked = case["request"].to_string();
    for _ in 0..case["warm_up"].as_u64().unwrap_or_default() {
        way.whole(&router, &asked);
    }
    let seen = if case["cancel"] == true || case["close"] == true {
        let call = router.start(way.export, &asked).unwrap();
        until("the provider has it", || world.provider.stats().in_flight == 1);
        if case["cancel"] == true {
            router.cancel(&call);
        } else {
            drop(router);
            return (error(call.wait().unwrap_err()), heard.all());
        }
        error(call.wait().unwrap_err())
    } else if case["stream"] == true {
        way.stream(&router, &asked, case["read"].as_u64())
    } else {
        way.whole(&router, &asked)
    };
    assert!(router.shutdown(5000));
    let all = heard.all();
    drop(router);
    assert_eq!(heard.all().len(), all.len(), "all was heard before the router had shut down");
    (seen, all)
}

/// Times are to the microsecond, each rounded by itself.
fn check_times(event: &Value) {
    let phases = event["phases"].as_object().unwrap();
    let total = phases["total_ms"].as_f64().unwrap();
    let sum = phases.values().filter_map(Value::as_f64).sum::<f64>() - total;
    assert!((sum - total).abs() < 1.0, "{phases:?}");
    let seconds = |name: &str| event[name].as_f64().unwrap();
    let first = event["ttft_ms"].as_f64().unwrap_or(total);
    assert!((seconds("response_time") * 1e3 - first).abs() < 0.01, "{event}");
    assert!(((seconds("endTime") - seconds("startTime")) * 1e3 - total).abs() < 1.0, "{event}");
    assert!((seconds("startTime")..=seconds("endTime") + 1e-3).contains(&seconds("completionStartTime")), "{event}");
}

/// The attempts' own events are those that the call tells of.
fn check_attempts(attempts: &[Value], call: &Value) {
    let told = call["attempts"].as_array().unwrap().iter();
    let told: Vec<_> = told.filter(|one| !one["deployment"].is_null() && one["skipped"].is_null()).collect();
    assert_eq!((told.len(), call["attempt"].as_u64()), (attempts.len(), Some(attempts.len() as u64)));
    for (number, (event, told)) in attempts.iter().zip(&told).enumerate() {
        assert_eq!(event["attempt"], number + 1);
        assert_eq!(&&event["attempts"][0], told);
        assert_eq!((&event["deployment"], &event["model_group"]), (&told["deployment"], &told["model_group"]));
        assert_eq!(event["error_information"].get("error_class").unwrap_or(&Value::Null), &told["error"]);
        assert_eq!(event["phases"]["total_ms"], told["ms"]);
    }
    for name in ["trace_id", "litellm_call_id", "session_id", "call_id", "request_tags", "end_user", "stream"] {
        assert!(attempts.iter().all(|event| event[name] == call[name]), "{name}");
    }
    if call["cache_hit"] != true {
        let sum: f64 = attempts.iter().filter_map(|event| event["response_cost"].as_f64()).sum();
        assert!(near(Some(sum), call["response_cost"].as_f64()), "{sum} is not {}", call["response_cost"]);
    }
}

fn check_call(call: &Value, seen: &Seen) {
    let (metadata, failure) = match seen {
        Seen::Answer(metadata) => (Some(metadata), None),
        Seen::Error(error, metadata) => (metadata.as_ref(), Some(error)),
        Seen::Nothing => (None, None),
    };
    if let Some(error) = failure {
        assert_eq!(call["error_information"]["error_class"], error["type"]);
        assert_eq!(call["error_information"]["error_message"], error["message"]);
        if metadata.is_none() && error["type"] != "CancelledError" && error["type"] != "ShutDownError" {
            assert_eq!(call["attempts"], error["attempts"]);
        }
    }
    let Some(metadata) = metadata else { return };
    for (own, theirs) in [
        ("call_id", "call_id"),
        ("deployment", "deployment"),
        ("model_group", "model_group"),
        ("custom_llm_provider", "provider"),
        ("api_base", "api_base"),
        ("attempts", "attempts"),
        ("fallbacks", "fallbacks"),
        ("cache_hit", "cache_hit"),
        ("overhead_ms", "overhead_ms"),
        ("ttft_ms", "ttft_ms"),
        ("dropped_params", "dropped_params"),
    ] {
        let theirs = metadata.get(theirs).unwrap_or(&Value::Null);
        // A kept answer was sent to nobody.
        assert!(
            &call[own] == theirs || (own == "api_base" && call["cache_hit"] == true),
            "{own}: {} {theirs}",
            call[own]
        );
    }
    let model = format!(
        "{}/{}",
        metadata["provider"].as_str().unwrap_or_default(),
        metadata["model"].as_str().unwrap_or_default()
    );
    assert!(call["model"] == model || metadata["model"].is_null(), "{model}: {}", call["model"]);
    assert_eq!(call["phases"]["total_ms"], metadata["latency_ms"]);
    assert_eq!(call["hidden_params"]["additional_headers"], metadata["headers"]);
    assert!(near(call["response_cost"].as_f64(), metadata["cost"].as_f64()), "{call} {metadata}");
    assert_eq!(call["usage_estimated"] == true, metadata["usage_estimated"] == true);
    for name in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        let used = metadata["usage"][name].as_u64().unwrap_or_default();
        assert_eq!(call[name].as_u64(), Some(used), "{name}: {call} {metadata}");
    }
}

#[test]
fn each_outcome_is_heard_once_by_every_way() {
    let (table, world) = (table(), world(json!({})));
    let config = table["config"].as_str().unwrap();
    let mut members = None;
    for case in table["cases"].as_array().unwrap() {
        for way in ways(case) {
            let what = format!("{} by {way:?}", case["name"]);
            println!("{what}");
            let (seen, heard) = run(case, config, &world, way);
            let wanted = case["events"].as_array().unwrap();
            let told: Vec<String> = heard.iter().map(|(_, event)| event.to_string()).collect();
            assert_eq!(heard.len(), wanted.len(), "{what}:\n{}", told.join("\n"));
            for ((level, event), wanted) in heard.iter().zip(wanted) {
                assert!(fits(event, wanted), "{what}: {event}\nis not {wanted}");
                assert_eq!(
                    ["ERROR", "WARN", "INFO"].get(*level as usize - 1).map(|name| json!(name)),
                    Some(event["level"].clone())
                );
                let own: Vec<_> = event.as_object().unwrap().keys().cloned().collect();
                assert_eq!(members.get_or_insert_with(|| own.clone()), &own, "every event has every member");
                check_times(event);
            }
            // Of each call, what came before its end.
            let mut attempts = Vec::new();
            let calls = heard.iter().filter(|(_, event)| event["event"] == "call").count();
            let mut ended = 0;
            for (_, event) in heard {
                if event["event"] == "attempt" {
                    attempts.push(event);
                    continue;
                }
                check_attempts(&std::mem::take(&mut attempts), &event);
                ended += 1;
                check_call(&event, if ended == calls { &seen } else { &Seen::Nothing });
            }
            assert!(attempts.is_empty(), "{what}: a call ends behind its attempts");
        }
    }
}

#[test]
fn a_connection_costs_time_when_it_is_made_and_no_more() {
    let world = world(json!({}));
    let local = world.provider.base_url().replace("127.0.0.1", "localhost");
    let config = json!({"model_list": [{"model_name": "m", "litellm_params":
        {"model": "openai/x", "api_key": "sk-0123456789", "api_base": format!("{local}/east/v1")}}]});
    let router = Router::from_yaml(&config.to_string()).unwrap();
    let heard = router.listen();
    for _ in 0..3 {
        router.completion(&request(json!({}))).unwrap();
        router.stream(&request(json!({})), false).unwrap().rest().1.unwrap();
    }
    assert!(router.shutdown(5000));
    let attempts: Vec<Value> =
        heard.all().into_iter().map(|(_, event)| event).filter(|event| event["event"] == "attempt").collect();
    let phase = |event: &Value, name: &str| event["phases"][name].as_f64().unwrap();
    assert!(phase(&attempts[0], "resolve_ms") > 0.0 && phase(&attempts[0], "connect_ms") > 0.0, "{}", attempts[0]);
    for event in &attempts[1..] {
        assert_eq!((phase(event, "resolve_ms"), phase(event, "connect_ms")), (0.0, 0.0), "{event}");
        assert!(phase(event, "headers_ms") > 0.0);
    }
    assert_eq!(world.provider.stats().total_connections, 1);
}

/// Of embeddings that were kept in part only the rest was used and is paid for, though the answer tells of all.
#[test]
fn what_was_kept_in_part_costs_what_was_asked_anew() {
    let (table, world) = (table(), world(json!({})));
    let config = table["config"].as_str().unwrap().replace("{{provider}}", &world.provider.base_url());
    let router = Router::from_yaml(&config).unwrap();
    let asked = |input: &[&str]| json!({"model": "vectors", "input": input, "cache": {"use-cache": true}}).to_string();
    let heard = router.listen();
    router.embedding(&asked(&["one", "two"])).unwrap();
    let metadata = router.embedding(&asked(&["one", "two", "three"])).unwrap().metadata;
    assert!(router.shutdown(5000));
    let calls: Vec<Value> =
        heard.all().into_iter().map(|(_, event)| event).filter(|event| event["event"] == "call").collect();
    assert_eq!((&calls[1]["prompt_tokens"], &metadata["usage"]["prompt_tokens"]), (&json!(10), &json!(20)));
    assert_eq!((&calls[1]["response_cost"], &calls[1]["attempts"]), (&metadata["cost"], &metadata["attempts"]));
}

#[test]
fn a_refusal_is_known_by_its_headers() {
    let refused = json!({"status": 429, "headers": {"x-request-id": "rq1", "x-ratelimit-remaining-requests": "0", "server": "s"}});
    let world = world(json!({"paths": {"/east": [refused]}}));
    let router = world.router(&["east"], json!({}));
    let heard = router.listen();
    router.call(Export::Completion, &request(json!({}))).unwrap_err();
    until("both events", || heard.all().len() == 2);
    for (_, event) in heard.all() {
        let expected = json!({"x-request-id": "rq1", "x-ratelimit-remaining-requests": "0"});
        assert_eq!(event["hidden_params"]["additional_headers"], expected);
        assert_eq!(event["error_information"]["error_provider_request_id"], "rq1");
    }
}
