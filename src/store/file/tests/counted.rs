//! The exact minute, and money.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_exact_minute_is_everybodys() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    let limits = Amounts { requests: 5, tokens: 1000, slots: 0, ..Amounts::UNLIMITED };
    let more = Amounts { requests: 1, tokens: 100, input: 60, output: 40, slots: 1 };
    let Taken::Yes(place) = one.take_one("a", more, limits).unwrap() else { panic!() };
    advance(SECOND * 30).await;
    for file in [&one, &two, &one, &two] {
        assert!(matches!(file.take_one("a", more, limits), Ok(Taken::Yes(_))));
    }
    let Taken::No(Some(wait)) = two.take_one("a", more, limits).unwrap() else { panic!() };
    assert!(wait > SECOND * 30 && wait <= SECOND * 31, "{wait:?}");
    advance(wait - Duration::from_millis(1)).await;
    assert!(matches!(two.take_one("a", more, limits), Ok(Taken::No(Some(_)))));
    // What was used counts where it was taken: too late now.
    one.settle_one("a", place, more, Amounts { tokens: 1000, ..more }).unwrap();
    advance(Duration::from_millis(1)).await;
    let Taken::Yes(place) = two.take_one("a", more, limits).unwrap() else { panic!() };
    two.settle_one("a", place, more, Amounts { tokens: 601, ..more }).unwrap();
    assert!(matches!(one.take_one("a", Amounts { requests: 0, ..more }, limits), Ok(Taken::No(Some(_)))));
    two.settle_one("a", place, Amounts { tokens: 601, ..more }, Amounts::ZERO).unwrap();
    assert!(matches!(one.take_one("a", more, limits), Ok(Taken::Yes(_))));
    assert_eq!(one.take_one("a", Amounts { tokens: 1001, ..more }, limits), Ok(Taken::No(None)));
    let much = Amounts { tokens: u64::MAX, ..more };
    assert!(matches!(one.take_one("b", much, Amounts::UNLIMITED), Ok(Taken::Yes(_))));
    one.settle_one("nobody", u64::MAX, much, Amounts::ZERO).unwrap();
    one.settle_one("a", u64::MAX, much, more).unwrap();
}

/// Of any 60 s, over many: as many are let in as the limit allows, and each is in as soon as it may.
#[tokio::test(start_paused = true)]
async fn no_minute_holds_more_than_the_limit() {
    let folder = Folder::new();
    let files = [folder.open(), folder.open(), folder.open()];
    let (limits, one) = (Amounts { requests: 7, ..Amounts::UNLIMITED }, Amounts { requests: 1, ..Amounts::ZERO });
    let mut random = fastrand::Rng::with_seed(7);
    let (start, mut let_in) = (tokio::time::Instant::now(), Vec::new());
    while start.elapsed() < SECOND * 600 {
        if let Taken::Yes(_) = random.choice(&files).unwrap().take_one("a", one, limits).unwrap() {
            let_in.push(start.elapsed());
        }
        advance(Duration::from_millis(random.u64(1..900))).await;
    }
    assert!(let_in.windows(8).all(|eight| eight[7] - eight[0] >= SECOND * 60));
    // A bucket is a second: no room is kept empty for longer.
    assert!(let_in.len() >= 7 * 9, "{}", let_in.len());
}

#[tokio::test(start_paused = true)]
async fn money_is_added_up() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    let spend = |add| [Spend { budget: "provider:openai".into(), period: SECOND * 60, add }];
    assert_eq!(one.spend(&spend(0)).await, Ok(vec![Spent::default()]));
    assert_eq!(one.spend(&spend(5)).await, Ok(vec![Spent { total: 5, left: Some(SECOND * 60) }]));
    advance(SECOND * 20).await;
    assert_eq!(two.spend(&spend(7)).await, Ok(vec![Spent { total: 12, left: Some(SECOND * 40) }]));
    assert_eq!(one.spend(&spend(0)).await, Ok(vec![Spent { total: 12, left: Some(SECOND * 40) }]));
    advance(SECOND * 40).await;
    assert_eq!(one.spend(&spend(0)).await, Ok(vec![Spent::default()]));
    assert_eq!(two.spend(&spend(3)).await, Ok(vec![Spent { total: 3, left: Some(SECOND * 60) }]));
    assert_eq!(two.spend(&spend(u64::MAX)).await.unwrap()[0].total, u64::MAX);
}

#[test]
fn the_minute_holds_without_locks() {
    const LIMIT: u64 = 2;
    let (folder, total, most) = (Folder::new(), AtomicU64::new(0), AtomicU64::new(0));
    let (limits, one) = (Amounts { requests: LIMIT, ..Amounts::UNLIMITED }, Amounts::all(1));
    let act = || {
        let file = folder.open();
        for _ in 0..10_000 {
            if let Taken::Yes(place) = file.take_one("a", one, limits).unwrap() {
                most.fetch_max(total.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                // Given back, first here and then for all.
                total.fetch_sub(1, Ordering::SeqCst);
                file.settle_one("a", place, one, Amounts::ZERO).unwrap();
            }
        }
    };
    without_locks(&folder, "a", &[&act, &act, &act, &act]);
    assert!((1..=LIMIT).contains(&most.into_inner()));
    let file = folder.open();
    let taken = std::iter::repeat_with(|| file.take_one("a", one, limits).unwrap());
    assert_eq!(taken.take_while(|taken| matches!(taken, Taken::Yes(_))).count() as u64, LIMIT);
}
