//! Which provider a deployment means, and what the model is called there.

use crate::config::DeploymentConfig;

use crate::policy::maker_of;

use super::table::{self, Entry};

/// Who answers, and for which model.
pub struct Identity {
    /// `None` where nothing says who it is and no endpoint is given.
    pub entry: Option<&'static Entry>,
    /// The provider's name, for people and for errors.
    pub provider: String,
    /// The model's name at the provider.
    pub model: String,
}

/// Reads, in this order: `custom_llm_provider`, a known `provider/` prefix, a known public endpoint, the beginning
/// of a bare name; and takes whatever else has an `api_base` for an OpenAI-compatible server.
pub fn identify(config: &DeploymentConfig) -> Identity {
    identify_as(config, &config.model)
}

/// The same for another model of the deployment, as a wildcard means it.
pub fn identify_as(config: &DeploymentConfig, written: &str) -> Identity {
    let prefixed = written.split_once('/').and_then(|(prefix, rest)| Some((table::by_name(prefix)?, rest)));

    if let Some(name) = &config.custom_llm_provider {
        let rest = written.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(written);
        let entry = table::by_name(name).or_else(|| compatible(config));
        return identity(entry, name, rest);
    }
    if let Some((entry, rest)) = prefixed {
        return identity(Some(entry), &entry.name, rest);
    }
    if let Some(entry) = config.api_base.as_deref().and_then(table::by_base) {
        return identity(Some(entry), &entry.name, written);
    }
    if let Some(entry) = maker_of(written).and_then(table::by_name) {
        return identity(Some(entry), &entry.name, written);
    }
    let entry = compatible(config);
    let name = entry.map_or("unknown", |entry| entry.name.as_str());
    identity(entry, name, written)
}

fn compatible(config: &DeploymentConfig) -> Option<&'static Entry> {
    // A mock needs no endpoint; it plays an OpenAI-compatible server.
    let known = config.api_base.is_some() || config.mock.is_some();
    known.then(|| table::by_name("openai_like")).flatten()
}

fn identity(entry: Option<&'static Entry>, provider: &str, model: &str) -> Identity {
    let prefix = entry.and_then(|entry| entry.model_prefix.as_deref()).filter(|_| !model.contains('/'));
    let model = prefix.map_or_else(|| model.to_owned(), |prefix| format!("{prefix}{model}"));
    Identity { entry, provider: provider.to_owned(), model }
}
