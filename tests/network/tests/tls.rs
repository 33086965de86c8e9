//! Whom the library trusts.

use std::path::Path;

use fakeprovider::abi::LogCapture;
use network::certificates::{Authority, Identity, write};
use network::process::alone;
use network::secure::{SecureProvider, TEXT};
use network::settings::{
    API_CONNECTION, KEY, TRACE, all_said, ask, config, deployment, failure, router, router_to, text,
};
use serde_json::{Value, json};

const HERE: [&str; 2] = ["localhost", "127.0.0.1"];

/// A private authority, its file, and a server that shows its certificate.
struct Private {
    server: SecureProvider,
    file: String,
}

impl Private {
    fn new(directory: &Path, identity: fn(&Authority) -> Identity) -> Self {
        let authority = Authority::new();
        let file = write(directory, "ca.pem", &authority.pem()).display().to_string();
        Self { server: SecureProvider::start(&identity(&authority)), file }
    }
}

fn here(authority: &Authority) -> Identity {
    authority.server(&HERE)
}

/// The call fails, says that the certificate is the cause, keeps its secrets, and has sent nothing.
fn refused(server: &SecureProvider, host: &str, params: Value) {
    let log = LogCapture::start(TRACE);
    let router = router_to(&server.base(host), params);
    let outcome = ask(&router);
    let said = all_said(Some(&router), &outcome, &log);
    assert!(!said.contains(KEY), "the key shows: {said}");
    let error = failure(outcome, API_CONNECTION);
    assert!(error.retryable && error.message.contains("certificate"), "{error}");
    let seen = server.seen();
    assert!(seen.connections > 0 && seen.requests.is_empty(), "{seen:?}");
}

fn accepted(server: &SecureProvider, host: &str, params: Value) {
    assert_eq!(text(ask(&router_to(&server.base(host), params))), TEXT);
    let seen = server.seen();
    assert_eq!(seen.requests[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
}

#[test]
fn an_unknown_authority_is_refused() {
    alone(&[], |place| refused(&Private::new(place, here).server, "127.0.0.1", json!({})));
}

#[test]
fn another_authority_is_refused() {
    alone(&[], |place| {
        let other = write(place, "other.pem", &Authority::new().pem());
        refused(&Private::new(place, here).server, "127.0.0.1", json!({"ssl_verify": other}));
    });
}

#[test]
fn an_authority_named_by_ssl_verify_is_trusted() {
    alone(&[], |place| {
        let private = Private::new(place, here);
        accepted(&private.server, "127.0.0.1", json!({"ssl_verify": private.file}));
        accepted(&private.server, "localhost", json!({"ssl_verify": private.file}));
    });
}

#[test]
fn anyone_is_trusted_without_verification() {
    alone(&[], |place| {
        accepted(&Private::new(place, here).server, "127.0.0.1", json!({"ssl_verify": false}));
        let expired = Private::new(place, Authority::expired_server);
        accepted(&expired.server, "127.0.0.1", json!({"ssl_verify": "False"}));
    });
}

#[test]
fn ssl_verify_of_one_deployment_is_nobody_elses() {
    alone(&[], |place| {
        let private = Private::new(place, here);
        let base = private.server.base("127.0.0.1");
        let mut strict = deployment(&base, json!({}));
        strict["model_name"] = "strict".into();
        let router = router(&config(&[deployment(&base, json!({"ssl_verify": false})), strict], json!({})));
        // The lax one first, so that there is an open connection that must not be used.
        assert_eq!(text(ask(&router)), TEXT);
        let outcome = router.completion(r#"{"model": "strict", "messages": []}"#);
        failure(outcome, API_CONNECTION);
        assert_eq!(text(ask(&router)), TEXT);
    });
}

#[test]
fn ssl_verify_holds_for_all_in_litellm_settings() {
    alone(&[], |place| {
        let private = Private::new(place, here);
        let deployments = [deployment(&private.server.base("127.0.0.1"), json!({}))];
        let router = router(&config(&deployments, json!({"litellm_settings": {"ssl_verify": private.file}})));
        assert_eq!(text(ask(&router)), TEXT);
    });
}

#[test]
fn ssl_cert_file_of_the_process_is_trusted() {
    alone(&[("SSL_CERT_FILE", "{dir}/ca.pem")], |place| {
        accepted(&Private::new(place, here).server, "127.0.0.1", json!({}));
    });
}

#[test]
fn ssl_cert_file_of_the_configuration_is_trusted() {
    alone(&[("SSL_CERT_FILE", "{dir}/of-the-process-which-does-not-count")], |place| {
        let private = Private::new(place, here);
        let deployments = [deployment(&private.server.base("127.0.0.1"), json!({}))];
        let router = router(&config(&deployments, json!({"environment_variables": {"SSL_CERT_FILE": private.file}})));
        assert_eq!(text(ask(&router)), TEXT);
    });
}

#[test]
fn ssl_verify_beats_ssl_cert_file() {
    alone(&[("SSL_CERT_FILE", "{dir}/ca.pem")], |place| {
        let private = Private::new(place, here);
        let other = write(place, "other.pem", &Authority::new().pem());
        refused(&private.server, "127.0.0.1", json!({"ssl_verify": other}));
    });
}

#[test]
fn an_expired_certificate_is_refused() {
    alone(&[], |place| {
        let private = Private::new(place, Authority::expired_server);
        refused(&private.server, "127.0.0.1", json!({"ssl_verify": private.file}));
    });
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    alone(&[], |place| {
        let private = Private::new(place, |authority| authority.server(&["elsewhere.example"]));
        refused(&private.server, "127.0.0.1", json!({"ssl_verify": private.file}));
        refused(&private.server, "localhost", json!({"ssl_verify": private.file}));
    });
}

#[test]
fn a_failed_handshake_is_retried_on_a_sibling() {
    alone(&[], |place| {
        let private = Private::new(place, here);
        let sibling = network::wire::provider(json!({}));
        let sibling = format!("{}/sibling/v1", sibling.base_url());
        let router = network::settings::router_with_sibling(&private.server.base("127.0.0.1"), &sibling);
        assert_eq!(text(ask(&router)), "hello from sibling");
    });
}
