//! Answers of real providers, as recorded or documented, and what each must mean: `tests/golden/errors.yaml`.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use super::super::endpoint::tests::endpoint;
use super::rules::tests::{built_in, place};
use super::*;
use crate::error::Scope;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    provider: String,
    /// Where it was recorded or is documented.
    from: String,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: String,
    expect: Expect,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expect {
    class: String,
    scope: String,
    retryable: bool,
    /// Seconds.
    wait: Option<f64>,
    code: Option<String>,
}

fn cases() -> Vec<Case> {
    serde_yaml::from_str(include_str!("../../../tests/golden/errors.yaml")).unwrap()
}

fn headers(case: &Case) -> HeaderMap {
    case.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// An endpoint of this provider; a mock's, so that its wire need not be spoken yet.
fn of(case: &Case) -> Endpoint {
    endpoint(&format!("model: {}/m, mock_response: x", case.provider))
}

#[test]
fn every_recorded_error_means_what_it_should() {
    let mut wrong = String::new();
    for case in cases() {
        let error = refusal(&of(&case), case.status, &headers(&case), case.body.as_bytes());
        let scope = match error.scope() {
            Scope::Local => "local",
            Scope::Request => "request",
            Scope::Key => "key",
            Scope::Deployment => "deployment",
        };
        let meant = Expect {
            class: error.class().to_owned(),
            scope: scope.to_owned(),
            retryable: error.is_retryable(),
            wait: error.retry_after().map(|wait| wait.as_secs_f64()),
            code: error.provider_code().map(str::to_owned),
        };
        if meant != case.expect {
            wrong += &format!("{} ({}):\n  {meant:?}\n  {:?}\n", case.name, case.provider, case.expect);
        }
        assert!(!case.from.is_empty(), "{}: says where it is from", case.name);
        assert_eq!(error.http_status(), Some(case.status), "{}: the status stays the provider's", case.name);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_corpus_covers_every_provider_and_every_rule() {
    let cases = cases();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let names: HashSet<_> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "a name stands twice");
    for provider in [
        "openai",
        "azure",
        "anthropic",
        "gemini",
        "groq",
        "mistral",
        "together_ai",
        "openrouter",
        "hosted_vllm",
        "ollama",
        "bedrock",
    ] {
        assert!(cases.iter().filter(|case| case.provider == provider).count() >= 3, "{provider}");
    }
    let mut hit = HashSet::new();
    for case in &cases {
        let (endpoint, headers) = (of(case), headers(case));
        let said = Said::read(&headers, case.body.as_bytes());
        let wait = Wait::find(case.status, &headers, &said);
        hit.extend(matching(&endpoint, case.status, &headers, &said, wait.as_ref()).and_then(place));
    }
    for (index, about) in built_in().iter().enumerate() {
        assert!(hit.contains(&index), "no case hits the rule \"{about}\"");
    }
}
