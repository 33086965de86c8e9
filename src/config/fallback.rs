//! `fallbacks` of each kind, `default_fallbacks` and `max_fallbacks`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::env::Environment;
use super::groups::Groups;
use super::model::{Alias, FallbackConfig};
use super::position::join;
use super::report::Report;
use super::sections::Read;
use super::settings::Settings;
use crate::policy::{ANY, Lists, Target};

const DEFAULT_MAX_FALLBACKS: usize = 5;

/// What a fallback may not change: a key goes to its own deployment alone.
const REFUSED: [&str; 3] = ["api_key", "api_base", "base_url"];

/// Reads the fallbacks; names that lead nowhere stay, each with a warning.
pub fn resolve(
    read: &Read,
    environment: &Environment,
    groups: &Groups,
    aliases: &BTreeMap<String, Alias>,
    report: &mut Report,
) -> FallbackConfig {
    let max_fallbacks = max_fallbacks(read, environment, report);
    let mut reader = Reader { groups, aliases, max_fallbacks, report };
    let mut generic = reader.lists(read, "fallbacks");
    if let Some((path, items)) = winner(read, "default_fallbacks", reader.report) {
        let targets = reader.targets(&Value::Array(items), &path);
        if !generic.add(ANY, targets) {
            reader.report.warn(&path, "overrides the fallbacks for *");
        }
    }
    // An empty list is as good as none, as with LiteLLM.
    let some = |lists: Lists| (!lists.is_empty()).then_some(lists);
    FallbackConfig {
        generic,
        context_window: some(reader.lists(read, "context_window_fallbacks")),
        content_policy: some(reader.lists(read, "content_policy_fallbacks")),
        within_group: read.sections.router.flag("enable_weighted_failover").unwrap_or(false),
        continue_mid_stream: read.sections.llmrouter.text("mid_stream_fallback") == Some("continue"),
        max_fallbacks,
    }
}

/// The router's number, else LiteLLM's, else the variable `ROUTER_MAX_FALLBACKS`.
fn max_fallbacks(read: &Read, environment: &Environment, report: &mut Report) -> usize {
    let written = read.decide("max_fallbacks", |section| section.count("max_fallbacks"), report);
    let written = written.and_then(|max| usize::try_from(max).ok());
    let from_environment = || environment.get("ROUTER_MAX_FALLBACKS")?.trim().parse().ok();
    written.or_else(from_environment).unwrap_or(DEFAULT_MAX_FALLBACKS)
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
    fn lists(&mut self, read: &Read, name: &str) -> Lists {
        let mut lists = Lists::default();
        let Some((path, items)) = winner(read, name, self.report) else { return lists };
        for (index, item) in items.iter().enumerate() {
            for (group, targets) in item.as_object().into_iter().flatten() {
                // A list of maps has an index in its path; one map has not.
                let listed = join(&format!("{path}[{index}]"), group);
                let here = if self.report.knows(&listed) { listed } else { join(&path, group) };
                self.key(group, &here);
                let targets = self.targets(targets, &here);
                if !lists.add(group, targets) {
                    let message = match group.as_str() {
                        ANY => "overrides an earlier entry for *".to_owned(),
                        _ => format!("never used: an earlier entry for {group} comes first"),
                    };
                    self.report.warn(&here, message);
                }
            }
        }
        lists
    }

    fn key(&mut self, group: &str, path: &str) {
        if !self.groups.is_asked_for(group, self.aliases) {
            self.report.warn(path, format!("there is no model group {group}; these fallbacks are never used"));
        }
    }

    fn targets(&mut self, value: &Value, path: &str) -> Vec<Target> {
        let list = match value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut targets = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match Target::read(value) {
                Some(target) => {
                    self.target(&target, &path);
                    targets.push(target);
                }
                None => self.report.error(&path, "a fallback without a model group", ""),
            }
        }
        if targets.len() > self.max_fallbacks {
            let (named, max) = (targets.len(), self.max_fallbacks);
            self.report.warn(path, format!("{named} fallbacks, of which a call visits {max} at most (max_fallbacks)"));
        }
        targets
    }

    fn target(&mut self, target: &Target, path: &str) {
        for name in REFUSED {
            if target.changes.contains_key(name) {
                let hint = "make it a deployment of its own";
                self.report.error(&join(path, name), "a fallback can't change this", hint);
            }
        }
        if !self.groups.answers(&target.group, self.aliases) {
            self.report.warn(path, format!("there is no model group {}; it is skipped", target.group));
        }
    }
}
