//! Whole texts to whole configurations.

mod compatibility;
mod documented;
mod error_rules;
mod misspelt;
mod observe;
mod text;
mod values;

use super::{Config, load};

/// Every variable of the fixtures, and nothing else.
pub fn environment(name: &str) -> Option<String> {
    let known = name.ends_with("_API_KEY") || name.starts_with("AZURE_KEY_") || name == "REDIS_PASSWORD";
    known.then(|| format!("value-of-{name}"))
}

/// Loads a text without any environment.
pub fn config(text: &str) -> Config {
    match load(text, |_| None) {
        Ok(config) => config,
        Err(error) => panic!("{error}\n---\n{text}"),
    }
}

/// The message with which a text is refused.
pub fn refused(text: &str) -> String {
    match load(text, |_| None) {
        Ok(_) => panic!("loaded:\n{text}"),
        Err(error) => error.message,
    }
}

/// All warnings as they are shown, one a line.
pub fn warnings(config: &Config) -> String {
    config.warnings.iter().map(|warning| format!("{warning}\n")).collect()
}

/// A deployment with these lines in its `litellm_params`.
pub fn deployment(params: &str) -> String {
    let indented = params.lines().map(|line| format!("      {line}\n")).collect::<String>();
    format!("model_list:\n  - model_name: g\n    litellm_params:\n      model: openai/x\n{indented}")
}
