//! Under which key an answer is kept: a hash of the whole request but for what is known to change nothing of an answer,
//! and of where it is asked.

use ring::digest::{Context, Digest, SHA256};
use serde_json::{Number, Value};

use crate::chat::{Request, Verb};

/// Entries of another version are not seen.
const SCHEMA: &str = "llmrouter-answer-1";

/// The router's own options that change nothing of an answer; the model, whose group is a part of the key by itself; and
/// the form in which the answer is given. Where deployments listen to tags, these are a part of the place. All else is in the key, known or not.
const INERT: [&str; 29] = [
    "cache",
    "caching",
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "deadline",
    "disable_fallbacks",
    "fallbacks",
    "include_fallback_errors",
    "litellm_call_id",
    "litellm_metadata",
    "litellm_session_id",
    "litellm_trace_id",
    "max_retries",
    "metadata",
    "mid_stream_fallback",
    "model",
    "model_group_retry_policy",
    "num_retries",
    "on_exhausted",
    "priority",
    "proxy_server_request",
    "request_timeout",
    "retry_policy",
    "routing_strategy",
    "stream",
    "stream_options",
    "stream_timeout",
    "tags",
    "timeout",
];

/// A key of the cache. Nobody can choose two requests that share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// As others may see it: sixty-four digits.
    pub fn hex(self) -> String {
        self.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect()
    }

    /// Eight bytes of it, which are as good as chance.
    pub fn short(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// Where a request is asked, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub namespace: Option<&'a str>,
    /// Who may see the answer; `None` for everybody who has none.
    pub tenant: Option<&'a str>,
    /// The group, or the groups that share their entries.
    pub group: &'a str,
    /// Of the group's deployments: their models and parameters.
    pub fingerprint: &'a [u8; 32],
    /// What restricts who may answer, beside the request's members; mostly nothing.
    pub restriction: &'a str,
}

/// The key of a request's answer.
pub fn of_request(place: &Place<'_>, request: &Request) -> Key {
    keyed(place, request, request.digest_or(|| digest(request, None)), "")
}

/// Makes the keys of an embedding's inputs, each by itself: `item` is one input, as canonical JSON.
pub fn of_inputs<'a>(place: &'a Place<'a>, request: &'a Request) -> impl Fn(&str) -> Key + 'a {
    let rest = digest(request, Some("input"));
    move |item| keyed(place, request, &rest, item)
}

fn keyed(place: &Place<'_>, request: &Request, digest: &[u8; 32], item: &str) -> Key {
    let mut hash = Context::new(&SHA256);
    let parts = [
        SCHEMA,
        request.verb().path(),
        place.namespace.unwrap_or_default(),
        place.tenant.unwrap_or_default(),
        place.group,
        place.restriction,
        item,
    ];
    // None, and a text that is empty, are not the same; and no text runs into the next one.
    hash.update(&[u8::from(place.namespace.is_some()), u8::from(place.tenant.is_some())]);
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(place.fingerprint);
    hash.update(digest);
    Key(bytes(&hash.finish()))
}

/// A hash of parts that are told apart: the same parts in the same order, and nothing else, make the same one.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    bytes(&hash.finish())
}

fn digest(request: &Request, without: Option<&str>) -> [u8; 32] {
    let is_inert = |name: &str| {
        // A response's metadata goes to the provider and comes back with the answer.
        let is_sent = name == "metadata" && request.verb() == Verb::Responses && request.has(name);
        (INERT.contains(&name) && !is_sent) || Some(name) == without
    };
    let mut members: Vec<_> =
        request.members().filter(|(name, text)| !is_inert(name) && text.trim() != "null").collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    let mut text = Vec::with_capacity(request.text_len());
    for (name, value) in members {
        write_text(&mut text, name);
        text.push(b':');
        match serde_json::from_str(value) {
            Ok(value) => write(&mut text, &value),
            // Nested beyond all reason: as it was written.
            Err(_) => text.extend_from_slice(value.as_bytes()),
        }
        text.push(b',');
    }
    bytes(&ring::digest::digest(&SHA256, &text))
}

fn bytes(digest: &Digest) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (own, byte) in bytes.iter_mut().zip(digest.as_ref()) {
        *own = *byte;
    }
    bytes
}

/// A value, so that what means the same is the same: sorted names, no blanks, one way to write a text and a number.
pub fn canonical(value: &Value) -> String {
    let mut text = Vec::new();
    write(&mut text, value);
    String::from_utf8(text).unwrap_or_default()
}

fn write(text: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => text.extend_from_slice(b"null"),
        Value::Bool(flag) => text.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Number(number) => write_number(text, number),
        Value::String(own) => write_text(text, own),
        Value::Array(items) => {
            text.push(b'[');
            for item in items {
                write(text, item);
                text.push(b',');
            }
            text.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push(b'{');
            for (name, value) in members {
                write_text(text, name);
                text.push(b':');
                write(text, value);
                text.push(b',');
            }
            text.push(b'}');
        }
    }
}

/// 1, 1.0 and 1e0 are the same.
fn write_number(text: &mut Vec<u8>, number: &Number) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() < EXACT => {
            #[allow(clippy::cast_possible_truncation)]
            text.extend_from_slice((value as i64).to_string().as_bytes());
        }
        _ => text.extend_from_slice(number.to_string().as_bytes()),
    }
}

fn write_text(text: &mut Vec<u8>, own: &str) {
    // Writing into memory does not fail.
    let _ = serde_json::to_writer(text, own);
}

#[cfg(test)]
#[path = "tests/key.rs"]
pub mod tests;
