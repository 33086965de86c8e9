//! A request: its top level parsed once, every member's value left as the bytes that the caller wrote.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::options::{self, Options};
use super::verb::Verb;

/// The largest request taken. Far above what a provider accepts, far below what would hurt the host.
const MAX_REQUEST_BYTES: usize = 256 * 1024 * 1024;

const METADATA: &str = "metadata";

/// One call's request. Immutable; every attempt is built from it anew. A clone is the same request.
#[derive(Clone)]
pub struct Request(Arc<Parsed>);

struct Parsed {
    text: Box<str>,
    members: Vec<Member>,
    model: String,
    options: Options,
    verb: Verb,
    is_copy: bool,
    /// See [`Request::digest_or`].
    digest: OnceLock<[u8; 32]>,
}

struct Member {
    key: Box<str>,
    value: Range<usize>,
    /// Ours, and so not sent.
    is_option: bool,
}

/// Why a request can't be used.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestError {
    /// It is no JSON object at all.
    Unreadable(String),
    /// It is one, but this parameter of it can't be used.
    Parameter { name: String, message: String },
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Unreadable(message) | RequestError::Parameter { message, .. } => f.write_str(message),
        }
    }
}

impl RequestError {
    pub(super) fn parameter(name: &str, message: impl Into<String>) -> Self {
        RequestError::Parameter { name: name.to_owned(), message: message.into() }
    }
}

impl Request {
    /// A chat completion's.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        Self::parse_for(Verb::Chat, text)
    }

    /// Parses the top level. The values are checked to be JSON, not looked into.
    pub fn parse_for(verb: Verb, text: &str) -> Result<Self, RequestError> {
        Parsed::new(verb, text).map(|parsed| Self(Arc::new(parsed)))
    }

    /// The same request with some members replaced, as a fallback may demand it.
    pub fn changed(&self, changes: &Map<String, Value>) -> Result<Self, RequestError> {
        self.with(changes).map(|parsed| Self(Arc::new(parsed)))
    }

    fn with(&self, changes: &Map<String, Value>) -> Result<Parsed, RequestError> {
        let kept = self.0.members.iter().filter(|member| !changes.contains_key(&*member.key));
        let mut text = String::with_capacity(self.0.text.len());
        for member in kept {
            push_member(&mut text, &member.key, self.0.text.get(member.value.clone()).unwrap_or_default());
        }
        for (name, value) in changes {
            push_member(&mut text, name, &value.to_string());
        }
        text.push('}');
        Parsed::new(self.0.verb, &text)
    }

    /// A copy for somebody else, whose answer nobody reads: a whole one.
    pub fn copy(&self, changes: &Map<String, Value>) -> Result<Self, RequestError> {
        let mut copy = self.with(changes)?;
        copy.is_copy = true;
        copy.options.stream = false;
        Ok(Self(Arc::new(copy)))
    }

    pub fn is_copy(&self) -> bool {
        self.0.is_copy
    }

    pub fn verb(&self) -> Verb {
        self.0.verb
    }

    /// The name the caller asked for.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The tags that the caller gave it.
    pub fn tags(&self) -> &[String] {
        self.0.options.about().map(|about| about.tags.as_slice()).unwrap_or_default()
    }

    /// Whether the request has a member of this name that goes to the provider.
    pub fn has(&self, name: &str) -> bool {
        self.0.members.iter().any(|member| !member.is_option && &*member.key == name)
    }

    /// The JSON text of a member that goes to the provider.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.sent().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// What goes to the provider, in the caller's order: names and raw JSON values, `model` included.
    pub fn sent(&self) -> impl Iterator<Item = (&str, &str)> {
        let sent = self.0.members.iter().filter(|member| !member.is_option);
        sent.map(|member| (&*member.key, self.0.text.get(member.value.clone()).unwrap_or_default()))
    }

    /// All members in the caller's order, options included: names and raw JSON values.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.members.iter().map(|member| (&*member.key, self.0.text.get(member.value.clone()).unwrap_or_default()))
    }

    /// A digest of it, made by the first who asks for one.
    pub fn digest_or(&self, make: impl FnOnce() -> [u8; 32]) -> &[u8; 32] {
        self.0.digest.get_or_init(make)
    }

    /// As the caller wrote it.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The size of the text, for buffers made from it.
    pub fn text_len(&self) -> usize {
        self.0.text.len()
    }
}

impl Parsed {
    fn new(verb: Verb, text: &str) -> Result<Self, RequestError> {
        if text.len() > MAX_REQUEST_BYTES {
            let message = format!("the request has {} bytes; at most {MAX_REQUEST_BYTES} are taken", text.len());
            return Err(RequestError::Unreadable(message));
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        let mut members = reader
            .deserialize_map(TopLevel { text })
            .and_then(|members| reader.end().map(|()| members))
            .map_err(|error| RequestError::Unreadable(format!("the request is no JSON object: {error}")))?;
        keep_last_of_each_name(&mut members);

        let mut options = Options::default();
        let mut model = None;
        for member in &mut members {
            let value = text.get(member.value.clone()).unwrap_or_default();
            if &*member.key == "model" {
                model = Some(parse_model(value)?);
            } else {
                member.is_option = options::read(&mut options, &member.key, value)?;
                // Kept by the provider beside the response; elsewhere it is for whoever reads the logs.
                if verb == Verb::Responses && &*member.key == METADATA {
                    member.is_option = options.explain;
                }
            }
        }
        let model = model.ok_or_else(|| RequestError::parameter("model", "the request has no \"model\""))?;
        Ok(Self { text: text.into(), members, model, options, verb, is_copy: false, digest: OnceLock::new() })
    }
}

fn push_member(text: &mut String, name: &str, value: &str) {
    text.push(if text.is_empty() { '{' } else { ',' });
    text.push_str(&Value::from(name).to_string());
    text.push(':');
    text.push_str(value);
}

fn parse_model(value: &str) -> Result<String, RequestError> {
    match serde_json::from_str::<String>(value) {
        Ok(name) if !name.is_empty() => Ok(name),
        _ => Err(RequestError::parameter("model", "\"model\" must be a text that is not empty")),
    }
}

/// JSON leaves a repeated name open; providers take the last one, and a request with two would be ambiguous upstream.
fn keep_last_of_each_name(members: &mut Vec<Member>) {
    let mut position = 0;
    while let Some(member) = members.get(position) {
        let repeated = members.iter().skip(position + 1).any(|later| later.key == member.key);
        if repeated {
            members.remove(position);
        } else {
            position += 1;
        }
    }
}

/// Collects names and where their values stand.
struct TopLevel<'a> {
    text: &'a str,
}

impl<'de> Visitor<'de> for TopLevel<'de> {
    type Value = Vec<Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
            let value = map.next_value::<&'de RawValue>()?.get();
            // Borrowed from `text`, so the distance of the two is its place.
            let start = value.as_ptr() as usize - self.text.as_ptr() as usize;
            members.push(Member { key: key.into(), value: start..start + value.len(), is_option: false });
        }
        Ok(members)
    }
}

/// A member's name, borrowed unless it holds an escape.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> Vec<(String, String)> {
        let request = Request::parse(text).unwrap();
        request.sent().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn values_are_the_callers_bytes() {
        let text =
            r#" { "messages" : [ {"role":"user", "content":"\u00e9\n" } ] ,"model":"m","t\u0065mperature":1.50} "#;
        let expected = [
            ("messages", r#"[ {"role":"user", "content":"\u00e9\n" } ]"#),
            ("model", "\"m\""),
            ("temperature", "1.50"),
        ];
        assert_eq!(sent(text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn the_last_of_a_repeated_name_counts() {
        let request = Request::parse(r#"{"model":"a","n":1,"model":"b","n":2}"#).unwrap();
        assert_eq!(request.model(), "b");
        assert_eq!(sent(r#"{"model":"a","n":1,"model":"b","n":2}"#).len(), 2);
    }

    #[test]
    fn changes_replace_members_and_keep_the_rest() {
        let request = Request::parse(r#"{"model":"m","messages":[1.50],"timeout":3,"temperature":1}"#).unwrap();
        let Value::Object(changes) = serde_json::json!({"temperature": 0.5, "timeout": 7, "seed": 1}) else { panic!() };
        let changed = request.changed(&changes).unwrap();
        assert_eq!(changed.model(), "m");
        assert_eq!(changed.options().timeout, Some(std::time::Duration::from_secs(7)));
        let sent: Vec<_> = changed.sent().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(sent, ["model=\"m\"", "messages=[1.50]", "temperature=0.5", "seed=1"]);
    }

    #[test]
    fn what_is_no_object_is_unreadable() {
        for text in ["", "[]", "null", "{", "{\"model\":}", "{\"model\":\"a\"} x", "\"model\"", "{\"a\":1,}"] {
            assert!(matches!(Request::parse(text), Err(RequestError::Unreadable(_))), "{text}");
        }
    }

    #[test]
    fn a_model_must_be_named() {
        for text in ["{}", r#"{"model":""}"#, r#"{"model":null}"#, r#"{"model":7}"#] {
            let error = Request::parse(text).err();
            assert!(matches!(error, Some(RequestError::Parameter { name, .. }) if name == "model"), "{text}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = format!("{{\"model\":\"m\",\"messages\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(Request::parse(&deep).is_ok());
    }

    #[test]
    fn options_are_not_sent() {
        let text = r#"{"model":"m","timeout":3,"metadata":{"a":1},"num_retries":0,"temperature":1}"#;
        let names: Vec<_> = sent(text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["model", "temperature"]);
    }
}
