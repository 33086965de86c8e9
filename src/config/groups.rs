//! Which names lead somewhere: model groups, wildcards among them, and aliases.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Alias, AliasTarget, DeploymentConfig};
use crate::policy::{Wildcard, maker_of};

/// The names that deployments serve.
pub struct Groups<'a> {
    exact: BTreeSet<&'a str>,
    wildcards: Vec<Wildcard>,
    ids: BTreeSet<&'a str>,
    models: BTreeSet<&'a str>,
    /// Those of `routing_groups`.
    unions: BTreeSet<&'a str>,
}

impl<'a> Groups<'a> {
    pub fn of(deployments: &'a [DeploymentConfig], unions: impl Iterator<Item = &'a str>) -> Self {
        let names = || deployments.iter().map(|deployment| deployment.group.as_str());
        Self {
            exact: names().collect(),
            wildcards: names().filter_map(Wildcard::new).collect(),
            ids: deployments.iter().map(|deployment| deployment.id.as_str()).collect(),
            models: deployments.iter().map(|deployment| deployment.model.as_str()).collect(),
            unions: unions.collect(),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.exact.contains(name)
    }

    /// Whether a wildcard group takes the name, as it is or with its maker before it.
    pub fn takes(&self, name: &str) -> bool {
        let full = maker_of(name).map(|maker| format!("{maker}/{name}"));
        let fits = |wildcard: &Wildcard, name: &str| wildcard.captures(name).is_some();
        self.wildcards
            .iter()
            .any(|wildcard| fits(wildcard, name) || full.as_ref().is_some_and(|full| fits(wildcard, full)))
    }

    /// Whether a fallback to this name finds somebody: a group, an alias that leads to one, a deployment's id or
    /// its model.
    pub fn answers(&self, name: &str, aliases: &BTreeMap<String, Alias>) -> bool {
        match aliases.get(name) {
            Some(alias) => matches!(alias.target, AliasTarget::Group(_)),
            None => self.leads(name),
        }
    }

    /// Whether it is the model of some deployment.
    pub fn is_model(&self, name: &str) -> bool {
        self.models.contains(name)
    }

    /// Whether it is the name of a routing group.
    pub fn is_union(&self, name: &str) -> bool {
        self.unions.contains(name)
    }

    fn leads(&self, name: &str) -> bool {
        self.has(name)
            || self.is_union(name)
            || self.takes(name)
            || self.ids.contains(name)
            || self.models.contains(name)
    }

    /// Whether a request can be for this fallback key. A key may leave out the provider of a group's name, or add it.
    pub fn is_asked_for(&self, key: &str, aliases: &BTreeMap<String, Alias>) -> bool {
        let bare = |name: &'a str| name.split_once('/').map(|(_, bare)| bare);
        key == "*"
            || aliases.contains_key(key)
            || self.leads(key)
            || self.exact.iter().any(|group| bare(group) == Some(key))
            || key.split_once('/').is_some_and(|(_, bare)| self.has(bare))
    }
}
