//! How many tokens a text may have, where nobody has counted them: by its length, or with the feature `exact-tokens` by the
//! model's own vocabulary, where that matters.

#[cfg_attr(not(feature = "exact-tokens"), path = "unknown.rs")]
mod exact;

use crate::chat::Request;

pub use exact::preparation;

use exact::{Counts, Kept};

/// What makes ready what counts, for a thread that nobody waits for.
pub type Preparation = Box<dyn FnOnce() + Send>;

/// Characters of a token, by and large, in the languages that models mostly see.
const CHARACTERS: usize = 4;
/// How far an estimate may be wrong, in hundredths of the bound that it is compared with: beyond it nobody counts.
const DOUBT: u64 = 30;

/// An estimate from the number of characters: a text that is not empty has one token at least.
pub fn estimate(characters: usize) -> u64 {
    characters.div_ceil(CHARACTERS) as u64
}

/// The prompt of a request.
pub struct Prompt<'r> {
    request: &'r Request,
    estimate: u64,
    /// What was counted once is not counted again.
    counts: Counts,
}

impl<'r> Prompt<'r> {
    pub fn of(request: &'r Request) -> Self {
        Self { request, estimate: estimate(request.prompt_characters()), counts: Counts::default() }
    }

    /// Its tokens by its length, whoever reads it.
    pub fn estimate(&self) -> u64 {
        self.estimate
    }

    /// Its tokens for a model, to be compared with `bound`. They are counted only if the estimate is so near to the bound that it
    /// may be on the wrong side.
    pub fn tokens(&self, model: &str, bound: u64) -> u64 {
        let slack = bound.saturating_mul(DOUBT) / 100;
        let counted = (self.estimate.abs_diff(bound) <= slack).then(|| self.counts.of(self.request, model)).flatten();
        counted.unwrap_or(self.estimate)
    }
}

/// Tokens of a prompt and of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub prompt: u64,
    pub completion: u64,
}

/// What goes there and back in a stream, in case that nobody tells its usage.
pub struct Exchange {
    prompt_characters: usize,
    characters: usize,
    kept: Kept,
}

impl Exchange {
    /// Of a request to a model, which has said nothing yet.
    pub fn begin(request: &Request, model: &str) -> Self {
        Self { prompt_characters: request.text_len(), characters: 0, kept: Kept::begin(request, model) }
    }

    pub fn said(&mut self, text: &str) {
        self.characters += text.chars().count();
        self.kept.said(text);
    }

    /// What it has come to so far. Costs time where it is counted: for whoever has no better source.
    pub fn spent(&self) -> Spent {
        let by_length = || Spent { prompt: estimate(self.prompt_characters), completion: estimate(self.characters) };
        self.kept.count().unwrap_or_else(by_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_a_token_at_least() {
        assert_eq!([estimate(0), estimate(1), estimate(4), estimate(5)], [0, 1, 1, 2]);
    }

    #[test]
    fn what_nobody_can_count_is_estimated() {
        let request = Request::parse(r#"{"model":"m","messages":["0123456789ab"]}"#).unwrap();
        let prompt = Prompt::of(&request);
        assert_eq!([prompt.estimate(), prompt.tokens("nobodys", 3), prompt.tokens("nobodys", 99)], [3; 3]);
        let mut exchange = Exchange::begin(&request, "nobodys");
        exchange.said("0123");
        exchange.said("4");
        assert_eq!(exchange.spent(), Spent { prompt: estimate(request.text_len()), completion: 2 });
    }
}
