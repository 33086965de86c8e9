//! The rule of a lease: the same in the script as in Rust, and held by many processes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fleet::Server;
use llmrouter::store::{Amounts, Ask, Engine, Grant, Row, Taken, grant};

use crate::scene::{ask, engine};

/// Some number, none, or none that counts.
fn some(most: u64) -> u64 {
    match fastrand::u8(0..10) {
        0 => 0,
        1 => u64::MAX,
        _ => fastrand::u64(0..most),
    }
}

fn amounts(mut each: impl FnMut() -> u64) -> Amounts {
    Amounts::of(std::array::from_fn(|_| each()))
}

fn words(amounts: Amounts) -> String {
    let word = |amount: u64| if amount == u64::MAX { "*".to_owned() } else { amount.to_string() };
    amounts.each().map(word).join(" ")
}

#[tokio::test]
async fn the_script_and_the_rule_say_the_same() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    fastrand::seed(seed);
    let server = Server::new();
    let engine = engine(&server.config());
    for case in 0..300 {
        let id = format!("case {case}");
        let key = format!("llmrouter:fleet:rows:{id}");
        let now: u64 = server.cli(&["TIME"]).split_whitespace().next().unwrap().parse().unwrap();
        let mut rows = Vec::new();
        for process in 0..fastrand::usize(0..6) {
            // Away from the edges: the clock goes on while the test writes.
            let age = [0, 1, 3, 7, 30, 62, 66, 100][fastrand::usize(0..8)];
            let row = Row {
                allowed: amounts(|| some(50)),
                used: amounts(|| fastrand::u64(0..50)),
                seconds: fastrand::bool().then(fastrand::f64),
                age: Duration::from_secs(age),
            };
            let seconds = row.seconds.map(|seconds| format!(" {seconds}")).unwrap_or_default();
            let text = format!("{} {} {}{seconds}", (now - age) * 1000, words(row.allowed), words(row.used));
            server.cli(&["HSET", &key, &format!("process {process}"), &text]);
            rows.push(row);
        }
        let used = amounts(|| fastrand::u64(0..30));
        let ask = Ask {
            limits: amounts(|| some(200)),
            used,
            want: used.with(amounts(|| some(100)), u64::saturating_add),
            hungry: fastrand::bool(),
            seconds: fastrand::bool().then(fastrand::f64),
            ..ask(&id, 0, 0, 0)
        };
        let expected = grant(&ask, rows.iter().copied());
        let got = engine.share(std::slice::from_ref(&ask)).await.unwrap().remove(0);
        let mean = |grant: &Grant| (grant.seconds.unwrap_or(-1.0) * 1e9).round();
        assert!((mean(&expected) - mean(&got)).abs() <= 1.0, "{case}: {expected:?} {got:?}");
        let plain = |grant: Grant| Grant { seconds: None, ..grant };
        assert_eq!(plain(got), plain(expected), "{case}: {ask:?} {rows:?}");
        // Who is gone has no row any more.
        let kept = rows.iter().filter(|row| row.is_kept()).count();
        let has_row = ask.used != Amounts::ZERO || ask.want != Amounts::ZERO;
        assert_eq!(server.cli(&["HLEN", &key]), (kept + usize::from(has_row)).to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_that_want_all_never_have_more_than_the_limit() {
    const LIMIT: u64 = 1000;
    let server = Server::new();
    let total = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + Duration::from_secs(3);
    let work = |number: usize| {
        let (engine, total) = (engine(&server.config()), Arc::clone(&total));
        async move {
            let mut used = 0;
            let mut renewals = 0;
            while Instant::now() < end {
                let ask = Ask { hungry: true, ..ask("d", LIMIT, used, used + fastrand::u64(0..200)) };
                let allowed = engine.share(&[ask]).await.unwrap()[0].allowed.requests;
                renewals += 1;
                assert!(allowed >= used, "{number}");
                // Some of it is used, and some is given back with the next renewal.
                let more = if allowed > used { fastrand::u64(0..=allowed - used) } else { 0 };
                used += more;
                let all = total.fetch_add(more, Ordering::SeqCst) + more;
                assert!(all <= LIMIT, "{all} used of {LIMIT}");
                tokio::task::yield_now().await;
            }
            (used, renewals)
        }
    };
    let tasks: Vec<_> = (0..8).map(|number| tokio::spawn(work(number))).collect();
    let (mut used, mut renewals) = (0, 0);
    for task in tasks {
        let (own, count) = task.await.unwrap();
        used += own;
        renewals += count;
    }
    println!("{renewals} renewals of eight processes in 3 s, {used} used of {LIMIT}");
    assert_eq!(used, LIMIT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_that_ask_before_each_attempt_get_exactly_the_limit() {
    let server = Server::new();
    let limits = Amounts { requests: 500, ..Amounts::UNLIMITED };
    let one = Amounts { requests: 1, tokens: 10, ..Amounts::ZERO };
    let work = || {
        let engine = engine(&server.config());
        async move {
            let mut taken = 0;
            for _ in 0..100 {
                taken += u32::from(matches!(engine.take("d", one, limits).await.unwrap(), Taken::Yes(_)));
            }
            taken
        }
    };
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(work())).collect();
    let mut taken = 0;
    for task in tasks {
        taken += task.await.unwrap();
    }
    assert_eq!(taken, 500);
}

/// A store that lost everything: nobody has more than before until all have written what they have.
#[tokio::test]
async fn a_store_that_forgot_everything_gives_nobody_more_than_it_had() {
    let server = Server::new();
    let (a, b) = (engine(&server.config()), engine(&server.config()));
    let allowed = async |engine: &Arc<llmrouter::store::redis::Redis>, used, want| {
        engine.share(&[ask("d", 100, used, want)]).await.unwrap()[0].allowed.requests
    };
    assert_eq!(allowed(&a, 0, 60).await, 60);
    assert_eq!(allowed(&b, 30, 100).await, 40);
    server.cli(&["FLUSHALL"]);
    assert_eq!(allowed(&a, 0, 100).await, 60);
    assert_eq!(allowed(&a, 0, 100).await, 60);
    assert_eq!(allowed(&b, 30, 100).await, 40);
    // Less is possible at once, and when all have renewed, more again.
    assert_eq!(allowed(&a, 0, 5).await, 5);
    tokio::time::sleep(llmrouter::store::TRUSTED).await;
    assert_eq!(allowed(&b, 30, 100).await, 95);
}

/// The store's minute slides: what leaves it is room again at the moment that was told, and not before.
#[tokio::test]
async fn the_minute_of_the_store_slides() {
    let server = Server::new();
    let engine = engine(&server.config());
    let now: u64 = server.cli(&["TIME"]).split_whitespace().next().unwrap().parse().unwrap();
    // Over for long; three that leave soon; two that stay; and one from before the clock was set back.
    for (second, amounts) in
        [(now - 62, "100 0 0 0"), (now - 58, "3 0 0 0"), (now - 20, "2 0 0 0"), (now + 3600, "100 0 0 0")]
    {
        server.cli(&["HSET", "llmrouter:fleet:minute:d", &second.to_string(), amounts]);
    }
    let limits = Amounts { requests: 5, ..Amounts::UNLIMITED };
    let take = async |requests| engine.take("d", Amounts { requests, ..Amounts::ZERO }, limits).await.unwrap();
    let start = Instant::now();
    // Four need the room of those that stay, too; one only of those that go.
    let Taken::No(Some(long)) = take(4).await else { panic!("room for four") };
    assert!(long > Duration::from_secs(37) && long <= Duration::from_secs(41), "{long:?}");
    let Taken::No(Some(short)) = take(1).await else { panic!("room for one") };
    assert!(short <= Duration::from_secs(3), "{short:?}");
    assert_eq!(server.cli(&["HLEN", "llmrouter:fleet:minute:d"]), "2");
    while !matches!(take(1).await, Taken::Yes(_)) {
        assert!(start.elapsed() < short + Duration::from_secs(1), "{short:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(start.elapsed() + Duration::from_millis(20) >= short, "{:?} {short:?}", start.elapsed());
    assert!(matches!(take(2).await, Taken::Yes(_)));
    assert!(matches!(take(1).await, Taken::No(Some(_))));
}
