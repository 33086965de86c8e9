//! How many calls a deployment takes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::limits::{CALL, deployment, read, stream, with};
use super::*;

#[test]
fn of_many_threads_nobody_gets_a_slot_too_many() {
    let router = with(&[("g", "mock_response: a")], "");
    let deployment = deployment(&router, 0);
    let inside = AtomicU32::new(0);
    let one = || {
        let mut entered = 0;
        while entered < 300 {
            let Some(_guard) = deployment.enter(Some(3)) else { continue };
            entered += 1;
            assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
            // The others come in while this one is inside.
            std::thread::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(one))));
    assert_eq!(deployment.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_holds_its_slot_to_its_end() {
    let router = with(&[("g", "mock_response: a, max_parallel_requests: 1")], "");
    let open = stream(&router, CALL).await.ok().unwrap();
    assert_eq!(kind(&call(&router, CALL).await), Some(ErrorKind::RateLimit));
    assert_eq!(stream(&router, CALL).await.err().unwrap().kind(), ErrorKind::RateLimit);
    read(open).await;
    let open = stream(&router, CALL).await.ok().unwrap();
    // Whoever goes sets it free, too.
    drop(open);
    assert!(call(&router, CALL).await.is_ok());
    assert_eq!(deployment(&router, 0).in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn busy_is_tried_again_like_a_429_and_benches_nobody() {
    let slow = "mock_response: a, mock_delay: 20, max_parallel_requests: 1";
    let router = Arc::new(router(&(list(&[("g", slow)]) + "router_settings: {num_retries: 2, allowed_fails: 0}")));
    let running = Arc::clone(&router);
    let first = tokio::spawn(async move { call(&running, CALL).await.is_ok() });
    tokio::task::yield_now().await;
    let start = clock::now();
    let busy = call(&router, CALL).await.err().unwrap();
    let took = (clock::now() - start).as_secs_f64();
    assert!((1.5..=3.0).contains(&took), "two waits of half a second and a whole one, each with jitter: {took}");
    assert_eq!((busy.kind(), busy.trail.attempts()), (ErrorKind::RateLimit, 0));
    assert_eq!(deployment(&router, 0).cooldown(clock::now()), None);
    assert!(first.await.unwrap());
    assert_eq!(deployment(&router, 0).counts(), (1, 0));
}
