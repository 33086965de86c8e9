//! Proxies that the environment names. A router's own `environment_variables` beat the process's.

use fakeprovider::abi::Router;
use network::certificates::Authority;
use network::process::alone;
use network::proxy::Proxy;
use network::secure::{SecureProvider, TEXT};
use network::settings::{
    API_CONNECTION, KEY, ask, config, deployment, failure, only_deployment, router, router_to, text, warnings,
};
use network::wire::provider;
use serde_json::{Value, json};

fn router_through(base: &str, variables: Value) -> Router {
    let deployment = deployment(base, json!({"ssl_verify": false}));
    router(&config(&[deployment], json!({"environment_variables": variables})))
}

fn secure() -> SecureProvider {
    SecureProvider::start(&Authority::new().server(&["127.0.0.1"]))
}

#[test]
fn a_plain_target_is_asked_for_in_absolute_form() {
    alone(&[], |_| {
        let origin = provider(json!({}));
        let proxy = Proxy::start(origin.address());
        // The name is the proxy's to look up: nobody else could.
        let router = router_through("http://provider.invalid/east/v1", json!({"HTTP_PROXY": proxy.url("")}));
        assert_eq!(text(ask(&router)), "hello from east");
        let seen = proxy.seen();
        assert_eq!(seen[0].line, "POST http://provider.invalid/east/v1/chat/completions HTTP/1.1");
        assert_eq!(seen[0].header("host"), Some("provider.invalid"));
        assert_eq!(origin.log()[0].headers["authorization"], format!("Bearer {KEY}"));
    });
}

#[test]
fn a_secure_target_is_reached_through_a_tunnel() {
    alone(&[], |_| {
        let origin = secure();
        let proxy = Proxy::start(origin.address());
        let router = router_through("https://provider.invalid/v1", json!({"HTTPS_PROXY": proxy.url("")}));
        assert_eq!(text(ask(&router)), TEXT);
        let seen = proxy.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].line, "CONNECT provider.invalid:443 HTTP/1.1");
        assert_eq!(seen[0].header("authorization"), None, "the key is for the origin");
        assert!(seen[0].headers.iter().all(|(_, value)| !value.contains(KEY)), "{seen:?}");
        assert_eq!(origin.seen().requests[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    });
}

#[test]
fn the_tunnel_is_kept_for_the_next_call() {
    alone(&[], |_| {
        let origin = secure();
        let proxy = Proxy::start(origin.address());
        let router = router_through("https://provider.invalid/v1", json!({"HTTPS_PROXY": proxy.url("")}));
        for _ in 0..10 {
            assert_eq!(text(ask(&router)), TEXT);
        }
        assert_eq!((proxy.seen().len(), origin.seen().connections), (1, 1));
    });
}

#[test]
fn each_variable_is_for_its_own_scheme() {
    alone(&[], |_| {
        let plain = provider(json!({}));
        let dead = "http://127.0.0.1:1";
        let base = format!("{}/plain/v1", plain.base_url());
        assert_eq!(text(ask(&router_through(&base, json!({"HTTPS_PROXY": dead})))), "hello from plain");
        let secure = secure();
        assert_eq!(text(ask(&router_through(&secure.base("127.0.0.1"), json!({"HTTP_PROXY": dead})))), TEXT);
    });
}

#[test]
fn all_proxy_and_lower_case_names_count() {
    alone(&[], |_| {
        let origin = provider(json!({}));
        for name in ["http_proxy", "all_proxy", "ALL_PROXY"] {
            let proxy = Proxy::start(origin.address());
            let router = router_through("http://provider.invalid/east/v1", json!({name: proxy.url("")}));
            assert_eq!(text(ask(&router)), "hello from east");
            assert_eq!(proxy.seen().len(), 1, "{name}");
        }
    });
}

#[test]
fn no_proxy_names_hosts_to_reach_directly() {
    alone(&[], |_| {
        let origin = provider(json!({}));
        let base = format!("{}/direct/v1", origin.base_url());
        for unproxied in ["127.0.0.1", "other.example, 127.0.0.1", "127.0.0.0/8"] {
            let proxy = Proxy::start(origin.address());
            let variables = json!({"HTTP_PROXY": proxy.url(""), "NO_PROXY": unproxied});
            assert_eq!(text(ask(&router_through(&base, variables))), "hello from direct");
            assert_eq!(proxy.seen(), [], "NO_PROXY={unproxied}");
        }
        // The twin: another host's exception is not ours.
        let proxy = Proxy::start(origin.address());
        let variables = json!({"HTTP_PROXY": proxy.url(""), "NO_PROXY": "other.example,10.0.0.0/8"});
        assert_eq!(text(ask(&router_through(&base, variables))), "hello from direct");
        assert_eq!(proxy.seen().len(), 1);
    });
}

#[test]
fn an_asterisk_in_no_proxy_names_every_host() {
    alone(&[], |_| {
        let origin = provider(json!({}));
        let proxy = Proxy::start(origin.address());
        let base = format!("http://localhost:{}/direct/v1", origin.address().port());
        let variables = json!({"HTTP_PROXY": proxy.url(""), "NO_PROXY": "*"});
        assert_eq!(text(ask(&router_through(&base, variables))), "hello from direct");
        assert_eq!(proxy.seen(), []);
    });
}

/// As in curl and Python.
#[test]
fn an_asterisk_in_no_proxy_names_every_address() {
    alone(&[], |_| {
        let origin = provider(json!({}));
        let proxy = Proxy::start(origin.address());
        let variables = json!({"HTTP_PROXY": proxy.url(""), "NO_PROXY": "*"});
        let router = router_through(&format!("{}/direct/v1", origin.base_url()), variables);
        assert_eq!(text(ask(&router)), "hello from direct");
        assert_eq!(proxy.seen(), []);
    });
}

#[test]
fn no_proxy_covers_the_hosts_below_a_name() {
    alone(&[], |_| {
        let origin = provider(json!({}));
        let proxy = Proxy::start(origin.address());
        let variables = json!({"HTTP_PROXY": proxy.url(""), "NO_PROXY": "provider.invalid"});
        // Reached directly means not at all, as the name does not exist.
        failure(ask(&router_through("http://eu.provider.invalid/east/v1", variables)), API_CONNECTION);
        assert_eq!(proxy.seen(), []);
    });
}

#[test]
fn the_variables_of_the_process_count() {
    alone(&[("HTTP_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "localhost")], |_| {
        let origin = provider(json!({}));
        failure(ask(&router_to(&format!("{}/east/v1", origin.base_url()), json!({}))), API_CONNECTION);
        assert_eq!(origin.stats().total_connections, 0, "a dead proxy is not gone around");
        let unproxied = format!("http://localhost:{}/east/v1", origin.address().port());
        assert_eq!(text(ask(&router_to(&unproxied, json!({})))), "hello from east");
    });
}

#[test]
fn a_proxy_of_a_kind_that_is_not_spoken_is_told_at_load() {
    alone(&[], |_| {
        let router = router_through("http://provider.invalid/v1", json!({"ALL_PROXY": "socks5://127.0.0.1:1"}));
        let warnings = warnings(&router);
        assert!(warnings.iter().any(|warning| warning.contains("ALL_PROXY")), "{warnings:?}");
        assert_eq!(only_deployment(&router)["state"], "blocked");
    });
}

/// A variable that is for other targets does no harm.
#[test]
fn a_broken_variable_of_the_other_scheme_does_no_harm() {
    alone(&[], |_| {
        let secure = secure();
        let router = router_through(&secure.base("127.0.0.1"), json!({"HTTP_PROXY": "no://["}));
        assert_eq!(text(ask(&router)), TEXT);
    });
}
