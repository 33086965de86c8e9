//! After how long to come again, from all places where an answer says so.

use std::time::Duration;

use crate::transport::HeaderMap;

use super::body::Said;
use super::moment;

/// How long to wait, and how sure that is.
pub struct Wait {
    pub time: Duration,
    pub source: Source,
}

/// Where a wait was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Headers or details: the provider names a time for this failure.
    Named,
    /// Words of the message.
    Prose,
    /// The reset of a limit that is not used up: it may have nothing to do with the failure.
    Spare,
}

/// Headers that hold milliseconds.
const MILLIS: [&str; 2] = ["retry-after-ms", "x-ms-retry-after-ms"];

/// One limit that a provider counts down: when it is full again, what is left of it, and whether a single request may
/// take much of it.
struct Limit {
    reset: &'static str,
    left: &'static str,
    bulky: bool,
}

const fn limit(reset: &'static str, left: &'static str, bulky: bool) -> Limit {
    Limit { reset, left, bulky }
}

const LIMITS: [Limit; 8] = [
    limit("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests", false),
    limit("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens", true),
    limit("x-ratelimit-reset", "x-ratelimit-remaining", false),
    limit("ratelimit-reset", "ratelimit-remaining", false),
    limit("anthropic-ratelimit-requests-reset", "anthropic-ratelimit-requests-remaining", false),
    limit("anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-tokens-remaining", true),
    limit("anthropic-ratelimit-input-tokens-reset", "anthropic-ratelimit-input-tokens-remaining", true),
    limit("anthropic-ratelimit-output-tokens-reset", "anthropic-ratelimit-output-tokens-remaining", true),
];

/// What stands before a time in a message, in lower case.
const PHRASES: [&str; 4] = ["try again in ", "try again after ", "retry after ", "retry in "];

impl Wait {
    /// The surest wait that the answer names.
    pub fn find(status: u16, headers: &HeaderMap, said: &Said) -> Option<Self> {
        let named = retry_after(headers).or_else(|| moment::until(said.retry_delay.as_deref()?));
        if let Some(time) = named {
            return Some(Self { time, source: Source::Named });
        }
        // Limits stand in every answer of some providers; only where one may be used up do they say anything.
        if !matches!(status, 429 | 503 | 529) {
            return None;
        }
        let limits = Limits::read(headers, said);
        let prose = || Some(Self { time: prose(said)?, source: Source::Prose });
        limits.wait().or_else(prose)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let millis = MILLIS.iter().find_map(|name| text(headers, name)?.trim().parse::<f64>().ok());
    match millis {
        Some(millis) => moment::seconds(millis / 1000.0),
        None => moment::until(text(headers, "retry-after")?),
    }
}

/// The limits of an answer, by what is left of them.
#[derive(Default)]
struct Limits {
    spent: Option<Duration>,
    unknown: Option<Duration>,
    bulky: Option<Duration>,
}

impl Limits {
    fn read(headers: &HeaderMap, said: &Said) -> Self {
        let value = |name: &str| {
            let repeated = || said.limits.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            text(headers, name).or_else(repeated)
        };
        let mut limits = Self::default();
        for Limit { reset, left, bulky } in &LIMITS {
            let Some(time) = value(reset).and_then(moment::until) else { continue };
            let kept = match value(left).and_then(|left| left.trim().parse::<f64>().ok()) {
                Some(left) if left <= 0.0 => &mut limits.spent,
                Some(_) if *bulky => &mut limits.bulky,
                // A request takes one request, and there is one left: it was refused for something else.
                Some(_) => continue,
                None => &mut limits.unknown,
            };
            *kept = (*kept).max(Some(time));
        }
        limits
    }

    /// A limit that is used up is what refused the request; if several are, it takes the last of them. Failing that,
    /// one of which nothing is known may be it. A limit of tokens with some left refuses only what is larger than the
    /// rest, so its reset is a guess, and on the safe side.
    fn wait(&self) -> Option<Wait> {
        let named = self.spent.or(self.unknown).map(|time| Wait { time, source: Source::Named });
        named.or(self.bulky.map(|time| Wait { time, source: Source::Spare }))
    }
}

/// "Please try again in 1.2s": the last resort, since anybody may write such words.
fn prose(said: &Said) -> Option<Duration> {
    said.words(true).find_map(|words| {
        PHRASES.iter().find_map(|phrase| {
            let (_, after) = words.split_once(phrase)?;
            moment::span(after).and_then(|(seconds, _)| moment::seconds(seconds))
        })
    })
}
