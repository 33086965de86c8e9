//! The providers that are known: data, read once. `data/providers.json` is the list.

use std::collections::BTreeMap;

use once_cell::sync::Lazy;
use serde::Deserialize;
use serde_json::Value;

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
    /// What alone is spoken, if not everything that the wire has: paths of OpenAI's, and where they lead behind the base.
    #[serde(default)]
    pub paths: Option<BTreeMap<String, String>>,
    /// Put before a model name that has no `/`.
    #[serde(default)]
    pub model_prefix: Option<String>,
    /// What its whole API lacks.
    #[serde(default)]
    pub limits: Limits,
    #[serde(default = "openai_wire")]
    pub wire: String,
}

/// Which of OpenAI's chat parameters are not taken. What is not listed is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub lacks: Vec<String>,
    /// Parameters of which one value alone is taken.
    pub only: BTreeMap<String, Value>,
}

/// Models of one kind, with limits of their own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    providers: Vec<String>,
    /// Beginnings of names, each up to the name's end or a hyphen.
    names: Vec<String>,
    #[serde(default)]
    pub limits: Limits,
    /// Limits while the model is asked to reason.
    #[serde(default)]
    pub thinking: Limits,
}

impl Family {
    /// The length of the beginning that fits; none where none does.
    fn fits(&self, provider: &str, model: &str) -> Option<usize> {
        if !self.providers.iter().any(|known| known == provider) {
            return None;
        }
        let fits = |name: &&String| {
            model.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        self.names.iter().filter(fits).map(String::len).max()
    }
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
    models: Vec<Family>,
}

static FILE: Lazy<File> = Lazy::new(|| {
    // The file is part of the library and a test reads it, so it can't fail here; an empty table fails no program.
    let empty = || File { _about: String::new(), providers: Vec::new(), models: Vec::new() };
    serde_json::from_str(include_str!("../../data/providers.json")).unwrap_or_else(|_| empty())
});

/// The provider of this name.
pub fn by_name(name: &str) -> Option<&'static Entry> {
    FILE.providers.iter().find(|entry| entry.name == name)
}

/// The provider whose public endpoint this base URL is.
pub fn by_base(base: &str) -> Option<&'static Entry> {
    let base = base.trim_end_matches('/');
    FILE.providers.iter().find(|entry| entry.base.as_deref() == Some(base))
}

/// The family of a provider's model; the longest beginning wins.
pub fn family(provider: &str, model: &str) -> Option<&'static Family> {
    let fitting = FILE.models.iter().filter_map(|family| Some((family.fits(provider, model)?, family)));
    fitting.max_by_key(|(length, _)| *length).map(|(_, family)| family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Parameters of OpenAI's chat completions: no other is ever checked.
    const CHECKED: [&str; 30] = [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "modalities",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ];

    #[test]
    fn limits_are_of_openais_parameters() {
        let of_models = FILE.models.iter().flat_map(|family| [&family.limits, &family.thinking]);
        let all: Vec<_> = FILE.providers.iter().map(|entry| &entry.limits).chain(of_models).collect();
        assert!(all.len() > FILE.providers.len());
        for name in all.iter().flat_map(|limits| limits.lacks.iter().chain(limits.only.keys())) {
            assert!(CHECKED.contains(&name.as_str()), "{name}");
        }
        for provider in FILE.models.iter().flat_map(|family| &family.providers) {
            assert!(by_name(provider).is_some(), "{provider}");
        }
    }

    #[test]
    fn families_are_found_by_whole_words() {
        let lacks = |provider, model, name: &str| {
            family(provider, model).is_some_and(|family| family.limits.lacks.iter().any(|lack| lack == name))
        };
        for model in ["o1", "o3-2025-04-16", "o3-mini", "o4-mini", "gpt-5", "gpt-5-mini"] {
            assert!(lacks("openai", model, "top_p") && lacks("azure", model, "top_p"), "{model}");
        }
        for model in ["gpt-4o", "o3x", "gpt-5-chat-latest", "gpt-5.1", "gpt-5.9", "gpt-50"] {
            assert!(!lacks("openai", model, "top_p"), "{model}");
        }
        assert!(lacks("openai", "o1-mini-2024-09-12", "tools") && !lacks("openai", "o1", "tools"));
        assert!(!lacks("openrouter", "o1", "top_p"));
    }

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
