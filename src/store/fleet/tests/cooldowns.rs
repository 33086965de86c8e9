//! Cooldowns between processes.

use std::sync::atomic::Ordering;

use super::*;

fn two(memory: &Arc<Memory>) -> (Process, Process) {
    let make = || Process::new(memory, rpm(100), store(OnFailure::FailOpen));
    (make(), make())
}

#[tokio::test(start_paused = true)]
async fn heard_at_once_and_read_where_nobody_tells() {
    for mute in [false, true] {
        let memory = Arc::new(Memory::default());
        let (one, other) = two(&memory);
        Link::set(&other.link.mute, mute);
        clock::sleep(SECOND).await;
        one.lease.cool(clock::now(), SECOND * 60, "Timeout");
        one.lease.cool_key(clock::now(), SECOND * 30, "AuthenticationError");
        clock::sleep(if mute { READING } else { Duration::from_millis(1) }).await;
        let cooldown = other.state.bench.cooldown(clock::now()).expect("it is benched");
        assert_eq!((cooldown.cause, cooldown.from_fleet), ("Timeout", true));
        let left = other.lease.member.key_bench.left(clock::now()).expect("so is its key");
        assert!(left > SECOND * 29 && left <= SECOND * 30);
        assert!(one.state.bench.cooldown(clock::now()).is_none(), "who told it benches by itself");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_only_moves_away_and_a_lifted_one_stays_lifted() {
    let memory = Arc::new(Memory::default());
    let (one, other) = two(&memory);
    one.lease.cool(clock::now(), SECOND * 60, "Timeout");
    one.lease.cool(clock::now(), SECOND * 5, "RateLimitError");
    clock::sleep(SECOND).await;
    assert!(other.state.bench.left(clock::now()) > Some(SECOND * 58));
    other.state.bench.lift();
    clock::sleep(SECOND * 5).await;
    assert_eq!(other.state.bench.left(clock::now()), None);
    one.lease.cool(clock::now(), SECOND * 90, "Timeout");
    clock::sleep(SECOND).await;
    assert!(other.state.bench.left(clock::now()).is_some(), "a later end counts");
}

#[tokio::test(start_paused = true)]
async fn a_new_process_reads_them_before_its_first_pick() {
    let memory = Arc::new(Memory::default());
    let (one, _other) = two(&memory);
    one.lease.cool(clock::now(), SECOND * 60, "Timeout");
    clock::sleep(SECOND).await;
    let new = Process::new(&memory, rpm(100), store(OnFailure::FailOpen));
    new.link.slow.store(20, Ordering::SeqCst);
    assert!(!new.fleet.is_ready());
    let before = clock::now();
    new.fleet.ready().await;
    assert!(clock::now() - before <= Duration::from_millis(25));
    assert!(new.state.bench.left(clock::now()).is_some() && new.fleet.is_ready());
    // A store that says nothing is not waited for for long, and only once.
    let late = Process::new(&memory, rpm(100), store(OnFailure::FailOpen));
    Link::set(&late.link.frozen, true);
    let before = clock::now();
    late.fleet.ready().await;
    assert_eq!((clock::now() - before).as_millis(), FIRST_READING.as_millis());
    late.fleet.ready().await;
    assert_eq!((clock::now() - before).as_millis(), FIRST_READING.as_millis());
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_is_told_later() {
    let memory = Arc::new(Memory::default());
    let (one, other) = two(&memory);
    clock::sleep(SECOND).await;
    Link::set(&one.link.failing, true);
    one.lease.cool(clock::now(), SECOND * 60, "Timeout");
    one.lease.cool_key(clock::now(), SECOND, "AuthenticationError");
    clock::sleep(SECOND * 10).await;
    assert!(one.fleet.status().pending >= 1 && !memory.is_cooled("d"));
    Link::set(&one.link.failing, false);
    clock::sleep(SECOND).await;
    assert!(other.state.bench.left(clock::now()).is_some());
    assert!(!memory.is_cooled("key:1"), "its time was over");
    assert_eq!(one.fleet.status().pending, 0);
}
