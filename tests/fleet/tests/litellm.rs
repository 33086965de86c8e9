//! One Redis for LiteLLM's routers and ours. What LiteLLM writes is written here as it does, with the same commands.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fleet::{Cluster, Server};
use llmrouter::config::{RedisConfig, StoreConfig};
use llmrouter::store::redis::Redis;
use llmrouter::store::{Amounts, Cooled, Engine, Known, Taken};

use crate::scene::{ask, cooled, until_well};

const MODEL: &str = "openai/gpt-4o";

fn engine(redis: &RedisConfig) -> Arc<Redis> {
    let store = StoreConfig { namespace: "fleet".to_owned(), litellm_keys: true, ..StoreConfig::default() };
    let engine = Redis::new(redis, &store);
    let known = |id: &str| Known { id: id.into(), model: MODEL.into() };
    engine.know(&["d1", "d2", "d3", "d4", "d5"].map(known));
    engine
}

fn unix() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The running minute, with enough of it left for a test.
async fn minute() -> String {
    while unix() % 60.0 > 45.0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let minutes = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60;
    format!("{:02}-{:02}", minutes / 60 % 24, minutes % 60)
}

/// A member of a Python literal, as Python reads it.
fn python(literal: &str, member: &str) -> String {
    let program = format!("import ast, sys; print(repr(ast.literal_eval(sys.stdin.read())[{member:?}]))");
    let mut child = Command::new("python3")
        .args(["-c", &program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3, which `make setup` installs");
    child.stdin.take().unwrap().write_all(literal.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{literal}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn of<'a>(all: &'a [Cooled], what: &str) -> Option<&'a Cooled> {
    all.iter().find(|cooled| *cooled.what == *what)
}

#[tokio::test]
async fn cooldowns_of_litellm_are_seen() {
    let server = Server::new();
    let now = unix();
    let python = |time: f64, status: u16| {
        format!(
            "{{'exception_received': \"litellm.RateLimitError: RateLimitError: it's full*\", 'status_code': '{status}', \
             'timestamp': {now}, 'cooldown_time': {time}}}"
        )
    };
    let set = |id: &str, value: &str| server.cli(&["SET", &format!("deployment:{id}:cooldown"), value, "EX", "30"]);
    set("d1", &python(30.0, 429));
    let json = r#"{"exception_received": "x", "status_code": "401", "cooldown_time": 30, "timestamp": "#;
    set("d2", &format!("{json}{now}}}"));
    // Over by its own account; and no cooldown at all.
    set("d3", &format!("{json}{}}}", now - 40.0));
    set("d4", "something else");
    let engine = engine(&server.config());
    engine.cool(&[cooled("ours", 9000), cooled("d2", 5000)]).await.unwrap();
    let all = engine.cooled().await.unwrap();
    let d1 = of(&all, "d1").unwrap();
    assert!(d1.left > Duration::from_secs(25) && d1.left <= Duration::from_secs(30), "{d1:?}");
    assert_eq!(d1.cause, "RateLimitError");
    // It rests with us, too: the later end counts.
    assert!(of(&all, "d2").unwrap().left > Duration::from_secs(25));
    assert!(of(&all, "ours").is_some() && of(&all, "d3").is_none() && of(&all, "d4").is_none());
    // They are looked at once a second.
    let looks = || {
        let stats = server.cli(&["INFO", "commandstats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_mget:calls=")).unwrap_or("0,").to_owned();
        line.split(',').next().unwrap().parse::<u32>().unwrap()
    };
    let before = looks();
    for _ in 0..50 {
        assert!(of(&engine.cooled().await.unwrap(), "d1").is_some());
    }
    assert!(looks() <= before + 1, "{before} {}", looks());
    set("d5", &python(30.0, 503));
    let seen = async || of(&engine.cooled().await.unwrap(), "d5").cloned().ok_or("not seen");
    let (d5, took) = until_well(Duration::from_secs(5), seen).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(d5.cause, "ServiceUnavailableError");
}

#[tokio::test]
async fn cooldowns_of_ours_are_written_as_litellm_reads_them() {
    let server = Server::new();
    let engine = engine(&server.config());
    let cause = "AuthenticationError".to_owned();
    let key = "key:of-many-deployments";
    let rests = [Cooled { cause, ..cooled("d1", 7500) }, cooled("d2", 4000), cooled(key, 4000)];
    server.cli(&["SET", "deployment:d2:cooldown", "{}", "EX", "100"]);
    engine.cool(&rests).await.unwrap();
    let left: u32 = server.cli(&["PTTL", "deployment:d1:cooldown"]).parse().unwrap();
    assert!((6500..=8000).contains(&left), "{left}");
    let value = server.cli(&["GET", "deployment:d1:cooldown"]);
    assert_eq!(python(&value, "status_code"), "'401'");
    assert_eq!(python(&value, "exception_received"), "'AuthenticationError'");
    assert_eq!(python(&value, "cooldown_time"), "7.5");
    let written: f64 = python(&value, "timestamp").parse().unwrap();
    assert!((unix() - written).abs() < 5.0, "{written}");
    // What lasts longer stays; what is no deployment is nothing to LiteLLM.
    assert_eq!(server.cli(&["GET", "deployment:d2:cooldown"]), "{}");
    assert_eq!(server.cli(&["EXISTS", &format!("deployment:{key}:cooldown")]), "0");
}

async fn usage(redis: &RedisConfig, cli: impl Fn(&[&str], &str) -> String) {
    let minute = minute().await;
    let add = |name: &str, count: &str| {
        let key = format!("{name}:{minute}");
        cli(&["INCRBYFLOAT", &key, count], &key);
        cli(&["EXPIRE", &key, "60"], &key);
    };
    // One deployment as all strategies count it, one as usage-based-routing-v2 does alone.
    add("global_router:d1:openai/gpt-4o:rpm", "7");
    add("global_router:d1:openai/gpt-4o:tpm", "700");
    add("d2:openai/gpt-4o:rpm", "3");
    add("d2:openai/gpt-4o:tpm", "150");
    let (a, b) = (engine(redis), engine(redis));
    let used = Amounts { requests: 5, tokens: 100, input: 80, output: 20, slots: 1 };
    let mut first = ask("d1", 1000, 0, 0);
    (first.used, first.want) = (used, used);
    let second = ask("d2", 10, 0, 10);
    let seen = async |engine: &Arc<Redis>| {
        let grants = engine.share(&[first.clone(), second.clone()]).await.unwrap();
        if grants[0].others.tokens >= 700 && grants[1].others.tokens >= 150 { Ok(grants) } else { Err(grants) }
    };
    let (grants, took) = until_well(Duration::from_secs(10), async || seen(&a).await).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!((grants[0].others.requests, grants[0].others.tokens), (7, 700));
    // What they used is not ours to use: the next renewal leaves it to them.
    let grants = a.share(&[first.clone(), second.clone()]).await.unwrap();
    assert_eq!((grants[1].others.requests, grants[1].allowed.requests, grants[1].allowed.slots), (3, 7, 10));
    let one = Amounts { requests: 1, ..Amounts::ZERO };
    assert_eq!(a.take("d2", Amounts { requests: 8, ..one }, Amounts::all(10)).await.unwrap(), Taken::No(None));
    // Ours is counted for them, once, however often it is renewed; and by all of ours as ours.
    let counter = |name: &str| {
        let key = format!("{name}:{minute}");
        cli(&["GET", &key], &key)
    };
    let both_written = async || {
        let grants = b.share(std::slice::from_ref(&first)).await.unwrap();
        a.share(std::slice::from_ref(&first)).await.unwrap();
        if counter("global_router:d1:openai/gpt-4o:rpm") == "17" { Ok(grants) } else { Err("not written") }
    };
    until_well(Duration::from_secs(10), both_written).await;
    for name in ["tpm:900", "itpm:160", "otpm:40"] {
        let (kind, expected) = name.split_once(':').unwrap();
        assert_eq!(counter(&format!("global_router:d1:openai/gpt-4o:{kind}")), expected, "{kind}");
    }
    assert_eq!(counter("d1:openai/gpt-4o:rpm"), "10");
    let key = format!("d1:openai/gpt-4o:tpm:{minute}");
    let left: i64 = cli(&["TTL", &key], &key).parse().unwrap();
    assert!((1..=60).contains(&left), "{left}");
    // Beside the lease of the other one stands what LiteLLM's routers used, and nothing twice.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    b.share(std::slice::from_ref(&first)).await.unwrap();
    let settled = async || {
        let grant = b.share(std::slice::from_ref(&first)).await.unwrap().remove(0);
        if (grant.others.requests, grant.others.tokens) == (12, 800) { Ok(()) } else { Err(grant) }
    };
    until_well(Duration::from_secs(5), settled).await;
    assert_eq!(counter("global_router:d1:openai/gpt-4o:rpm"), "17");
}

#[tokio::test]
async fn use_is_shared_both_ways() {
    let server = Server::new();
    usage(&server.config(), |arguments, _| server.cli(arguments)).await;
}

#[tokio::test]
async fn use_is_shared_both_ways_in_a_cluster() {
    let cluster = Cluster::new();
    usage(&cluster.config(), |arguments, key| cluster.cli(key, arguments)).await;
}

/// Without the setting nothing of LiteLLM's is touched.
#[tokio::test]
async fn nothing_is_shared_unasked() {
    let server = Server::new();
    let engine = crate::scene::engine(&server.config());
    engine.know(&[Known { id: "d1".into(), model: MODEL.into() }]);
    engine.cool(&[cooled("d1", 9000)]).await.unwrap();
    engine.share(&[ask("d1", 10, 3, 5)]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let keys = server.cli(&["KEYS", "*"]);
    assert!(keys.lines().all(|key| key.starts_with("llmrouter:fleet:")), "{keys}");
}
