//! Who makes a model that is named without its provider.

use once_cell::sync::Lazy;
use serde::Deserialize;

/// What matters here of `data/providers.json`.
#[derive(Deserialize)]
struct File {
    providers: Vec<Maker>,
}

#[derive(Deserialize)]
struct Maker {
    name: String,
    /// Beginnings of model names that mean this provider where no provider is named.
    #[serde(default)]
    bare: Vec<String>,
}

static MAKERS: Lazy<Vec<Maker>> = Lazy::new(|| {
    // The file is part of the library and a test reads it, so it can't fail here; an empty table fails no program.
    serde_json::from_str::<File>(include_str!("../../data/providers.json"))
        .map(|file| file.providers)
        .unwrap_or_default()
});

/// The provider that a bare model name means, such as "openai" for "gpt-4o"; the longest beginning wins.
pub fn maker_of(model: &str) -> Option<&'static str> {
    let begins = |maker: &Maker| {
        let lengths = maker.bare.iter().filter(|start| model.starts_with(start.as_str())).map(String::len);
        lengths.max().unwrap_or(0)
    };
    let makers = MAKERS.iter().map(|maker| (begins(maker), maker.name.as_str()));
    makers.max_by_key(|(length, _)| *length).filter(|(length, _)| *length > 0).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_lead_to_their_makers() {
        assert_eq!(maker_of("gpt-4-32k"), Some("openai"));
        assert_eq!(maker_of("claude-2"), Some("anthropic"));
        assert_eq!(maker_of("gemini-1.5-pro"), Some("gemini"));
        assert_eq!(maker_of("command-r"), Some("cohere"));
        assert_eq!(maker_of("o3"), Some("openai"));
        assert_eq!(maker_of("my-finetune"), None);
    }
}
