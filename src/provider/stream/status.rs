//! Which status an error that is told inside a stream stands for.

use serde_json::Value;

/// Where a status stands as a number, best first.
const NUMBERS: [&str; 4] = ["code", "status", "status_code", "http_status"];
/// Where a word for it stands, best first.
const WORDS: [&str; 3] = ["type", "code", "status"];

/// What providers call their errors, in lower case, and the status that goes with each where it has its own answer.
const KNOWN: [(&str, u16); 28] = [
    ("overloaded_error", 529),
    ("rate_limit_error", 429),
    ("rate_limit_exceeded", 429),
    ("insufficient_quota", 429),
    ("resource_exhausted", 429),
    ("too_many_requests", 429),
    ("invalid_request_error", 400),
    ("badrequesterror", 400),
    ("invalid_argument", 400),
    ("context_length_exceeded", 400),
    ("content_filter", 400),
    ("content_policy_violation", 400),
    ("authentication_error", 401),
    ("invalid_api_key", 401),
    ("unauthenticated", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("permission_denied", 403),
    ("not_found_error", 404),
    ("model_not_found", 404),
    ("request_too_large", 413),
    ("timeout_error", 504),
    ("deadline_exceeded", 504),
    ("service_unavailable", 503),
    ("service_unavailable_error", 503),
    ("unavailable", 503),
    ("engine_overloaded", 503),
    ("bad_gateway", 502),
];

/// For errors that name none.
const UNKNOWN: u16 = 500;

/// The status of an error: the number that it names, else what its type stands for.
pub fn of(body: &[u8]) -> u16 {
    let Ok(root) = serde_json::from_slice::<Value>(body) else { return UNKNOWN };
    let error = root.get("error").filter(|error| error.is_object()).unwrap_or(&root);
    let both = [error, &root];
    let number = both.into_iter().flat_map(|object| NUMBERS.iter().filter_map(|name| number(object.get(*name)?)));
    let word = both.into_iter().flat_map(|object| WORDS.iter().filter_map(|name| known(object.get(*name)?)));
    number.chain(word).next().unwrap_or(UNKNOWN)
}

fn number(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

fn known(value: &Value) -> Option<u16> {
    let word = value.as_str()?.to_ascii_lowercase();
    KNOWN.iter().find(|(known, _)| *known == word).map(|(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beat_words() {
        for (body, expected) in [
            (r#"{"error":{"code":502,"type":"rate_limit_error"}}"#, 502),
            (r#"{"error":{"code":"429","message":"x"}}"#, 429),
            (r#"{"error":{"type":"server_error","status":"UNAVAILABLE","code":14}}"#, 503),
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, 529),
            (r#"{"object":"error","message":"x","type":"BadRequestError","code":400}"#, 400),
            (r#"{"error":{"code":"context_length_exceeded","type":null}}"#, 400),
            (r#"{"error":{"type":"server_error","code":null}}"#, 500),
            (r#"{"error":{"code":200}}"#, 500),
            (r#"{"error":"boom","status_code":503}"#, 503),
            ("boom", 500),
        ] {
            assert_eq!(of(body.as_bytes()), expected, "{body}");
        }
    }
}
