use std::sync::Mutex;

use super::*;
use crate::runtime::Runtime;
use crate::transport::HeaderMap;

/// Joins items by a comma.
struct Joined;

impl Wire for Joined {
    fn quiet(&self, reply: &Reply) -> Option<Duration> {
        (reply.status == 420).then_some(Duration::from_secs(100))
    }

    fn body(&self, items: &[Bytes]) -> (Bytes, Vec<(HeaderName, HeaderValue)>) {
        (items.join(&b","[..]).into(), Vec::new())
    }
}

const LIMITS: Limits = Limits {
    batch: 3,
    batch_bytes: 1000,
    interval: Duration::from_secs(5),
    timeout: Duration::from_secs(10),
    tries: TRIES,
    first_wait: FIRST_WAIT,
};

/// What a receiver was sent, and when; it answers with these statuses, and 200 behind them.
struct Receiver {
    exporter: Arc<Exporter>,
    got: Arc<Mutex<Vec<(u64, String)>>>,
}

fn receiver(statuses: &[u16]) -> Receiver {
    limited(LIMITS, statuses)
}

fn limited(limits: Limits, statuses: &[u16]) -> Receiver {
    let got: Arc<Mutex<Vec<(u64, String)>>> = Arc::default();
    let (sent, start) = (Arc::clone(&got), clock::now());
    let statuses = Mutex::new(Vec::from(statuses).into_iter());
    let post: Post = Box::new(move |body, _| {
        let at = clock::now().saturating_duration_since(start).as_secs();
        sent.lock().unwrap().push((at, String::from_utf8(body.to_vec()).unwrap()));
        let status = statuses.lock().unwrap().next().unwrap_or(200);
        Box::pin(async move {
            match status {
                0 => Err("can't connect".to_owned()),
                429 => {
                    let headers = HeaderMap::from_iter([("retry-after".parse().unwrap(), "30".parse().unwrap())]);
                    Ok(Reply { status, headers, body: Vec::new() })
                }
                status => Ok(Reply { status, headers: HeaderMap::new(), body: Vec::new() }),
            }
        })
    });
    let exporter = Arc::new(Exporter { name: "fake".to_owned(), limits, queue: Queue::default() });
    tokio::spawn(Arc::clone(&exporter).run(Box::new(Joined), post));
    Receiver { exporter, got }
}

impl Receiver {
    fn put(&self, items: &[&'static str]) {
        items.iter().for_each(|item| self.exporter.put(*item));
    }

    async fn got(&self, after: u64) -> Vec<(u64, String)> {
        tokio::time::sleep(Duration::from_secs(after)).await;
        self.got.lock().unwrap().clone()
    }
}

fn at(second: u64, body: &str) -> (u64, String) {
    (second, body.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_out_when_it_is_full_or_its_time_has_come() {
    let receiver = receiver(&[]);
    receiver.put(&["a", "b", "c", "d"]);
    assert_eq!(receiver.got(1).await, [at(0, "a,b,c")]);
    assert_eq!(receiver.got(5).await, [at(0, "a,b,c"), at(5, "d")]);
    let status = receiver.exporter.status();
    assert_eq!((status.sent, status.lost, status.waiting, status.state), (4, 0, 0, "on"));
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again() {
    let receiver = receiver(&[503, 0]);
    receiver.put(&["a", "b", "c"]);
    let got = receiver.got(10).await;
    assert_eq!(got.len(), 3);
    assert!(got.iter().all(|(_, body)| body == "a,b,c"));
    assert!((1..=2).contains(&got[1].0) && (3..=5).contains(&got[2].0), "{got:?}");
    assert_eq!(receiver.exporter.status().sent, 3);
}

#[tokio::test(start_paused = true)]
async fn tries_and_waits_are_the_settings() {
    let receiver = limited(Limits { tries: 3, first_wait: Duration::from_secs(8), ..LIMITS }, &[0; 9]);
    receiver.put(&["a", "b", "c"]);
    let got = receiver.got(100).await;
    assert_eq!(got.len(), 3);
    assert!((8..=10).contains(&got[1].0) && (24..=30).contains(&got[2].0), "{got:?}");
    assert_eq!(receiver.exporter.status().lost, 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_goes_out_in_halves() {
    let some = receiver(&[413, 200, 413, 413]);
    some.put(&["a", "b", "c"]);
    let bodies = |got: Vec<(u64, String)>| got.into_iter().map(|(_, body)| body).collect::<Vec<_>>();
    assert_eq!(bodies(some.got(1).await), ["a,b,c", "a", "b,c", "b", "c"]);
    let status = some.exporter.status();
    assert_eq!((status.sent, status.lost, status.state), (2, 1, "failing"));
    assert_eq!(status.last_error.as_deref(), Some("an event is too large for the receiver (413)"));

    let breaks = receiver(&[413, 200, 400]);
    breaks.put(&["a", "b", "c"]);
    assert_eq!(bodies(breaks.got(1).await), ["a,b,c", "a", "b,c"]);
    assert_eq!((breaks.exporter.status().sent, breaks.exporter.status().lost), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_asked_for_is_kept() {
    let receiver = receiver(&[429]);
    receiver.put(&["a", "b", "c"]);
    assert_eq!(receiver.got(60).await[1], at(30, "a,b,c"));
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_is_counted_and_told() {
    let refused = receiver(&[400]);
    refused.put(&["a", "b", "c"]);
    assert_eq!(refused.got(1).await.len(), 1);
    let status = refused.exporter.status();
    assert_eq!((status.sent, status.lost, status.state), (0, 3, "failing"));
    assert_eq!(status.last_error.as_deref(), Some("the receiver answered 400"));
    refused.put(&["d", "e", "f"]);
    refused.got(1).await;
    assert_eq!(refused.exporter.status().state, "on");

    let dead = receiver(&[0; 5]);
    dead.put(&["a", "b", "c"]);
    assert_eq!(dead.got(60).await.len(), 5);
    assert_eq!((dead.exporter.status().lost, dead.exporter.status().state), (3, "failing"));
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded() {
    let receiver = receiver(&[0; 99]);
    for _ in 0..MOST_ITEMS + 100 {
        if receiver.exporter.has_room() {
            receiver.exporter.put("x");
        }
    }
    let status = receiver.exporter.status();
    assert_eq!((status.waiting, status.lost), (MOST_ITEMS as u64, 100));
    let large: &'static [u8] = vec![0; MOST_BYTES].leak();
    receiver.exporter.put(large);
    assert_eq!(receiver.exporter.status().lost, 101);
}

#[tokio::test(start_paused = true)]
async fn a_hurry_in_a_pause_is_for_all_that_waits() {
    let receiver = receiver(&[503]);
    receiver.put(&["a", "b", "c", "d"]);
    // The batch has failed once and waits for its next try, and one item waits behind it.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.got(0).await, [at(0, "a,b,c")]);
    receiver.exporter.hurry();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.got(0).await, [at(0, "a,b,c"), at(0, "a,b,c"), at(0, "d")]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_wants_quiet_has_it() {
    let receiver = receiver(&[420]);
    receiver.put(&["a", "b", "c", "d"]);
    assert_eq!(receiver.got(10).await, [at(0, "a,b,c")]);
    let status = receiver.exporter.status();
    // The batch was refused, and what waited behind it is lost with it.
    assert_eq!((status.lost, status.waiting, status.state), (4, 0, "failing"));
    assert!(!receiver.exporter.has_room());
    assert_eq!(receiver.got(90).await.len(), 1);
    assert!(receiver.exporter.has_room());
    receiver.put(&["e"]);
    assert_eq!(receiver.got(10).await[1].1, "e");
    let status = receiver.exporter.status();
    assert_eq!((status.sent, status.lost, status.state), (1, 5, "on"));
}

#[tokio::test(start_paused = true)]
async fn a_date_is_a_wait_as_well() {
    let date = |ahead: u64| {
        let then = std::time::UNIX_EPOCH + Duration::from_millis(clock::unix_ms()) + Duration::from_secs(ahead);
        let headers =
            HeaderMap::from_iter([("retry-after".parse().unwrap(), httpdate::fmt_http_date(then).parse().unwrap())]);
        Reply { status: 429, headers, body: Vec::new() }.retry_after().unwrap()
    };
    assert!((28..=30).contains(&date(30).as_secs()));
    assert_eq!(date(0), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_would_not_fit_need_not_be_rendered() {
    let receiver = receiver(&[]);
    let most: &'static [u8] = vec![0; MOST_BYTES - 10].leak();
    receiver.exporter.put(most);
    assert!(receiver.exporter.has_room());
    receiver.exporter.put("eleven bytes");
    assert!(!receiver.exporter.has_room());
    assert_eq!(receiver.exporter.status().lost, 2);
    receiver.got(1).await;
    assert!(receiver.exporter.has_room());
    // One that never fits keeps nothing else out.
    let large: &'static [u8] = vec![0; MOST_BYTES + 1].leak();
    receiver.exporter.put(large);
    assert!(receiver.exporter.has_room());
    assert_eq!(receiver.exporter.status().lost, 3);
}

#[test]
fn a_flush_waits_for_the_answer_and_not_longer_than_it_may() {
    let runtime = Runtime::new(1, |start| start());
    let threads = runtime.threads().unwrap();
    let exporter = |post: Post| Exporter::start("fake", LIMITS, Box::new(Joined), post, &threads);
    let well = exporter(Box::new(|_, _| {
        Box::pin(async { Ok(Reply { status: 200, headers: HeaderMap::new(), body: Vec::new() }) })
    }));
    well.put("a");
    well.flush(clock::now() + Duration::from_secs(9));
    assert_eq!(well.status().sent, 1);

    let dead = exporter(Box::new(|_, _| Box::pin(async { Err("can't connect".to_owned()) })));
    dead.put("a");
    let start = clock::now();
    dead.flush(start + Duration::from_millis(50));
    assert!(clock::now() - start < Duration::from_secs(2));
    dead.end();
    assert!(!dead.has_room());
}
