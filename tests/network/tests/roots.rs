//! Bundles that can't be used, and systems that have none.

use fakeprovider::abi::{LogCapture, Router};
use network::certificates::{Authority, write};
use network::process::alone;
use network::secure::SecureProvider;
use network::settings::{
    API_CONNECTION, BAD_REQUEST, ask, config, deployment, failure, only_deployment, router, router_to, sibling, text,
    warnings,
};
use network::wire::provider;
use serde_json::{Value, json};

/// `ROUTER_LOG_WARN`.
const WARN: i32 = 2;

/// One load warning names the file; a record of the log says the same.
fn warned(router: &Router, log: &LogCapture, file: &str) {
    let warnings = warnings(router);
    assert!(warnings.iter().any(|warning| warning.contains("never used") && warning.contains(file)), "{warnings:?}");
    let records = log.records();
    assert!(records.iter().any(|(level, record)| *level == WARN && record.to_string().contains(file)), "{records:?}");
}

/// The deployment alone is blocked and its calls say why; beside a sibling it is passed over. Nothing connects to it.
fn unusable(params: Value, file: &str) {
    let server = SecureProvider::start(&Authority::new().server(&["127.0.0.1"]));
    let base = server.base("127.0.0.1");
    let log = LogCapture::start(WARN);
    let alone = router_to(&base, params.clone());
    warned(&alone, &log, file);
    assert_eq!(only_deployment(&alone)["state"], "blocked");
    let error = failure(ask(&alone), BAD_REQUEST);
    assert!(error.message.contains(file), "{error}");

    let live = provider(json!({}));
    let live = sibling(&format!("{}/live/v1", live.base_url()));
    let both = router(&config(&[deployment(&base, params), live], json!({})));
    for _ in 0..20 {
        assert_eq!(text(ask(&both)), "hello from live");
    }
    assert_eq!(server.seen().connections, 0);
}

#[test]
fn a_missing_bundle_is_told_at_load() {
    alone(&[], |_| unusable(json!({"ssl_verify": "/nowhere/ca.pem"}), "/nowhere/ca.pem"));
}

#[test]
fn a_bundle_of_other_text_is_told_at_load() {
    alone(&[], |place| {
        let path = write(place, "text.pem", "these are no certificates\n");
        unusable(json!({"ssl_verify": path}), "text.pem");
    });
}

#[test]
fn a_bundle_of_broken_certificates_is_told_at_load() {
    alone(&[], |place| {
        let path = write(place, "broken.pem", "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n");
        unusable(json!({"ssl_verify": path}), "broken.pem");
        let path = write(place, "cut.pem", &Authority::new().pem()[..200]);
        unusable(json!({"ssl_verify": path}), "cut.pem");
    });
}

/// One that can't be read may be the very one that is needed.
#[test]
fn a_bundle_that_is_broken_in_part_is_told_at_load() {
    alone(&[], |place| {
        let authority = Authority::new();
        let server = SecureProvider::start(&authority.server(&["127.0.0.1"]));
        let broken = "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n".to_owned();
        let path = write(place, "mixed.pem", &(broken + &authority.pem()));
        let router = router_to(&server.base("127.0.0.1"), json!({"ssl_verify": path}));
        text(ask(&router));
        let warnings = warnings(&router);
        assert!(warnings.iter().any(|warning| warning.contains("mixed.pem")), "{warnings:?}");
    });
}

#[test]
fn a_missing_ssl_cert_file_is_told_at_load_and_plain_http_works() {
    alone(&[("SSL_CERT_FILE", "/nowhere/bundle.pem")], |_| {
        unusable(json!({}), "/nowhere/bundle.pem");
        let plain = provider(json!({}));
        let router = router_to(&format!("{}/plain/v1", plain.base_url()), json!({}));
        assert_eq!(text(ask(&router)), "hello from plain");
        assert_eq!(warnings(&router), [""; 0], "a bundle that nobody needs is nobody's trouble");
    });
}

#[test]
fn an_empty_ssl_cert_file_is_told_at_load() {
    alone(&[("SSL_CERT_FILE", "{dir}/empty.pem")], |place| {
        write(place, "empty.pem", "");
        unusable(json!({}), "empty.pem");
    });
}

/// As in a container without a bundle: Mozilla's roots, which are built in, stand for the system's.
#[test]
fn a_system_without_a_bundle_still_verifies() {
    alone(&[("SSL_CERT_DIR", "{dir}")], |_| {
        let server = SecureProvider::start(&Authority::new().server(&["127.0.0.1"]));
        let secure = router_to(&server.base("127.0.0.1"), json!({}));
        assert_eq!(warnings(&secure), [""; 0]);
        assert_eq!(only_deployment(&secure)["state"], "healthy");
        let error = failure(ask(&secure), API_CONNECTION);
        assert!(error.message.contains("certificate"), "{error}");

        let plain = provider(json!({}));
        assert_eq!(text(ask(&router_to(&format!("{}/plain/v1", plain.base_url()), json!({})))), "hello from plain");
    });
}
