//! `fallbacks`, `default_fallbacks` and `max_fallbacks`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::groups::Groups;
use super::model::{Alias, FallbackConfig};
use super::position::join;
use super::report::Report;
use super::sections::Read;
use super::settings::Settings;

const DEFAULT_MAX_FALLBACKS: usize = 5;

/// The key that stands for every group.
const ANY: &str = "*";

/// Reads the fallbacks; names that lead nowhere stay, each with a warning.
pub fn resolve(read: &Read, groups: &Groups, aliases: &BTreeMap<String, Alias>, report: &mut Report) -> FallbackConfig {
    let max = read.decide("max_fallbacks", |section| section.count("max_fallbacks"), report);
    let max_fallbacks = max.and_then(|max| usize::try_from(max).ok()).unwrap_or(DEFAULT_MAX_FALLBACKS);
    let mut generic = BTreeMap::new();
    let mut reader = Reader { groups, aliases, max_fallbacks, report };
    if let Some((path, items)) = winner(read, "fallbacks", reader.report) {
        for (index, item) in items.iter().enumerate() {
            for (group, targets) in item.as_object().into_iter().flatten() {
                // A list of maps has an index in its path; one map has not.
                let listed = join(&format!("{path}[{index}]"), group);
                let here = if reader.report.knows(&listed) { listed } else { join(&path, group) };
                reader.key(group, &here);
                let targets = reader.targets(targets, &here);
                if generic.insert(group.clone(), targets).is_some() {
                    reader.report.warn(&here, format!("overrides an earlier entry for {group}"));
                }
            }
        }
    }
    if let Some((path, items)) = winner(read, "default_fallbacks", reader.report) {
        let targets = reader.targets(&Value::Array(items), &path);
        if generic.insert(ANY.to_owned(), targets).is_some() {
            reader.report.warn(&path, "overrides the fallbacks for *");
        }
    }
    FallbackConfig { generic, max_fallbacks }
}

/// The router's list if it isn't empty, else LiteLLM's; with its path.
fn winner(read: &Read, name: &str, report: &mut Report) -> Option<(String, Vec<Value>)> {
    let list = |section: &Settings| Some(section.get(name)?.as_array()?.clone()).filter(|list| !list.is_empty());
    let path =
        if list(&read.sections.router).is_some() { read.router_path(name) } else { join("litellm_settings", name) };
    Some((path, read.decide(name, list, report)?))
}

struct Reader<'a> {
    groups: &'a Groups<'a>,
    aliases: &'a BTreeMap<String, Alias>,
    max_fallbacks: usize,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn key(&mut self, group: &str, path: &str) {
        if !self.groups.is_asked_for(group, self.aliases) {
            self.report.warn(path, format!("there is no model group {group}; these fallbacks are never used"));
        }
    }

    fn targets(&mut self, value: &Value, path: &str) -> Vec<String> {
        let list = match value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut targets = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match self.target(value, &path) {
                Some(target) => targets.push(target),
                None => self.report.error(&path, "a fallback without a model group", ""),
            }
        }
        if targets.len() > self.max_fallbacks {
            let (named, max) = (targets.len(), self.max_fallbacks);
            self.report.warn(path, format!("{named} fallbacks, of which a call visits {max} at most (max_fallbacks)"));
        }
        targets
    }

    fn target(&mut self, value: &Value, path: &str) -> Option<String> {
        let name = match value {
            Value::Object(overrides) => {
                if overrides.len() > 1 {
                    self.report.warn(path, "what a fallback changes in the request is not in force yet");
                }
                overrides.get("model")?.as_str()?
            }
            other => other.as_str()?,
        };
        if !name.is_empty() && !self.groups.answers(name, self.aliases) {
            self.report.warn(path, format!("there is no model group {name}; it is skipped"));
        }
        (!name.is_empty()).then(|| name.to_owned())
    }
}
