//! What a call has used, as its answer tells it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::rates::Service;

/// What a call is charged for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// `None` where the answer does not tell tokens.
    pub tokens: Option<Tokens>,
    /// What else was used; only asked where tokens don't say what the call costs.
    pub counts: Counts,
    pub service: Service,
    /// Searches of the web that the provider made.
    pub web_searches: u64,
}

/// Tokens. The kinds are parts of `prompt` and of `completion`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub prompt: u64,
    /// Read from a cache.
    pub cached: u64,
    /// Written into a cache, those for an hour included.
    pub created: u64,
    pub created_hour: u64,
    pub prompt_audio: u64,
    pub prompt_image: u64,
    pub completion: u64,
    pub reasoning: u64,
    pub completion_audio: u64,
    pub completion_image: u64,
}

/// What is not counted in tokens; each `None` where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub images: Option<u64>,
    /// Of all images together.
    pub pixels: Option<u64>,
    /// Of sound; or that the call took, of a deployment that is paid by time.
    pub seconds: Option<f64>,
    /// Of a text to be spoken.
    pub characters: Option<u64>,
    /// A reranker's units.
    pub queries: Option<u64>,
}

/// A `usage` object. Members are numbers with some providers and null or missing with others.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    prompt_tokens: Number<'a>,
    #[serde(borrow)]
    input_tokens: Number<'a>,
    #[serde(borrow)]
    completion_tokens: Number<'a>,
    #[serde(borrow)]
    output_tokens: Number<'a>,
    #[serde(borrow)]
    total_tokens: Number<'a>,
    #[serde(borrow)]
    cache_read_input_tokens: Number<'a>,
    #[serde(borrow)]
    cache_creation_input_tokens: Number<'a>,
    /// DeepSeek's word.
    #[serde(borrow)]
    prompt_cache_hit_tokens: Number<'a>,
    /// A transcription's.
    #[serde(borrow)]
    seconds: Number<'a>,
    #[serde(borrow)]
    prompt_tokens_details: Number<'a>,
    #[serde(borrow)]
    input_tokens_details: Number<'a>,
    #[serde(borrow)]
    completion_tokens_details: Number<'a>,
    #[serde(borrow)]
    output_tokens_details: Number<'a>,
    #[serde(borrow)]
    cache_creation: Number<'a>,
    #[serde(borrow)]
    server_tool_use: Number<'a>,
    #[serde(borrow)]
    service_tier: Number<'a>,
}

/// What may be a number or something else altogether, which then is as good as missing.
type Number<'a> = Option<&'a RawValue>;

#[derive(Default, Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    cached_tokens: Number<'a>,
    #[serde(borrow)]
    cache_creation_tokens: Number<'a>,
    #[serde(borrow)]
    cache_write_tokens: Number<'a>,
    #[serde(borrow)]
    audio_tokens: Number<'a>,
    #[serde(borrow)]
    image_tokens: Number<'a>,
    #[serde(borrow)]
    reasoning_tokens: Number<'a>,
    #[serde(borrow)]
    ephemeral_1h_input_tokens: Number<'a>,
    #[serde(borrow)]
    web_search_requests: Number<'a>,
}

impl Usage {
    /// From the `usage` member of an answer, in the shape of chat completions, of Responses or of embeddings.
    pub fn read(usage: &str) -> Self {
        let Ok(told) = serde_json::from_str::<Told<'_>>(usage) else { return Self::default() };
        let input = details(told.prompt_tokens_details.or(told.input_tokens_details));
        let output = details(told.completion_tokens_details.or(told.output_tokens_details));
        let prompt = count(told.prompt_tokens).or_else(|| count(told.input_tokens));
        let completion = count(told.completion_tokens).or_else(|| count(told.output_tokens));
        let total = count(told.total_tokens);
        let is_told = prompt.or(completion).or(total).is_some();
        // Embeddings and ranks may tell their total alone.
        let prompt = prompt.or(total.filter(|_| completion.is_none())).unwrap_or(0);
        let (mut completion, reasoning) = (completion.unwrap_or(0), count(output.reasoning_tokens).unwrap_or(0));
        // Some count what a model thinks beside what it says.
        if reasoning > 0 && total == prompt.checked_add(completion).and_then(|sum| sum.checked_add(reasoning)) {
            completion = completion.saturating_add(reasoning);
        }
        let tokens = Tokens {
            prompt,
            cached: first([input.cached_tokens, told.cache_read_input_tokens, told.prompt_cache_hit_tokens]),
            created: first([told.cache_creation_input_tokens, input.cache_creation_tokens, input.cache_write_tokens]),
            created_hour: first([details(told.cache_creation).ephemeral_1h_input_tokens]),
            prompt_audio: first([input.audio_tokens]),
            prompt_image: first([input.image_tokens]),
            completion,
            reasoning,
            completion_audio: first([output.audio_tokens]),
            completion_image: first([output.image_tokens]),
        };
        Self {
            tokens: is_told.then_some(tokens),
            counts: Counts { seconds: number(told.seconds), ..Counts::default() },
            service: told.service_tier.map_or(Service::Standard, |tier| Service::named(tier.get().trim_matches('"'))),
            web_searches: first([details(told.server_tool_use).web_search_requests]),
        }
    }

    /// Of a prompt and an answer that somebody counted.
    pub fn of_tokens(prompt: u64, completion: u64) -> Self {
        Self { tokens: Some(Tokens { prompt, completion, ..Tokens::default() }), ..Self::default() }
    }
}

fn details(raw: Number<'_>) -> Details<'_> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// The first that is more than nothing.
fn first<const N: usize>(of: [Number<'_>; N]) -> u64 {
    of.into_iter().filter_map(count).find(|count| *count > 0).unwrap_or(0)
}

fn count(raw: Number<'_>) -> Option<u64> {
    raw?.get().parse().ok().or_else(|| number(raw).map(|number| number as u64))
}

fn number(raw: Number<'_>) -> Option<f64> {
    raw?.get().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(usage: &str) -> Tokens {
        Usage::read(usage).tokens.unwrap()
    }

    #[test]
    fn each_verbs_usage_is_read() {
        let chat = tokens(
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":1},
                "completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":null}}"#,
        );
        let expected =
            Tokens { prompt: 10, cached: 4, prompt_audio: 1, completion: 5, reasoning: 3, ..Tokens::default() };
        assert_eq!(chat, expected);
        let responses = tokens(
            r#"{"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"audio_tokens":1},"output_tokens":5,
                "output_tokens_details":{"reasoning_tokens":3},"total_tokens":15}"#,
        );
        assert_eq!(responses, expected);
        assert_eq!(tokens(r#"{"prompt_tokens":8,"total_tokens":8}"#).prompt, 8);
        assert_eq!(tokens(r#"{"total_tokens":8}"#), Tokens { prompt: 8, ..Tokens::default() });
        let sound = Usage::read(r#"{"type":"duration","seconds":12.5}"#);
        assert_eq!((sound.tokens, sound.counts.seconds), (None, Some(12.5)));
    }

    #[test]
    fn caches_have_many_words() {
        let anthropic = Usage::read(
            r#"{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":3,"cache_creation_tokens":2},
                "cache_read_input_tokens":3,"cache_creation_input_tokens":2,"cache_creation":{"ephemeral_1h_input_tokens":1},
                "server_tool_use":{"web_search_requests":2},"service_tier":"priority"}"#,
        );
        let cache = anthropic.tokens.map(|tokens| (tokens.cached, tokens.created, tokens.created_hour));
        assert_eq!((cache, anthropic.web_searches, anthropic.service), (Some((3, 2, 1)), 2, Service::Priority));
        assert_eq!(tokens(r#"{"prompt_tokens":9,"prompt_cache_hit_tokens":3}"#).cached, 3);
        assert_eq!(tokens(r#"{"prompt_tokens":9,"prompt_tokens_details":{"cache_write_tokens":3}}"#).created, 3);
    }

    #[test]
    fn thoughts_beside_the_answer_are_part_of_it() {
        let of = |completion, total| {
            let usage = format!(
                r#"{{"prompt_tokens":1,"completion_tokens":{completion},"total_tokens":{total},"completion_tokens_details":{{"reasoning_tokens":7}}}}"#
            );
            tokens(&usage).completion
        };
        assert_eq!([of(9, 10), of(2, 10), of(2, 99)], [9, 9, 2]);
    }

    #[test]
    fn what_is_no_usage_tells_nothing() {
        for usage in [
            "",
            "{",
            "[]",
            "null",
            "{}",
            r#"{"prompt_tokens":null}"#,
            r#"{"prompt_tokens":"9"}"#,
            r#"{"prompt_tokens":-1}"#,
        ] {
            assert_eq!(Usage::read(usage), Usage::default(), "{usage}");
        }
        assert_eq!(tokens(r#"{"prompt_tokens":9.0,"completion_tokens":[],"prompt_tokens_details":[1]}"#).prompt, 9);
    }
}
