//! Every method, in every topology and by every way in.

use std::time::Duration;

use fleet::{Certificates, Cluster, Guarded, Options, Server};
use llmrouter::config::{RedisAddress, RedisConfig, RedisNodes, RedisTls, Secret};
use llmrouter::store::{Amounts, Ask, Cooled, Engine, Event, Shelf, Spend, Taken};

use crate::scene::{ask, cooled, engine, listen, next, until_well};

const PASSWORD: &str = "hunter2-of-the-fleet";

async fn every_method(redis: &RedisConfig) {
    leases(redis).await;
    rests(redis).await;
    budgets(redis).await;
    minutes(redis).await;
    values(redis).await;
    assert!(!Engine::name(&*engine(redis)).contains(PASSWORD));
}

async fn leases(redis: &RedisConfig) {
    let (a, b) = (engine(redis), engine(redis));
    let mut heard = listen(&a, &b).await;
    let first = a.share(&[ask("d", 10, 2, 6)]).await.unwrap();
    assert_eq!((first[0].allowed, first[0].others, first[0].processes), (Amounts::all(6), Amounts::ZERO, 1));
    let hungry = Ask { hungry: true, seconds: Some(0.5), ..ask("d", 10, 1, 9) };
    let second = b.share(std::slice::from_ref(&hungry)).await.unwrap();
    assert_eq!((second[0].allowed, second[0].others, second[0].processes), (Amounts::all(4), Amounts::all(2), 2));
    assert_eq!(next(&mut heard).await, Event::GiveBack("d".into()));
    // It gives back, and the other one has it.
    let given = a.share(&[ask("d", 10, 2, 2)]).await.unwrap();
    assert_eq!((given[0].seconds, given[0].allowed), (Some(0.5), Amounts::all(2)));
    assert_eq!(b.share(&[hungry]).await.unwrap()[0].allowed, Amounts::all(8));
    // Many at once, in their order; in a cluster they lie on all servers.
    let many: Vec<_> = (0..50).map(|number| ask(&format!("many {number}"), 100, 0, number)).collect();
    let grants = a.share(&many).await.unwrap();
    let allowed: Vec<_> = grants.iter().map(|grant| grant.allowed.requests).collect();
    assert_eq!(allowed, (0..50).collect::<Vec<_>>());
    // Who wants and uses nothing has no row; nor has who left.
    let endless = Ask { limits: Amounts::UNLIMITED, ..ask("d", 0, 0, 0) };
    let none = a.share(&[endless]).await.unwrap();
    assert_eq!((none[0].allowed, none[0].others, none[0].processes), (Amounts::ZERO, Amounts::all(1), 2));
    assert_eq!(b.share(&[ask("d", 10, 1, 9)]).await.unwrap()[0].processes, 1);
    b.leave().await.unwrap();
    assert_eq!(a.share(&[ask("d", 10, 0, 10)]).await.unwrap()[0].allowed, Amounts::all(10));
    a.leave().await.unwrap();
    assert_eq!(b.share(&[ask("many 7", 9, 0, 9)]).await.unwrap()[0].processes, 1);
    b.leave().await.unwrap();
}

async fn rests(redis: &RedisConfig) {
    let (a, b) = (engine(redis), engine(redis));
    let mut heard = listen(&a, &b).await;
    let odd = "an id with \"quotes\", {braces} and é";
    b.cool(&[cooled(odd, 20_000), cooled("short", 300)]).await.unwrap();
    assert_eq!(next(&mut heard).await, Event::Cooled(cooled(odd, 20_000)));
    assert_eq!(next(&mut heard).await, Event::Cooled(cooled("short", 300)));
    let of = |all: Vec<Cooled>, what: &str| all.into_iter().find(|cooled| *cooled.what == *what);
    let left = of(a.cooled().await.unwrap(), odd).unwrap();
    assert!(left.left > Duration::from_secs(18) && left.left <= Duration::from_secs(20), "{left:?}");
    assert_eq!(left.cause, "RateLimitError");
    // An end moves away only, and only that is told.
    b.cool(&[cooled(odd, 5_000)]).await.unwrap();
    b.cool(&[cooled(odd, 60_000)]).await.unwrap();
    assert_eq!(next(&mut heard).await, Event::Cooled(cooled(odd, 60_000)));
    assert!(of(b.cooled().await.unwrap(), odd).unwrap().left > Duration::from_secs(55));
    // What has ended is gone, and the rest is not.
    let gone = async || match of(a.cooled().await.unwrap(), "short") {
        None => Ok(()),
        Some(still) => Err(still),
    };
    until_well(Duration::from_secs(5), gone).await;
    assert!(of(a.cooled().await.unwrap(), odd).is_some());
    a.cool(&[]).await.unwrap();
}

async fn budgets(redis: &RedisConfig) {
    let (a, b) = (engine(redis), engine(redis));
    let spend =
        |budget: &str, period: u64, add| Spend { budget: budget.into(), period: Duration::from_millis(period), add };
    let asked = a.spend(&[spend("provider:x", 60_000, 0)]).await.unwrap();
    assert_eq!((asked[0].total, asked[0].left), (0, None));
    // More than a script's numbers can count to.
    let large = (1 << 60) + 1;
    a.spend(&[spend("provider:x", 60_000, large), spend("tag:y", 500, 7)]).await.unwrap();
    let both = b.spend(&[spend("provider:x", 60_000, 2), spend("tag:y", 500, 0)]).await.unwrap();
    assert_eq!((both[0].total, both[1].total), (large + 2, 7));
    assert!(both[0].left.unwrap() > Duration::from_secs(50) && both[0].left.unwrap() <= Duration::from_secs(60));
    let ended = async || match a.spend(&[spend("tag:y", 500, 0)]).await.unwrap()[0].left {
        None => Ok(()),
        left => Err(left),
    };
    let (_, took) = until_well(Duration::from_secs(5), ended).await;
    assert!(took <= Duration::from_secs(2), "{took:?}");
    assert_eq!(a.spend(&[spend("tag:y", 500, 1)]).await.unwrap()[0].total, 1);
}

async fn minutes(redis: &RedisConfig) {
    let (a, b) = (engine(redis), engine(redis));
    let one = Amounts { requests: 1, tokens: 100, ..Amounts::ZERO };
    let limits = Amounts { requests: 3, tokens: 1000, ..Amounts::UNLIMITED };
    let mut place = 0;
    for engine in [&a, &b, &a] {
        let Taken::Yes(taken) = engine.take("exact", one, limits).await.unwrap() else { panic!("no room") };
        place = taken;
    }
    let Taken::No(Some(wait)) = b.take("exact", one, limits).await.unwrap() else { panic!("too much room") };
    assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(61), "{wait:?}");
    assert_eq!(b.take("exact", Amounts { requests: 4, ..one }, limits).await.unwrap(), Taken::No(None));
    // What was not used is room again; and what was used beyond it is none.
    a.settle("exact", place, one, Amounts::ZERO).await.unwrap();
    let Taken::Yes(place) = b.take("exact", one, limits).await.unwrap() else { panic!("no room") };
    b.settle("exact", place, one, Amounts { tokens: 900, ..one }).await.unwrap();
    let more = Amounts { requests: 9, ..limits };
    assert!(matches!(a.take("exact", one, more).await.unwrap(), Taken::No(Some(_))));
    // What is over does not count.
    a.settle("exact", 1_000_000, Amounts::ZERO, Amounts::all(1000)).await.unwrap();
    assert!(matches!(a.take("exact", one, Amounts::UNLIMITED).await.unwrap(), Taken::Yes(_)));
}

async fn values(redis: &RedisConfig) {
    let (a, b) = (engine(redis), engine(redis));
    let keys: Vec<String> = (0..40).map(|number| format!("llmrouter:fleet:cache:{number}")).collect();
    let time = Duration::from_secs(60);
    let bytes = |number: u8| vec![0, 255, number, b'\r', b'\n'];
    let mut entries: Vec<_> = (0..20).map(|number| (keys[usize::from(number)].clone(), bytes(number), time)).collect();
    entries[3].2 = Duration::from_millis(1);
    a.put(&entries).await.unwrap();
    let gone = async || match b.get(&keys[3..4]).await.unwrap()[0] {
        None => Ok(()),
        Some(_) => Err("still there"),
    };
    until_well(Duration::from_secs(5), gone).await;
    let found = b.get(&keys).await.unwrap();
    for (number, value) in (0..).zip(found) {
        let expected = (number < 20 && number != 3).then(|| bytes(number));
        assert_eq!(value, expected, "{number}");
    }
    assert_eq!(b.get(&[]).await.unwrap(), Vec::<Option<Vec<u8>>>::new());
}

#[tokio::test]
async fn one_server() {
    let server = Server::new();
    every_method(&server.config()).await;
}

/// A user of its own, a password, a database and a name that the server shows.
#[tokio::test]
async fn one_server_with_users() {
    let server = Server::start(&Options { password: Some("of-the-default-user"), ..Options::default() });
    // Scripts go by their text alone, as through a proxy that knows no other way.
    let permissions = ["~llmrouter:*", "&llmrouter:*", "+@all", "-@dangerous", "-script", "-evalsha"];
    let rule = format!(">{PASSWORD}");
    server.cli(&[&["ACL", "SETUSER", "router", "on", &rule][..], &permissions[..]].concat());
    let config = RedisConfig {
        username: Some("router".to_owned()),
        password: Some(Secret::new(PASSWORD)),
        db: 3,
        client_name: Some("llmrouter-of-a-test".to_owned()),
        ..server.config()
    };
    every_method(&config).await;
    let engine = engine(&config);
    engine.cooled().await.unwrap();
    assert!(server.cli(&["CLIENT", "LIST"]).contains("name=llmrouter-of-a-test"));
    assert!(server.cli(&["-n", "3", "DBSIZE"]).parse::<u32>().unwrap() > 0);
    assert_eq!(server.cli(&["-n", "0", "DBSIZE"]), "0");
}

#[tokio::test]
async fn one_server_by_its_socket() {
    let server = Server::new();
    let nodes = RedisNodes::One(RedisAddress::Unix(server.socket()));
    every_method(&RedisConfig { nodes, ..server.config() }).await;
}

#[tokio::test]
async fn one_server_encrypted() {
    let files = Certificates::new();
    let options = Options { tls: Some(&files), password: Some(PASSWORD), ..Options::default() };
    let server = Server::start(&options);
    let full = RedisTls {
        any: false,
        ca: Some(files.ca.clone()),
        certificate: Some(files.client.0.clone()),
        key: Some(files.client.1.clone()),
    };
    let with = |tls: RedisTls| RedisConfig { tls: Some(tls), password: Some(Secret::new(PASSWORD)), ..server.config() };
    every_method(&with(full.clone())).await;
    server.cli(&["FLUSHALL"]);
    // Any server will do, but not any client.
    every_method(&with(RedisTls { any: true, ca: None, ..full.clone() })).await;
    let nobody = engine(&with(RedisTls { certificate: None, key: None, ..full.clone() })).cooled().await.unwrap_err();
    assert!(!nobody.0.contains(PASSWORD), "{nobody:?}");
    let stranger = engine(&with(RedisTls { ca: None, ..full })).cooled().await.unwrap_err();
    assert!(stranger.0.contains("no TLS"), "{stranger:?}");
}

/// Without a client's certificate, where none is asked for.
#[tokio::test]
async fn one_server_encrypted_for_anybody() {
    let files = Certificates::new();
    let options = Options { tls: Some(&files), ..Options::with(&["--tls-auth-clients", "no"]) };
    let server = Server::start(&options);
    let tls = RedisTls { ca: Some(files.ca.clone()), ..RedisTls::default() };
    every_method(&RedisConfig { tls: Some(tls), ..server.config() }).await;
}

#[tokio::test]
async fn a_cluster() {
    let cluster = Cluster::new();
    every_method(&cluster.config()).await;
}

#[tokio::test]
async fn a_cluster_encrypted() {
    let files = Certificates::new();
    let cluster = Cluster::start(&Options { tls: Some(&files), password: Some(PASSWORD), ..Options::default() });
    let tls = RedisTls {
        any: false,
        ca: Some(files.ca.clone()),
        certificate: Some(files.client.0.clone()),
        key: Some(files.client.1.clone()),
    };
    every_method(&RedisConfig { tls: Some(tls), password: Some(Secret::new(PASSWORD)), ..cluster.config() }).await;
}

#[tokio::test]
async fn a_master_that_sentinels_know() {
    let guarded = Guarded::new();
    every_method(&guarded.config()).await;
}
