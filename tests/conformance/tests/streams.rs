//! Streams through the C ABI: one clean stream for the caller whatever happens before the first content, and exactly one
//! end after it.

mod common;

use std::time::{Duration, Instant};

use common::{chunk, ended, pieces, request, role, text, word, world};
use fakeprovider::Script;
use fakeprovider::abi::Stream;
use serde_json::{Value, json};

const RATE_LIMIT: i32 = 429;
const TIMEOUT: i32 = 408;
const SHUT_DOWN: i32 = 4;
const CANCELLED: i32 = 3;
const API_CONNECTION: i32 = 1001;
const STREAM_TRUNCATED: i32 = 1003;

#[test]
fn every_wire_streams_in_every_form() {
    for name in ["east", "claude"] {
        for (opened, batches) in [(false, false), (false, true), (true, false), (true, true)] {
            let world = world(json!({}));
            let router = world.router(&[name], json!({}));
            let stream = router.stream(&request(json!({})), opened).unwrap();
            assert_eq!(stream.metadata()["deployment"], name, "known from the beginning");
            let (chunks, end) = if batches { stream.rest_in_batches(3) } else { stream.rest() };
            assert_eq!(ended(end), None, "{name}");
            assert_eq!(text(&chunks), format!("hello from {name}"));
            assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
            assert_eq!(
                chunks.last().unwrap()["choices"][0]["finish_reason"],
                "stop",
                "no usage chunk that nobody asked for"
            );
            let metadata = stream.metadata();
            assert_eq!(metadata["usage"]["total_tokens"], 30, "{metadata}");
            assert_eq!(metadata.get("usage_estimated"), None);
            assert_eq!(metadata["attempts"].as_array().unwrap().len(), 1);
            assert!(metadata["ttft_ms"].as_f64().unwrap() > 0.0 && metadata["latency_ms"].as_f64().unwrap() > 0.0);
            assert_eq!(ended(stream.next_text().map(|_| ())), None, "the end stays");
            let sent = &world.provider.log()[0].body;
            assert_eq!(sent["stream"], true);
        }
    }
}

#[test]
fn the_providers_time_is_not_the_routers() {
    let slow = pieces(&[
        (200, role()),
        (200, word("slow")),
        (200, chunk(json!({}), Some("stop"))),
        (0, "data: [DONE]\n\n".to_owned()),
    ]);
    let world = world(json!({"paths": {"/east": [slow]}}));
    let router = world.router(&["east"], json!({}));
    let stream = router.stream(&request(json!({})), false).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(ended(stream.rest().1), None);
    let metadata = stream.metadata();
    let ms = |name: &str| metadata[name].as_f64().unwrap();
    assert!(ms("latency_ms") >= 600.0 && ms("overhead_ms") < 190.0, "{metadata}");
}

#[test]
fn the_usage_is_shown_to_who_asks_for_it() {
    let world = world(json!({}));
    let router = world.router(&["east"], json!({}));
    let asked = json!({"stream_options": {"include_usage": true}, "stream": true});
    let (chunks, _) = router.stream(&request(asked), false).unwrap().rest();
    let last = chunks.last().unwrap();
    assert_eq!((last["usage"]["total_tokens"].as_u64(), last["choices"].as_array().unwrap().len()), (Some(30), 0));
}

#[test]
fn openais_chunks_are_the_providers_bytes() {
    let odd = "data: {\"id\":\"c\", \"choices\":[ {\"index\":0,\"delta\":{\"content\":\"caf\\u00e9\"},\"finish_reason\":\"stop\"} ],\"x\":1.50}\n\n";
    let world =
        world(json!({"paths": {"/east": [pieces(&[(0, odd.to_owned()), (0, "data: [DONE]\n\n".to_owned())])]}}));
    // A router that is freed ends its streams.
    let router = world.router(&["east"], json!({}));
    let stream = router.stream(&request(json!({})), false).unwrap();
    assert_eq!(stream.next_text().unwrap().unwrap(), odd.trim().trim_start_matches("data: "));
}

#[test]
fn whatever_fails_before_the_first_content_leaves_no_trace() {
    let in_band =
        "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":503}}\n\n".to_owned();
    let hang = |mut reply: Value| {
        reply["end"] = "hang".into();
        reply["framing"] = "close".into();
        reply
    };
    let pings: Vec<_> = (0..100).map(|_| (20, ": ping\n\n".to_owned())).collect();
    for (what, reply) in [
        ("a bad status", json!(500)),
        ("no headers", json!({"hang": true})),
        ("a reset", json!({"reset_before_headers": true})),
        ("an error as the first event", pieces(&[(0, in_band.clone())])),
        ("an error behind the role", pieces(&[(0, role()), (0, in_band)])),
        ("silence behind the role", hang(pieces(&[(0, role())]))),
        ("pings only", pieces(&pings)),
        ("an end behind the role", pieces(&[(0, role())])),
        ("no stream", json!({"json": {"choices": [{"message": {"content": "whole"}}]}})),
        ("no JSON", pieces(&[(0, "data: {]\n\n".to_owned())])),
    ] {
        let world = world(json!({"paths": {"/east": [reply]}}));
        let router = world.router(&["east", "west"], json!({"router_settings": {"stream_timeout": 0.3}}));
        let start = Instant::now();
        let stream = router.stream(&request(json!({})), false).unwrap_or_else(|error| panic!("{what}: {}", error.json));
        let (chunks, end) = stream.rest();
        assert_eq!((text(&chunks), ended(end)), ("hello from west".to_owned(), None), "{what}");
        let roles = chunks.iter().filter(|chunk| chunk["choices"][0]["delta"]["role"] == "assistant").count();
        assert_eq!(roles, 1, "{what}: one clean stream");
        let metadata = stream.metadata();
        assert_eq!(
            (metadata["attempts"].as_array().unwrap().len(), &metadata["deployment"]),
            (2, &json!("west")),
            "{what}"
        );
        assert!(start.elapsed() < Duration::from_secs(2), "{what}");
    }
}

#[test]
fn after_the_first_content_the_chunks_that_came_and_then_the_error() {
    let in_band = "data: {\"error\":{\"message\":\"Rate limit reached\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}\n\n";
    let begun = |last: (u64, String)| vec![(0, role()), (0, word("hello")), last];
    let with = |mut reply: Value, name: &str, value: Value| {
        reply[name] = value;
        reply
    };
    for (what, reply, code) in [
        ("a reset", with(pieces(&begun((0, word(" you")))), "cut_at", json!(-5)), API_CONNECTION),
        ("no terminator", pieces(&begun((0, word(" you")))), STREAM_TRUNCATED),
        ("an error inside", pieces(&begun((0, format!("{}{in_band}", word(" you"))))), RATE_LIMIT),
        ("a stall", with(pieces(&begun((0, word(" you")))), "end", json!("hang")), TIMEOUT),
        ("garbage", pieces(&begun((0, format!("{}data: {{]\n\n", word(" you"))))), 1002),
    ] {
        let reply = if what == "a stall" { with(reply, "framing", json!("close")) } else { reply };
        let world = world(json!({"paths": {"/east": [reply]}}));
        let settings = json!({"llmrouter_settings": {"idle_timeout": 0.3}});
        for batches in [false, true] {
            let router = world.router(&["east", "west"], settings.clone());
            let stream = router.stream(&request(json!({})), batches).unwrap();
            let (chunks, end) = if batches { stream.rest_in_batches(1) } else { stream.rest() };
            assert_eq!(text(&chunks), "hello you", "{what}");
            assert_eq!(ended(end), Some(code), "{what}");
            let metadata = stream.metadata();
            assert_eq!(metadata["attempts"].as_array().unwrap().len(), 1, "{what}: nobody else is asked");
            assert_eq!(metadata["usage_estimated"], true, "{what}");
            let again = stream.next_text().unwrap_err();
            assert_eq!((again.code, &again.json["attempts"]), (code, &metadata["attempts"]), "{what}: the end stays");
        }
    }
}

#[test]
fn a_finished_answer_needs_no_terminator() {
    let whole = [(0, role()), (0, word("hello")), (0, chunk(json!({}), Some("stop")))];
    let world = world(json!({"paths": {"/east": [pieces(&whole)]}}));
    let (chunks, end) = world.router(&["east"], json!({})).stream(&request(json!({})), false).unwrap().rest();
    assert_eq!((text(&chunks), ended(end)), ("hello".to_owned(), None));
}

#[test]
fn a_stream_that_ended_leaves_its_connection_to_the_next() {
    let late = [(0, role()), (0, word("hello")), (0, "data: [DONE]\n\n".to_owned()), (20, ": the end\n\n".to_owned())];
    let world = world(json!({"paths": {"/east": [pieces(&late)]}}));
    let router = world.router(&["east"], json!({}));
    for _ in 0..10 {
        let (chunks, end) = router.stream(&request(json!({})), false).unwrap().rest();
        assert_eq!((text(&chunks).as_str(), ended(end)), ("hello", None));
        // The end of the body comes behind that of the answer.
        std::thread::sleep(Duration::from_millis(40));
    }
    let connections = world.provider.stats().total_connections;
    assert_eq!(connections, 1, "{connections} connections for ten streams");
}

#[test]
fn every_choice_has_to_end() {
    let choice = |index: usize, content: &str, reason: Value| {
        let delta = if content.is_empty() { json!({}) } else { json!({"content": content}) };
        format!(
            "data: {}\n\n",
            json!({"id": "c", "choices": [{"index": index, "delta": delta, "finish_reason": reason}]})
        )
    };
    let first = [(0, choice(0, "a", json!(null))), (0, choice(1, "b", json!(null))), (0, choice(0, "", json!("stop")))];
    let both = [first.to_vec(), vec![(0, choice(1, "", json!("length")))]].concat();
    for (name, reply, code) in [("cut", pieces(&first), Some(STREAM_TRUNCATED)), ("whole", pieces(&both), None)] {
        let world = world(json!({"paths": {"/east": [reply]}}));
        let router = world.router(&["east"], json!({}));
        let (_, end) = router.stream(&request(json!({"n": 2})), false).unwrap().rest();
        assert_eq!(ended(end), code, "{name}");
    }
    let alone = world(json!({"paths": {"/east": [pieces(&[(0, word("a")), (0, chunk(json!({}), Some("stop")))])]}}));
    let router = alone.router(&["east"], json!({}));
    let (_, end) = router.stream(&request(json!({"n": 2})), false).unwrap().rest();
    assert_eq!(ended(end), Some(STREAM_TRUNCATED), "the second has not even begun");
}

#[test]
fn a_stream_cut_at_any_byte_is_never_taken_for_whole() {
    for name in ["east", "claude"] {
        // The same bytes that the provider streams by itself.
        let world = world(json!({"paths": {format!("/{name}"): [{"cut_at": 1_000_000}]}}));
        let router = world.router(
            &[name],
            json!({"llmrouter_settings": {"backoff": {"initial": 0, "jitter": 0}},
            "router_settings": {"disable_cooldowns": true}}),
        );
        let whole = router.stream(&request(json!({})), false).unwrap().rest().0;
        let mut cuts = 0;
        for at in 1..4000 {
            world
                .provider
                .set_script(&Script::from_json(json!({"paths": {format!("/{name}"): [{"cut_at": at}]}})).unwrap())
                .unwrap();
            let outcome = router.stream(&request(json!({})), false).map(|stream| stream.rest());
            match outcome {
                Err(_) => cuts += 1,
                Ok((chunks, Err(failure))) => {
                    cuts += 1;
                    assert!(whole.starts_with(&chunks[..]) || name == "claude", "{name} at {at}");
                    assert!([API_CONNECTION, STREAM_TRUNCATED, 1002].contains(&failure.code), "{failure}");
                }
                Ok((chunks, Ok(()))) => {
                    let finished = |chunk: &Value| chunk["choices"][0]["finish_reason"] == "stop";
                    assert!(chunks.iter().any(finished), "{name} at {at}: {chunks:?}");
                    assert_eq!(text(&chunks), format!("hello from {name}"), "{name} at {at}");
                    break;
                }
            }
        }
        assert!(cuts > 500, "{cuts}");
    }
}

#[test]
fn who_leaves_takes_the_connection_along() {
    let slow: Vec<_> = (0..1000).map(|_| (20, word("x"))).collect();
    let world = world(json!({"paths": {"/east": [pieces(&slow)]}}));
    let router = world.router(&["east"], json!({}));
    let aborted = |stream: &dyn Fn(Stream)| {
        world.provider.clear();
        let open = router.stream(&request(json!({})), false).unwrap();
        open.next_text().unwrap();
        stream(open);
        let start = Instant::now();
        while world.provider.stats().client_aborts == 0 {
            assert!(start.elapsed() < Duration::from_millis(500), "the provider still streams");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    aborted(&drop);
    aborted(&|stream| {
        stream.cancel();
        let (_, end) = stream.rest();
        assert_eq!(ended(end), Some(CANCELLED));
        let metadata = stream.metadata();
        assert_eq!(
            (&metadata["usage_estimated"], &metadata["attempts"][0]["error"]),
            (&json!(true), &json!("CancelledError"))
        );
    });
    let in_flight = || router.snapshot()["groups"][0]["deployments"][0]["in_flight"].clone();
    let start = Instant::now();
    while in_flight() != 0 {
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn a_slow_reader_stops_its_own_provider_only() {
    let many: Vec<_> = (0..40_000).map(|_| (0, word(&"x".repeat(100)))).collect();
    let world = world(json!({"paths": {"/east": [pieces(&many)]}}));
    let router = world.router(&["east"], json!({}));
    let slow = router.stream(&request(json!({})), false).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let memory =
        || std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse::<u64>().unwrap();
    let before = memory();
    std::thread::sleep(Duration::from_millis(300));
    assert!(memory().saturating_sub(before) * 4096 < 8 * 1024 * 1024, "an unread stream does not grow");
    world.provider.set_script(&Script::default()).unwrap();
    let (chunks, end) = router.stream(&request(json!({})), false).unwrap().rest();
    assert_eq!((text(&chunks), ended(end)), ("hello from east".to_owned(), None));
    drop(slow);
}

#[test]
fn a_deadline_ends_a_stream_and_a_freed_router_does_too() {
    let slow: Vec<_> = (0..1000).map(|_| (20, word("x"))).collect();
    let world = world(json!({"paths": {"/east": [pieces(&slow)]}}));
    let router = world.router(&["east"], json!({}));
    let start = Instant::now();
    let (chunks, end) = router.stream(&request(json!({"deadline": 0.3})), false).unwrap().rest();
    assert_eq!(ended(end), Some(TIMEOUT));
    assert!(!chunks.is_empty() && (250..400).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());

    let stream = router.stream(&request(json!({})), false).unwrap();
    drop(router);
    let (_, end) = stream.rest();
    assert_eq!(ended(end), Some(SHUT_DOWN));
    assert_eq!(stream.batch(1).unwrap_err().code, SHUT_DOWN);
    assert_eq!(stream.metadata()["deployment"], "east");
}

#[test]
fn a_draining_router_lets_open_streams_end() {
    let slow: Vec<_> = (0..20).map(|_| (10, word("x"))).chain([(0, chunk(json!({}), Some("stop")))]).collect();
    let world = world(json!({"paths": {"/east": [pieces(&slow)]}}));
    let router = world.router(&["east"], json!({}));
    let stream = router.stream(&request(json!({})), true).unwrap();
    std::thread::scope(|scope| {
        let drained = scope.spawn(|| router.shutdown(3000));
        std::thread::sleep(Duration::from_millis(30));
        assert!(router.stream(&request(json!({})), false).is_err(), "nothing new");
        let (chunks, end) = stream.rest_in_batches(2);
        assert_eq!((text(&chunks), ended(end)), ("x".repeat(20), None));
        assert!(drained.join().unwrap());
    });
}

#[test]
fn mocks_stream_too() {
    let world = world(json!({}));
    let router = world.router(&["east"], json!({}));
    let (chunks, end) = router.stream(&request(json!({"mock_response": "Hallöchen!"})), false).unwrap().rest();
    assert_eq!((text(&chunks), ended(end)), ("Hallöchen!".to_owned(), None));
    assert!(chunks.len() > 3);
    let failed = router.stream(&request(json!({"mock_response": "litellm.RateLimitError"})), false).err().unwrap();
    assert_eq!(failed.code, RATE_LIMIT);
}

#[test]
fn streams_left_at_any_point_leave_nothing() {
    let mut slow: Vec<_> = (0..50).map(|place| (place % 3, word("x"))).collect();
    slow.push((0, chunk(json!({}), Some("stop"))));
    let world = world(json!({"paths": {"/east": {"replies": [pieces(&slow)], "then": "cycle"}}}));
    let router = world.router(&["east"], json!({}));
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    drop(router.stream(&request(json!({})), false).unwrap());
    let before = (descriptors(), threads());
    std::thread::scope(|scope| {
        for worker in 0..8usize {
            let (router, world) = (&router, &world);
            scope.spawn(move || {
                for round in 0..100usize {
                    let stream = router.stream(&request(json!({})), round % 2 == 0).unwrap();
                    for _ in 0..(worker * 7 + round * 3) % 60 {
                        if stream.next_text().unwrap().is_none() {
                            break;
                        }
                    }
                    assert!(world.provider.stats().open_connections < 100);
                }
            });
        }
    });
    let start = Instant::now();
    let in_flight = || router.snapshot()["groups"][0]["deployments"][0]["in_flight"].clone();
    while in_flight() != 0 {
        assert!(start.elapsed() < Duration::from_secs(1), "{}", in_flight());
    }
    // Up to eight were open at once, on each side of the same process; what was kept for reuse may stay.
    assert!(descriptors() <= before.0 + 40 && threads() <= before.1 + 8, "{before:?}");
}
