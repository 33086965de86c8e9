//! Hosts by name.

use network::process::{alone, library_threads};
use network::settings::{API_CONNECTION, KEY, ask, failure, request, router_to, router_with_sibling, text};
use network::wire::provider;
use serde_json::json;

/// Threads that the library may have beside its workers while names are looked up, and for a moment after.
const FOR_NAMES: usize = 4;

/// The provider listens on 127.0.0.1 alone, while the name may lead to ::1 first.
#[test]
fn a_host_is_found_by_name() {
    alone(&[], |_| {
        let provider = provider(json!({}));
        let base = format!("http://localhost:{}/east/v1", provider.address().port());
        assert_eq!(text(ask(&router_to(&base, json!({})))), "hello from east");
        assert_eq!(provider.log()[0].headers["host"], format!("localhost:{}", provider.address().port()));
    });
}

#[test]
fn a_name_that_does_not_exist_is_told() {
    alone(&[], |_| {
        let error = failure(ask(&router_to("http://nothing.invalid/v1", json!({}))), API_CONNECTION);
        assert!(error.retryable && error.message.contains("nothing.invalid"), "{error}");
        assert!(!error.json.to_string().contains(KEY), "{}", error.json);
    });
}

#[test]
fn a_name_that_does_not_exist_is_retried_on_a_sibling() {
    alone(&[], |_| {
        let sibling = provider(json!({}));
        let base = format!("{}/sibling/v1", sibling.base_url());
        let router = router_with_sibling("http://nothing.invalid/v1", &base);
        assert_eq!(text(ask(&router)), "hello from sibling");
    });
}

#[test]
fn many_calls_at_once_need_no_more_threads() {
    alone(&[], |_| {
        const CALLS: usize = 500;
        let provider = provider(json!({"paths": {"/": [{"delay_ms": 300}]}}));
        let base = format!("http://localhost:{}/east/v1", provider.address().port());
        let router = router_to(&base, json!({}));
        let calls: Vec<_> =
            (0..CALLS).map(|_| router.completion_async(&request(json!({}))).expect("accepted")).collect();
        let mut most = 0;
        while provider.stats().in_flight < CALLS as u64 && provider.stats().requests < CALLS as u64 {
            most = most.max(library_threads());
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        most = most.max(library_threads());
        for call in calls {
            assert_eq!(text(call.wait()), "hello from east");
        }
        // The default are two workers. That any were seen shows that they are found by their name.
        assert!((2..=2 + FOR_NAMES).contains(&most), "{most} threads");
        assert!(provider.stats().max_in_flight > CALLS as u64 / 2, "the calls ran at once: {:?}", provider.stats());
    });
}
