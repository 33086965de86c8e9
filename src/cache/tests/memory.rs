use super::super::entry::tests::chat;
use super::super::key::tests::key;
use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn said(memory: &Memory, number: u64) -> Option<String> {
    memory.get(key(number)).map(|entry| entry.json().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_its_end_and_a_new_one_has_its_own() {
    let memory = Memory::new(1 << 20);
    let (old, new) = (chat("old"), chat("new"));
    memory.put(key(1), Arc::clone(&old), MINUTE);
    tokio::time::advance(MINUTE / 2).await;
    assert_eq!(said(&memory, 1).as_deref(), old.json());
    memory.put(key(1), Arc::clone(&new), MINUTE);
    tokio::time::advance(MINUTE - Duration::from_millis(1)).await;
    assert_eq!(said(&memory, 1).as_deref(), new.json(), "set again, it begins again");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(said(&memory, 1), None);
    memory.put(key(1), old, MINUTE);
    assert!(said(&memory, 1).is_some() && memory.filling().entries == 1);
    memory.put(key(2), new, Duration::ZERO);
    assert_eq!(said(&memory, 2), None);
}

#[test]
fn bytes_are_bounded_whatever_the_sizes() {
    let memory = Memory::new(300_000);
    let mut random = fastrand::Rng::with_seed(1);
    for number in 0..3_000 {
        let number = if random.bool() { number } else { random.u64(0..40) };
        memory.put(key(number), chat(&"x".repeat(random.usize(0..20_000))), MINUTE);
        let filling = memory.filling();
        assert!(filling.bytes <= 300_000 && filling.entries > 0, "{filling:?}");
    }
    let before = memory.filling();
    memory.put(key(9_999), chat(&"x".repeat(400_000)), MINUTE);
    assert_eq!((said(&memory, 9_999), memory.filling()), (None, before), "one that does not fit pushes nobody out");
    let (by_hand, shard) = (memory.shards[0].lock().unwrap(), 300_000);
    let weights: usize = by_hand.slots.iter().filter(|slot| slot.entry.is_some()).map(|slot| slot.weight).sum();
    assert!(weights == before.bytes && weights <= shard);
    assert_eq!(by_hand.free.len() + by_hand.places.len(), by_hand.slots.len());
}

#[test]
fn what_is_asked_for_again_stays_while_many_pass_through() {
    let memory = Memory::new(100_000);
    let entry = chat("a");
    for number in 0..20 {
        memory.put(key(number), Arc::clone(&entry), MINUTE);
        assert!(memory.get(key(number)).is_some());
    }
    for number in 100..10_000 {
        memory.put(key(number), Arc::clone(&entry), MINUTE);
    }
    let left = (0..20).filter(|number| memory.get(key(*number)).is_some()).count();
    assert_eq!(left, 20);
    assert!(memory.filling().evicted > 9_000);
}

#[test]
fn who_comes_again_soon_is_remembered() {
    let memory = Memory::new(100_000);
    let entry = chat("a");
    let fits = 100_000 / (entry.weight() + OVERHEAD) as u64;
    for number in 0..fits + 10 {
        memory.put(key(number), Arc::clone(&entry), MINUTE);
    }
    assert!(memory.get(key(0)).is_none());
    memory.put(key(0), Arc::clone(&entry), MINUTE);
    for number in 1_000..1_000 + fits / 2 {
        memory.put(key(number), Arc::clone(&entry), MINUTE);
    }
    assert!(memory.get(key(0)).is_some(), "it stands in the large queue now");
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Each key once, with bodies of a hundred bytes to two thousand.
fn filled(keys: u64) {
    const CAP: u64 = 64 << 20;
    let before = resident();
    let memory = Memory::new(CAP);
    let mut random = fastrand::Rng::with_seed(2);
    let text = "x".repeat(2_000);
    for number in 0..keys {
        memory.put(key(number), chat(&text[..random.usize(1..2_000)]), MINUTE);
    }
    let (filling, grown) = (memory.filling(), resident().saturating_sub(before));
    println!("{keys} keys: {filling:?}, {grown} bytes resident, {:.3} of the cap", grown as f64 / CAP as f64);
    assert!(filling.bytes <= CAP as usize && filling.entries > 10_000);
    assert!(grown as f64 <= CAP as f64 * 1.2, "{grown}");
}

#[test]
#[ignore = "takes a minute; by itself: `cargo test --lib a_million_keys -- --ignored`"]
fn a_million_keys_stay_within_the_cap() {
    filled(1_000_000);
}

#[test]
#[ignore = "takes many minutes without --release"]
fn ten_million_keys_stay_within_the_cap() {
    filled(10_000_000);
}
