//! HTTP/2, agreed on in the TLS handshake.

use network::certificates::Authority;
use network::process::alone;
use network::secure::{SecureProvider, TEXT, Terms};
use network::settings::{KEY, ask, only_deployment, request, router_to, text};
use serde_json::json;

fn server(protocols: &[&str]) -> SecureProvider {
    let identity = Authority::new().server(&["127.0.0.1"]);
    SecureProvider::with(&Terms { identity: &identity, clients_of: None, protocols })
}

/// What the first request looked like to a server that speaks these protocols.
fn first_line(protocols: &[&str]) -> String {
    let server = server(protocols);
    assert_eq!(text(ask(&router_to(&server.base("127.0.0.1"), json!({"ssl_verify": false})))), TEXT);
    let seen = server.seen();
    assert_eq!(seen.requests[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    seen.requests[0].line.clone()
}

#[test]
fn the_server_chooses_the_protocol() {
    alone(&[], |_| {
        assert_eq!(first_line(&["h2"]), "POST /v1/chat/completions HTTP/2");
        assert_eq!(first_line(&["h2", "http/1.1"]), "POST /v1/chat/completions HTTP/2");
        assert_eq!(first_line(&["http/1.1", "h2"]), "POST /v1/chat/completions HTTP/1.1");
        assert_eq!(first_line(&["http/1.1"]), "POST /v1/chat/completions HTTP/1.1");
        // A server that does not negotiate at all.
        assert_eq!(first_line(&[]), "POST /v1/chat/completions HTTP/1.1");
    });
}

#[test]
fn many_calls_share_one_connection() {
    alone(&[], |_| {
        let server = server(&["h2"]);
        let router = router_to(&server.base("127.0.0.1"), json!({"ssl_verify": false}));
        // Only once it is open is it known that it carries more than one call.
        assert_eq!(text(ask(&router)), TEXT);
        let calls: Vec<_> = (0..100).map(|_| router.completion_async(&request(json!({}))).expect("accepted")).collect();
        for call in calls {
            assert_eq!(text(call.wait()), TEXT);
        }
        let seen = server.seen();
        assert_eq!((seen.connections, seen.requests.len()), (1, 101));
    });
}

/// HTTP/2 forbids these. That is neither the caller's fault, who can't know the protocol, nor the deployment's.
#[test]
fn headers_that_http2_forbids_do_no_harm() {
    alone(&[], |_| {
        let server = server(&["h2"]);
        let router = router_to(&server.base("127.0.0.1"), json!({"ssl_verify": false}));
        for name in ["upgrade", "keep-alive", "proxy-connection", "te"] {
            assert_eq!(text(router.completion(&request(json!({"extra_headers": {name: "x"}})))), TEXT, "{name}");
        }
        assert_eq!(only_deployment(&router)["failed"], 0);
        let seen = server.seen();
        assert!(seen.requests.iter().all(|request| request.header("upgrade").is_none()), "{seen:?}");
    });
}
