//! Credentials in a proxy's URL: the proxy gets them, and nobody else.

use fakeprovider::abi::{LogCapture, Outcome, Router};
use network::certificates::Authority;
use network::process::alone;
use network::proxy::Proxy;
use network::secure::{SecureProvider, TEXT};
use network::settings::{
    API_CONNECTION, BAD_REQUEST, TRACE, all_said, ask, config, deployment, failure, router, text, warnings,
};
use network::wire::{Request, provider};
use serde_json::{Value, json};

const CREDENTIALS: &str = "proxyuser:canary-password@";
/// What goes to the proxy: the credentials in base64.
const BASIC: &str = "Basic cHJveHl1c2VyOmNhbmFyeS1wYXNzd29yZA==";

/// Makes a router and calls it; whatever it says and logs is searched for the password.
fn ask_through(base: &str, variables: Value) -> (Router, Outcome) {
    let log = LogCapture::start(TRACE);
    let deployment = deployment(base, json!({"ssl_verify": false}));
    let router = router(&config(&[deployment], json!({"environment_variables": variables})));
    let outcome = ask(&router);
    let said = all_said(Some(&router), &outcome, &log);
    for secret in ["canary-password", BASIC.trim_start_matches("Basic ")] {
        assert!(!said.contains(secret), "{secret} shows: {said}");
    }
    (router, outcome)
}

fn authorization(request: &Request) -> Option<&str> {
    request.header("proxy-authorization")
}

#[test]
fn a_plain_proxy_gets_them_with_the_request() {
    alone(&[], |_| {
        let origin = provider(json!({}));
        let proxy = Proxy::start(origin.address());
        let (_router, outcome) =
            ask_through("http://provider.invalid/east/v1", json!({"HTTP_PROXY": proxy.url(CREDENTIALS)}));
        assert_eq!(text(outcome), "hello from east");
        assert_eq!(authorization(&proxy.seen()[0]), Some(BASIC));
    });
}

#[test]
fn a_tunnels_proxy_gets_them_with_connect_and_the_origin_does_not() {
    alone(&[], |_| {
        let origin = SecureProvider::start(&Authority::new().server(&["127.0.0.1"]));
        let proxy = Proxy::start(origin.address());
        let (_router, outcome) =
            ask_through("https://provider.invalid/v1", json!({"HTTPS_PROXY": proxy.url(CREDENTIALS)}));
        assert_eq!(text(outcome), TEXT);
        assert_eq!(authorization(&proxy.seen()[0]), Some(BASIC));
        assert_eq!(authorization(&origin.seen().requests[0]), None);
    });
}

#[test]
fn who_is_reached_directly_gets_none() {
    alone(&[], |_| {
        let origin = provider(json!({}));
        let proxy = Proxy::start(origin.address());
        let variables = json!({"HTTP_PROXY": proxy.url(CREDENTIALS), "NO_PROXY": "127.0.0.1"});
        let (_router, outcome) = ask_through(&format!("{}/direct/v1", origin.base_url()), variables);
        assert_eq!(text(outcome), "hello from direct");
        assert!(!origin.log()[0].headers.contains_key("proxy-authorization"), "{:?}", origin.log()[0].headers);
    });
}

#[test]
fn a_proxy_that_refuses_is_told_without_them() {
    alone(&[], |_| {
        let proxy = Proxy::refusing();
        let variables = json!({"HTTP_PROXY": proxy.url(CREDENTIALS), "HTTPS_PROXY": proxy.url(CREDENTIALS)});
        let (_router, outcome) = ask_through("https://provider.invalid/v1", variables.clone());
        failure(outcome, API_CONNECTION);
        let (_router, outcome) = ask_through("http://provider.invalid/v1", variables);
        assert_eq!(outcome.expect_err("refused").http_status, 407);
        assert_eq!(proxy.seen().len(), 2);
    });
}

#[test]
fn a_dead_proxy_is_told_without_them() {
    alone(&[], |_| {
        let dead = format!("http://{CREDENTIALS}127.0.0.1:1");
        for base in ["https://provider.invalid/v1", "http://provider.invalid/v1"] {
            let (_router, outcome) = ask_through(base, json!({"HTTP_PROXY": dead, "HTTPS_PROXY": dead}));
            failure(outcome, API_CONNECTION);
        }
    });
}

#[test]
fn a_proxy_url_that_is_none_is_told_at_load_without_them() {
    alone(&[], |_| {
        let origin = provider(json!({}));
        let variables = json!({"HTTP_PROXY": format!("no://{CREDENTIALS}[")});
        let (router, outcome) = ask_through(&format!("{}/east/v1", origin.base_url()), variables);
        failure(outcome, BAD_REQUEST);
        let warnings = warnings(&router);
        assert!(warnings.iter().any(|warning| warning.contains("HTTP_PROXY")), "{warnings:?}");
        assert_eq!(origin.stats().total_connections, 0, "what was to go through a proxy does not go around it");
    });
}
