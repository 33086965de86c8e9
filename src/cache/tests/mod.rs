//! Memory and shelf together.

use super::entry::tests::chat;
use super::key::tests::key;
use super::rules::tests::config;
pub use super::shared::tests::Fake;
use super::*;

const PATIENCE: Duration = Duration::from_millis(5);

fn wish(seconds: u64) -> Wish {
    let ttl = Duration::from_secs(seconds);
    Wish { look: true, store: true, max_age: None, local_ttl: ttl, shared_ttl: ttl }
}

#[tokio::test(start_paused = true)]
async fn what_one_process_keeps_another_one_has_for_the_rest_of_its_time() {
    let fake = Arc::new(Fake::default());
    let cache = || Cache::new(&config(""), Some(Arc::clone(&fake) as Arc<dyn Shelf>), PATIENCE);
    let (one, other) = (cache(), cache());
    one.put(key(1), &chat("a"), &wish(30));
    tokio::task::yield_now().await;
    assert!(other.peek(key(1), None).is_none());
    assert!(other.look(key(1), None).await.is_some());
    let reads = fake.reads.load(Ordering::Relaxed);
    assert!(other.look(key(1), None).await.is_some());
    assert_eq!(fake.reads.load(Ordering::Relaxed), reads, "it is in memory now");
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(other.peek(key(1), None).is_none(), "no longer than it was kept for");
}

#[tokio::test(start_paused = true)]
async fn several_are_asked_for_at_once() {
    let fake = Arc::new(Fake::default());
    let cache = || Cache::new(&config(""), Some(Arc::clone(&fake) as Arc<dyn Shelf>), PATIENCE);
    let (one, other) = (cache(), cache());
    for number in [1, 3] {
        one.put(key(number), &chat(&number.to_string()), &wish(30));
    }
    tokio::task::yield_now().await;
    other.put(key(4), &chat("4"), &wish(30));
    let found = other.look_all(&[1, 2, 3, 4].map(key), None).await;
    let said: Vec<_> =
        found.iter().map(|entry| entry.as_ref().map(|entry| entry.json().unwrap().contains("\"3\""))).collect();
    assert_eq!(said, [Some(false), None, Some(true), Some(false)]);
    assert_eq!(fake.reads.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn old_ones_will_not_do_for_who_says_so() {
    let cache = Cache::new(&config(""), None, PATIENCE);
    cache.put(key(1), &chat("a"), &wish(30));
    tokio::time::advance(Duration::from_secs(5)).await;
    let has = |seconds| cache.peek(key(1), Some(Duration::from_secs(seconds))).is_some();
    assert!(has(5) && !has(4));
    assert_eq!(cache.snapshot()["entries"], 1);
}
