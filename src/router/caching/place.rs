//! Where a request is asked, as far as that says which answers it may get.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::cache::{Place, fingerprint};
use crate::chat::Request;
use crate::config::CacheConfig;

use super::super::Router;
use super::super::filter::listens_to_tags;
use super::super::group::{Group, Member};
use super::super::names::{How, Lead};

/// Settings of a deployment that change what it is asked, or what it says.
const TELLING: [&str; 8] = [
    "additional_drop_params",
    "allowed_openai_params",
    "api_version",
    "base_model",
    "custom_llm_provider",
    "drop_params",
    "extra_body",
    "modify_params",
];

/// Where a request is asked, and for whom.
pub struct Asked<'r> {
    namespace: Option<&'r str>,
    tenant: Option<&'r str>,
    group: Cow<'r, str>,
    fingerprint: [u8; 32],
    restriction: String,
}

impl<'r> Asked<'r> {
    pub fn at(router: &Router, lead: &'r Lead<'_>, request: &'r Request) -> Self {
        let options = request.options();
        let sharing = router.config.cache.as_ref().and_then(|config| sharing(config, lead));
        let (group, fingerprint) = match sharing {
            None => (Cow::Borrowed(&*lead.name), of_group(router, lead.group)),
            Some(names) => (Cow::Owned(together(names, lead)), of_groups(router, names)),
        };
        Self {
            namespace: options.cache.as_deref().and_then(|control| control.asked_namespace()),
            tenant: options.about().and_then(|about| about.tenant.as_deref()),
            group,
            fingerprint,
            restriction: restriction(router, lead, request),
        }
    }

    pub fn place<'p>(&'p self, config: &'p CacheConfig) -> Place<'p> {
        Place {
            namespace: self.namespace.or(config.namespace.as_deref()),
            tenant: self.tenant,
            group: &self.group,
            fingerprint: &self.fingerprint,
            restriction: &self.restriction,
        }
    }
}

/// The `caching_groups` that a group shares its entries with, itself included.
fn sharing<'c>(config: &'c CacheConfig, lead: &Lead<'_>) -> Option<&'c [String]> {
    let names = [&*lead.group.name, &*lead.name];
    config.groups.iter().find(|group| group.iter().any(|name| names.contains(&name.as_str()))).map(Vec::as_slice)
}

/// The groups by one name. Models behind a wildcard do not share with each other.
fn together(names: &[String], lead: &Lead<'_>) -> String {
    let mut text: String = names.iter().map(|name| format!("{}:{name}", name.len())).collect();
    if lead.how == How::Wildcard {
        text.push_str(&lead.name);
    }
    text
}

/// Tags, where they decide who may answer.
fn restriction(router: &Router, lead: &Lead<'_>, request: &Request) -> String {
    if lead.group.pinned || !listens_to_tags(router, lead.group, request) {
        return String::new();
    }
    let about = request.options().about();
    let mut tags: Vec<_> = about.map(|about| about.tags.iter().map(String::as_str).collect()).unwrap_or_default();
    tags.sort_unstable();
    tags.dedup();
    let agent = about.and_then(|about| about.user_agent.as_deref());
    serde_json::json!([tags, agent]).to_string()
}

fn of_group(router: &Router, group: &Group) -> [u8; 32] {
    *group.fingerprint(|| of_members(router, group.usable()))
}

fn of_groups(router: &Router, names: &[String]) -> [u8; 32] {
    let leads: Vec<_> = names.iter().filter_map(|name| router.names.resolve(name, false).ok()).collect();
    of_members(router, leads.iter().flat_map(|lead| lead.group.usable()))
}

/// Another deployment of the same model with the same parameters changes nothing.
fn of_members<'m>(router: &Router, members: impl Iterator<Item = &'m Member>) -> [u8; 32] {
    let all: BTreeSet<[u8; 32]> = members.map(|member| of_member(router, member)).collect();
    fingerprint(all.iter().map(|one| &one[..]))
}

/// Models and parameters: no credential, no address, no limit, no weight, no price.
fn of_member(router: &Router, member: &Member) -> [u8; 32] {
    let deployment = member.deployment();
    let config = &deployment.config;
    let params: BTreeSet<String> = config.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let settings = TELLING.iter().filter_map(|name| Some(format!("{name}:{}", config.settings.get(name)?)));
    let headers = config.extra_headers.iter().map(|(name, _)| format!("header {name}"));
    let global = &router.config.params;
    let defaults = [format!("drop {}", global.drop), format!("modify {}", global.modify)];
    let base = config.info.get("base_model").map(Value::to_string);
    let mock = config.mock.as_ref().map(|mock| format!("{:?}", (&mock.response, &mock.error, &mock.tool_calls)));
    let own = [deployment.provider.clone(), deployment.model.clone(), config.model.clone()];
    let parts: Vec<String> =
        own.into_iter().chain(params).chain(settings).chain(headers).chain(defaults).chain(base).chain(mock).collect();
    fingerprint(parts.iter().map(String::as_bytes))
}
