//! How soon the others know.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use fleet::{Cluster, Server};
use llmrouter::config::RedisConfig;
use llmrouter::observe::logs;
use llmrouter::store::{Engine, Event};

use crate::scene::{cooled, engine, hear, listen, next};

async fn delays(what: &str, redis: &RedisConfig) {
    let (a, b) = (engine(redis), engine(redis));
    let mut heard = listen(&a, &b).await;
    let mut times = Vec::new();
    for number in 0..300 {
        let cooled = cooled(&format!("d{number}"), 30_000);
        let start = Instant::now();
        b.cool(std::slice::from_ref(&cooled)).await.unwrap();
        assert_eq!(next(&mut heard).await, Event::Cooled(cooled));
        times.push(start.elapsed());
    }
    times.sort();
    let (half, most) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("{what}: a cooldown is known elsewhere after p50 {half:?}, p99 {most:?}");
    assert!(most < Duration::from_secs(1));
}

#[tokio::test]
async fn a_cooldown_is_known_within_a_second() {
    let server = Server::new();
    delays("one server", &server.config()).await;
    let cluster = Cluster::new();
    delays("a cluster", &cluster.config()).await;
}

/// What is told while nobody hears it is not lost: who begins to listen is told what rests.
#[tokio::test]
async fn who_listens_again_has_missed_nothing() {
    let mut server = Server::new();
    let (a, b) = (engine(&server.config()), engine(&server.config()));
    let mut heard = listen(&a, &b).await;
    server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    b.cool(&[cooled("missed", 30_000)]).await.unwrap();
    let Event::Cooled(event) = next(&mut heard).await else { panic!("something else") };
    assert_eq!(&*event.what, "missed");
    server.restart();
    hear(&mut heard, &b, Duration::from_secs(10)).await;
    // A server that stands still is left, and found again.
    server.freeze();
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.thaw();
    hear(&mut heard, &b, Duration::from_secs(10)).await;
}

/// A listener that goes takes its subscription with it.
#[tokio::test]
async fn who_does_not_listen_is_told_nothing() {
    let server = Server::new();
    let (a, b) = (engine(&server.config()), engine(&server.config()));
    drop(listen(&a, &b).await);
    let count = || server.cli(&["PUBSUB", "NUMSUB", "llmrouter:fleet:events"]);
    let start = Instant::now();
    while !count().ends_with('0') {
        assert!(start.elapsed() < Duration::from_secs(5), "{}", count());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

thread_local! {
    /// What is logged on a test's own thread, which runs its tasks, too.
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A subscription that is lost, and tried again many times, is one record; so is its return.
#[tokio::test]
async fn losing_it_is_logged_once_and_so_is_its_return() {
    logs::install(|_, record| LOGGED.with_borrow_mut(|logged| logged.push(record.to_owned())));
    logs::set_level(3);
    let told = || -> Vec<String> {
        let is_of_it = |record: &&String| record.contains("what other processes tell");
        LOGGED.with_borrow(|logged| logged.iter().filter(is_of_it).cloned().collect())
    };
    let mut server = Server::new();
    let (a, b) = (engine(&server.config()), engine(&server.config()));
    let mut heard = listen(&a, &b).await;
    for turn in 1..=2 {
        server.kill();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(told().len(), 2 * turn - 1, "{:?}", told());
        assert!(told()[2 * turn - 2].contains("is not heard: "), "{:?}", told());
        server.restart();
        hear(&mut heard, &b, Duration::from_secs(10)).await;
        let start = Instant::now();
        while told().len() < 2 * turn && start.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(told()[2 * turn - 1].contains("is heard again"), "{:?}", told());
    }
}
