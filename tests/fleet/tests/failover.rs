//! Another server takes the place of one.

use std::sync::Arc;
use std::time::Duration;

use fleet::{Cluster, Guarded, wait_until};
use llmrouter::store::redis::Redis;
use llmrouter::store::{Engine, Shelf};

use crate::scene::{ask, engine, hear, listen, until_well};

const SETTLED: Duration = Duration::from_secs(30);

/// Something for every slot range: all of it works.
async fn works(engine: &Arc<Redis>) -> Result<(), llmrouter::store::StoreError> {
    let asks: Vec<_> = (0..30).map(|number| ask(&format!("d{number}"), 10, 0, 5)).collect();
    engine.share(&asks).await?;
    let entries: Vec<_> =
        (0..30).map(|number| (format!("llmrouter:fleet:cache:{number}"), vec![1], Duration::from_secs(60))).collect();
    engine.put(&entries).await?;
    engine.cooled().await.map(|_| ())
}

#[tokio::test]
async fn sentinels_name_another_master() {
    let mut guarded = Guarded::new();
    let (a, b) = (engine(&guarded.config()), engine(&guarded.config()));
    let mut heard = listen(&a, &b).await;
    works(&a).await.unwrap();
    // In order: the old master lives on as a replica.
    guarded.fail_over();
    wait_until("another master", SETTLED, || guarded.master.cli(&["ROLE"]).starts_with("slave"));
    let (_, took) = until_well(SETTLED, async || works(&a).await).await;
    println!("a master that stepped down: works again after {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    hear(&mut heard, &b, SETTLED).await;
    wait_until("a replica that is whole", SETTLED, || {
        guarded.master.cli(&["INFO", "replication"]).contains("master_link_status:up")
    });
    // Out of order: the new one dies, and the old one is called back.
    guarded.replica.kill();
    let (_, took) = until_well(SETTLED, async || works(&a).await).await;
    println!("a master that died, declared dead after 500 ms: works again after {took:?}");
    hear(&mut heard, &b, SETTLED).await;
    assert!(Engine::name(&*a).contains(&guarded.master.port.to_string()), "{}", Engine::name(&*a));
}

#[tokio::test]
async fn a_cluster_moves_its_slots() {
    let mut cluster = Cluster::new();
    let (a, b) = (engine(&cluster.config()), engine(&cluster.config()));
    let mut heard = listen(&a, &b).await;
    works(&a).await.unwrap();
    // In order: the replica takes over, and the old master sends us on.
    assert_eq!(cluster.replica.cli(&["CLUSTER", "FAILOVER"]), "OK");
    wait_until("a take-over", SETTLED, || cluster.replica.cli(&["ROLE"]).starts_with("master"));
    let (_, took) = until_well(SETTLED, async || works(&a).await).await;
    println!("a slot range that moved: works again after {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    wait_until("a replica that is whole", SETTLED, || {
        cluster.masters[0].cli(&["INFO", "replication"]).contains("master_link_status:up")
    });
    // Out of order: it dies, and its replica takes over.
    cluster.replica.kill();
    let (_, took) = until_well(SETTLED, async || works(&a).await).await;
    println!("a master of a cluster that died, declared dead after 1 s: works again after {took:?}");
    works(&b).await.unwrap();
    hear(&mut heard, &b, SETTLED).await;
}

/// While a slot is on its way, what has left is found at its new place.
#[tokio::test]
async fn a_slot_on_its_way_is_followed() {
    let cluster = Cluster::new();
    let engine = engine(&cluster.config());
    let key = "llmrouter:fleet:cache:moving".to_owned();
    let slot = cluster.masters[0].cli(&["CLUSTER", "KEYSLOT", &key]);
    let number: usize = slot.parse().unwrap();
    let (from, to) = match number {
        0..=5460 => (0, 1),
        5461..=10922 => (1, 2),
        _ => (2, 0),
    };
    let (from, to) = (&cluster.masters[from], &cluster.masters[to]);
    let (from_id, to_id) = (from.cli(&["CLUSTER", "MYID"]), to.cli(&["CLUSTER", "MYID"]));
    let entry = |value: &[u8]| [(key.clone(), value.to_vec(), Duration::from_secs(60))];
    engine.put(&entry(b"before")).await.unwrap();
    to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    assert_eq!(engine.get(std::slice::from_ref(&key)).await.unwrap(), [Some(b"before".to_vec())]);
    from.cli(&["MIGRATE", "127.0.0.1", &to.port.to_string(), &key, "0", "2000"]);
    assert_eq!(engine.get(std::slice::from_ref(&key)).await.unwrap(), [Some(b"before".to_vec())]);
    engine.put(&entry(b"on its way")).await.unwrap();
    for node in [to, from] {
        node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
    }
    for _ in 0..20 {
        assert_eq!(engine.get(std::slice::from_ref(&key)).await.unwrap(), [Some(b"on its way".to_vec())]);
    }
}
