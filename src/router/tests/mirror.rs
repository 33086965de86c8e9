//! Copies for a silent model.

use std::sync::Arc;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_copy_goes_to_the_silent_model_and_no_further() {
    let router = Arc::new(router(&list(&[
        ("g", "mock_response: a, silent_model: [h, nobody]"),
        ("h", "mock_response: b, silent_model: g"),
    ])));
    let request = Request::parse(r#"{"model":"g","messages":[],"stream":false}"#).unwrap();
    let answered = router.answer(&request, 1).await.ok().unwrap();
    router.mirror(&request, &answered.trail);
    let counts =
        |group: &str| router.names.resolve(group, false).unwrap().group.member(0).unwrap().deployment().counts();
    while counts("h").0 == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!((counts("g"), counts("h")), ((1, 0), (1, 0)));
}
