//! Which row of the list is a model's.

use crate::config::DeploymentConfig;

use super::info::ModelInfo;
use super::table::{self, Row};

/// The model that a deployment really is, where its name at the provider, such as an Azure deployment's, does not tell.
pub fn base_model(config: &DeploymentConfig) -> Option<&str> {
    config.info.text("base_model").or_else(|| config.settings.text("base_model")).filter(|name| !name.is_empty())
}

/// What the list has of a provider's model, named with the provider before it or without.
///
/// The row has to be the provider's own: the same model has other prices elsewhere.
pub fn find(provider: &str, model: &str) -> Option<ModelInfo> {
    row(provider, model)?.read()
}

/// The same for a `base_model`. Whoever writes one means that row, so it may be another provider's.
pub(super) fn find_base(provider: &str, named: &str) -> Option<ModelInfo> {
    let apart = || named.split_once('/').and_then(|(provider, model)| row(provider, model));
    row(provider, named).or_else(|| table::row(named)).or_else(apart)?.read()
}

fn row(provider: &str, model: &str) -> Option<Row> {
    let model = model.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).unwrap_or(model);
    let model = without_own_names(model);
    let own = |row: &Row| belongs(row.provider, provider);
    let prefixed = |prefix: &str| table::row(&format!("{prefix}/{model}")).filter(own);
    let also = ALSO.iter().find(|(name, _)| *name == provider).map(|(_, also)| *also);
    prefixed(provider).or_else(|| table::row(model).filter(own)).or_else(|| prefixed(also?))
}

/// `ft:gpt-4o:organisation:name:id` is priced as `ft:gpt-4o`.
fn without_own_names(model: &str) -> &str {
    let Some(rest) = model.strip_prefix("ft:") else { return model };
    let end = rest.find(':').map_or(model.len(), |at| at + "ft:".len());
    model.get(..end).unwrap_or(model)
}

/// Providers that sell under two names: rows are found under the second, too.
const ALSO: [(&str, &str); 3] = [("azure_ai", "azure"), ("azure_text", "azure"), ("bedrock_converse", "bedrock")];

/// Providers that the list keeps in parts: the provider, and the beginning of the list's names for it.
const PARTS: [(&str, &str); 9] = [
    ("vertex_ai", "vertex_ai-"),
    ("fireworks_ai", "fireworks_ai-"),
    ("bedrock", "bedrock"),
    ("bedrock_converse", "bedrock"),
    ("cohere", "cohere_chat"),
    ("cohere_chat", "cohere"),
    ("openai", "text-completion-openai"),
    ("azure", "azure_text"),
    ("azure_ai", "azure"),
];

/// Whether a row of `listed` is one of the provider's.
fn belongs(listed: &str, provider: &str) -> bool {
    listed == provider
        || (listed == "azure" && provider == "azure_text")
        || PARTS.iter().any(|(name, start)| *name == provider && listed.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::super::unit::Unit;
    use super::*;

    #[test]
    fn a_model_is_found_with_and_without_its_provider() {
        for (provider, model) in [
            ("openai", "gpt-4o"),
            ("openai", "openai/gpt-4o"),
            ("azure", "gpt-4o"),
            ("azure", "azure/gpt-4o"),
            ("azure_ai", "gpt-4o"),
            ("gemini", "gemini-2.5-pro"),
            ("anthropic", "claude-sonnet-4-5-20250929"),
            ("text-completion-openai", "gpt-3.5-turbo-instruct"),
            ("openai", "gpt-3.5-turbo-instruct"),
            ("bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
            ("vertex_ai", "claude-sonnet-4-5"),
            ("openai", "ft:gpt-4o-2024-08-06:acme::8x"),
        ] {
            assert!(
                find(provider, model).is_some_and(|info| info.price(Unit::InputToken).is_some()),
                "{provider} {model}"
            );
        }
        let ours = find("openai", "ft:gpt-4o-2024-08-06:acme:name:id");
        assert_eq!(ours, find("openai", "ft:gpt-4o-2024-08-06"));
        assert_ne!(ours, find("openai", "gpt-4o-2024-08-06"));
    }

    #[test]
    fn nothing_is_guessed() {
        for (provider, model) in [
            ("openai", "gpt-4o-2099-01-01"),
            ("openai", "gpt-4"[..3].into()),
            ("openai", "GPT-4O"),
            ("openai", "claude-sonnet-4-5"),
            ("openai", "azure/gpt-4o"),
            ("hosted_vllm", "gpt-4o"),
            ("openai_like", "gpt-4o"),
            ("unknown", "gpt-4o"),
            ("", "gpt-4o"),
            ("openai", ""),
            ("openai", "openai/"),
            ("azure", "my-deployment"),
            ("openai", "# source"),
        ] {
            assert_eq!(find(provider, model), None, "{provider} {model}");
        }
    }

    #[test]
    fn a_base_model_may_be_anybodys() {
        let (azure, openai) = (find("azure", "gpt-4o"), find("openai", "gpt-4o"));
        assert_ne!(azure, openai);
        assert_eq!(find_base("azure", "gpt-4o"), azure);
        assert_eq!(find_base("azure", "azure/gpt-4o"), azure);
        assert_eq!(find_base("hosted_vllm", "gpt-4o"), openai);
        assert_eq!(find_base("hosted_vllm", "openai/gpt-4o"), openai);
        assert_eq!(find_base("azure", "no-such-model"), None);
    }
}
