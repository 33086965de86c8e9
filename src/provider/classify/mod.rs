//! An answer with a bad status becomes an error: what kind, whose fault, whether and when to try again.
//!
//! `body` reads the envelopes, `wait` (with `moment`) the times, and `rules` holds the table of what is known about
//! single providers; what no rule knows, the HTTP status decides.

mod body;
mod moment;
mod rules;
mod wait;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::transport::{HeaderMap, shown_texts};

pub use rules::ErrorRules;

use super::Endpoint;
use body::Said;
use rules::{Facts, Rule};
use wait::{Source, Wait};

/// How much of a provider's text is worth repeating.
const MAX_MESSAGE_CHARS: usize = 500;

/// The error that an answer with this status means.
pub fn refusal(endpoint: &Endpoint, status: u16, headers: &HeaderMap, body: &[u8]) -> Error {
    let said = Said::read(headers, body);
    let wait = Wait::find(status, headers, &said);
    let rule = matching(endpoint, status, headers, &said, wait.as_ref());
    let clean = |text: String| endpoint.clean(&text);
    let reason: String = said.reason().chars().take(MAX_MESSAGE_CHARS).collect();
    let error = endpoint
        .error(kind(status, rule), &format!("answered {status}: {}", reason.trim()))
        .with_status(status)
        .with_code(said.code.map(clean))
        .with_param(said.param.map(clean))
        .with_retry_after(settled(wait, rule))
        .with_headers(shown_texts(headers).map(|(name, value)| (name.to_owned(), endpoint.clean(value))).collect());
    let Some(rule) = rule else { return error };
    let error = rule.scope.into_iter().fold(error, Error::with_scope);
    rule.retryable.into_iter().fold(error, Error::with_retryable)
}

fn matching<'a>(
    endpoint: &'a Endpoint,
    status: u16,
    headers: &HeaderMap,
    said: &Said,
    wait: Option<&Wait>,
) -> Option<&'a Rule> {
    let provider = &endpoint.deployment().provider;
    let timed = wait.is_some_and(|wait| wait.source == Source::Named);
    endpoint.error_rules().find(&Facts { provider, status, headers, said, timed })
}

fn kind(status: u16, rule: Option<&Rule>) -> ErrorKind {
    match rule.and_then(|rule| rule.kind) {
        // Redirects, which would carry the key elsewhere, and whatever else is no answer.
        _ if status < 400 => ErrorKind::ApiResponse,
        Some(kind) => kind,
        None => ErrorKind::from_status(status),
    }
}

/// What the answer names for this very failure beats the rule's wait, which beats what it says about limits that are
/// not used up.
fn settled(wait: Option<Wait>, rule: Option<&Rule>) -> Option<Duration> {
    let ruled = rule.and_then(|rule| rule.wait);
    match wait {
        Some(Wait { time, source: Source::Named | Source::Prose }) => Some(time),
        Some(Wait { time, source: Source::Spare }) => ruled.or(Some(time)),
        None => ruled,
    }
}
