use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const ONE: Used = Used { requests: 1, input: 0, output: 0 };

fn rpm(limit: f64) -> Limits {
    Limits::new(Some(limit), None, None, None)
}

#[test]
fn exactly_so_many_are_let_in() {
    let now = Instant::now();
    let window = Window::new(now);
    let let_in = |at: u64| window.reserve(ONE, &rpm(3.0), now + SECOND * at as u32).is_some();
    assert_eq!([let_in(0), let_in(0), let_in(30), let_in(59)], [true, true, true, false]);
    assert_eq!(window.wait(ONE, &rpm(3.0), now + SECOND * 59), Some(SECOND * 2));
    assert_eq!([let_in(60), let_in(61), let_in(61), let_in(61)], [false, true, true, false]);
    assert_eq!(window.used(now + SECOND * 200), Used::default());
    assert_eq!(window.wait(ONE, &rpm(0.5), now), None);
}

#[test]
fn what_was_reserved_is_settled() {
    let now = Instant::now();
    let window = Window::new(now);
    let limits = Limits::new(None, Some(100.0), None, None);
    let asked = |input| Used { requests: 1, input, output: 0 };
    let first = window.reserve(asked(90), &limits, now).unwrap();
    assert!(!window.has_room(asked(20), &limits, now) && window.reserve(asked(20), &limits, now).is_none());
    window.settle(first, Used { requests: 1, input: 10, output: 30 }, now);
    assert_eq!(window.used(now), Used { requests: 1, input: 10, output: 30 });
    assert!(window.reserve(asked(60), &limits, now).is_some());
    // What is settled after its minute changes nothing any more.
    let late = window.reserve(asked(0), &limits, now).unwrap();
    window.settle(late, asked(50), now + SECOND * 100);
    assert_eq!(window.used(now + SECOND * 100), Used::default());
}

#[test]
fn what_ends_after_its_minute_leaves_the_others_use_alone() {
    let now = Instant::now();
    let window = Window::new(now);
    let long = window.reserve(ONE, &rpm(1.0), now).unwrap();
    let later = now + SECOND * 100;
    window.reserve(ONE, &rpm(1.0), later).unwrap();
    window.settle(long, Used { requests: 1, input: 7, output: 7 }, later);
    assert_eq!(window.used(later), ONE);
    assert!(window.reserve(ONE, &rpm(1.0), later).is_none());
}

#[test]
fn of_a_thousand_at_once_no_more_than_the_limit() {
    let now = Instant::now();
    let window = Window::new(now);
    let let_in = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..125 {
                    if window.reserve(ONE, &rpm(100.0), now).is_some() {
                        let_in.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(let_in.into_inner(), 100);
}

proptest! {
    /// In any minute no more than the limit, and under pressure hardly less.
    #[test]
    fn no_minute_holds_more(limit in 1u32..200, steps in prop::collection::vec(0u64..3000, 1..400)) {
        let born = Instant::now();
        let window = Window::new(born);
        let (mut now, mut let_in) = (born, Vec::new());
        for step in steps {
            now += Duration::from_millis(step);
            if window.reserve(ONE, &rpm(f64::from(limit)), now).is_some() {
                let_in.push(now);
            }
        }
        for (place, start) in let_in.iter().enumerate() {
            let minute = let_in[place..].iter().take_while(|at| **at < *start + SECOND * 60).count();
            prop_assert!(minute <= limit as usize, "{minute} of {limit}");
        }
    }

    #[test]
    fn the_total_is_that_of_the_buckets(ops in prop::collection::vec((0u64..20, 0u64..50, any::<bool>()), 1..100)) {
        let born = Instant::now();
        let window = Window::new(born);
        let (mut now, mut open) = (born, Vec::new());
        for (step, input, settles) in ops {
            now += SECOND * step as u32;
            let more = Used { requests: 1, input, output: 0 };
            open.extend(window.reserve(more, &Limits::default(), now));
            // The oldest ends first, often after its minute.
            if settles && open.len() > 3 {
                let reserved = open.remove(0);
                window.settle(reserved, Used { requests: 1, input: input / 2, output: 1 }, now);
            }
            let used = window.used(now);
            let inner = window.lock();
            let sum = inner.buckets.iter().filter(|(at, _)| inner.is_live(*at)).fold(Used::default(), |sum, (_, used)| sum.plus(*used));
            prop_assert_eq!(used, sum);
        }
    }
}

#[test]
fn under_pressure_hardly_less_than_the_limit_is_let_in() {
    let born = Instant::now();
    let window = Window::new(born);
    let tries =
        (0..600 * 20).filter(|at| window.reserve(ONE, &rpm(600.0), born + Duration::from_millis(50) * *at).is_some());
    let minutes = 10.0;
    assert!(tries.count() as f64 >= 0.95 * 600.0 * minutes);
}
