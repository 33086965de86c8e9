//! What a lease is in each state of the store.

use std::sync::atomic::Ordering;

use super::*;
use crate::store::Grant;

fn process(memory: &Arc<Memory>, limit: u64, on_failure: OnFailure) -> Process {
    Process::new(memory, rpm(limit), store(on_failure))
}

#[tokio::test(start_paused = true)]
async fn in_the_steady_state_no_call_waits() {
    let memory = Arc::new(Memory::default());
    let one = process(&memory, 6000, OnFailure::FailClosed);
    one.link.slow.store(1, Ordering::SeqCst);
    let mut waits = 0;
    for call in 0..2000 {
        clock::sleep(Duration::from_millis(20)).await;
        let before = clock::now();
        assert!(one.call().await);
        waits += usize::from(call >= 100 && clock::now() > before);
    }
    assert!(waits <= 5, "{waits} of 1900 waited");
}

#[tokio::test(start_paused = true)]
async fn without_calls_the_store_is_left_alone() {
    let memory = Arc::new(Memory::default());
    let one = process(&memory, 100, OnFailure::FailClosed);
    clock::sleep(SECOND * 10).await;
    assert_eq!(one.link.shares.load(Ordering::SeqCst), 0);
    assert!(one.call().await);
    clock::sleep(SECOND * 5).await;
    assert_eq!(memory.allowed("d"), 1, "nothing beyond what was used");
    clock::sleep(SECOND * 70).await;
    let shares = one.link.shares.load(Ordering::SeqCst);
    assert!((60..100).contains(&shares) && memory.rows() == 0, "{shares}");
    clock::sleep(SECOND * 70).await;
    assert_eq!(one.link.shares.load(Ordering::SeqCst), shares);
}

#[tokio::test(start_paused = true)]
async fn what_others_used_is_known_and_forgotten() {
    let memory = Arc::new(Memory::default());
    let (one, other) = (process(&memory, 100, OnFailure::FailOpen), process(&memory, 100, OnFailure::FailOpen));
    assert_eq!(one.calls(30).await, 30);
    clock::sleep(SECOND).await;
    assert!(other.call().await);
    assert_eq!(other.lease.others(clock::now()).requests, 30);
    assert_eq!(other.fleet.status().processes, 2);
    clock::sleep(SECOND * 65).await;
    assert_eq!(other.lease.others(clock::now()).requests, 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_freezes_costs_three_waits_at_most() {
    for (mode, let_in) in [(OnFailure::FailOpen, 100), (OnFailure::LocalShare, 50), (OnFailure::FailClosed, 10)] {
        let memory = Arc::new(Memory::default());
        let (one, other) = (process(&memory, 100, mode), process(&memory, 100, mode));
        let both = one.calls(10).await + other.calls(10).await;
        assert_eq!(both, 20, "{mode:?}");
        // Whoever has asked knows how many there are.
        clock::sleep(SECOND / 2).await;
        Link::set(&one.link.frozen, true);
        clock::sleep(SECOND / 2).await;
        let before = clock::now();
        let mut longest = Duration::ZERO;
        let mut held = one.state.window.used(clock::now()).requests;
        for _ in 0..100 {
            let began = clock::now();
            held += u64::from(one.call().await);
            longest = longest.max(clock::now() - began);
        }
        assert!(longest <= Duration::from_millis(11), "{mode:?}: {longest:?}");
        assert!(clock::now() - before <= Duration::from_millis(20), "{mode:?}");
        // Silent, and not away yet: at most what it held, and its half of what was left.
        assert!(!one.fleet.status().away, "{mode:?}");
        let half = if mode == OnFailure::FailClosed { 10..=20 } else { 40..=60 };
        assert!(half.contains(&held), "{mode:?}: {held}");
        clock::sleep(SECOND * 3).await;
        assert!(one.fleet.status().away, "{mode:?}");
        for _ in 0..100 {
            held += u64::from(one.call().await);
        }
        // A part that was held in the beginning may be used up before.
        assert!(held >= let_in && held <= let_in.max(60), "{mode:?}: {held}");
        let before = clock::now();
        one.calls(50).await;
        assert_eq!(clock::now(), before, "{mode:?}");
        // And it comes back by itself.
        Link::set(&one.link.frozen, false);
        clock::sleep(SECOND * 3).await;
        let status = one.fleet.status();
        assert!(!status.away && status.last_error.is_some(), "{mode:?}: {status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn away_without_calls_is_seen_and_so_is_the_return() {
    let memory = Arc::new(Memory::default());
    let one = process(&memory, 100, OnFailure::FailOpen);
    clock::sleep(SECOND).await;
    Link::set(&one.link.failing, true);
    clock::sleep(SECOND * 2).await;
    assert!(!one.fleet.status().away);
    clock::sleep(SECOND).await;
    assert!(one.fleet.status().away);
    let before = clock::now();
    assert_eq!(one.calls(150).await, 100);
    assert_eq!(clock::now(), before);
    Link::set(&one.link.failing, false);
    clock::sleep(SECOND * 2).await;
    assert!(!one.fleet.status().away);
    assert_eq!(memory.rows(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_not_renewed_is_not_used_for_long() {
    let memory = Arc::new(Memory::default());
    let one = process(&memory, 1000, OnFailure::FailClosed);
    one.calls(50).await;
    clock::sleep(TICK).await;
    assert!(one.call().await);
    // The task stands still, as in a process that was stopped.
    one.fleet.common.end();
    clock::sleep(crate::store::TRUSTED).await;
    assert!(!one.call().await);
}

#[tokio::test(start_paused = true)]
async fn slots_are_leased_alike() {
    let memory = Arc::new(Memory::default());
    let limits = |state: &Arc<State>| Member {
        limits: Amounts { slots: 4, ..Amounts::UNLIMITED },
        ..member(&Limits::default(), state)
    };
    let make = || {
        let process = process(&memory, 1, OnFailure::FailClosed);
        let lease = process.fleet.lease(limits(&process.state));
        process.fleet.adopt([Arc::clone(&lease)].into_iter());
        Process { lease, limits: Limits::default(), ..process }
    };
    let (one, other) = (make(), make());
    let take = |process: &Process| {
        let lease = Arc::clone(&process.lease);
        async move {
            let demand = Demand::of(Used { requests: 1, ..Used::default() });
            lease.obtain(demand, |terms| Some(lease.cap_slots(4, terms, clock::now())).filter(|cap| *cap > 0)).await
        }
    };
    assert!(take(&one).await.is_some());
    let held = one.lease.cap_slots(4, Terms::Leased, clock::now());
    assert!(take(&other).await.is_some());
    let more = other.lease.cap_slots(4, Terms::Leased, clock::now());
    assert!(held >= 1 && more >= 1 && held + more <= 4, "{held} {more}");
}

#[tokio::test(start_paused = true)]
async fn the_end_gives_the_rows_back() {
    let memory = Arc::new(Memory::default());
    let (one, frozen) = (process(&memory, 100, OnFailure::FailOpen), process(&memory, 100, OnFailure::FailOpen));
    one.calls(3).await;
    frozen.calls(3).await;
    assert_eq!(memory.rows(), 2);
    one.fleet.ended().await;
    assert_eq!(memory.rows(), 1);
    // Nobody waits long for a store that is away.
    Link::set(&frozen.link.frozen, true);
    clock::sleep(SECOND).await;
    let before = clock::now();
    frozen.fleet.ended().await;
    assert!(clock::now() - before <= SECOND + FAREWELL * 2, "{:?}", clock::now() - before);
    let (fleet, lease) = (Arc::downgrade(&one.fleet), Arc::downgrade(&one.lease));
    drop(one);
    tokio::task::yield_now().await;
    assert!(fleet.upgrade().is_none() && lease.upgrade().is_none(), "nothing is left of it");
}

#[tokio::test(start_paused = true)]
async fn a_part_stays_with_its_deployment_and_lapses_with_other_limits() {
    let memory = Arc::new(Memory::default());
    let one = process(&memory, 100, OnFailure::FailClosed);
    one.calls(3).await;
    let same = one
        .fleet
        .lease(Member { key_bench: Arc::clone(&one.lease.member.key_bench), ..member(&one.limits, &one.state) });
    assert!(Arc::ptr_eq(&same, &one.lease));
    let other = one.fleet.lease(member(&rpm(50), &one.state));
    assert!(!Arc::ptr_eq(&other, &one.lease));
    one.fleet.adopt([other].into_iter());
    let capped = || one.lease.cap(&one.limits, Terms::Leased, clock::now()).each()[0];
    assert_eq!(capped(), 0);
    // An answer that was under way changes nothing.
    one.lease.renew(&Grant { allowed: Amounts::all(9), ..Grant::default() }, clock::now());
    assert_eq!(capped(), 0);
}

/// What a store has lost is no reason to refuse: until all have told it again it counts as one that did not answer.
#[tokio::test(start_paused = true)]
async fn a_store_that_forgot_does_not_stop_calls() {
    let memory = Arc::new(Memory::default());
    for (on_failure, left) in [(OnFailure::FailOpen, 25), (OnFailure::FailClosed, 0), (OnFailure::LocalShare, 25)] {
        let one = process(&memory, 100, on_failure);
        let grant = |has_forgotten| {
            let (allowed, most, others) = (Amounts::all(5), Amounts::all(65), Amounts::all(30));
            let grant = Grant { allowed, most, others, processes: 3, has_forgotten, seconds: None };
            one.lease.renew(&grant, clock::now());
        };
        let cap = || {
            let (lease, now) = (&one.lease, clock::now());
            [lease.cap(&one.limits, lease.terms(), now), lease.room(&one.limits, now.into())]
                .map(|limits| limits.each()[0])
        };
        grant(true);
        one.lease.set_short(clock::now(), TICK);
        assert_eq!(cap(), [left; 2], "{on_failure:?}");
        grant(false);
        assert_eq!(cap(), [5; 2], "{on_failure:?}");
        clock::sleep(TICK).await;
        assert_eq!(cap()[0], 5);
    }
}

/// Slots are taken without a lock, while what is allowed is lowered: what the store is told covers all that are held.
#[test]
fn slots_that_are_held_are_within_what_the_store_was_told() {
    let state = Arc::new(State::new(&strategy(), clock::now()));
    let config = crate::config::load(
        "model_list: [{model_name: g, litellm_params: {model: openai/m, mock_response: a}}]",
        |_| None,
    );
    let settings = config.unwrap().deployments.remove(0);
    let deployment =
        crate::deployment::Deployment::new(settings, String::new(), String::new(), Arc::default(), Arc::clone(&state));
    let deployment = Arc::new(deployment);
    let engine = Arc::new(Memory::default()).link() as Arc<dyn Engine>;
    let fleet = Fleet::new(engine, store(OnFailure::FailClosed));
    let lease = fleet
        .lease(Member { limits: Amounts { slots: 8, ..Amounts::UNLIMITED }, ..member(&Limits::default(), &state) });
    let (now, slots) = (clock::now(), |lease: &Lease, now| lease.cap_slots(8, Terms::Leased, now));
    let granted = || lease.renew(&Grant { allowed: Amounts::all(8), ..Grant::default() }, now);
    // It looks, then the store is told, then it takes a slot: one too many.
    granted();
    let cap = slots(&lease, now);
    let (_, told) = lease.lower(now, |used| used);
    let late = deployment.enter(Some(cap)).unwrap();
    assert!(told.slots == 0 && lease.holds_too_many(8, Terms::Leased, now));
    drop(late);
    // It looks and takes one, and then the store is told: of that one, too.
    granted();
    let early = deployment.enter(Some(slots(&lease, now))).unwrap();
    let (_, told) = lease.lower(now, |used| used);
    assert!(told.slots == 1 && !lease.holds_too_many(8, Terms::Leased, now));
    drop(early);
}

/// A process that is too busy to ask does not take the store for silent; one whose task is gone does.
#[tokio::test(start_paused = true)]
async fn what_was_not_asked_is_no_miss() {
    let memory = Arc::new(Memory::default());
    let one = process(&memory, 1000, OnFailure::FailOpen);
    let standing = &one.fleet.common.standing;
    clock::sleep(SECOND).await;
    assert!(!standing.is_unanswered());
    assert!(one.call().await && !standing.is_unanswered());
    Link::set(&one.link.failing, true);
    clock::sleep(TICK * 2).await;
    assert!(standing.is_unanswered(), "a refusal is no answer");
    Link::set(&one.link.failing, false);
    clock::sleep(SECOND).await;
    assert!(!standing.is_unanswered());
    one.task.abort();
    clock::sleep(crate::store::TRUSTED).await;
    assert_eq!((one.calls(10).await, one.fleet.status().misses), (10, 3));
    assert!(standing.is_silent());
}
