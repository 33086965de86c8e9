//! Servers that are away, stand still, come back, or refuse.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet::{Cutter, Options, Server};
use llmrouter::config::{RedisAddress, RedisConfig, RedisNodes, Secret};
use llmrouter::store::redis::Redis;
use llmrouter::store::{Amounts, Engine, Shelf, Spend, StoreError, Taken};

use crate::scene::{ask, cooled, engine, hear, listen, until_well};

/// For one answer (half a second), and what a busy machine adds to it.
const BOUND: Duration = Duration::from_millis(1500);

fn one(add: u64) -> [Spend; 1] {
    [Spend { budget: "b".into(), period: Duration::from_secs(600), add }]
}

/// Every method fails, within its time; what each says.
async fn all_fail(engine: &Redis) -> Vec<String> {
    let keys = ["llmrouter:fleet:cache:a".to_owned()];
    let entries = [(keys[0].clone(), b"v".to_vec(), Duration::from_secs(9))];
    let amounts = Amounts::all(1);
    let mut errors = Vec::new();
    macro_rules! fails {
        ($($call:expr),*) => {$(
            let start = Instant::now();
            let StoreError(why) = $call.await.expect_err(stringify!($call));
            assert!(start.elapsed() < BOUND, "{} took {:?}", stringify!($call), start.elapsed());
            errors.push(why);
        )*};
    }
    let asks = [ask("d", 10, 0, 5)];
    let cools = [cooled("d", 5000)];
    let (asking, adding) = (one(0), one(1));
    fails!(engine.share(&asks), engine.cool(&cools), engine.cooled(), engine.spend(&asking), engine.spend(&adding));
    fails!(engine.take("d", amounts, amounts), engine.settle("d", 1, amounts, amounts));
    fails!(engine.get(&keys), engine.put(&entries), engine.leave());
    errors
}

/// Down is not empty.
#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_of_every_method() {
    let mut server = Server::new();
    let engine = engine(&server.config());
    engine.share(&[ask("d", 10, 0, 5)]).await.unwrap();
    assert_eq!(engine.get(&["llmrouter:fleet:cache:a".to_owned()]).await.unwrap(), [None]);
    assert_eq!(engine.cooled().await.unwrap(), []);
    server.kill();
    let errors = all_fail(&engine).await;
    let name = format!("redis 127.0.0.1:{}: ", server.port);
    assert!(errors.iter().all(|why| why.starts_with(&name)), "{errors:?}");
    assert!(errors.iter().any(|why| why.ends_with("connection refused")), "{errors:?}");
    // A failure is cheap: nobody connects for each question.
    let start = Instant::now();
    for _ in 0..2000 {
        engine.cooled().await.unwrap_err();
    }
    println!("2000 questions to a server that is not there: {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    server.restart();
    let (_, took) = until_well(Duration::from_secs(5), async || engine.share(&[ask("d", 10, 0, 5)]).await).await;
    println!("a server that came back is used again after {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(engine.cooled().await.unwrap(), []);
}

/// A connection that was closed while nobody used it costs nobody an error, not even who adds.
#[tokio::test]
async fn a_connection_that_ended_is_replaced_before_it_is_used() {
    let server = Server::new();
    let engine = engine(&server.config());
    for count in 1..=20 {
        assert_eq!(engine.spend(&one(1)).await.unwrap()[0].total, count);
        assert_eq!(server.cli(&["CLIENT", "KILL", "TYPE", "normal"]), "1");
        // Until the end of the connection has arrived here.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn through(cutter: &Cutter, server: &Server) -> Arc<Redis> {
    let nodes = RedisNodes::One(RedisAddress::Tcp("127.0.0.1".to_owned(), cutter.port));
    engine(&RedisConfig { nodes, ..server.config() })
}

/// A connection through which nothing comes, and which nobody closed, is given up.
#[tokio::test]
async fn a_connection_that_leads_nowhere_is_given_up() {
    let server = Server::new();
    let cutter = Cutter::new(server.port);
    let engine = through(&cutter, &server);
    let mut heard = listen(&engine, &crate::scene::engine(&server.config())).await;
    engine.cooled().await.unwrap();
    cutter.silence();
    for _ in 0..3 {
        let StoreError(why) = engine.cooled().await.unwrap_err();
        assert!(why.ends_with("no answer in time"), "{why}");
    }
    engine.cooled().await.unwrap();
    // The one that listens, too.
    hear(&mut heard, &crate::scene::engine(&server.config()), Duration::from_secs(10)).await;
}

/// A name that leads to a replica, and then to the master: the question that is refused goes to the master.
#[tokio::test]
async fn a_name_that_leads_elsewhere_is_followed() {
    let master = Server::new();
    let replica = Server::start(&Options::with(&["--replicaof", &format!("127.0.0.1 {}", master.port)]));
    let cutter = Cutter::new(replica.port);
    let engine = through(&cutter, &master);
    engine.share(&[ask("d", 10, 0, 5)]).await.unwrap_err();
    cutter.lead_to(master.port);
    assert_eq!(engine.spend(&one(1)).await.unwrap()[0].total, 1);
}

/// An answer is lost, and what was asked was done: what adds is not sent again, what does no harm twice is.
#[tokio::test]
async fn what_adds_is_sent_once() {
    let server = Server::new();
    let cutter = Cutter::new(server.port);
    let engine = through(&cutter, &server);
    let limits = Amounts { requests: 5, ..Amounts::UNLIMITED };
    let two = Amounts { requests: 2, ..Amounts::ZERO };
    assert_eq!(engine.spend(&one(1)).await.unwrap()[0].total, 1);
    cutter.cut();
    let StoreError(why) = engine.spend(&one(1)).await.unwrap_err();
    assert!(why.ends_with("the connection broke"), "{why}");
    assert_eq!(engine.spend(&one(0)).await.unwrap()[0].total, 2);
    cutter.cut();
    engine.take("d", two, limits).await.unwrap_err();
    assert!(matches!(engine.take("d", two, limits).await.unwrap(), Taken::Yes(_)));
    assert!(matches!(engine.take("d", two, limits).await.unwrap(), Taken::No(_)));
    // Nobody notices any of these.
    cutter.cut();
    assert_eq!(engine.share(&[ask("d", 10, 0, 5)]).await.unwrap()[0].allowed, Amounts::all(5));
    cutter.cut();
    engine.cool(&[cooled("d", 5000)]).await.unwrap();
    cutter.cut();
    assert_eq!(engine.cooled().await.unwrap().len(), 1);
    cutter.cut();
    assert_eq!(engine.spend(&one(0)).await.unwrap()[0].total, 2);
    cutter.cut();
    engine.put(&[("llmrouter:fleet:cache:a".to_owned(), vec![1], Duration::from_secs(9))]).await.unwrap();
}

#[tokio::test]
async fn a_server_that_stands_still_costs_a_bounded_time() {
    let server = Server::new();
    let engine = engine(&server.config());
    engine.share(&[ask("d", 10, 0, 5)]).await.unwrap();
    engine.spend(&one(10)).await.unwrap();
    server.freeze();
    all_fail(&engine).await;
    // The connection was given up, and no new one answers: now a failure comes at once, or after one more attempt.
    let start = Instant::now();
    for _ in 0..10 {
        engine.cooled().await.unwrap_err();
    }
    assert!(start.elapsed() < 10 * BOUND);
    server.thaw();
    let (spent, took) = until_well(Duration::from_secs(5), async || engine.spend(&one(0)).await).await;
    println!("a server that goes on is used again after {took:?}");
    // What was sent once may have been counted once.
    assert!((10..=11).contains(&spent[0].total), "{spent:?}");
}

/// Ten thousand at once are served by a server that is well; none of them says that it is not.
#[tokio::test]
async fn many_at_once_are_no_fault_of_the_server() {
    let server = Server::new();
    let config = RedisConfig { timeout: Duration::from_secs(5), ..server.config() };
    let engine = engine(&config);
    let calls = |engine: &Arc<Redis>| {
        let call = |number: u64| {
            let engine = Arc::clone(engine);
            tokio::spawn(async move { engine.get(&[format!("llmrouter:fleet:cache:{number}")]).await })
        };
        (0..10_000).map(call).collect::<Vec<_>>()
    };
    for call in calls(&engine) {
        assert_eq!(call.await.unwrap().unwrap(), [None]);
    }
    // One that stands still: whoever was not even sent says so, and all end in time.
    let engine = crate::scene::engine(&server.config());
    engine.cooled().await.unwrap();
    server.freeze();
    let start = Instant::now();
    let mut busy = 0;
    for call in calls(&engine) {
        busy += usize::from(call.await.unwrap().unwrap_err().is_busy());
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert!(busy > 0 && busy < 10_000, "{busy}");
    server.thaw();
    until_well(Duration::from_secs(5), async || engine.cooled().await).await;
}

#[tokio::test]
async fn who_may_not_come_in_is_told_why_and_without_a_password() {
    let server = Server::start(&Options { password: Some("the-right-one"), ..Options::default() });
    let wrong = RedisConfig { password: Some(Secret::new("the-wrong-one")), ..server.config() };
    let StoreError(why) = engine(&wrong).cooled().await.unwrap_err();
    assert!(why.ends_with("authentication failed") && !why.contains("the-wrong-one"), "{why}");
    let StoreError(why) = engine(&server.config()).cooled().await.unwrap_err();
    assert!(why.contains("NOAUTH"), "{why}");
    // A user that may not do everything.
    server.cli(&["ACL", "SETUSER", "half", "on", ">pw", "~llmrouter:*", "+@all", "-publish"]);
    let half = RedisConfig { username: Some("half".to_owned()), password: Some(Secret::new("pw")), ..server.config() };
    let half = engine(&half);
    half.share(&[ask("d", 10, 0, 5)]).await.unwrap();
    let StoreError(why) = half.cool(&[cooled("d", 5000)]).await.unwrap_err();
    assert!(why.contains("can't run this command"), "{why}");
    let here = RedisConfig { nodes: RedisNodes::One(RedisAddress::Unix("/nowhere/socket".into())), ..server.config() };
    let StoreError(why) = engine(&here).cooled().await.unwrap_err();
    assert_eq!(why, "redis /nowhere/socket: no such file or directory");
}

#[tokio::test]
async fn a_replica_is_no_place_to_write_to() {
    let master = Server::new();
    let replica = Server::start(&Options::with(&["--replicaof", &format!("127.0.0.1 {}", master.port)]));
    let engine = engine(&replica.config());
    let StoreError(why) = engine.share(&[ask("d", 10, 0, 5)]).await.unwrap_err();
    assert!(why.contains("READONLY"), "{why}");
    // It becomes the master, and the engine notices.
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    engine.share(&[ask("d", 10, 0, 5)]).await.unwrap();
}

/// An engine is made and named where no task can run.
#[test]
fn an_engine_is_made_without_a_runtime() {
    let server = Server::new();
    let engine = engine(&server.config());
    assert_eq!(Engine::name(&*engine), format!("redis 127.0.0.1:{}", server.port));
}
