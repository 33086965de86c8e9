//! The providers that are known: data, read once. `data/providers.json` is the list.

use once_cell::sync::Lazy;
use serde::Deserialize;

/// One provider: where it is, and which variables hold its key and its base.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub name: String,
    /// The default base URL; none where only the configuration or a variable can say it.
    #[serde(default)]
    pub base: Option<String>,
    /// Variables that hold another base; `<NAME>_API_BASE` always counts too.
    #[serde(default)]
    pub base_env: Vec<String>,
    #[serde(default)]
    pub key_env: Vec<String>,
    #[serde(default)]
    pub key_optional: bool,
    /// The variable that holds a bearer token, for want of a key.
    #[serde(default)]
    pub token_env: Option<String>,
    /// The variable that holds the API's version.
    #[serde(default)]
    pub version_env: Option<String>,
    #[serde(default)]
    pub organization_env: Option<String>,
    /// Beginnings of model names that mean this provider where no provider is named: `policy::maker_of` reads them.
    #[serde(default, rename = "bare")]
    _bare: Vec<String>,
    /// Put before a model name that has no `/`.
    #[serde(default)]
    pub model_prefix: Option<String>,
    #[serde(default = "openai_wire")]
    pub wire: String,
}

fn openai_wire() -> String {
    OPENAI_WIRE.to_owned()
}

const OPENAI_WIRE: &str = "openai";

#[derive(Deserialize)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    providers: Vec<Entry>,
}

static TABLE: Lazy<Vec<Entry>> = Lazy::new(|| {
    // The file is part of the library and a test reads it, so it can't fail here; an empty table fails no program.
    serde_json::from_str::<File>(include_str!("../../data/providers.json"))
        .map(|file| file.providers)
        .unwrap_or_default()
});

/// The provider of this name.
pub fn by_name(name: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.name == name)
}

/// The provider whose public endpoint this base URL is.
pub fn by_base(base: &str) -> Option<&'static Entry> {
    let base = base.trim_end_matches('/');
    TABLE.iter().find(|entry| entry.base.as_deref() == Some(base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_file_is_sound() {
        let file: File = serde_json::from_str(include_str!("../../data/providers.json")).unwrap();
        let mut names = HashSet::new();
        for entry in &file.providers {
            assert!(names.insert(&entry.name), "{} stands twice", entry.name);
            if entry.wire == OPENAI_WIRE {
                assert!(entry.key_optional || !entry.key_env.is_empty(), "{}: no key", entry.name);
            }
            if let Some(base) = &entry.base {
                assert!(base.starts_with("http") && !base.ends_with('/'), "{base}");
            }
        }
    }
}
