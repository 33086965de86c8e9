//! Headers of a provider that are worth passing on.

use super::HeaderMap;

/// By the beginning or the end of their names: limits, waits, and what an answer is known by.
const STARTS: [&str; 3] = ["x-ratelimit-", "anthropic-ratelimit-", "retry-after"];
const ENDS: [&str; 1] = ["request-id"];

/// Whether a provider's header may be shown to the caller.
fn is_passed_on(name: &str) -> bool {
    STARTS.iter().any(|start| name.starts_with(start)) || ENDS.iter().any(|end| name.ends_with(end))
}

/// Those of an answer's headers that may be shown; mostly few, and often none.
pub fn shown_headers(headers: &HeaderMap) -> HeaderMap {
    let shown = headers.iter().filter(|(name, _)| is_passed_on(name.as_str()));
    shown.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The same as texts. Of a header that came twice, the first: a name stands once in an object.
pub fn shown_texts(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let shown = headers.keys().map(|name| name.as_str()).filter(|name| is_passed_on(name));
    shown.filter_map(|name| Some((name, headers.get(name)?.to_str().ok()?)))
}
