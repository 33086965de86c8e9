//! Whatever processes do and whatever is lost between them: no 60 s of the fleet hold more than the limit.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::*;

/// Runs `body` with time turned by hand.
fn turned<F: Future>(body: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(body)
}

/// What goes wrong: messages lost of a thousand, milliseconds of an answer, and of a thousand requests those before which a
/// process breaks off and begins anew.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    loss: usize,
    slow: u64,
    breaks: u64,
}

/// When requests were let in. `paces`: of each process, the milliseconds between two requests.
async fn let_in(limit: u64, paces: &[u64], faults: Faults, time: Duration) -> Vec<Instant> {
    let memory = Arc::new(Memory::default());
    let times = Arc::new(Mutex::new(Vec::new()));
    let end = clock::now() + time;
    let mut drivers = Vec::new();
    for pace in paces.iter().copied() {
        let (times, memory) = (Arc::clone(&times), Arc::clone(&memory));
        let make = move || {
            let process = Process::new(&memory, rpm(limit), store(OnFailure::FailClosed));
            process.link.loss.store(faults.loss, Ordering::SeqCst);
            process.link.slow.store(faults.slow, Ordering::SeqCst);
            process
        };
        drivers.push(tokio::spawn(async move {
            let mut process = make();
            while clock::now() < end {
                if fastrand::u64(0..1000) < faults.breaks {
                    process.task.abort();
                    process = make();
                }
                if process.call().await {
                    times.lock().unwrap().push(clock::now());
                }
                clock::sleep(Duration::from_millis(fastrand::u64(1..=2 * pace))).await;
            }
            process.fleet.end();
        }));
    }
    for driver in drivers {
        driver.await.unwrap();
    }
    let times = times.lock().unwrap();
    times.clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_minute_of_the_fleet_holds_more(
        limit in prop_oneof![Just(1u64), Just(3), Just(10), 20u64..400],
        paces in prop::collection::vec(20u64..3000, 1..9),
        loss in prop_oneof![Just(0usize), 0usize..500],
        slow in 0u64..8,
        breaks in prop_oneof![Just(0u64), 0u64..30],
    ) {
        let times = turned(let_in(limit, &paces, Faults { loss, slow, breaks }, MINUTE * 3));
        let most = busiest_minute(times);
        prop_assert!(most as u64 <= limit, "{most} of {limit}");
    }
}

#[test]
fn under_pressure_hardly_less_than_the_limit_is_used() {
    for (limit, minutes) in [(1000, 4), (3000, 2)] {
        // Twice as many as the limit, by eight processes.
        let pace = 60_000 * 8 / (limit * 2);
        let faults = Faults { slow: 1, ..Faults::default() };
        let times = turned(let_in(limit, &[pace; 8], faults, MINUTE * minutes));
        let most = busiest_minute(times.clone()) as u64;
        let share = times.len() as f64 / (limit * u64::from(minutes)) as f64;
        assert!(most <= limit && share >= 0.95, "{limit}: {most} in a minute, {share:.3} of the limit");
    }
}

#[test]
fn a_small_limit_is_whole_for_one_busy_process() {
    for limit in [1, 3, 10] {
        for idle in [0, 3] {
            let used = turned(async {
                let memory = Arc::new(Memory::default());
                let others: Vec<_> =
                    (0..idle).map(|_| Process::new(&memory, rpm(limit), store(OnFailure::FailClosed))).collect();
                let busy = Process::new(&memory, rpm(limit), store(OnFailure::FailClosed));
                clock::sleep(SECOND).await;
                let used = busy.calls(limit as usize * 2).await;
                // And the others have none of it.
                for other in &others {
                    assert!(!other.call().await);
                }
                used
            });
            assert_eq!(used as u64, limit, "beside {idle}");
        }
    }
}

#[test]
fn what_another_process_holds_without_use_is_given_back() {
    turned(async {
        let memory = Arc::new(Memory::default());
        let make = || Process::new(&memory, rpm(10), store(OnFailure::FailClosed));
        let (one, other) = (make(), make());
        assert_eq!(one.calls(4).await, 4);
        clock::sleep(TICK * 3).await;
        assert!(memory.allowed("d") > 4, "it holds some more");
        assert_eq!(other.calls(10).await, 6);
        assert!(!one.call().await);
    });
}

/// Tokens are taken as expected and settled later, as less or as none: no minute holds more than the limit.
#[test]
fn tokens_that_are_settled_stay_within_the_limit() {
    let times = turned(async {
        let (memory, times) = (Arc::new(Memory::default()), Arc::new(Mutex::new(Vec::new())));
        let limits = Limits::new(None, Some(20_000.0), None, None);
        let end = clock::now() + MINUTE * 3;
        let drivers: Vec<_> = (0..6)
            .map(|_| {
                let process = Arc::new(Process::new(&memory, limits, store(OnFailure::FailClosed)));
                let times = Arc::clone(&times);
                tokio::spawn(async move {
                    while clock::now() < end {
                        let expected = Used { requests: 1, input: fastrand::u64(10..100), output: 100 };
                        let reserved = match process.try_call(expected, process.lease.terms()) {
                            Some(reserved) => Some(reserved),
                            None => {
                                let again = |terms| process.try_call(expected, terms);
                                process.lease.obtain(Demand::of(expected), again).await
                            }
                        };
                        if let Some(reserved) = reserved {
                            let (process, times, began) = (Arc::clone(&process), Arc::clone(&times), clock::now());
                            tokio::spawn(async move {
                                clock::sleep(Duration::from_millis(fastrand::u64(1..5000))).await;
                                let real = Used { output: fastrand::u64(0..=100), ..expected };
                                process.state.window.settle(reserved, real, clock::now());
                                times.lock().unwrap().push((began, real.tokens()));
                            });
                        }
                        clock::sleep(Duration::from_millis(fastrand::u64(1..500))).await;
                    }
                })
            })
            .collect();
        for driver in drivers {
            driver.await.unwrap();
        }
        clock::sleep(SECOND * 5).await;
        times.lock().unwrap().clone()
    });
    let each: Vec<_> = times.iter().flat_map(|(at, tokens)| (0..*tokens).map(|_| *at)).collect();
    let (all, most) = (each.len(), busiest_minute(each));
    assert!(most <= 20_000, "{most}");
    assert!(all as f64 >= 0.9 * 20_000.0 * 3.0, "{all}");
}

/// Two that are short of what the other one holds do not ask each other for ever.
#[test]
fn who_is_short_does_not_chase_who_is_short() {
    turned(async {
        let memory = Arc::new(Memory::default());
        let limits = Limits::new(None, Some(100.0), None, None);
        let make = || Process::new(&memory, limits, store(OnFailure::FailClosed));
        let (one, other) = (make(), make());
        let tokens = |input| Used { requests: 1, input, output: 0 };
        let ask = async |process: &Process, used: Used| {
            process.lease.obtain(Demand::of(used), |terms| process.try_call(used, terms)).await
        };
        assert!(ask(&one, tokens(40)).await.is_some());
        let settled = ask(&other, tokens(40)).await.unwrap();
        let shares = || one.link.shares.load(Ordering::SeqCst) + other.link.shares.load(Ordering::SeqCst);
        let before = shares();
        // One gets the 20 that are left; of the next 10 that are free the other one does, and both want 30.
        let second = async {
            clock::sleep(RETRY).await;
            other.state.window.settle(settled, tokens(30), clock::now());
            ask(&other, tokens(30)).await.is_some()
        };
        let (first, second) = tokio::join!(ask(&one, tokens(30)), second);
        assert!(!(first.is_some() && second));
        assert!(shares() - before <= 30, "{}", shares() - before);
    });
}
