//! However many users and names there are, there are only so many series; and an event costs little.

use std::sync::Mutex;
use std::time::Instant;

use super::*;
use crate::observe::prometheus::{Prometheus, Settings, State};
use crate::observe::{AttemptEnded, Call, CallEnded, Ended, Event, Record, Sink};
use crate::transport::Phases;

fn attempt(router: &Router, request: &Request) -> (Arc<Event>, Arc<Event>) {
    let member = router.names.resolve("good", false).unwrap().group.member(0).unwrap();
    let now = crate::clock::now();
    let record = Record {
        group: "good".into(),
        deployment: Some(Arc::clone(member.deployment())),
        model: Some(Arc::clone(member.endpoint.model())),
        status: Some(200),
        error: None,
        start: now,
        took: Duration::from_millis(120),
        phases: Phases { headers: Duration::from_millis(120), ..Phases::default() },
        tokens: Some(crate::chat::Tokens { input: 10, output: 20 }),
        skipped: None,
        broke: false,
        cooled: None,
    };
    let record = Arc::new(record);
    let call = Arc::new(Call::new(1, request, false, now, Arc::default()));
    let event = |ended: Ended| Arc::new(Event::new(Arc::clone(&call), ended, None, None));
    let ended = CallEnded {
        took: record.took,
        overhead: Some(Duration::from_micros(80)),
        ttft: None,
        records: vec![Arc::clone(&record)],
        fallbacks: 0,
        kept: None,
        joined: None,
        missed: false,
        dropped_params: Vec::new(),
    };
    (
        event(Ended::Attempt(AttemptEnded { number: 1, retries: 0, fallbacks: 0, record })),
        event(Ended::Call(Box::new(ended))),
    )
}

const MANY: usize = 100_000;

#[test]
fn users_and_bad_names_make_no_series() {
    let own = Counting::new(YAML);
    let sink = Arc::clone(&own.router.metrics.sink);
    let feed = |model: &str, user: &str| {
        let request = Request::parse(&format!(r#"{{"model":"{model}","messages":[],"user":"{user}"}}"#)).unwrap();
        let (attempt, call) = attempt(&own.router, &request);
        sink.take(&attempt);
        sink.take(&call);
    };
    feed("good", "first");
    feed("no-such-model", "first");
    let before = own.router.metrics().lines().count();
    for number in 0..MANY {
        feed(&format!("bad-name-{number}"), "u");
        feed("good", &format!("user-{number}"));
    }
    let text = own.router.metrics();
    assert_eq!(text.lines().count(), before);
    let calls = by(&samples(&text), "llmrouter_calls_total", &["requested_model"]);
    #[allow(clippy::cast_precision_loss)]
    let all = (MANY + 1) as f64;
    assert_eq!((calls["good"], calls["unknown"]), (all, all));
}

#[test]
fn users_that_are_shown_are_bounded() {
    let own = Counting::new(YAML);
    let settings = Settings { end_user: true, max_series: 50, ..Settings::default() };
    let metrics = Prometheus::new(&settings).unwrap();
    metrics.know(own.router.names.all().map(str::to_owned), |_| true);
    for number in 0..5000 {
        let text = format!(
            r#"{{"model":"good","messages":[],"user":"user-{number}","metadata":{{"user_api_key_user_id":"k"}}}}"#
        );
        let (attempt, _) = attempt(&own.router, &Request::parse(&text).unwrap());
        metrics.take(&attempt);
    }
    let spend =
        by(&samples(&metrics.render(&State::default())), "litellm_input_tokens_metric_total", &["end_user", "user"]);
    assert_eq!((spend.len(), spend["user-0 k"], spend["other other"]), (50, 10.0, 10.0 * 4951.0));
}

/// Keeps what it hears.
#[derive(Default)]
struct Keeping(Mutex<Vec<Arc<Event>>>);

impl Sink for Keeping {
    fn take(&self, event: &Arc<Event>) {
        self.0.lock().unwrap().push(Arc::clone(event));
    }
}

/// `cargo test --release --lib router::tests::metrics::bounds::an_event_costs -- --ignored --nocapture` prints what an event costs.
#[tokio::test]
#[ignore = "a measurement, of a release build"]
async fn an_event_costs_little() {
    let own = Counting::new(YAML);
    let keeping = Arc::new(Keeping::default());
    own.router.observer().count(Arc::clone(&keeping) as Arc<dyn Sink>, &own.runtime).unwrap();
    call(&own.router, r#"{"model":"bad","messages":[],"user":"u"}"#).await.ok().unwrap();
    assert!(own.router.observer().settle(Duration::from_secs(9)));
    let events = std::mem::take(&mut *keeping.0.lock().unwrap());
    for event in events {
        // The best of many rounds: others use the machine, too.
        let round = |_| {
            let start = Instant::now();
            for _ in 0..1000 {
                own.router.metrics.sink.take(&event);
            }
            start.elapsed().as_nanos() / 1000
        };
        let nanos = (0..100).map(round).min().unwrap();
        let what = match (event.is_call(), &event.error) {
            (true, _) => "a call with a fallback",
            (false, None) => "an attempt that succeeded",
            (false, Some(_)) => "an attempt that failed",
        };
        println!("{what}: {nanos} ns");
        assert!(nanos < 3000);
    }
}

#[tokio::test]
async fn names_behind_a_wildcard_are_shown_up_to_a_number() {
    let own = Counting::new(
        "model_list: [{model_name: 'openai/*', litellm_params: {model: 'openai/*', mock_response: hi}, model_info: {id: w}}]",
    );
    for number in 0..1100 {
        call_group(&own.router, &format!("openai/m{number}")).await.ok().unwrap();
    }
    call_group(&own.router, "nobody/m").await.err().unwrap();
    let all = own.samples();
    for metric in
        ["litellm_deployment_total_requests_total", "litellm_input_tokens_metric_total", "llmrouter_calls_total"]
    {
        let names = by(&all, metric, &["requested_model"]);
        let first: Vec<_> = names.iter().take(3).collect();
        assert!(names.contains_key("openai/m0") && names.contains_key("other"), "{metric}: {first:?} {}", names.len());
        assert!(names.len() <= 1002, "{metric}: {}", names.len());
    }
    let shown = by(&all, "litellm_deployment_total_requests_total", &["model_group", "litellm_model_name"]);
    assert_eq!(
        (shown.get("openai/m7 m7"), shown.get("other other")),
        (Some(&1.0), Some(&100.0)),
        "{:?}",
        shown.iter().take(3).chain(shown.iter().rev().take(3)).collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn series_that_were_idle_count_anew() {
    let settings = "prometheus_metrics_ttl_seconds: 100, prometheus_metrics_cleanup_interval_seconds: 10";
    let own = Counting::new(&YAML.replace("{cache: true,", &format!("{{{settings}, cache: true,")));
    let request = Request::parse(r#"{"model":"good","messages":[]}"#).unwrap();
    let (event, _) = attempt(&own.router, &request);
    let sink = &own.router.metrics.sink;
    let counted = || sum(&samples(&own.router.metrics()), "litellm_deployment_total_requests_total");
    sink.take(&event);
    for _ in 0..5 {
        tokio::time::advance(Duration::from_secs(60)).await;
        sink.take(&event);
    }
    assert_eq!(counted(), 6.0, "it was never idle for long");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(counted(), 6.0);
    tokio::time::advance(Duration::from_secs(101)).await;
    assert_eq!(counted(), 0.0, "nobody need add anything for that");
    sink.take(&event);
    assert_eq!(counted(), 1.0, "a series that was at hand is none any more");
}
