//! Who gets how much, and what becomes of the leases of those that end.

use super::*;
use crate::store::{ALIVE, KEPT};

#[tokio::test(start_paused = true)]
async fn leases_share_the_limit() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    assert_eq!(allowed(&one, ask(10, 0, 6)), 6);
    let grant = share(&two, Ask { seconds: Some(3.0), ..ask(10, 2, 9) });
    assert_eq!((grant.allowed, grant.others, grant.processes), (Amounts::all(4), Amounts::ZERO, 2));
    let grant = share(&one, ask(10, 1, 10));
    assert_eq!((grant.allowed, grant.others, grant.seconds), (Amounts::all(6), Amounts::all(2), Some(3.0)));
    // What is given back is there for others, and so is what is no longer asked for at all.
    assert_eq!(allowed(&one, ask(10, 1, 1)), 1);
    assert_eq!(allowed(&two, ask(10, 2, 10)), 9);
    assert_eq!(allowed(&two, ask(10, 0, 0)), 0);
    assert_eq!(allowed(&one, ask(10, 1, 10)), 10);
    // Another namespace is another world.
    let other = File::open(&config("m"), &folder.file()).unwrap();
    assert_eq!(allowed(&other, ask(10, 0, 10)), 10);
    assert_eq!(allowed(&one, ask(u64::MAX, 1, u64::MAX)), u64::MAX);
}

#[tokio::test(start_paused = true)]
async fn who_ends_frees_slots_at_once_and_leases_later() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    assert_eq!(allowed(&one, ask(10, 3, 8)), 8);
    one.leave().await.unwrap();
    assert!(one.share(&[ask(10, 3, 8)]).await.unwrap_err().0.contains("has left"));
    let grant = share(&two, ask(10, 0, 10));
    assert_eq!((grant.allowed, grant.processes), (Amounts { slots: 10, ..Amounts::all(2) }, 1));
    advance(KEPT - SECOND).await;
    assert_eq!(share(&two, ask(10, 0, 10)).allowed.requests, 2);
    advance(SECOND * 2).await;
    assert_eq!(allowed(&two, ask(10, 0, 10)), 10);
}

/// A place in the table is used again at once; what its last owner was allowed is not forgotten for that.
#[tokio::test(start_paused = true)]
async fn leases_of_the_gone_outlive_their_rows() {
    let folder = Folder::new();
    let last = folder.open();
    assert_eq!(allowed(&last, ask(100, 0, 1)), 1);
    for place in 0..20_u64 {
        let file = folder.open();
        assert_eq!(file.session.load().me.place, 1);
        assert_eq!(allowed(&file, Ask { id: "b".into(), ..ask(1000, 0, 10) }), 10);
        let left = share(&last, Ask { id: "b".into(), ..ask(1000, 0, 1000) }).allowed.requests;
        let (counted, exactly) = ((1000 - left) / 10, place.min(12) + 1);
        // Those of the same few seconds end together, with the last of them.
        assert!(counted >= exactly && counted <= exactly + 1, "{counted} after {place}");
        share(&last, Ask { id: "b".into(), ..ask(1000, 0, 0) });
        drop(file);
        advance(SECOND * 5).await;
    }
    advance(KEPT).await;
    assert_eq!(allowed(&last, Ask { id: "b".into(), ..ask(1000, 0, 1000) }), 1000);
}

/// An owner that is silent is not dead: it lives, and its lease lasts as long as the rule says.
#[tokio::test(start_paused = true)]
async fn who_is_silent_keeps_its_place() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    allowed(&one, ask(10, 0, 10));
    advance(ALIVE * 2).await;
    let grant = share(&two, ask(10, 0, 10));
    assert_eq!((grant.allowed, grant.processes), (Amounts { slots: 10, ..Amounts::ZERO }, 1));
    assert!(one.session().unwrap().is_ours());
    advance(KEPT).await;
    assert_eq!(allowed(&one, ask(10, 0, 5)), 5);
}

/// Whoever has lost its place takes another one, and its lease goes on to count.
#[tokio::test(start_paused = true)]
async fn a_lost_place_is_replaced() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    assert_eq!(allowed(&one, ask(10, 0, 6)), 6);
    let lost = one.session.load().me;
    one.session.load().processes().leave(lost);
    assert_eq!(share(&two, ask(10, 0, 10)).allowed.requests, 4);
    assert_eq!(allowed(&two, ask(10, 0, 1)), 1);
    let grant = share(&one, ask(10, 0, 6));
    assert_eq!((grant.allowed.requests, grant.allowed.slots), (3, 6));
    assert_ne!(one.session.load().me, lost);
}

/// No limit hangs on a lock: with none at all each gets less than it could, and all together never too much.
#[test]
fn leases_hold_without_locks() {
    const LIMIT: u64 = 1_000;
    let (folder, total) = (Folder::new(), AtomicU64::new(0));
    let (most, granted) = (AtomicU64::new(0), AtomicU64::new(0));
    let act = || {
        let (file, mut held, mut random) = (folder.open(), 0, fastrand::Rng::new());
        for _ in 0..4_000 {
            let want = random.u64(1..LIMIT);
            if want < held {
                // Given up before anybody is told.
                total.fetch_sub(held - want, Ordering::SeqCst);
                held = want;
            }
            let got = share(&file, ask(LIMIT, held, want)).allowed.requests;
            let all = total.fetch_add(got - held, Ordering::SeqCst) + got - held;
            held = got;
            most.fetch_max(all, Ordering::SeqCst);
            granted.fetch_add(got, Ordering::SeqCst);
        }
        total.fetch_sub(held, Ordering::SeqCst);
        share(&file, ask(LIMIT, 0, 0));
    };
    without_locks(&folder, "a", &[&act, &act, &act]);
    assert!(most.into_inner() <= LIMIT && granted.into_inner() > LIMIT);
    assert_eq!(allowed(&folder.open(), ask(LIMIT, 0, LIMIT)), LIMIT);
}
