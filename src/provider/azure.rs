//! Azure OpenAI: OpenAI's wire at other addresses and with other credentials.

use crate::chat::{Body, Flaw, Request, Verb};
use crate::config::{DeploymentConfig, Secret};
use crate::error::Error;

use super::escape::escaped;
use super::openai::{OpenAi, joined};
use super::{Adapter, BodyForm, Encoded, Endpoint, StreamReader};

/// LiteLLM's, for deployments that name none.
pub const DEFAULT_API_VERSION: &str = "2025-02-01-preview";
/// The one above is older than responses are; LiteLLM, too, takes the API without dates for them.
const RESPONSES_API_VERSION: &str = "v1";
/// Versions that mean the API without dated versions.
const UNDATED: [&str; 3] = ["v1", "latest", "preview"];
const DEPLOYMENTS: &str = "/openai/deployments/";
/// Older versions refuse `stream_options`.
const FIRST_WITH_USAGE: &str = "2024-09-01";

pub struct Azure;

impl Adapter for Azure {
    fn speaks(&self, verb: Verb) -> bool {
        !matches!(verb, Verb::Moderation | Verb::Rerank | Verb::ImageVariation)
    }

    fn url(&self, config: &DeploymentConfig, base: &str, model: &str, path: &str) -> String {
        let is_response = path == Verb::Responses.path();
        let default = if is_response { RESPONSES_API_VERSION } else { DEFAULT_API_VERSION };
        let version = config.api_version.as_deref().unwrap_or(default);
        let base = Verb::base_of(base);
        if base.ends_with("/openai/v1") {
            return joined(base, path);
        }
        let root = base.strip_suffix("/openai").unwrap_or(base);
        // A base that already names the deployment stays as it is.
        let (resource, named) =
            root.split_once(DEPLOYMENTS).map_or((root, None), |(before, name)| (before, Some(name)));
        if UNDATED.contains(&version) {
            return joined(&format!("{resource}/openai/v1"), path);
        }
        let version = escaped(version);
        // The only one that finds its deployment by the model in the body.
        if is_response {
            return format!("{resource}/openai{path}?api-version={version}");
        }
        let name = named.map_or_else(|| escaped(model), str::to_owned);
        format!("{resource}{DEPLOYMENTS}{name}{path}?api-version={version}")
    }

    fn headers(&self, config: &DeploymentConfig, key: Option<&Secret>) -> Vec<(String, Secret)> {
        let key = key.map(|key| ("api-key".to_owned(), key.clone()));
        key.into_iter().chain(config.extra_headers.iter().cloned()).collect()
    }

    fn body(&self, endpoint: &Endpoint, request: &Request, form: BodyForm) -> Result<Encoded, Error> {
        let version = endpoint.deployment().config.api_version.as_deref().unwrap_or(DEFAULT_API_VERSION);
        let usage = form.asks_for_usage() && !is_before(version, FIRST_WITH_USAGE);
        OpenAi.body(endpoint, request, if form.is_stream() { BodyForm::Stream { usage } } else { form })
    }

    fn whole(&self, verb: Verb, bytes: Vec<u8>, content_type: &str) -> Result<Body, Flaw> {
        OpenAi.whole(verb, bytes, content_type)
    }

    fn stream(&self, endpoint: &Endpoint, request: &Request) -> Box<dyn StreamReader> {
        OpenAi.stream(endpoint, request)
    }
}

/// Whether a dated version is older than a date; names that are no date are of the newest.
fn is_before(version: &str, date: &str) -> bool {
    version.starts_with(|first: char| first.is_ascii_digit()) && version < date
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::tests::endpoint;
    use super::*;

    fn url(base: &str, version: &str) -> String {
        let endpoint =
            endpoint(&format!("model: azure/my gpt, api_base: 'http://h', api_key: k, api_version: '{version}'"));
        let config = &endpoint.deployment().config;
        Azure.url(config, base, endpoint.model(), "/chat/completions")
    }

    #[test]
    fn both_forms_of_address() {
        let classic = "https://e.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2024-02-01";
        for base in ["https://e.azure.com", "https://e.azure.com/", "https://e.azure.com/openai/"] {
            assert_eq!(url(base, "2024-02-01"), classic);
        }
        let named = "https://e.azure.com/openai/deployments/other";
        assert_eq!(url(named, "2024-02-01"), format!("{named}/chat/completions?api-version=2024-02-01"));
        for version in ["v1", "latest", "preview"] {
            assert_eq!(url("https://e.azure.com/", version), "https://e.azure.com/openai/v1/chat/completions");
        }
        assert_eq!(
            url("https://e.azure.com/openai/v1/", "2024-02-01"),
            "https://e.azure.com/openai/v1/chat/completions"
        );
    }

    #[test]
    fn verbs_have_addresses_of_their_own() {
        let azure = |version: &str, base: &str, path: &str| {
            let params = format!("model: azure/e, api_base: 'http://h', api_key: k, api_version: '{version}'");
            let endpoint = endpoint(&params);
            Azure.url(&endpoint.deployment().config, base, "e", path)
        };
        let dated = "2025-03-01";
        assert_eq!(
            azure(dated, "http://h", "/embeddings"),
            "http://h/openai/deployments/e/embeddings?api-version=2025-03-01"
        );
        assert_eq!(azure(dated, "http://h", "/responses"), "http://h/openai/responses?api-version=2025-03-01");
        let named = "http://h/openai/deployments/x/chat/completions";
        assert_eq!(azure(dated, named, "/responses"), "http://h/openai/responses?api-version=2025-03-01");
        assert_eq!(azure("v1", named, "/audio/speech"), "http://h/openai/v1/audio/speech");
        assert!(!Azure.speaks(Verb::Rerank) && Azure.speaks(Verb::Image));
    }

    #[test]
    fn old_versions_are_not_asked_for_usage() {
        let asks = |version: &str| {
            let endpoint = endpoint(&format!("model: azure/m, api_base: 'http://h', api_key: k{version}"));
            let sent =
                [r#"{"model":"g"}"#, r#"{"model":"g","stream_options":{"include_usage":true}}"#].map(|request| {
                    let request = Request::parse(request).unwrap();
                    let encoded = Azure.body(&endpoint, &request, BodyForm::Stream { usage: true }).unwrap();
                    String::from_utf8(encoded.body.to_vec()).unwrap().contains("include_usage")
                });
            assert_eq!(sent[0], sent[1], "whether the caller asks or not");
            sent[0]
        };
        assert!(asks("") && asks(", api_version: v1") && asks(", api_version: 2024-09-01-preview"));
        assert!(!asks(", api_version: '2024-06-01'") && !asks(", api_version: 2023-03-15-preview"));
    }

    #[test]
    fn the_key_beats_the_token() {
        let headers = |params: &str| {
            let endpoint = endpoint(&format!("model: azure/m, api_base: 'http://h', {params}"));
            let config = &endpoint.deployment().config;
            let headers = Azure.headers(config, config.api_key.as_ref());
            headers.into_iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect::<Vec<_>>()
        };
        assert_eq!(headers("api_key: k, azure_ad_token: t"), ["api-key: k"]);
        assert_eq!(headers("azure_ad_token: t"), ["authorization: Bearer t"]);
    }
}
