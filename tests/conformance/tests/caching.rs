//! The response cache through the C ABI: what a stream has to come to before it is kept, and many equal calls at one time.

mod common;

use common::{ended, request, text, world};
use fakeprovider::Script;
use fakeprovider::abi::Router;
use serde_json::{Value, json};

fn settings() -> Value {
    json!({"router_settings": {"disable_cooldowns": true, "cache_responses": true}})
}

fn cache(router: &Router) -> Value {
    router.snapshot()["cache"].clone()
}

/// The bytes of the whole answer, head and body, that the provider sends to this request.
fn length() -> usize {
    // Cut far behind its end, it is whole.
    (1..).map(|tenth| tenth * 50).find(|cut| plays(*cut)).unwrap_or_default()
}

/// Whether an answer that is cut there is a whole one.
fn plays(cut: usize) -> bool {
    let world = world(json!({"paths": {"/east": [{"cut_at": cut, "end": "close"}]}}));
    let router = world.router(&["east"], json!({}));
    router.stream(&request(json!({})), false).is_ok_and(|stream| ended(stream.rest().1).is_none())
}

#[test]
fn a_stream_that_is_cut_at_any_byte_is_not_kept() {
    let length = length();
    assert!(length > 500, "{length}");
    let world = world(json!({}));
    let router = world.router(&["east"], settings());
    let (mut kept, mut cut_off) = (0, 0);
    for cut in 1..length {
        let script = json!({"paths": {"/east": [{"cut_at": cut, "end": "close"}]}});
        world.provider.set_script(&Script::from_json(script).unwrap()).unwrap();
        let asked = request(json!({"seed": cut}));
        let end = router.stream(&asked, false).map_err(|failure| failure.code).and_then(|stream| {
            let (_, end) = stream.rest();
            end.map_err(|failure| failure.code)
        });
        kept += usize::from(end.is_ok());
        cut_off += usize::from(end.is_err());
        assert_eq!(cache(&router)["entries"], kept, "cut at {cut} of {length}: {end:?}");
    }
    // Only what is behind the last event may be missing.
    assert!(kept < 60 && cut_off > 400, "{kept} kept, {cut_off} not");
}

#[test]
fn a_thousand_equal_calls_are_one() {
    let world = world(json!({"paths": {"/east": [{"delay_ms": 400}]}}));
    let router = world.router(&["east"], settings());
    let calls: Vec<_> =
        (0..1000).map(|_| router.completion_async(&request(json!({})))).map(|call| call.unwrap()).collect();
    let hits = calls.into_iter().map(|call| call.wait().unwrap().metadata["cache_hit"] == true).filter(|hit| *hit);
    assert_eq!(hits.count(), 999);
    assert_eq!(world.provider.log().len(), 1);
    assert_eq!(cache(&router)["stored"], 1);
}

#[test]
fn streams_at_one_time_are_whole_each() {
    let world = world(json!({"paths": {"/east": [{"delay_ms": 200}]}}));
    let router = world.router(&["east"], settings());
    std::thread::scope(|scope| {
        let read = || {
            let (chunks, end) = router.stream(&request(json!({})), false).unwrap().rest();
            assert_eq!(ended(end), None);
            text(&chunks)
        };
        let readers: Vec<_> = (0..20).map(|_| scope.spawn(read)).collect();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), "hello from east");
        }
    });
    assert_eq!(world.provider.log().len(), 1);
}

#[test]
fn a_cancelled_leader_cancels_nobody() {
    let world = world(json!({"paths": {"/east": {"replies": [{"delay_ms": 5000}], "then": "default"}}}));
    let router = world.router(&["east"], settings());
    let leader = router.completion_async(&request(json!({}))).unwrap();
    while world.provider.log().is_empty() {
        std::thread::yield_now();
    }
    let followers: Vec<_> = (0..50).map(|_| router.completion_async(&request(json!({}))).unwrap()).collect();
    router.cancel(&leader);
    assert!(leader.wait().is_err());
    for follower in followers {
        assert_eq!(follower.wait().unwrap().text.as_deref(), Some("hello from east"));
    }
    assert_eq!(world.provider.log().len(), 2);
}
