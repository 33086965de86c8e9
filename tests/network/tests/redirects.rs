//! Redirects are never followed: the key would go wherever a server points.

use fakeprovider::abi::LogCapture;
use network::process::alone;
use network::settings::{API_RESPONSE, KEY, TRACE, all_said, ask, failure, router_to, router_with_sibling, text};
use network::wire::provider;
use serde_json::json;

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

#[test]
fn nobody_else_hears_of_the_call() {
    alone(&[], |_| {
        let elsewhere = provider(json!({}));
        for status in STATUSES {
            let target = format!("{}/stolen/v1/chat/completions", elsewhere.base_url());
            let origin = provider(json!({"paths": {"/": [{"status": status, "headers": {"location": target}}]}}));
            let log = LogCapture::start(TRACE);
            let router = router_to(&format!("{}/v1", origin.base_url()), json!({}));
            let outcome = ask(&router);
            let said = all_said(Some(&router), &outcome, &log);
            assert!(!said.contains(KEY), "the key shows: {said}");
            let error = failure(outcome, API_RESPONSE);
            assert!(error.message.contains(&status.to_string()), "{error}");
            assert_eq!(origin.stats().requests, 1, "{status}");
        }
        assert_eq!(elsewhere.stats().total_connections, 0);
    });
}

#[test]
fn the_same_origin_is_not_asked_again() {
    alone(&[], |_| {
        for status in STATUSES {
            let reply = json!({"status": status, "headers": {"location": "/moved/v1/chat/completions"}});
            let origin = provider(json!({"paths": {"/old": [reply]}}));
            failure(ask(&router_to(&format!("{}/old/v1", origin.base_url()), json!({}))), API_RESPONSE);
            assert_eq!(origin.stats().requests_by_path.len(), 1, "{status}: {:?}", origin.stats());
        }
    });
}

#[test]
fn a_sibling_answers_in_its_stead() {
    alone(&[], |_| {
        let reply = json!({"status": 307, "headers": {"location": "/moved/v1/chat/completions"}});
        let origin = provider(json!({"paths": {"/old": [reply]}}));
        let url = origin.base_url();
        let router = router_with_sibling(&format!("{url}/old/v1"), &format!("{url}/sibling/v1"));
        assert_eq!(text(ask(&router)), "hello from sibling");
        assert_eq!(origin.stats().requests, 2);
    });
}
