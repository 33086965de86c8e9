//! How the library shows who it is.

use std::path::Path;

use network::certificates::{Authority, Identity, write};
use network::process::alone;
use network::secure::{SecureProvider, TEXT, Terms};
use network::settings::{API_CONNECTION, BAD_REQUEST, KEY, ask, failure, only_deployment, router_to, text, warnings};
use serde_json::{Value, json};

/// A server that lets in whom its authority has signed, and a client's identity.
struct Guarded {
    server: SecureProvider,
    client: Identity,
}

impl Guarded {
    fn new() -> Self {
        let authority = Authority::new();
        let identity = authority.server(&["127.0.0.1"]);
        let terms = Terms { identity: &identity, clients_of: Some(&authority), protocols: &["http/1.1"] };
        Self { server: SecureProvider::with(&terms), client: authority.client() }
    }

    fn ask(&self, mut params: Value) -> fakeprovider::abi::Outcome {
        params["ssl_verify"] = false.into();
        ask(&router_to(&self.server.base("127.0.0.1"), params))
    }

    fn accepts(&self, params: Value) {
        assert_eq!(text(self.ask(params)), TEXT);
        let shown = self.server.seen().certificates;
        assert_eq!(shown, [self.client.certificate.der().to_vec()], "the client's own certificate, once");
    }
}

fn file(place: &Path, name: &str, text: &str) -> String {
    write(place, name, text).display().to_string()
}

#[test]
fn chain_and_key_may_stand_in_one_file() {
    alone(&[], |place| {
        let guarded = Guarded::new();
        let both = guarded.client.certificate.pem() + &guarded.client.key.serialize_pem();
        guarded.accepts(json!({"ssl_certificate": file(place, "both.pem", &both)}));
    });
}

#[test]
fn the_key_may_stand_before_the_chain() {
    alone(&[], |place| {
        let guarded = Guarded::new();
        let both = guarded.client.key.serialize_pem() + &guarded.client.certificate.pem();
        guarded.accepts(json!({"ssl_certificate": file(place, "both.pem", &both)}));
    });
}

#[test]
fn the_key_may_stand_in_a_file_of_its_own() {
    alone(&[], |place| {
        let guarded = Guarded::new();
        let certificate = file(place, "chain.pem", &guarded.client.certificate.pem());
        let key = file(place, "key.pem", &guarded.client.key.serialize_pem());
        guarded.accepts(json!({"ssl_certificate": certificate, "ssl_key": key}));
    });
}

#[test]
fn without_a_certificate_the_server_refuses() {
    alone(&[], |_| {
        let guarded = Guarded::new();
        let error = failure(guarded.ask(json!({})), API_CONNECTION);
        assert!(error.message.to_lowercase().contains("certificate"), "{error}");
        assert!(guarded.server.seen().requests.is_empty());
    });
}

#[test]
fn a_certificate_of_a_stranger_is_refused_by_the_server() {
    alone(&[], |place| {
        let (guarded, stranger) = (Guarded::new(), Authority::new().client());
        let both = stranger.certificate.pem() + &stranger.key.serialize_pem();
        failure(guarded.ask(json!({"ssl_certificate": file(place, "both.pem", &both)})), API_CONNECTION);
        assert!(guarded.server.seen().requests.is_empty());
    });
}

/// The deployment is never used, the load warning and each call name the file, and nothing connects to the server.
fn unusable(params: Value, named: &str) {
    let guarded = Guarded::new();
    let router = router_to(&guarded.server.base("127.0.0.1"), params);
    let warnings = warnings(&router);
    assert!(warnings.iter().any(|warning| warning.contains("never used") && warning.contains(named)), "{warnings:?}");
    assert_eq!(only_deployment(&router)["state"], "blocked");
    let error = failure(ask(&router), BAD_REQUEST);
    assert!(error.message.contains(named), "{error}");
    for text in [warnings.concat(), error.json.to_string()] {
        assert!(!text.contains(KEY) && !text.contains("PRIVATE KEY"), "{text}");
    }
    assert_eq!(guarded.server.seen().connections, 0);
}

#[test]
fn a_missing_certificate_is_told_at_load() {
    alone(&[], |_| unusable(json!({"ssl_certificate": "/nowhere/client.pem"}), "/nowhere/client.pem"));
}

#[test]
fn a_certificate_without_a_key_is_told_at_load() {
    alone(&[], |place| {
        let certificate = file(place, "chain.pem", &Authority::new().client().certificate.pem());
        unusable(json!({"ssl_certificate": certificate}), "chain.pem");
    });
}

#[test]
fn a_key_that_is_none_is_told_at_load() {
    alone(&[], |place| {
        let certificate = file(place, "chain.pem", &Authority::new().client().certificate.pem());
        let key = file(place, "key.pem", "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n");
        unusable(json!({"ssl_certificate": certificate, "ssl_key": key}), ".pem");
    });
}

#[test]
fn a_key_of_another_certificate_is_told_at_load() {
    alone(&[], |place| {
        let (one, other) = (Authority::new().client(), Authority::new().client());
        let both = one.certificate.pem() + &other.key.serialize_pem();
        unusable(json!({"ssl_certificate": file(place, "both.pem", &both)}), "both.pem");
    });
}
