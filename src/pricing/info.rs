//! What is known of a model.

use super::rates::{Rates, Service};
use super::unit::Unit;

/// A model's prices, windows and capabilities. What nobody says is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelInfo {
    pub mode: Option<Mode>,
    /// The most tokens of a prompt.
    pub max_input_tokens: Option<u64>,
    /// The most tokens of an answer.
    pub max_output_tokens: Option<u64>,
    pub rates: Rates,
    pub(super) capabilities: [Option<bool>; CAPABILITIES.len()],
}

impl ModelInfo {
    /// The common price of one: of a short prompt, and no special service.
    pub fn price(&self, unit: Unit) -> Option<f64> {
        self.rates.price(unit, Service::Standard, 0)
    }

    pub fn supports(&self, capability: Capability) -> Option<bool> {
        self.capabilities.get(capability as usize).copied().flatten()
    }
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Chat,
    Completion,
    Embedding,
    Responses,
    ImageGeneration,
    Rerank,
    Moderation,
    AudioTranscription,
    AudioSpeech,
}

const MODES: [(Mode, &str); 9] = [
    (Mode::Chat, "chat"),
    (Mode::Completion, "completion"),
    (Mode::Embedding, "embedding"),
    (Mode::Responses, "responses"),
    (Mode::ImageGeneration, "image_generation"),
    (Mode::Rerank, "rerank"),
    (Mode::Moderation, "moderation"),
    (Mode::AudioTranscription, "audio_transcription"),
    (Mode::AudioSpeech, "audio_speech"),
];

impl Mode {
    pub(super) fn named(name: &str) -> Option<Self> {
        MODES.iter().find(|(_, known)| *known == name).map(|(mode, _)| *mode)
    }
}

/// What a model may be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    FunctionCalling,
    ParallelFunctionCalling,
    ToolChoice,
    ResponseSchema,
    SystemMessages,
    Vision,
    AudioInput,
    Reasoning,
    WebSearch,
    PromptCaching,
}

/// Each with its name in a configuration and its letter in `data/prices.tsv`, in the order of the type.
pub(super) const CAPABILITIES: [(Capability, &str, char); 10] = [
    (Capability::FunctionCalling, "supports_function_calling", 'f'),
    (Capability::ParallelFunctionCalling, "supports_parallel_function_calling", 'p'),
    (Capability::ToolChoice, "supports_tool_choice", 't'),
    (Capability::ResponseSchema, "supports_response_schema", 's'),
    (Capability::SystemMessages, "supports_system_messages", 'm'),
    (Capability::Vision, "supports_vision", 'v'),
    (Capability::AudioInput, "supports_audio_input", 'a'),
    (Capability::Reasoning, "supports_reasoning", 'r'),
    (Capability::WebSearch, "supports_web_search", 'w'),
    (Capability::PromptCaching, "supports_prompt_caching", 'c'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_stand_in_the_order_of_their_type() {
        for (index, (capability, ..)) in CAPABILITIES.iter().enumerate() {
            assert_eq!(*capability as usize, index);
        }
    }
}
