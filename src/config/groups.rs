//! Which names lead somewhere: model groups, wildcards among them, and aliases.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Alias, AliasTarget, DeploymentConfig};

/// The names that deployments serve.
pub struct Groups<'a> {
    exact: BTreeSet<&'a str>,
    wildcards: BTreeSet<&'a str>,
    ids: BTreeSet<&'a str>,
}

impl<'a> Groups<'a> {
    pub fn of(deployments: &'a [DeploymentConfig]) -> Self {
        let names = || deployments.iter().map(|deployment| deployment.group.as_str());
        Self {
            exact: names().collect(),
            wildcards: names().filter(|name| name.contains('*')).collect(),
            ids: deployments.iter().map(|deployment| deployment.id.as_str()).collect(),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.exact.contains(name)
    }

    /// Whether a wildcard group takes the name.
    pub fn takes(&self, name: &str) -> bool {
        self.wildcards.iter().any(|pattern| matches(pattern, name))
    }

    /// Whether a fallback to this name finds somebody: a group, an alias that leads to one, or a deployment's id.
    pub fn answers(&self, name: &str, aliases: &BTreeMap<String, Alias>) -> bool {
        match aliases.get(name) {
            Some(alias) => matches!(alias.target, AliasTarget::Group(_)),
            None => self.has(name) || self.takes(name) || self.ids.contains(name),
        }
    }

    /// Whether a request can be for this fallback key. A key may leave out the provider of a group's name, or add it.
    pub fn is_asked_for(&self, key: &str, aliases: &BTreeMap<String, Alias>) -> bool {
        let bare = |name: &'a str| name.split_once('/').map(|(_, bare)| bare);
        key == "*"
            || aliases.contains_key(key)
            || self.has(key)
            || self.takes(key)
            || self.exact.iter().any(|group| bare(group) == Some(key))
            || key.split_once('/').is_some_and(|(_, bare)| self.has(bare))
    }
}

/// Whether `name` fits the pattern from end to end; `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_are_anchored_at_both_ends() {
        for (pattern, name, fits) in [
            ("*", "anything", true),
            ("*", "", true),
            ("openai/*", "openai/gpt-4", true),
            ("openai/*", "x/openai/gpt-4", false),
            ("pre/*-suf", "pre/q-suf", true),
            ("pre/*-suf", "pre/q-sufEXTRA", false),
            ("pre/*-suf", "pre/-suf", true),
            ("pre/*-suf", "pre/suf", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("a*a", "a", false),
            ("gpt-4", "gpt-4", true),
            ("gpt-4", "gpt-40", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
