//! Copies for a silent model.

use std::sync::Arc;

use super::*;

fn counts(router: &Router, group: &str) -> (u64, u64) {
    router.names.resolve(group, false).unwrap().group.member(0).unwrap().deployment().counts()
}

#[tokio::test(start_paused = true)]
async fn a_copy_goes_to_the_silent_model_and_no_further() {
    let router = Arc::new(router(&list(&[
        ("g", "mock_response: a, silent_model: [h, nobody]"),
        ("h", "mock_response: b, silent_model: g"),
    ])));
    let request = Request::parse(r#"{"model":"g","messages":[],"stream":false}"#).unwrap();
    let answered = router.answer(&request, 1).await.ok().unwrap();
    router.mirror(&request, &answered.trail);
    while counts(&router, "h").0 == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!((counts(&router, "g"), counts(&router, "h")), ((1, 0), (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn of_a_stream_that_answers_there_is_a_copy_too() {
    let router = Arc::new(router(&list(&[("g", "mock_response: a, silent_model: h"), ("h", "mock_response: b")])));
    let request = Request::parse(r#"{"model":"g","messages":[],"stream":true}"#).unwrap();
    let open = router.stream(request, 1).await.ok().unwrap();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(counts(&router, "h"), (1, 0));
    drop(open);
}
