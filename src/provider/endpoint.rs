//! A deployment's endpoint: everything that is the same for every request, made once at load.

use std::sync::Arc;

use serde_json::Value;

use crate::chat::Verb;
use crate::config::{DeploymentConfig, Environment, MockConfig};
use crate::deployment::{Deployment, State};
use crate::error::{Error, ErrorKind};
use crate::transport::{Clients, Target};

use super::classify::ErrorRules;
use super::entra::Entra;
use super::identity::{identify, identify_as};
use super::keys::Keys;
use super::places::{self, Places};
use super::redact::Redactor;
use super::settle::{Settled, settle};
use super::sift::Sieve;
use super::{Adapter, mock};

/// What it takes to call one deployment.
#[derive(Clone)]
pub struct Endpoint {
    pub(super) adapter: &'static dyn Adapter,
    pub(super) deployment: Arc<Deployment>,
    /// `None` for a mock deployment.
    places: Option<Places>,
    /// Tokens instead of a key, for Azure.
    pub(super) entra: Option<Arc<Entra>>,
    redactor: Arc<Redactor>,
    sieve: Arc<Sieve>,
    modify_params: bool,
    /// The model's name at the provider.
    model: Arc<str>,
    model_json: String,
    /// Names and JSON texts of the deployment's own parameters.
    params: Arc<[(String, String)]>,
    error_rules: Arc<ErrorRules>,
}

/// What holds for every deployment that does not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// `litellm_settings.drop_params`.
    pub drop_params: bool,
    /// `litellm_settings.modify_params`.
    pub modify_params: bool,
    /// What a bad answer means.
    pub error_rules: Arc<ErrorRules>,
}

/// Why a deployment can never be a candidate, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    NoKey(String),
    NoEndpoint(String),
    /// A wire that is not spoken yet, or something else in the entry that can't work.
    Unsupported(String),
    /// `blocked: true`.
    Blocked,
    /// `supported_environments` does not name this one.
    Elsewhere(String),
}

impl Unusable {
    pub fn message(&self) -> &str {
        match self {
            Unusable::NoKey(message)
            | Unusable::NoEndpoint(message)
            | Unusable::Unsupported(message)
            | Unusable::Elsewhere(message) => message,
            Unusable::Blocked => "blocked by the configuration",
        }
    }

    /// The error of a call whose group has no other deployment.
    pub fn error(&self) -> Error {
        let kind = match self {
            Unusable::NoKey(_) => ErrorKind::Authentication,
            Unusable::NoEndpoint(_) | Unusable::Unsupported(_) => ErrorKind::BadRequest,
            Unusable::Blocked | Unusable::Elsewhere(_) => ErrorKind::NoDeploymentAvailable,
        };
        Error::new(kind, self.message().to_owned())
    }
}

/// Makes the deployment, and its endpoint if it can have one. Opens no connection.
pub fn connect(
    mut config: DeploymentConfig,
    state: Arc<State>,
    defaults: &Defaults,
    environment: &Environment,
    clients: &mut Clients<'_>,
    keys: &mut Keys,
) -> (Arc<Deployment>, Result<Endpoint, Unusable>) {
    let identity = identify(&config);
    let settled = settle(&mut config, identity.entry, environment, clients);
    let entra = settled.as_ref().ok().and_then(|settled| settled.entra.as_ref());
    let redactor = Redactor::new(&config, entra.map(Entra::client_secret).into_iter());
    let blocked = config.blocked;
    let elsewhere = elsewhere(&config, environment);
    let key = keys.of(&config);
    let deployment = Arc::new(Deployment::new(config, identity.provider, identity.model, key, state));
    if blocked {
        return (deployment, Err(Unusable::Blocked));
    }
    if let Some(message) = elsewhere {
        return (deployment, Err(Unusable::Elsewhere(message)));
    }
    let endpoint = settled.and_then(|settled| endpoint(settled, &deployment, redactor, defaults, clients));
    (deployment, endpoint)
}

/// Why a deployment is not for this environment, which `LITELLM_ENVIRONMENT` names.
fn elsewhere(config: &DeploymentConfig, environment: &Environment) -> Option<String> {
    let mut supported = config.info.texts("supported_environments").peekable();
    supported.peek()?;
    let here = environment.get("LITELLM_ENVIRONMENT").filter(|name| !name.is_empty());
    match here {
        Some(here) if supported.any(|name| name == here) => None,
        Some(here) => Some(format!("supported_environments does not name {here}, which LITELLM_ENVIRONMENT is")),
        None => Some("it has supported_environments, and the variable LITELLM_ENVIRONMENT names none".to_owned()),
    }
}

fn endpoint(
    Settled { adapter, entra }: Settled,
    deployment: &Arc<Deployment>,
    redactor: Redactor,
    defaults: &Defaults,
    clients: &mut Clients<'_>,
) -> Result<Endpoint, Unusable> {
    let config = &deployment.config;
    let places = match (&config.mock, &config.api_base) {
        (None, Some(base)) => {
            let headers = adapter.headers(config, config.api_key.as_ref());
            let path = Verb::ALL.into_iter().find_map(|verb| places::path(&deployment.provider, adapter, verb));
            let url = adapter.url(config, base, &deployment.model, path.unwrap_or_default());
            let target = clients.target(&url, &headers, &config.tls);
            Some(Places::new(target.map_err(|message| Unusable::Unsupported(redactor.clean(&message)))?))
        }
        _ => None,
    };
    let params = config.params.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    Ok(Endpoint {
        adapter,
        deployment: Arc::clone(deployment),
        places,
        entra: entra.map(Arc::new),
        redactor: Arc::new(redactor),
        sieve: Arc::new(Sieve::new(deployment, &deployment.model, defaults.drop_params)),
        modify_params: config.settings.flag("modify_params").unwrap_or(false) || defaults.modify_params,
        model: deployment.model.as_str().into(),
        model_json: Value::from(deployment.model.as_str()).to_string(),
        params,
        error_rules: Arc::clone(&defaults.error_rules),
    })
}

impl Endpoint {
    pub fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    /// The model's name at the provider.
    pub fn model(&self) -> &Arc<str> {
        &self.model
    }

    /// The same deployment for one of the models that a wildcard stands for, written as in `litellm_params.model`.
    pub fn for_model(&self, written: &str) -> Result<Self, String> {
        let identity = identify_as(&self.deployment.config, written);
        if identity.provider != self.deployment.provider {
            let (other, own) = (identity.provider, &self.deployment.provider);
            return Err(format!("\"{written}\" is a model of {other}; this deployment is {own}'s"));
        }
        let places = self.places.as_ref().map(Places::for_model);
        let model_json = Value::from(identity.model.as_str()).to_string();
        let sieve = Arc::new(self.sieve.for_model(&self.deployment, &identity.model));
        Ok(Self { places, sieve, model: identity.model.into(), model_json, ..self.clone() })
    }

    /// Where requests of this kind go; `None` if all is played. An error if the provider has no such thing.
    pub(super) fn target(&self, verb: Verb) -> Result<Option<&Target>, Error> {
        let Some(places) = &self.places else { return Ok(None) };
        let provider = &self.deployment.provider;
        let Some(path) = places::path(provider, self.adapter, verb) else {
            let message = format!("{provider} has no {verb}, or it is not supported yet");
            return Err(Error::bad_parameter("model", message).at(provider, &self.model, self.deployment.id()));
        };
        let target = places.target(verb, path, self.adapter, &self.deployment.config, &self.model);
        target
            .map(Some)
            .map_err(|message| Error::bad_parameter("model", message).at(provider, &self.model, self.deployment.id()))
    }

    /// The failure that an answer is which can't be read.
    pub fn flaw(&self, message: &str) -> Error {
        self.error(ErrorKind::ApiResponse, message).with_status(200)
    }

    /// The failure that a filtered answer is where somebody else may answer.
    pub fn filtered(&self) -> Error {
        self.error(ErrorKind::ContentPolicyViolation, "the content filter cut the answer").with_status(200)
    }

    /// How a request asks for a mock, the deployment's own mock otherwise.
    pub(super) fn mock(&self) -> Option<&MockConfig> {
        self.deployment.config.mock.as_ref()
    }

    pub(super) fn model_json(&self) -> &str {
        &self.model_json
    }

    pub(super) fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether the deployment has this parameter of its own.
    pub fn has_param(&self, name: &str) -> bool {
        self.params().any(|(own, _)| own == name)
    }

    pub(super) fn params_len(&self) -> usize {
        self.params.iter().map(|(name, value)| name.len() + value.len() + 4).sum()
    }

    /// What is left out of requests, and what is refused.
    pub(super) fn sieve(&self) -> &Sieve {
        &self.sieve
    }

    /// Whether what the provider would refuse may be changed until it fits.
    pub(super) fn modify_params(&self) -> bool {
        self.modify_params
    }

    pub(super) fn error_rules(&self) -> &ErrorRules {
        &self.error_rules
    }

    /// A text from outside, without this deployment's secrets.
    pub(super) fn clean(&self, text: &str) -> String {
        let clean = self.redactor.clean(text);
        match self.entra.as_ref().and_then(|entra| entra.current()) {
            Some(token) => Redactor::of([token.expose()].into_iter()).clean(&clean),
            None => clean,
        }
    }

    /// An error of this deployment, whose text may come from outside.
    pub(super) fn error(&self, kind: ErrorKind, message: &str) -> Error {
        let deployment = &self.deployment;
        let message = format!("{}: {}", deployment.provider, self.clean(message));
        Error::new(kind, message).at(&deployment.provider, &self.model, deployment.id())
    }

    /// Whether the mock can be played: a broken one is told at load.
    pub fn check_mock(&self) -> Result<(), String> {
        self.mock().map_or(Ok(()), mock::check)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config;
    use std::time::Duration;

    pub fn try_endpoint(params: &str, environment: &[(&str, &str)]) -> Result<Endpoint, Unusable> {
        let yaml = format!("model_list: [{{model_name: g, litellm_params: {{{params}}}}}]");
        let pairs: Vec<(String, String)> =
            environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let variable = move |name: &str| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
        let mut config = config::load(&yaml, variable).unwrap();
        let transport = std::mem::take(&mut config.transport);
        let mut clients = Clients::new(&transport, Duration::from_secs(5));
        let (environment, mut keys) = (&config.environment, Keys::default());
        connect(
            config.deployments.remove(0),
            Arc::new(State::new(&config.routing.strategy, crate::clock::now())),
            &Defaults::default(),
            environment,
            &mut clients,
            &mut keys,
        )
        .1
    }

    pub fn endpoint(params: &str) -> Endpoint {
        try_endpoint(params, &[]).unwrap()
    }

    fn base(params: &str, environment: &[(&str, &str)]) -> String {
        try_endpoint(params, environment).unwrap().deployment().api_base().unwrap()
    }

    #[test]
    fn an_environment_may_have_to_be_named() {
        let yaml = "model_list: [{model_name: g, litellm_params: {model: openai/m, api_key: k}, model_info: {supported_environments: [production]}}]";
        let unusable = |environment: &'static str| {
            let config =
                config::load(yaml, move |name: &str| (name == "LITELLM_ENVIRONMENT").then(|| environment.to_owned()));
            let config = config.ok().unwrap();
            elsewhere(&config.deployments[0], &config.environment)
        };
        assert_eq!(unusable("production"), None);
        assert!(unusable("staging").unwrap().contains("staging") && unusable("").is_some());
    }

    #[test]
    fn bases_come_from_entry_environment_and_table() {
        let key = ("OPENAI_API_KEY", "k");
        assert_eq!(base("model: gpt-4", &[key]), "https://api.openai.com/v1");
        assert_eq!(base("model: gpt-4", &[key, ("OPENAI_BASE_URL", "http://a/v1")]), "http://a/v1");
        assert_eq!(base("model: gpt-4, api_base: http://b", &[key, ("OPENAI_BASE_URL", "http://a")]), "http://b");
        assert_eq!(base("model: groq/llama, api_key: k", &[]), "https://api.groq.com/openai/v1");
        assert_eq!(base("model: groq/llama, api_key: k", &[("GROQ_API_BASE", "http://c")]), "http://c");
        assert_eq!(base("model: my-own, api_base: 'http://u:p@d/v1?x=1'", &[]), "http://d/v1");
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = |params| try_endpoint(params, &[]).err().unwrap();
        assert!(matches!(missing("model: gpt-4"), Unusable::NoKey(m) if m.contains("OPENAI_API_KEY")));
        assert!(
            matches!(missing("model: hosted_vllm/x"), Unusable::NoEndpoint(m) if m.contains("HOSTED_VLLM_API_BASE"))
        );
        assert!(matches!(missing("model: my-own"), Unusable::NoEndpoint(_)));
        assert!(
            matches!(missing("model: azure/gpt-4, api_key: k"), Unusable::NoEndpoint(m) if m.contains("AZURE_API_BASE"))
        );
        assert!(
            matches!(missing("model: azure/gpt-4, api_base: 'http://h'"), Unusable::NoKey(m) if m.contains("AZURE_API_KEY"))
        );
        assert!(matches!(missing("model: bedrock/x, api_key: k"), Unusable::Unsupported(m) if m.contains("bedrock")));
        assert!(matches!(missing("model: openai/x, api_key: k, api_base: 'h'"), Unusable::Unsupported(_)));
    }

    #[test]
    fn names_at_the_provider_lose_their_prefix() {
        let model = |params| endpoint(params).model().to_string();
        assert_eq!(model("model: openai/a/b, api_key: k"), "a/b");
        assert_eq!(model("model: meta/llama, api_base: 'http://h'"), "meta/llama");
        assert_eq!(model("model: fireworks_ai/short, api_key: k"), "accounts/fireworks/models/short");
        assert_eq!(model("model: x, custom_llm_provider: openai, api_key: k"), "x");
    }

    #[test]
    fn a_wildcards_model_has_its_own_name_and_place() {
        let model = |params: &str, written: &str| {
            let endpoint = endpoint(params).for_model(written)?;
            Ok::<_, String>((endpoint.model().to_string(), endpoint.model_json().to_owned()))
        };
        let named = |name: &str| Ok((name.to_owned(), format!("\"{name}\"")));
        assert_eq!(model("model: openai/*, api_key: k", "openai/gpt-9"), named("gpt-9"));
        assert_eq!(model("model: openai/*, api_key: k", "gpt-9"), named("gpt-9"));
        assert!(model("model: openai/*, api_key: k", "anthropic/claude-9").unwrap_err().contains("anthropic"));
        let azure = endpoint("model: azure/*, api_key: k, api_base: 'http://h', api_version: '1'");
        let url = azure.for_model("azure/mine").unwrap().target(Verb::Chat).unwrap().unwrap().url().to_string();
        assert!(url.contains("/openai/deployments/mine/chat/completions"), "{url}");
    }
}
