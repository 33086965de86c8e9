//! What a deployment lacks is filled in from the table of providers and from the environment, once, at load.

use crate::config::{DeploymentConfig, Environment, Secret};
use crate::transport::Clients;

use super::Adapter;
use super::anthropic::Anthropic;
use super::azure::Azure;
use super::endpoint::Unusable;
use super::entra::Entra;
use super::openai::OpenAi;
use super::table::Entry;

/// The wires that are spoken.
fn adapter(wire: &str) -> Option<&'static dyn Adapter> {
    match wire {
        "openai" => Some(&OpenAi),
        "azure" => Some(&Azure),
        "anthropic" => Some(&Anthropic),
        _ => None,
    }
}

/// What a deployment is connected with.
pub struct Settled {
    pub adapter: &'static dyn Adapter,
    pub entra: Option<Entra>,
}

/// Fills in what the table and the environment know: base, version, key or tokens, organization.
pub fn settle(
    config: &mut DeploymentConfig,
    entry: Option<&Entry>,
    environment: &Environment,
    clients: &mut Clients<'_>,
) -> Result<Settled, Unusable> {
    if config.mock.is_some() {
        return Ok(Settled { adapter: &OpenAi, entra: None });
    }
    let Some(entry) = entry else {
        let message = format!(
            "can't tell the provider of model \"{}\": write it as provider/model, or set api_base",
            config.model
        );
        return Err(Unusable::NoEndpoint(message));
    };
    let Some(adapter) = adapter(&entry.wire) else {
        let message = format!("provider \"{}\" is not supported yet; its deployments are never used", entry.name);
        return Err(Unusable::Unsupported(message));
    };
    let own_base = format!("{}_API_BASE", entry.name.to_uppercase().replace('-', "_"));
    let base_variables = entry.base_env.iter().map(String::as_str).chain([own_base.as_str()]);
    let base = config.api_base.take().or_else(|| first_set(environment, base_variables)).or_else(|| entry.base.clone());
    let Some(base) = base else {
        return Err(Unusable::NoEndpoint(format!("no endpoint: set api_base, or the variable {own_base}")));
    };
    config.api_base = Some(base);
    if config.organization.is_none() {
        config.organization = entry.organization_env.as_deref().and_then(|name| environment.get(name));
    }
    if config.api_key.is_none() {
        config.api_key = first_set(environment, entry.key_env.iter().map(String::as_str)).map(Secret::new);
    }
    if config.api_version.is_none() {
        config.api_version = entry.version_env.as_deref().and_then(|name| environment.get(name));
    }
    if let (None, Some(token)) = (&config.api_key, bearer_token(config, entry, environment)) {
        // First, so that a header of the deployment's own still wins.
        config.extra_headers.insert(0, ("authorization".to_owned(), Secret::new(format!("Bearer {token}"))));
    }
    let keyed = config.extra_headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let has_key = config.api_key.is_some() || keyed;
    let entra = if has_key || entry.wire != "azure" { None } else { Entra::new(config, environment, clients) };
    let entra = entra.transpose().map_err(Unusable::Unsupported)?;
    if !has_key && entra.is_none() && !entry.key_optional {
        let message = format!("no key: set api_key, or the variable {}", entry.key_env.join(" or "));
        return Err(Unusable::NoKey(message));
    }
    Ok(Settled { adapter, entra })
}

/// What stands in the place of a key, where the provider takes such a token.
fn bearer_token(config: &DeploymentConfig, entry: &Entry, environment: &Environment) -> Option<String> {
    let variable = entry.token_env.as_deref()?;
    let own = config.settings.text("azure_ad_token").map(str::to_owned);
    own.or_else(|| first_set(environment, [variable].into_iter()))
}

fn first_set<'a>(environment: &Environment, mut names: impl Iterator<Item = &'a str>) -> Option<String> {
    names.find_map(|name| environment.get(name).filter(|value| !value.is_empty()))
}
