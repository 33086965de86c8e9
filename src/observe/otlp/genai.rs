//! OpenTelemetry's semantic conventions for generative AI: the names of what was asked and what came back.

use serde_json::Value;

use crate::chat::{Request, Verb};
use crate::pricing::Tokens;

use super::answered::Answered;
use super::attributes::Attributes;

/// `gen_ai.operation.name`; of what the conventions have no word for, one like theirs.
pub fn operation(verb: Verb) -> &'static str {
    match verb {
        Verb::Chat | Verb::Responses => "chat",
        Verb::TextCompletion => "text_completion",
        Verb::Embedding => "embeddings",
        Verb::Moderation => "moderation",
        Verb::Image => "image_generation",
        Verb::ImageEdit => "image_edit",
        Verb::ImageVariation => "image_variation",
        Verb::Rerank => "rerank",
        Verb::Speech => "speech",
        Verb::Transcription => "transcription",
        Verb::Translation => "translation",
    }
}

/// `gen_ai.provider.name`, of LiteLLM's name of a provider.
fn well_known(provider: &str) -> &str {
    match provider {
        "azure" | "azure_text" => "azure.ai.openai",
        "azure_ai" => "azure.ai.inference",
        "bedrock" | "bedrock_converse" => "aws.bedrock",
        "gemini" => "gcp.gemini",
        "vertex_ai" | "vertex_ai_beta" => "gcp.vertex_ai",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        "watsonx" | "watsonx_text" => "ibm.watsonx.ai",
        "cohere_chat" => "cohere",
        "text-completion-openai" => "openai",
        provider => provider,
    }
}

/// Who is asked for which model. Older receivers know `gen_ai.system` only.
pub fn provider_and_model(attributes: &mut Attributes, provider: Option<&str>, model: Option<&str>) {
    if let Some(provider) = provider {
        attributes.text("gen_ai.provider.name", well_known(provider));
        attributes.text("gen_ai.system", provider);
    }
    attributes.known("gen_ai.request.model", model);
}

/// How it was asked.
pub fn parameters(attributes: &mut Attributes, request: &Request, is_stream: bool) {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    for (name, text) in request.sent() {
        match name {
            "temperature" => number(attributes, "gen_ai.request.temperature", text),
            "top_p" => number(attributes, "gen_ai.request.top_p", text),
            "top_k" => number(attributes, "gen_ai.request.top_k", text),
            "frequency_penalty" => number(attributes, "gen_ai.request.frequency_penalty", text),
            "presence_penalty" => number(attributes, "gen_ai.request.presence_penalty", text),
            "seed" => int(attributes, "gen_ai.request.seed", text),
            "max_tokens" if request.has("max_completion_tokens") => {}
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
                int(attributes, "gen_ai.request.max_tokens", text);
            }
            "n" if text != "1" => int(attributes, "gen_ai.request.choice.count", text),
            "dimensions" => int(attributes, "gen_ai.embeddings.dimension.count", text),
            "stop" => match parsed(text) {
                Value::String(stop) => attributes.texts("gen_ai.request.stop_sequences", [stop]),
                Value::Array(stops) => {
                    let stops = stops.iter().filter_map(Value::as_str);
                    attributes.texts("gen_ai.request.stop_sequences", stops);
                }
                _ => {}
            },
            "encoding_format" => {
                attributes.texts("gen_ai.request.encoding_formats", parsed(text).as_str());
            }
            "response_format" => {
                let format = parsed(text);
                let kind = format.get("type").and_then(Value::as_str);
                let kind = kind.and_then(|kind| if kind.starts_with("json") { Some("json") } else { None });
                attributes.known("gen_ai.output.type", kind);
            }
            _ => {}
        }
    }
    if is_stream {
        attributes.flag("gen_ai.request.stream", true);
    }
}

/// Which answer it is.
pub fn identity(attributes: &mut Attributes, answered: &Answered) {
    attributes.known("gen_ai.response.id", answered.id.as_deref());
    attributes.known("gen_ai.response.model", answered.model.as_deref());
    let mut reasons = answered.finish_reasons().peekable();
    if reasons.peek().is_some() {
        attributes.texts("gen_ai.response.finish_reasons", reasons);
    }
}

/// What was used; the kinds are parts of both sums.
pub fn used(attributes: &mut Attributes, tokens: &Tokens) {
    attributes.count("gen_ai.usage.input_tokens", tokens.prompt);
    attributes.count("gen_ai.usage.output_tokens", tokens.completion);
    let mut part = |name, count| {
        if count > 0 {
            attributes.count(name, count);
        }
    };
    part("gen_ai.usage.cache_read.input_tokens", tokens.cached);
    part("gen_ai.usage.cache_creation.input_tokens", tokens.created);
    part("gen_ai.usage.reasoning.output_tokens", tokens.reasoning);
}

fn number(attributes: &mut Attributes, name: &str, text: &str) {
    if let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        attributes.number(name, number);
    }
}

fn int(attributes: &mut Attributes, name: &str, text: &str) {
    if let Ok(number) = text.parse() {
        attributes.int(name, number);
    }
}
