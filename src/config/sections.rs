//! The sections after their check, and the rule that a router setting may stand at top level or in `router_settings`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::keys::ROUTER_SETTINGS;
use super::model::Sections;
use super::position::join;
use super::report::Report;
use super::settings::Settings;

/// The checked sections, and where the router's settings stood.
pub struct Read {
    pub sections: Sections,
    flat: BTreeSet<String>,
}

impl Read {
    /// Takes the sections out of the checked top level.
    pub fn of(top: &mut Map<String, Value>, report: &mut Report) -> Self {
        let mut take = |name: &str| match top.remove(name) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        let (mut router, litellm, own) =
            (take("router_settings"), take("litellm_settings"), take("llmrouter_settings"));
        let mut flat = BTreeSet::new();
        for key in ROUTER_SETTINGS.keys() {
            let Some(value) = top.remove(key.name) else { continue };
            match router.get(key.name) {
                Some(other) if *other != value => {
                    let path = join("router_settings", key.name);
                    let place = report.place(&path);
                    report.error(key.name, "set twice", format!("{path}{place} has another value"));
                }
                _ => {
                    router.insert(key.name.to_owned(), value);
                    flat.insert(key.name.to_owned());
                }
            }
        }
        let sections =
            Sections { router: Settings::new(router), litellm: Settings::new(litellm), llmrouter: Settings::new(own) };
        Self { sections, flat }
    }

    /// Where a router setting stands.
    pub fn router_path(&self, name: &str) -> String {
        if self.flat.contains(name) { name.to_owned() } else { join("router_settings", name) }
    }

    /// A setting that the router's own section decides over `litellm_settings`; a loser of another value is named.
    pub fn decide<T: PartialEq>(
        &self,
        name: &str,
        read: impl Fn(&Settings) -> Option<T>,
        report: &mut Report,
    ) -> Option<T> {
        let (router, litellm) = (read(&self.sections.router), read(&self.sections.litellm));
        if router.is_some() && litellm.is_some() && router != litellm {
            let winner = self.router_path(name);
            report.warn(&join("litellm_settings", name), format!("overridden by {winner}"));
        }
        router.or(litellm)
    }
}
