//! What the body of a bad answer says, in all the shapes in which providers say it.

use serde_json::Value;

use crate::transport::HeaderMap;

/// How many of a list of complaints are repeated.
const MAX_COMPLAINTS: usize = 3;
/// How deep a message may be wrapped.
const MAX_DEPTH: usize = 4;
/// Where a message stands, best first.
const MESSAGES: [&str; 7] = ["message", "Message", "msg", "detail", "error", "errors", "error_description"];
/// Where a code stands, best first. Google's `status` is the RPC status, such as `RESOURCE_EXHAUSTED`.
const CODES: [&str; 5] = ["code", "type", "status", "error_code", "error_type"];

/// An error as its provider told it. Everything in it comes from outside and is not redacted.
#[derive(Debug, Default)]
pub struct Said {
    message: Option<String>,
    /// The code that tells most.
    pub code: Option<String>,
    pub param: Option<String>,
    /// All codes, in lower case.
    codes: Vec<String>,
    /// The message in lower case.
    words: String,
    /// Google's `RetryInfo.retryDelay`.
    pub retry_delay: Option<String>,
    /// Headers of limits that a gateway repeats in its body, names in lower case.
    pub limits: Vec<(String, String)>,
    /// What the provider behind a gateway said.
    upstream: Option<Box<Said>>,
}

impl Said {
    /// Reads headers and body; from anything unknown, such as a proxy's HTML page, comes nothing.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let mut said = Self::of_text(&String::from_utf8_lossy(body), 0);
        if let Some(kind) = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok()) {
            let kind = bare(kind);
            said.codes.push(kind.to_lowercase());
            said.code = Some(kind.to_owned()).filter(|kind| !kind.is_empty()).or(said.code);
        }
        said
    }

    fn of_text(text: &str, depth: usize) -> Self {
        let text = text.trim();
        match serde_json::from_str::<Value>(text) {
            Ok(value) => Self::of_value(&value, depth),
            Err(_) if text.is_empty() || text.starts_with(['<', '{', '[']) => Self::default(),
            // A gateway's "upstream connect error".
            Err(_) => Self { words: text.to_lowercase(), message: Some(text.to_owned()), ..Self::default() },
        }
    }

    fn of_value(value: &Value, depth: usize) -> Self {
        // Gemini's OpenAI-compatible endpoint wraps its error in a list of one.
        let root = value.as_array().and_then(|list| list.first()).unwrap_or(value);
        let object = root.get("error").filter(|error| error.is_object()).unwrap_or(root);
        let message = prose(object, 0).or_else(|| prose(root, 0));
        let codes = codes(object, root);
        let upstream = object.pointer("/metadata/raw").filter(|_| depth == 0).map(|raw| match raw {
            Value::String(text) => Self::of_text(text, depth + 1),
            other => Self::of_value(other, depth + 1),
        });
        Self {
            words: message.as_deref().unwrap_or_default().to_lowercase(),
            message,
            code: telling(&codes),
            param: object.get("param").and_then(text_of),
            codes: codes.iter().map(|code| code.to_lowercase()).collect(),
            retry_delay: retry_delay(object),
            limits: limits(object),
            upstream: upstream.map(Box::new),
        }
    }

    /// The message for people; what a gateway says is of use only with what it was told.
    pub fn reason(&self) -> String {
        let own = self.message.as_deref();
        let behind = self.upstream.as_ref().and_then(|upstream| upstream.message.as_deref());
        match (own, behind) {
            (Some(own), Some(behind)) => format!("{}: {behind}", own.trim()),
            (own, behind) => own.or(behind).unwrap_or("no reason was given").to_owned(),
        }
    }

    /// Whether one of the codes is `code`, which is in lower case; `behind` asks the provider behind a gateway too.
    pub fn has_code(&self, code: &str, behind: bool) -> bool {
        self.voices(behind).any(|said| said.codes.iter().any(|known| known == code))
    }

    /// The messages in lower case.
    pub fn words(&self, behind: bool) -> impl Iterator<Item = &str> {
        self.voices(behind).map(|said| said.words.as_str())
    }

    fn voices(&self, behind: bool) -> impl Iterator<Item = &Said> {
        std::iter::once(self).chain(self.upstream.as_deref().filter(|_| behind))
    }
}

/// The text in a message of any shape: text, an object that wraps it, a list of complaints.
///
/// What a complaint quotes from the request (`input`, `loc`) is left out: the caller wrote that.
fn prose(value: &Value, depth: usize) -> Option<String> {
    match value {
        _ if depth > MAX_DEPTH => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Object(map) => MESSAGES.iter().find_map(|name| prose(map.get(*name)?, depth + 1)),
        Value::Array(list) => {
            let complaints: Vec<_> = list.iter().take(MAX_COMPLAINTS).filter_map(|one| prose(one, depth + 1)).collect();
            Some(complaints.join("; ")).filter(|text| !text.is_empty())
        }
        _ => None,
    }
}

/// All codes in order: those of the error, those around it, those in its details.
fn codes(object: &Value, root: &Value) -> Vec<String> {
    let own = CODES.iter().filter_map(|name| object.get(*name));
    let around = CODES.iter().filter_map(|name| root.get(*name));
    // Anthropic's envelope is of the type "error", which says nothing.
    let mut codes: Vec<_> = own.chain(around).filter_map(text_of).filter(|code| code != "error").collect();
    codes.extend(root.get("__type").and_then(Value::as_str).map(|kind| bare(kind).to_owned()));
    let inner = ["/innererror/code", "/inner_error/code", "/metadata/error_type"];
    codes.extend(inner.iter().filter_map(|place| object.pointer(place)).filter_map(text_of));
    codes.extend(details(object).filter_map(|detail| detail.get("reason")).filter_map(text_of));
    codes
}

/// A word tells more than a number, which is often only the status again.
fn telling(codes: &[String]) -> Option<String> {
    let is_word = |code: &&String| !code.bytes().all(|byte| byte.is_ascii_digit());
    codes.iter().find(is_word).or_else(|| codes.first()).cloned()
}

fn details(object: &Value) -> impl Iterator<Item = &Value> {
    object.get("details").and_then(Value::as_array).into_iter().flatten()
}

fn retry_delay(object: &Value) -> Option<String> {
    details(object).find_map(|detail| detail.get("retryDelay")).and_then(text_of)
}

fn limits(object: &Value) -> Vec<(String, String)> {
    let headers = object.pointer("/metadata/headers").and_then(Value::as_object);
    headers.into_iter().flatten().filter_map(|(name, value)| Some((name.to_lowercase(), text_of(value)?))).collect()
}

/// An AWS error type without the namespace before it and the address behind it.
fn bare(kind: &str) -> &str {
    let kind = kind.split(':').next().unwrap_or_default();
    kind.rsplit('#').next().unwrap_or_default().trim()
}

/// Codes are texts with most providers and numbers with some.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
