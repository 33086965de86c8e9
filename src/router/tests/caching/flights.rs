//! Equal calls at one time.

use super::*;

#[tokio::test(start_paused = true)]
async fn equal_calls_at_one_time_are_one() {
    let router = cached(&[("g", "mock_response: a, mock_delay: 2")], "");
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let router = Arc::clone(&router);
            tokio::spawn(async move { is_hit(&router, "").await })
        })
        .collect();
    let mut hits = 0;
    for call in calls {
        hits += usize::from(call.await.unwrap());
    }
    assert_eq!((hits, answered(&router, "g")), (999, 1));
    assert_eq!(snapshot(&router)["joined"], 999);
    let alone =
        cached(&[("g", "mock_response: a, mock_delay: 2")], "llmrouter_settings: {cache: {single_flight: false}}");
    let both = tokio::join!(is_hit(&alone, ""), is_hit(&alone, ""));
    assert_eq!((both, answered(&alone, "g")), ((false, false), 2));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_goes_or_fails_is_followed_by_one() {
    let router = cached(&[("g", "mock_response: a, mock_delay: 2")], "num_retries: 0");
    let begun = |router: &Arc<Router>| {
        let router = Arc::clone(router);
        tokio::spawn(async move { is_hit(&router, "").await })
    };
    let leader = begun(&router);
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::task::yield_now().await;
    let followers: Vec<_> = (0..100).map(|_| begun(&router)).collect();
    tokio::task::yield_now().await;
    leader.abort();
    let mut hits = 0;
    for follower in followers {
        hits += usize::from(follower.await.unwrap());
    }
    assert_eq!((hits, answered(&router, "g")), (99, 1), "its cancel cancels nobody");

    let failing = cached(&[("g", "mock_error: 400, mock_delay: 2")], "num_retries: 0");
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let router = Arc::clone(&failing);
            tokio::spawn(async move { call(&router, &request("")).await.is_err() })
        })
        .collect();
    let start = clock::now();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!(deployment(&failing, "g", 0).state.latency.value(clock::now()), None);
    // One after the other for three of them, then nobody waits any more.
    assert_eq!((clock::now() - start).as_secs(), 8);
}

#[tokio::test(start_paused = true)]
async fn who_follows_keeps_its_own_time() {
    let router = cached(&[("g", "mock_response: a, mock_delay: 30")], "num_retries: 0");
    let leader = tokio::spawn({
        let router = Arc::clone(&router);
        async move { is_hit(&router, "").await }
    });
    tokio::task::yield_now().await;
    let start = clock::now();
    let outcome = call(&router, &request(r#""deadline":3"#)).await;
    assert_eq!((kind(&outcome), (clock::now() - start).as_secs()), (Some(ErrorKind::Timeout), 3));
    // A stream waits for a second, then it goes out itself.
    let start = clock::now();
    let _stream = open(&router, "").await;
    assert_eq!((clock::now() - start).as_secs(), 31);
    assert!(!leader.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_stream_leads_until_it_is_whole() {
    let router = cached(&[("g", "mock_response: to be or not")], "");
    let mut stream = open(&router, "").await;
    stream.next().await.ok().unwrap();
    let follower = |router: &Arc<Router>| {
        let router = Arc::clone(router);
        tokio::spawn(async move { is_hit(&router, "").await })
    };
    let waits = follower(&router);
    tokio::task::yield_now().await;
    read(stream).await;
    assert!(waits.await.unwrap());
    assert_eq!(answered(&router, "g"), 1);
    // One that nobody reads is waited for no longer than ten seconds.
    let other = cached(&[("g", "mock_response: to be or not")], "");
    let stream = open(&other, "").await;
    let start = clock::now();
    assert!(!is_hit(&other, "").await);
    assert_eq!((clock::now() - start).as_secs(), 10);
    drop(stream);
}

#[tokio::test(start_paused = true)]
async fn who_waits_behind_a_promoted_stream_does_not_wait_for_its_reader() {
    let router = cached(&[("g", "mock_response: to be or not, mock_delay: 0.5")], "num_retries: 0");
    let whole = |router: &Arc<Router>| {
        let router = Arc::clone(router);
        tokio::spawn(async move { is_hit(&router, "").await })
    };
    let leader = whole(&router);
    tokio::task::yield_now().await;
    let stream = tokio::spawn({
        let router = Arc::clone(&router);
        async move { open(&router, "").await }
    });
    tokio::task::yield_now().await;
    let start = clock::now();
    let follower = whole(&router);
    tokio::task::yield_now().await;
    leader.abort();
    // Opened, and read by nobody.
    let stream = stream.await.unwrap();
    assert!(!follower.await.unwrap());
    assert_eq!((clock::now() - start).as_secs(), 10);
    drop(stream);
}
