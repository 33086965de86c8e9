//! What a request asks for: OpenAI's paths, and what is known of each. The one place where verbs differ by name.

use std::fmt;

/// One of OpenAI's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Verb {
    #[default]
    Chat,
    TextCompletion,
    Embedding,
    Responses,
    Moderation,
    Image,
    ImageEdit,
    ImageVariation,
    Rerank,
    Speech,
    Transcription,
    Translation,
}

/// Parameters that chat knows. A deployment that has them for its chats does not send them with a verb that has none.
const OF_CHAT: [&str; 32] = [
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
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream_options",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "verbosity",
    "web_search_options",
];

impl Verb {
    pub const ALL: [Verb; 12] = [
        Verb::Chat,
        Verb::TextCompletion,
        Verb::Embedding,
        Verb::Responses,
        Verb::Moderation,
        Verb::Image,
        Verb::ImageEdit,
        Verb::ImageVariation,
        Verb::Rerank,
        Verb::Speech,
        Verb::Transcription,
        Verb::Translation,
    ];

    /// Where it goes, behind a base URL.
    pub fn path(self) -> &'static str {
        match self {
            Verb::Chat => "/chat/completions",
            Verb::TextCompletion => "/completions",
            Verb::Embedding => "/embeddings",
            Verb::Responses => "/responses",
            Verb::Moderation => "/moderations",
            Verb::Image => "/images/generations",
            Verb::ImageEdit => "/images/edits",
            Verb::ImageVariation => "/images/variations",
            Verb::Rerank => "/rerank",
            Verb::Speech => "/audio/speech",
            Verb::Transcription => "/audio/transcriptions",
            Verb::Translation => "/audio/translations",
        }
    }

    /// As LiteLLM's logs call it.
    pub fn call_type(self) -> &'static str {
        match self {
            Verb::Chat => "acompletion",
            Verb::TextCompletion => "atext_completion",
            Verb::Embedding => "aembedding",
            Verb::Responses => "aresponses",
            Verb::Moderation => "amoderation",
            Verb::Image => "aimage_generation",
            Verb::ImageEdit => "aimage_edit",
            Verb::ImageVariation => "aimage_variation",
            Verb::Rerank => "arerank",
            Verb::Speech => "aspeech",
            Verb::Transcription => "atranscription",
            Verb::Translation => "atranslation",
        }
    }

    /// The verb of a path, written with or without "/v1" and the first slash; else a message that names those there are.
    pub fn of_path(path: &str) -> Result<Self, String> {
        let bare = path.trim_start_matches('/');
        let bare = bare.strip_prefix("v1/").unwrap_or(bare);
        let verb = Self::ALL.into_iter().find(|verb| verb.path().trim_start_matches('/') == bare);
        verb.ok_or_else(|| {
            let known = Self::ALL.map(Self::path).join(", ");
            format!("\"{}\" is no path that is known; known are {known}", path.escape_debug())
        })
    }

    /// A base URL without the path of a verb: users write it with and without.
    pub fn base_of(base: &str) -> &str {
        let base = base.trim_end_matches('/');
        // Chat's path ends in that of text completions, and stands before it.
        Self::ALL.into_iter().find_map(|verb| base.strip_suffix(verb.path())).unwrap_or(base)
    }

    /// Whether an answer can come in chunks.
    pub fn can_stream(self) -> bool {
        matches!(self, Verb::Chat | Verb::TextCompletion | Verb::Responses)
    }

    /// Whether a stream tells its usage only to who asks by `stream_options`.
    pub fn has_stream_usage(self) -> bool {
        matches!(self, Verb::Chat | Verb::TextCompletion)
    }

    /// Whether the request goes out as a form with files in it.
    pub fn is_form(self) -> bool {
        matches!(self, Verb::ImageEdit | Verb::ImageVariation | Verb::Transcription | Verb::Translation)
    }

    /// Parameters without which there is no request.
    pub fn needs(self) -> &'static [&'static str] {
        match self {
            Verb::Chat => &["model", "messages"],
            Verb::Rerank => &["model", "query", "documents"],
            Verb::ImageEdit => &["model", "image", "prompt"],
            Verb::ImageVariation => &["model", "image"],
            Verb::Transcription | Verb::Translation => &["model", "file"],
            Verb::TextCompletion | Verb::Image => &["model", "prompt"],
            Verb::Embedding | Verb::Responses | Verb::Moderation | Verb::Speech => &["model", "input"],
        }
    }

    /// Whether a parameter that a deployment has of its own goes out with this verb.
    pub fn takes(self, name: &str) -> bool {
        self == Verb::Chat || !OF_CHAT.contains(&name) || self.shared_with_chat().contains(&name)
    }

    /// Parameters that mean here what they mean in a chat.
    fn shared_with_chat(self) -> &'static [&'static str] {
        match self {
            Verb::TextCompletion => &[
                "frequency_penalty",
                "logit_bias",
                "logprobs",
                "max_tokens",
                "n",
                "presence_penalty",
                "seed",
                "stop",
                "stream_options",
                "temperature",
                "top_k",
                "top_p",
            ],
            Verb::Responses => &[
                "parallel_tool_calls",
                "prompt_cache_key",
                "prompt_cache_retention",
                "safety_identifier",
                "service_tier",
                "store",
                "temperature",
                "tool_choice",
                "top_logprobs",
                "top_p",
            ],
            Verb::Image | Verb::ImageEdit | Verb::ImageVariation => &["n", "response_format"],
            Verb::Speech => &["response_format"],
            Verb::Transcription | Verb::Translation => &["response_format", "temperature"],
            Verb::Chat | Verb::Embedding | Verb::Moderation | Verb::Rerank => &[],
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_verb() {
        for verb in Verb::ALL {
            assert_eq!(Verb::of_path(verb.path()), Ok(verb));
            assert_eq!(Verb::of_path(&format!("/v1{verb}")), Ok(verb));
            assert_eq!(Verb::of_path(verb.path().trim_start_matches('/')), Ok(verb));
        }
        let message = Verb::of_path("/files\n").unwrap_err();
        assert!(message.starts_with("\"/files\\n\" is no path") && message.contains("/rerank"), "{message}");
    }

    #[test]
    fn a_base_is_written_with_and_without_a_verb() {
        for base in ["http://h/v1", "http://h/v1/", "http://h/v1/chat/completions", "http://h/v1/embeddings/"] {
            assert_eq!(Verb::base_of(base), "http://h/v1");
        }
    }

    #[test]
    fn what_a_deployment_has_for_chats_stays_there() {
        assert!(Verb::Chat.takes("max_tokens") && Verb::TextCompletion.takes("max_tokens"));
        assert!(!Verb::Embedding.takes("temperature") && Verb::Embedding.takes("dimensions"));
        assert!(Verb::Responses.takes("temperature") && !Verb::Responses.takes("max_tokens"));
    }
}
