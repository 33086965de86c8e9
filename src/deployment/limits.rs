//! What may be used of a deployment in any minute.

use super::window::Used;

/// How much may be used in any minute. Whole numbers, since use is counted in them and compared in every pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    requests: u64,
    tokens: u64,
    input: u64,
    output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: u64::MAX, tokens: u64::MAX, input: u64::MAX, output: u64::MAX }
    }
}

impl Limits {
    /// What is `None` has no limit. Half a request fits in no more than none.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn new(requests: Option<f64>, tokens: Option<f64>, input: Option<f64>, output: Option<f64>) -> Self {
        let whole = |limit: Option<f64>| limit.map_or(u64::MAX, |limit| limit as u64);
        Self { requests: whole(requests), tokens: whole(tokens), input: whole(input), output: whole(output) }
    }

    /// Limits on requests, tokens, tokens of prompts and of completions; `u64::MAX` is none.
    pub fn of([requests, tokens, input, output]: [u64; 4]) -> Self {
        Self { requests, tokens, input, output }
    }

    /// The same, the other way.
    pub fn each(&self) -> [u64; 4] {
        [self.requests, self.tokens, self.input, self.output]
    }

    /// Whether it matters how many tokens a call takes.
    pub fn counts_tokens(&self) -> bool {
        *self != Self { requests: self.requests, ..Self::default() }
    }

    /// Whether anything is limited.
    pub fn are_any(&self) -> bool {
        *self != Self::default()
    }

    /// Whether so much is within all limits.
    pub fn allow(&self, used: Used) -> bool {
        // `&` and not `&&`: nearly always all hold, and one jump is less than four.
        (used.requests <= self.requests)
            & (used.tokens() <= self.tokens)
            & (used.input <= self.input)
            & (used.output <= self.output)
    }
}
