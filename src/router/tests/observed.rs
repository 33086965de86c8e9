//! What observers hear: each attempt and each call exactly once, with the same members whatever they ended in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::chat::Request;
use crate::runtime::{Beside, Runtime};

fn plain(start: &mut dyn FnMut()) {
    start();
}

/// A router, and what its listener hears.
pub struct Heard {
    pub router: Arc<Router>,
    pub runtime: Runtime,
    events: Receiver<(i32, Value)>,
}

impl Heard {
    pub fn new(yaml: &str) -> Self {
        let router =
            Arc::new(Router::new(config::load(yaml, |_| None).map_err(|error| error.message).unwrap()).unwrap());
        let runtime = Runtime::new(1, plain);
        let (sender, events) = channel();
        let listener = move |level: i32, json: &str| drop(sender.send((level, serde_json::from_str(json).unwrap())));
        router.observer().listen(Some(Box::new(listener)), &runtime).unwrap();
        Self { router, runtime, events }
    }

    /// All that was heard.
    pub fn all(self) -> Vec<(i32, Value)> {
        self.router.observer().end();
        drop(self.runtime);
        self.events.try_iter().collect()
    }
}

fn summary(events: &[(i32, Value)]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |(level, event): &(i32, Value)| {
        let (kind, group, deployment) =
            (text(&event["event"]), text(&event["model_group"]), text(&event["deployment"]));
        let class = text(&event["error_information"]["error_class"]);
        format!("{level} {kind} {} {group} {deployment} {class} {}", event["attempt"], text(&event["status"]))
    };
    events.iter().map(line).collect()
}

const YAML: &str = r#"
model_list:
  - {model_name: bad, litellm_params: {model: openai/gpt-4o, mock_error: 503}, model_info: {id: b}}
  - {model_name: good, litellm_params: {model: openai/gpt-4o-mini, mock_response: hi}, model_info: {id: g}}
  - {model_name: slow, litellm_params: {model: openai/gpt-4o-mini, mock_response: hi, mock_delay_ms: 60000}, model_info: {id: s}}
router_settings: {num_retries: 0, fallbacks: [{bad: [good]}]}
"#;

fn request(model: &str) -> Request {
    let text =
        format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"secret words"}}],"temperature":0.5}}"#);
    Request::parse(&text).unwrap()
}

#[tokio::test]
async fn a_call_and_its_attempts_are_heard_once_each() {
    let heard = Heard::new(YAML);
    heard.router.answer(&request("good"), 1).await.ok().unwrap();
    heard.router.answer(&request("bad"), 2).await.ok().unwrap();
    heard.router.answer(&request("nobody"), 3).await.err().unwrap();
    let events = heard.all();
    assert_eq!(
        summary(&events),
        [
            "3 attempt 1 good g - success",
            "3 call 1 good g - success",
            "2 attempt 1 bad b ServiceUnavailableError failure",
            "3 attempt 2 good g - success",
            "3 call 2 good g - success",
            "1 call 0 nobody - BadRequestError failure",
        ]
    );
    let call = &events[4].1;
    assert_eq!(call["fallback_chain"], serde_json::json!(["bad", "good"]));
    assert_eq!((&call["fallbacks"], &call["attempts"][0]["status"]), (&1.into(), &503.into()));
    assert_eq!((&call["prompt_tokens"], &call["completion_tokens"]), (&10.into(), &20.into()));
    assert_eq!(call["response_cost"], 1.35e-5);
    let parts = &call["cost_breakdown"];
    assert_eq!((&parts["input_cost"], &parts["output_cost"]), (&1.5e-6.into(), &1.2e-5.into()));
    assert_eq!(call["model_parameters"], serde_json::json!({"temperature": 0.5}));
    assert_eq!(call["trace_id"], events[2].1["trace_id"]);
    assert!(!call.to_string().contains("secret words"), "{call}");
    let members = |event: &Value| event.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert!(events.iter().all(|(_, event)| members(event) == members(call)));
}

#[tokio::test]
async fn retries_are_of_a_group_and_fallbacks_between_them() {
    let heard = Heard::new(&YAML.replace("num_retries: 0", "num_retries: 1, retry_after: 0"));
    heard.router.answer(&request("bad"), 1).await.ok().unwrap();
    let counts = |(_, event): &(i32, Value)| {
        let of = |name: &str| event["metadata"][name].as_u64().unwrap();
        assert_eq!(event["fallbacks"], event["metadata"]["attempted_fallbacks"]);
        (of("attempted_retries"), of("attempted_fallbacks"))
    };
    let counts: Vec<_> = heard.all().iter().map(counts).collect();
    assert_eq!(
        counts,
        [(0, 0), (1, 0), (0, 1), (0, 1)],
        "two attempts at the first group, one at the other, and the call"
    );
}

#[tokio::test]
async fn phases_are_the_whole_time() {
    let heard = Heard::new(YAML);
    heard.router.answer(&request("bad"), 2).await.ok().unwrap();
    for (_, event) in heard.all() {
        let phases = event["phases"].as_object().unwrap();
        let total = phases["total_ms"].as_f64().unwrap();
        let sum: f64 = phases.values().filter_map(Value::as_f64).sum::<f64>() - total;
        assert!((sum - total).abs() < 0.01 && (total / 1000.0 - event["response_time"].as_f64().unwrap()).abs() < 1e-5);
    }
}

#[tokio::test]
async fn what_is_cancelled_is_heard_too() {
    let heard = Heard::new(YAML);
    let asked = request("slow");
    let call = Box::pin(heard.router.answer(&asked, 1));
    assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
    let asked = request("slow");
    let call = Box::pin(heard.router.answer(&asked, 2));
    heard.router.observer().closing();
    assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
    assert_eq!(
        summary(&heard.all()),
        [
            "3 attempt 1 slow s CancelledError failure",
            "3 call 1 slow s CancelledError failure",
            "3 attempt 1 slow s ShutDownError failure",
            "3 call 1 slow s ShutDownError failure",
        ]
    );
}

#[tokio::test]
async fn what_is_cancelled_before_it_is_looked_at_is_heard_too() {
    let heard = Heard::new(YAML);
    let asked = request("good");
    drop(heard.router.answer(&asked, 1));
    drop(heard.router.stream(request("good"), 2));
    assert_eq!(
        summary(&heard.all()),
        ["3 call 0 good - CancelledError failure", "3 call 0 good - CancelledError failure"]
    );
}

#[tokio::test]
async fn a_stream_is_heard_at_its_end() {
    let heard = Heard::new(YAML);
    let mut stream = heard.router.stream(request("bad"), 1).await.ok().unwrap();
    while stream.next().await.ok().unwrap().is_some() {}
    stream.close();
    let mut stream = heard.router.stream(request("good"), 2).await.ok().unwrap();
    stream.next().await.ok().unwrap();
    stream.close();
    drop(heard.router.stream(request("good"), 3).await.ok().unwrap());
    heard.router.stream(request("nobody"), 4).await.err().unwrap();
    let events = heard.all();
    assert_eq!(
        summary(&events),
        [
            "2 attempt 1 bad b ServiceUnavailableError failure",
            "3 attempt 2 good g - success",
            "3 call 2 good g - success",
            "3 attempt 1 good g CancelledError failure",
            "3 call 1 good g CancelledError failure",
            "3 attempt 1 good g CancelledError failure",
            "3 call 1 good g CancelledError failure",
            "1 call 0 nobody - BadRequestError failure",
        ]
    );
    assert!(events.iter().all(|(_, event)| event["stream"] == true));
    assert!(events[1].1["ttft_ms"].as_f64().unwrap() <= events[1].1["phases"]["total_ms"].as_f64().unwrap());
}

#[tokio::test]
async fn kept_answers_are_heard_with_who_gave_them() {
    let heard = Heard::new(&format!("{YAML}litellm_settings: {{cache: true, cache_params: {{type: local}}}}\n"));
    for number in 1..=2 {
        heard.router.answer(&request("good"), number).await.ok().unwrap();
    }
    let known = request("good");
    assert!(heard.router.repeated(known.verb(), known.text(), 3).is_none());
    heard.router.known(&known, 3).unwrap();
    let events = heard.all();
    assert_eq!(
        summary(&events),
        [
            "3 attempt 1 good g - success",
            "3 call 1 good g - success",
            "3 call 0 good g - success",
            "3 call 0 good g - success"
        ]
    );
    let kept = &events[2].1;
    assert_eq!((&kept["cache_hit"], &kept["response_cost"]), (&true.into(), &0.0.into()));
    assert_eq!((&kept["saved_cache_cost"], &kept["prompt_tokens"]), (&1.35e-5.into(), &10.into()));
    assert_eq!(kept["cache_key"].as_str().unwrap().len(), 64);
    let (asked, ids) =
        (&events[1].1, events.iter().map(|(_, event)| event["id"].as_str().unwrap()).collect::<Vec<_>>());
    assert_eq!((&asked["saved_cache_cost"], &asked["model"]), (&0.0.into(), &"openai/gpt-4o-mini".into()));
    assert_eq!(ids[0], ids[1], "an attempt's answer is the call's");
    assert!(ids[2].starts_with(&format!("{}_cache_hit", ids[1])) && ids[3] != ids[2], "{ids:?}");
}

#[tokio::test]
async fn the_snapshot_tells_of_observers_and_of_spend() {
    let off = "litellm_settings: {failure_callback: [sentry]}\n";
    let heard = Heard::new(&format!("{YAML}{off}"));
    for number in 1..=3 {
        heard.router.answer(&request("good"), number).await.ok().unwrap();
    }
    heard.router.observer().flush_until(crate::clock::now() + Duration::from_secs(9));
    let snapshot: Value = serde_json::from_str(&heard.router.snapshot()).unwrap();
    assert_eq!(
        (&snapshot["callbacks"][0]["name"], &snapshot["callbacks"][0]["state"]),
        (&"listener".into(), &"on".into())
    );
    assert_eq!(
        (&snapshot["callbacks"][1]["name"], &snapshot["callbacks"][1]["state"]),
        (&"sentry".into(), &"off".into())
    );
    assert!(snapshot["callbacks"][1]["last_error"].as_str().unwrap().contains("SENTRY_DSN"));
    let spend = snapshot["groups"][1]["deployments"][0]["spend"].as_f64().unwrap();
    assert!((spend - 3.0 * 1.35e-5).abs() < 1e-12, "{spend}");
}

/// Calls that end at once, each with two events.
async fn ask(router: &Router, calls: u64) {
    for number in 1..=calls {
        router.answer(&request("good"), number).await.ok().unwrap();
    }
}

#[tokio::test]
async fn a_slow_listener_holds_up_the_end_for_a_moment_only_and_loses_the_rest_with_a_count() {
    let Heard { router, runtime, .. } = Heard::new(YAML);
    let (sender, heard) = channel();
    let slow = move |_: i32, _: &str| {
        std::thread::sleep(Duration::from_millis(20));
        let _ = sender.send(());
    };
    router.observer().listen(Some(Box::new(slow)), &runtime).unwrap();
    ask(&router, 500).await;
    let start = std::time::Instant::now();
    router.observer().end();
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let heard = heard.try_iter().count() as u64;
    assert!(heard > 0 && heard + router.observer().lost().0 == 1000, "{heard} of 1000, {:?}", router.observer().lost());
}

#[tokio::test]
async fn the_oldest_are_lost_and_the_newest_are_heard() {
    let Heard { router, runtime, .. } = Heard::new(YAML);
    let (sender, heard) = channel();
    let (open, opened) = channel::<()>();
    let opened = Mutex::new(Some(opened));
    let stuck = move |_: i32, json: &str| {
        if let Some(opened) = opened.lock().unwrap().take() {
            opened.recv().unwrap();
        }
        let event: Value = serde_json::from_str(json).unwrap();
        let _ = sender.send(event["call_id"].as_u64().unwrap());
    };
    router.observer().listen(Some(Box::new(stuck)), &runtime).unwrap();
    ask(&router, 8_500).await;
    let lost = router.observer().lost().0;
    assert!(lost >= 17_000 - 16_384 - 64, "{lost}");
    open.send(()).unwrap();
    assert!(router.observer().settle(Duration::from_secs(60)));
    while router.observer().listening() != 0 {
        tokio::task::yield_now().await;
    }
    router.observer().end();
    let heard: Vec<u64> = heard.try_iter().collect();
    assert_eq!(heard.len() as u64 + lost, 17_000);
    assert_eq!(heard.last(), Some(&8_500));
    assert!(heard.is_sorted());
}

#[tokio::test]
async fn what_came_for_a_listener_is_not_for_the_one_after_it() {
    let heard = Heard::new(YAML);
    for _ in 0..50 {
        let (first, started) = channel();
        let slow = move |_: i32, _: &str| {
            let _ = first.send(());
            std::thread::sleep(Duration::from_micros(500));
        };
        heard.router.observer().listen(Some(Box::new(slow)), &heard.runtime).unwrap();
        ask(&heard.router, 20).await;
        started.recv().unwrap();
        started.recv().unwrap();
        heard.router.observer().listen(None, &heard.runtime).unwrap();
        let stray = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&stray);
        let next = move |_: i32, _: &str| {
            count.fetch_add(1, Ordering::SeqCst);
        };
        heard.router.observer().listen(Some(Box::new(next)), &heard.runtime).unwrap();
        ask(&heard.router, 1).await;
        while heard.router.observer().listening() != 0 {
            tokio::task::yield_now().await;
        }
        heard.router.observer().listen(None, &heard.runtime).unwrap();
        assert!(stray.load(Ordering::SeqCst) <= 2);
    }
}
