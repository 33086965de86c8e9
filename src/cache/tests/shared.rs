use std::collections::HashMap;

use super::super::entry::tests::chat;
use super::super::key::tests::key;
use super::*;
use crate::store::{Answer, StoreError};

const PATIENCE: Duration = Duration::from_millis(5);
const MINUTE: Duration = Duration::from_secs(60);

/// A shelf that can be slow, broken, or full of garbage.
#[derive(Default)]
pub struct Fake {
    pub values: Mutex<HashMap<String, Vec<u8>>>,
    pub delay: Mutex<Duration>,
    pub broken: AtomicBool,
    pub reads: AtomicU32,
    pub writes: AtomicU32,
}

impl Fake {
    async fn work(&self) -> Result<(), StoreError> {
        let delay = *self.delay.lock().unwrap();
        clock::sleep(delay).await;
        if self.broken.load(Ordering::Relaxed) { Err(StoreError("refused".to_owned())) } else { Ok(()) }
    }
}

impl Shelf for Fake {
    fn get<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Vec<Option<Vec<u8>>>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            self.work().await?;
            let values = self.values.lock().unwrap();
            Ok(keys.iter().map(|key| values.get(key).cloned()).collect())
        })
    }

    fn put<'a>(&'a self, entries: &'a [(String, Vec<u8>, Duration)]) -> Answer<'a, ()> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            self.work().await?;
            let mut values = self.values.lock().unwrap();
            values.extend(entries.iter().map(|(key, value, _)| (key.clone(), value.clone())));
            Ok(())
        })
    }

    fn name(&self) -> String {
        "a fake".to_owned()
    }
}

fn shared() -> (Arc<Fake>, Arc<Shared>) {
    let fake = Arc::new(Fake::default());
    (Arc::clone(&fake), Shared::new(fake, PATIENCE, Some("n")))
}

async fn has(shared: &Arc<Shared>, number: u64) -> bool {
    shared.get(&[key(number)]).await.pop().flatten().is_some()
}

/// Lets what runs in the background do so.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_written_is_read_by_others_and_garbage_is_a_miss() {
    let (fake, own) = shared();
    own.put(vec![(key(1), chat("a"))], MINUTE);
    settle().await;
    let other = Shared::new(Arc::clone(&fake) as Arc<dyn Shelf>, PATIENCE, Some("n"));
    assert!(has(&other, 1).await && !has(&other, 2).await);
    assert!(fake.values.lock().unwrap().keys().all(|name| name.starts_with("n:")));
    for garbage in [&b""[..], b"llmr\x01", b"{\"timestamp\": 1, \"response\": \"{}\"}", b"\xff\xff"] {
        fake.values.lock().unwrap().insert(own.name_of(key(1)), garbage.to_vec());
        assert!(!has(&other, 1).await);
    }
    assert_eq!(other.snapshot()["state"], "ready", "garbage is no failure of the shelf");
}

#[tokio::test(start_paused = true)]
async fn a_slow_shelf_costs_little_and_then_nothing() {
    let (fake, shared) = shared();
    shared.put(vec![(key(1), chat("a"))], MINUTE);
    settle().await;
    *fake.delay.lock().unwrap() = Duration::from_secs(9);
    for _ in 0..MOST_FAILURES {
        let start = clock::now();
        assert!(!has(&shared, 1).await);
        assert_eq!(clock::now() - start, PATIENCE);
    }
    let (start, reads) = (clock::now(), fake.reads.load(Ordering::Relaxed));
    for _ in 0..100 {
        assert!(!has(&shared, 1).await);
    }
    assert_eq!((clock::now(), fake.reads.load(Ordering::Relaxed)), (start, reads), "it is left alone");
    assert_eq!(shared.snapshot()["state"], "away");
    // One look at a time, and none of them on anybody's way.
    tokio::time::advance(PAUSE).await;
    let start = clock::now();
    for _ in 0..100 {
        assert!(!has(&shared, 1).await);
    }
    settle().await;
    assert_eq!((clock::now(), fake.reads.load(Ordering::Relaxed)), (start, reads + 1));
    *fake.delay.lock().unwrap() = Duration::ZERO;
    tokio::time::advance(PAUSE + PROBE).await;
    settle().await;
    assert!(!has(&shared, 1).await);
    settle().await;
    assert!(has(&shared, 1).await);
    assert_eq!(shared.snapshot()["state"], "ready");
}

#[tokio::test(start_paused = true)]
async fn a_broken_shelf_gets_no_writes_and_a_slow_one_a_bounded_number() {
    let (fake, shared) = shared();
    *fake.delay.lock().unwrap() = MINUTE;
    for number in 0..1_000 {
        shared.put(vec![(key(number), chat("a"))], MINUTE);
    }
    settle().await;
    assert_eq!(fake.writes.load(Ordering::Relaxed) as usize, MOST_WRITES);
    assert_eq!(shared.snapshot()["unwritten"], 1_000 - MOST_WRITES);
    tokio::time::advance(MINUTE).await;
    settle().await;
    *fake.delay.lock().unwrap() = Duration::ZERO;
    fake.broken.store(true, Ordering::Relaxed);
    for _ in 0..MOST_FAILURES {
        assert!(!has(&shared, 1).await);
    }
    let writes = fake.writes.load(Ordering::Relaxed);
    shared.put(vec![(key(1), chat("a"))], MINUTE);
    settle().await;
    assert_eq!(fake.writes.load(Ordering::Relaxed), writes);
}
