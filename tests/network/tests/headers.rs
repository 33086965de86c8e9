//! What stands in the head of a request, and who decides it.

use fakeprovider::FakeProvider;
use fakeprovider::abi::LogCapture;
use network::process::alone;
use network::settings::{
    BAD_REQUEST, KEY, TRACE, all_said, ask, failure, only_deployment, request, router_to, text, warnings,
};
use network::wire::provider;
use serde_json::{Map, Value, json};

fn base(provider: &FakeProvider) -> String {
    format!("{}/east/v1", provider.base_url())
}

/// The headers of the only request.
fn sent(provider: &FakeProvider) -> Map<String, Value> {
    let log = provider.log();
    assert_eq!(log.len(), 1, "{log:?}");
    log[0].headers.clone()
}

#[test]
fn a_deployments_headers_are_sent() {
    alone(&[], |_| {
        let provider = provider(json!({}));
        let more = json!({"organization": "org-1", "extra_headers": {"X-Team": "blue", "x-empty": ""}});
        text(ask(&router_to(&base(&provider), more)));
        let sent = sent(&provider);
        assert_eq!(sent["openai-organization"], "org-1");
        assert_eq!((&sent["x-team"], &sent["x-empty"]), (&json!("blue"), &json!("")));
        assert_eq!(sent["authorization"], format!("Bearer {KEY}"));
        assert_eq!(sent["content-type"], "application/json");
    });
}

#[test]
fn a_requests_headers_are_added() {
    alone(&[], |_| {
        let provider = provider(json!({}));
        let router = router_to(&base(&provider), json!({"extra_headers": {"x-team": "blue", "x-kept": "yes"}}));
        let headers = json!({"extra_headers": {"x-trace": "7", "X-Team": "red"}});
        text(router.completion(&request(headers)));
        let sent = sent(&provider);
        assert_eq!((&sent["x-trace"], &sent["x-team"], &sent["x-kept"]), (&json!("7"), &json!("red"), &json!("yes")));
        assert_eq!(sent["authorization"], format!("Bearer {KEY}"));
        assert!(!provider.log()[0].raw.contains("extra_headers"), "the option itself is not sent");
        // They are the call's and not the deployment's.
        text(ask(&router));
        let next = &provider.log()[1].headers;
        assert_eq!((next.get("x-trace"), &next["x-team"]), (None, &json!("blue")));
    });
}

/// The call is refused at once: nobody hears of it, no deployment suffers for it, and the value is not repeated.
fn refused(headers: Value, named: &str) {
    let provider = provider(json!({}));
    let router = router_to(&base(&provider), json!({}));
    let error = failure(router.completion(&request(json!({"extra_headers": headers}))), BAD_REQUEST);
    assert!(error.message.to_lowercase().contains(named), "{error}");
    assert!(!error.json.to_string().contains("value-of-the-header"), "{}", error.json);
    assert_eq!(provider.stats().total_connections, 0, "{headers}");
    let deployment = only_deployment(&router);
    assert_eq!((&deployment["state"], &deployment["failed"]), (&json!("healthy"), &json!(0)), "{headers}");
}

#[test]
fn a_request_can_not_replace_the_credential() {
    alone(&[], |_| {
        for name in ["authorization", "Authorization", "api-key", "X-Api-Key", "x-goog-api-key", "Proxy-Authorization"]
        {
            refused(json!({name: "value-of-the-header"}), &name.to_lowercase());
        }
    });
}

#[test]
fn a_request_can_not_break_the_message() {
    alone(&[], |_| {
        for name in ["host", "Content-Length", "transfer-encoding", "connection"] {
            refused(json!({name: "value-of-the-header"}), &name.to_lowercase());
        }
    });
}

/// An answer packed as nobody can unpack it would be the deployment's failure, though it is the caller's.
#[test]
fn a_request_can_not_choose_how_answers_are_packed() {
    alone(&[], |_| {
        let provider = provider(json!({}));
        let router = router_to(&base(&provider), json!({}));
        let outcome = router.completion(&request(json!({"extra_headers": {"accept-encoding": "br"}})));
        match outcome {
            Ok(_) => assert_eq!(sent(&provider)["accept-encoding"], "gzip"),
            Err(error) => assert_eq!((error.code, provider.log().len()), (BAD_REQUEST, 0), "{error}"),
        }
    });
}

#[test]
fn a_line_end_in_a_header_is_refused() {
    alone(&[], |_| {
        for end in ["\r\n", "\n", "\r", "\0"] {
            refused(json!({"x-trace": format!("value-of-the-header{end}authorization: Bearer mine")}), "x-trace");
            refused(json!({format!("x-trace: 1{end}x-other"): "value-of-the-header"}), "header name");
        }
    });
}

#[test]
fn credentials_in_a_url_show_nowhere() {
    alone(&[], |_| {
        let provider = provider(json!({"paths": {"/": [200, 500]}}));
        let base = base(&provider).replace("http://", "http://user:canary-of-a-url@");
        let log = LogCapture::start(TRACE);
        let router = router_to(&base, json!({}));
        for _ in 0..2 {
            let said = all_said(Some(&router), &ask(&router), &log);
            assert!(!said.contains("canary-of-a-url"), "{said}");
        }
        assert_eq!(provider.log()[0].headers["authorization"], format!("Bearer {KEY}"), "the key is what counts");
    });
}

/// The deployment is never used, and the load warning says why without the value.
fn unusable(more: Value, named: &str, value: &str) {
    let provider = provider(json!({}));
    let router = router_to(&base(&provider), more);
    let warnings = warnings(&router);
    assert!(warnings.iter().any(|warning| warning.contains("never used") && warning.contains(named)), "{warnings:?}");
    let error = failure(ask(&router), BAD_REQUEST);
    for text in [warnings.concat(), error.json.to_string(), router.snapshot().to_string()] {
        assert!(!text.contains(value), "{text}");
    }
    assert_eq!(provider.stats().total_connections, 0);
}

#[test]
fn a_line_end_in_the_configuration_is_told_at_load() {
    alone(&[], |_| {
        let value = "canary-of-a-header\r\nx-other: 1";
        unusable(json!({"extra_headers": {"x-team": value}}), "x-team", "canary-of-a-header");
        // A key that was read from a file with its line end.
        unusable(json!({"api_key": format!("{KEY}\n")}), "authorization", KEY);
        unusable(json!({"organization": "org-1\nx-other: 1"}), "openai-organization", "x-other");
    });
}
