//! Budgets between processes, and the exact way.

use std::sync::atomic::Ordering;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_budget_is_that_of_all_and_nothing_is_lost() {
    let memory = Arc::new(Memory::default());
    let make = || Process::new(&memory, rpm(100), store(OnFailure::FailOpen));
    let (one, other) = (make(), make());
    let (mine, theirs) = (one.fleet.purse("provider:openai", HOUR), other.fleet.purse("provider:openai", HOUR));
    mine.add(0.25);
    theirs.add(0.5);
    clock::sleep(SECOND * 2).await;
    for purse in [&mine, &theirs] {
        let (dollars, left) = purse.spent(clock::now());
        assert!((dollars - 0.75).abs() < 1e-9 && left <= HOUR && left > HOUR - SECOND * 5, "{dollars} {left:?}");
    }
    Link::set(&one.link.failing, true);
    mine.add(1.0);
    clock::sleep(SECOND * 30).await;
    assert!((mine.spent(clock::now()).0 - 1.75).abs() < 1e-9, "what is not told counts, too");
    assert_eq!((memory.spent("provider:openai"), one.fleet.status().pending), (750_000_000, 1));
    Link::set(&one.link.failing, false);
    clock::sleep(SECOND * 2).await;
    assert_eq!(memory.spent("provider:openai"), 1_750_000_000);
    // The next period begins at nothing.
    clock::sleep(HOUR).await;
    assert!(mine.spent(clock::now()).0.abs() < 1e-9);
    // What is spent at the very end is told as well.
    mine.add(2.0);
    one.fleet.ended().await;
    assert_eq!(memory.spent("provider:openai"), 2_000_000_000);
}

#[tokio::test(start_paused = true)]
async fn the_exact_way_asks_each_time_and_settles() {
    let memory = Arc::new(Memory::default());
    let exact = StoreConfig { limits: SharedLimits::Exact, ..store(OnFailure::FailOpen) };
    let limits = Limits::new(None, Some(100.0), None, None);
    let make = || Process::new(&memory, limits, exact.clone());
    let (one, other) = (make(), make());
    let used = Used { requests: 1, input: 60, output: 0 };
    let Took::Yes(place) = one.lease.take(Demand::of(used), limits.each()).await else { panic!("there is room") };
    let refused = other.lease.take(Demand::of(used), limits.each()).await;
    assert!(matches!(refused, Took::No(Some(wait)) if wait > SECOND * 59), "{refused:?}");
    one.lease.settle(place, used, Used { requests: 1, input: 10, output: 20 });
    clock::sleep(SECOND).await;
    assert_eq!(memory.taken("d"), 30);
    assert!(matches!(other.lease.take(Demand::of(used), limits.each()).await, Took::Yes(_)));
}

/// What the store takes after nobody waits for it any more is given back, unless the call went out without its word.
#[tokio::test(start_paused = true)]
async fn what_is_taken_too_late_is_given_back() {
    for (goes_out, expected) in [(false, 30), (true, 60)] {
        let memory = Arc::new(Memory::default());
        let exact = StoreConfig { limits: SharedLimits::Exact, ..store(OnFailure::FailOpen) };
        let one = Process::new(&memory, rpm(100), exact);
        let demand = Demand::of(Used { requests: 1, input: 10, output: 20 });
        assert!(matches!(one.lease.take(demand, one.limits.each()).await, Took::Yes(_)));
        one.link.slow.store(50, Ordering::SeqCst);
        let Took::Unanswered(late) = one.lease.take(demand, one.limits.each()).await else { panic!("in time") };
        if goes_out {
            late.stays();
        }
        clock::sleep(SECOND * 2).await;
        assert_eq!(memory.taken("d"), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_exact_way_gives_up_on_a_store_that_is_silent() {
    let memory = Arc::new(Memory::default());
    let exact = StoreConfig { limits: SharedLimits::Exact, ..store(OnFailure::FailOpen) };
    let one = Process::new(&memory, rpm(100), exact);
    let demand = Demand::of(Used { requests: 1, ..Used::default() });
    assert!(matches!(one.lease.take(demand, one.limits.each()).await, Took::Yes(_)));
    Link::set(&one.link.frozen, true);
    // Two silences of the first call, and a third of the second.
    for most in [11, 6] {
        assert!(one.lease.is_exact(), "{most}");
        let before = clock::now();
        assert!(matches!(one.lease.take(demand, one.limits.each()).await, Took::Unanswered(_)));
        assert!(clock::now() - before <= Duration::from_millis(most));
    }
    assert!(!one.lease.is_exact() && one.lease.terms() == Terms::Missed(OnFailure::FailOpen));
    assert_eq!(one.link.takes.load(Ordering::SeqCst), 3);
}
