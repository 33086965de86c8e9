//! Verbs at work: what can be seen only while a call runs.

mod common_verbs;

use common_verbs::{hanging, request, until, world};
use conformance::VERBS;
use fakeprovider::abi::Router;
use serde_json::{Value, json};

const INVALID_ARGUMENT: i32 = 1;
const CANCELLED: i32 = 3;
const BAD_REQUEST: i32 = 400;

/// A count of the deployment that is asked first.
fn east(router: &Router, name: &str) -> Value {
    router.snapshot()["groups"][0]["deployments"][0][name].clone()
}

/// A request that the first deployment alone answers.
fn alone(path: &str) -> String {
    request(path, json!({"disable_fallbacks": true}))
}

/// What a strategy that looks at load goes by.
#[test]
fn a_call_that_hangs_counts_as_load_whatever_its_verb() {
    let world = world(json!({"paths": {"/east": [{"hang": true}]}}));
    let router = world.router(json!({}));
    for (path, _) in VERBS {
        world.provider.clear();
        let call = router.request_async(path, &alone(path)).unwrap();
        until(path, || east(&router, "in_flight") == 1 && world.provider.stats().in_flight == 1);
        assert!(world.provider.log()[0].path.ends_with(path), "{path}");
        router.cancel(&call);
        assert_eq!(call.wait().unwrap_err().code, CANCELLED, "{path}");
        until(path, || east(&router, "in_flight") == 0);
        // The provider is told at once.
        until(path, || world.provider.stats().client_aborts == 1);
    }
    assert_eq!(east(&router, "failed"), 0, "whoever is left is not at fault");
}

#[test]
fn every_verb_counts_as_a_success_or_a_failure() {
    let world = world(json!({}));
    let router = world.router(json!({}));
    for (number, (path, _)) in VERBS.into_iter().enumerate() {
        router.request(path, &alone(path)).unwrap_or_else(|failure| panic!("{path}: {failure}"));
        assert_eq!((east(&router, "succeeded"), east(&router, "failed")), (json!(number + 1), json!(0)), "{path}");
    }
    world.play(json!({"paths": {"/east": [500]}}));
    for (number, (path, _)) in VERBS.into_iter().enumerate() {
        assert_eq!(router.request(path, &alone(path)).unwrap_err().code, 500, "{path}");
        assert_eq!((east(&router, "succeeded"), east(&router, "failed")), (json!(12), json!(number + 1)), "{path}");
    }
}

/// Streams of these verbs are load as well, from their opening to their end.
#[test]
fn an_open_stream_counts_as_load() {
    let chunk = r#"{"object":"text_completion","choices":[{"index":0,"text":"x","finish_reason":null}]}"#;
    let delta = r#"{"type":"response.output_text.delta","delta":"x"}"#;
    for (path, event) in [("/completions", chunk), ("/responses", delta)] {
        let world = world(json!({"paths": {"/east": [hanging(format!("data: {event}\n\n"))]}}));
        let router = world.router(json!({}));
        let stream = router.request_stream(path, &alone(path), false).unwrap();
        assert_eq!(east(&router, "in_flight"), 1, "{path}");
        drop(stream);
        until(path, || east(&router, "in_flight") == 0 && world.provider.stats().open_connections == 0);
    }
}

#[test]
fn a_large_file_and_a_large_answer_go_through() {
    const MIB: usize = 1 << 20;
    // Four bytes for three, and no padding.
    let data = "QUJD".repeat(5 * MIB);
    let sound = json!({"status": 200, "base64": "/wAA".repeat(5 * MIB), "headers": {"content-type": "audio/wav"}});
    let world = world(json!({"paths": {"/east/v1/audio/speech": [sound]}}));
    let router = world.router(json!({}));
    let file = format!(r#"{{"model":"m","file":{{"filename":"a.wav","data":"{data}"}}}}"#);
    let answer = router.request("/audio/transcriptions", &file).unwrap();
    assert_eq!(answer.text.as_deref(), Some("hello from east"));
    let sent = &world.provider.log()[0].body[1]["text"];
    assert_eq!(sent.as_str().map(str::len), Some(15 * MIB));
    let answer = router.request("/audio/speech", &alone("/audio/speech")).unwrap();
    assert_eq!(answer.bytes, [0xff, 0, 0].repeat(5 * MIB));
    assert_eq!(answer.metadata["content_type"], "audio/wav");
}

#[test]
fn a_path_may_be_written_in_each_way_and_must_be_one() {
    let world = world(json!({}));
    let router = world.router(json!({}));
    for path in ["/embeddings", "embeddings", "/v1/embeddings", "v1/embeddings"] {
        assert!(router.request(path, &alone("/embeddings")).is_ok(), "{path}");
    }
    for path in ["", "/", "/v1", "/nothing", "/embeddings\0", "/EMBEDDINGS", "/embeddings?x=1"] {
        let refused = [
            router.request(path, &alone("/embeddings")).err(),
            router.request_async(path, &alone("/embeddings")).err(),
            router.request_stream(path, &alone("/embeddings"), false).err(),
            router.request_stream(path, &alone("/embeddings"), true).err(),
        ];
        for refused in refused {
            assert_eq!(refused.map(|failure| failure.code), Some(INVALID_ARGUMENT), "{path:?}");
        }
    }
    let streams = |path: &str| path.contains("completions") || path == "/responses";
    for (path, _) in VERBS.into_iter().filter(|(path, _)| !streams(path)) {
        for by_callback in [false, true] {
            let refused = router.request_stream(path, &alone(path), by_callback).err().unwrap();
            assert_eq!(refused.code, BAD_REQUEST, "{path}: {refused}");
            assert!(refused.message.contains("can't be streamed") && refused.message.contains(path), "{refused}");
        }
    }
    assert_eq!(world.provider.log().len(), 4);
}
