//! `callback_settings`: each entry by the table of its kind.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::env::Environment;
use crate::config::keys::{CALLBACK_SETTINGS, Kind, Section, WEBHOOK_SETTINGS};
use crate::config::position::join;
use crate::config::report::Report;
use crate::config::section;
use crate::config::settings::Settings;

use super::SECTION;
use super::callbacks::Named;

/// The entries of the callbacks that are named.
#[derive(Default)]
pub struct CallbackSettings(BTreeMap<String, Entry>);

#[derive(Default)]
struct Entry {
    /// `callback_type: generic_api`, which goes before what the name means.
    is_webhook: bool,
    settings: Settings,
}

impl CallbackSettings {
    /// References are followed in the entries that are used, so that one without a value elsewhere stops nobody.
    pub fn read(written: Option<Value>, named: &[Named], environment: &Environment, report: &mut Report) -> Self {
        let mut read = Self::default();
        let entries = match written {
            None | Some(Value::Null) => return read,
            Some(Value::Object(entries)) => entries,
            Some(_) => {
                report.error(SECTION, "expected a map", "write the name of a callback and a map of its settings");
                return read;
            }
        };
        for (name, value) in entries {
            let path = join(SECTION, &name);
            if value.is_null() {
                continue;
            }
            if !named.iter().any(|callback| callback.name == name) {
                report.warn(&path, "without effect: no list of callbacks has this name");
                continue;
            }
            let mut entry = Entry::default();
            if let Some((section, is_webhook)) = section_of(&name, &value, &path, report) {
                let mut value = value;
                if let Value::Object(map) = &mut value {
                    environment.substitute(section, map, &path, report);
                }
                entry = Entry { is_webhook, settings: Settings::new(section::check(section, value, &path, report)) };
            }
            read.0.insert(name, entry);
        }
        read
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether the settings alone make a webhook of the name.
    pub fn makes_webhook(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|entry| entry.is_webhook)
    }

    /// None at all where nothing is set.
    pub fn of(&self, name: &str) -> Settings {
        self.0.get(name).map(|entry| entry.settings.clone()).unwrap_or_default()
    }
}

/// The table of an entry, and whether it is a webhook by its own word.
fn section_of(name: &str, value: &Value, path: &str, report: &mut Report) -> Option<(&'static Section, bool)> {
    if value.get("callback_type").and_then(Value::as_str) == Some("generic_api") {
        return Some((&WEBHOOK_SETTINGS, true));
    }
    match CALLBACK_SETTINGS.find(name).map(|key| &key.kind) {
        Some(Kind::Section(section)) => Some((section, false)),
        _ => {
            report.warn(path, "without effect: this callback has no settings here");
            None
        }
    }
}
