//! Every case is also a test that no secret leaves the router: its keys are looked for in all that comes out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Shorter texts could stand somewhere by chance.
const LEAST: usize = 8;
/// How the names of members that hold a secret end.
const NAMES: [&str; 4] = ["api_key", "password", "client_secret", "azure_ad_token"];

/// The secrets of one case.
pub struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Keys of the configuration, and variables that are named like keys.
    pub fn of(config: &str, environment: &BTreeMap<String, String>) -> Self {
        let mut secrets = Self(BTreeSet::new());
        secrets.add_config(config);
        for (name, value) in environment {
            if ["KEY", "SECRET", "TOKEN", "PASSWORD"].iter().any(|word| name.contains(word)) {
                secrets.add(value);
            }
        }
        secrets
    }

    /// Those of another configuration, too.
    pub fn add_config(&mut self, config: &str) {
        if let Ok(config) = serde_yaml::from_str::<Value>(config) {
            self.collect(&config);
        }
    }

    fn collect(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member.as_str() {
                        Some(text) if NAMES.iter().any(|end| name.ends_with(end)) => self.add(text),
                        _ => self.collect(member),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            _ => {}
        }
    }

    fn add(&mut self, text: &str) {
        if text.len() >= LEAST && !text.starts_with("os.environ/") {
            self.0.insert(text.to_owned());
        }
    }

    /// Names the secrets that `text` holds, by their first bytes.
    pub fn in_text(&self, place: &str, text: &str) -> Vec<String> {
        let held = self.0.iter().filter(|secret| text.contains(secret.as_str()));
        held.map(|secret| {
            format!("a secret ({}…) stands in the {place}: {}", &secret[..4], crate::matching::short(text))
        })
        .collect()
    }
}
