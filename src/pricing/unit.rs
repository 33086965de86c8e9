//! What is paid for, and LiteLLM's names for the prices.

use super::rates::Service;

/// What one price is for. Prices are in USD, each for one of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    InputToken,
    OutputToken,
    CacheRead,
    CacheCreation,
    /// What stays in the cache for an hour.
    CacheCreationHour,
    ReasoningToken,
    InputAudioToken,
    OutputAudioToken,
    InputImageToken,
    OutputImageToken,
    InputImage,
    OutputImage,
    InputPixel,
    InputSecond,
    OutputSecond,
    InputCharacter,
    /// A question to a reranker, or the unit that it counts in.
    InputQuery,
    WebSearch,
    Request,
}

/// Each with its name in a configuration and its letter in `data/prices.tsv`.
pub(super) const NAMES: [(Unit, &str, char); 19] = [
    (Unit::InputToken, "input_cost_per_token", 'i'),
    (Unit::OutputToken, "output_cost_per_token", 'o'),
    (Unit::CacheRead, "cache_read_input_token_cost", 'r'),
    (Unit::CacheCreation, "cache_creation_input_token_cost", 'w'),
    (Unit::CacheCreationHour, "cache_creation_input_token_cost_above_1hr", 'W'),
    (Unit::ReasoningToken, "output_cost_per_reasoning_token", 't'),
    (Unit::InputAudioToken, "input_cost_per_audio_token", 'a'),
    (Unit::OutputAudioToken, "output_cost_per_audio_token", 'A'),
    (Unit::InputImageToken, "input_cost_per_image_token", 'p'),
    (Unit::OutputImageToken, "output_cost_per_image_token", 'P'),
    (Unit::InputImage, "input_cost_per_image", 'n'),
    (Unit::OutputImage, "output_cost_per_image", 'N'),
    (Unit::InputPixel, "input_cost_per_pixel", 'x'),
    (Unit::InputSecond, "input_cost_per_second", 's'),
    (Unit::OutputSecond, "output_cost_per_second", 'S'),
    (Unit::InputCharacter, "input_cost_per_character", 'c'),
    (Unit::InputQuery, "input_cost_per_query", 'q'),
    (Unit::WebSearch, "search_context_cost_per_query", 'Q'),
    (Unit::Request, "input_cost_per_request", 'R'),
];

impl Unit {
    fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known, _)| *known == name).map(|(unit, ..)| *unit)
    }

    pub(super) fn lettered(letter: char) -> Option<Self> {
        NAMES.iter().find(|(.., known)| *known == letter).map(|(unit, ..)| *unit)
    }

    /// Whether it is one of a prompt's tokens, of whatever kind.
    pub(super) fn is_input_token(self) -> bool {
        matches!(
            self,
            Unit::InputToken
                | Unit::CacheRead
                | Unit::CacheCreation
                | Unit::CacheCreationHour
                | Unit::InputAudioToken
                | Unit::InputImageToken
        )
    }

    /// Whether it is one of an answer's tokens, of whatever kind.
    pub(super) fn is_output_token(self) -> bool {
        matches!(self, Unit::OutputToken | Unit::ReasoningToken | Unit::OutputAudioToken | Unit::OutputImageToken)
    }

    pub(super) fn is_second(self) -> bool {
        matches!(self, Unit::InputSecond | Unit::OutputSecond)
    }
}

/// A price's name, taken apart: `input_cost_per_token_above_200k_tokens_priority`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceKey {
    pub unit: Unit,
    pub service: Service,
    /// It holds for prompts of more tokens than this.
    pub above: u64,
}

impl PriceKey {
    /// `None` for a name that is no price, or a price that is not reckoned with.
    pub fn named(name: &str) -> Option<Self> {
        let (rest, service) = match name.rsplit_once('_').and_then(|(rest, last)| Some((rest, Service::priced(last)?)))
        {
            Some((rest, service)) => (rest, service),
            None => (name, Service::Standard),
        };
        let (rest, above) = match rest.strip_suffix("k_tokens").and_then(|rest| rest.rsplit_once("_above_")) {
            Some((rest, thousands)) => (rest, thousands.parse::<u32>().ok()?),
            None => (rest, 0),
        };
        Some(Self { unit: Unit::named(rest)?, service, above: u64::from(above) * 1000 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let key = |unit, service, above| Some(PriceKey { unit, service, above });
        for (name, expected) in [
            ("input_cost_per_token", key(Unit::InputToken, Service::Standard, 0)),
            ("input_cost_per_token_above_200k_tokens", key(Unit::InputToken, Service::Standard, 200_000)),
            ("output_cost_per_token_above_272k_tokens_flex", key(Unit::OutputToken, Service::Flex, 272_000)),
            ("cache_read_input_token_cost_priority", key(Unit::CacheRead, Service::Priority, 0)),
            ("cache_creation_input_token_cost_above_1hr", key(Unit::CacheCreationHour, Service::Standard, 0)),
            (
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
                key(Unit::CacheCreationHour, Service::Standard, 200_000),
            ),
            ("input_cost_per_token_batches", None),
            ("output_cost_per_token_above_200k_tokens_batches", None),
            ("input_cost_per_character_above_k_tokens", None),
            ("_flex", None),
            ("model", None),
        ] {
            assert_eq!(PriceKey::named(name), expected, "{name}");
        }
    }
}
