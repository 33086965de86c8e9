//! A request as it goes over the wire, and what of the caller's did not fit.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::chat::Request;

use super::Endpoint;
use super::merge::effective;

/// The member that says what a stream brings beside the answer.
pub const STREAM_OPTIONS: &str = "stream_options";
const INCLUDE_USAGE: &str = "include_usage";

/// How the answer is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    Whole,
    Stream {
        /// Whether the usage is to be asked for, where a provider tells it only then.
        usage: bool,
    },
}

impl BodyForm {
    pub fn is_stream(self) -> bool {
        matches!(self, BodyForm::Stream { .. })
    }

    pub fn asks_for_usage(self) -> bool {
        self == BodyForm::Stream { usage: true }
    }

    /// Whether a usage chunk of this request's answer would be ours alone.
    pub fn owns_usage(self, endpoint: &Endpoint, request: &Request) -> bool {
        self.is_stream() && request.verb().has_stream_usage() && !wants_usage(endpoint, request)
    }
}

/// The body of one attempt.
pub struct Encoded {
    pub body: Bytes,
    /// What the body is, if it is no JSON.
    pub content_type: Option<String>,
    /// How the answer is asked for.
    pub form: BodyForm,
    /// Parameters that the provider does not know and that may be left out.
    pub dropped: Vec<String>,
    /// Whether nobody but us wants the chunk that tells a stream's usage: the caller, who did not ask, is not shown it.
    pub usage_is_ours: bool,
}

/// Whether caller or configuration want the usage told in the stream.
fn wants_usage(endpoint: &Endpoint, request: &Request) -> bool {
    let extra = request.options().extra_body.get(STREAM_OPTIONS);
    if let Some(options) = extra {
        return includes_usage(options);
    }
    let given = effective(endpoint, request).find(|(name, _)| *name == STREAM_OPTIONS);
    given.is_some_and(|(_, text)| serde_json::from_str(&text).is_ok_and(|options| includes_usage(&options)))
}

fn includes_usage(options: &Value) -> bool {
    options.get(INCLUDE_USAGE) == Some(&Value::Bool(true))
}

/// Stream options that ask for the usage and for whatever else was asked for; what is no object is left to the
/// provider to refuse.
pub fn with_usage(options: Option<Cow<'_, str>>) -> Cow<'_, str> {
    let given = options.as_deref().map_or(Ok(Value::Null), serde_json::from_str::<Value>);
    let mut members = match given {
        Ok(Value::Null) => Map::new(),
        Ok(Value::Object(members)) if members.get(INCLUDE_USAGE) != Some(&Value::Bool(true)) => members,
        _ => return options.unwrap_or_default(),
    };
    members.insert(INCLUDE_USAGE.to_owned(), Value::Bool(true));
    Cow::Owned(Value::Object(members).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_asked_for_beside_the_rest() {
        let with = |options: Option<&str>| with_usage(options.map(|text| text.to_owned().into())).into_owned();
        let asked = r#"{"include_usage":true}"#;
        assert_eq!(with(None), asked);
        assert_eq!(with(Some("null")), asked);
        assert_eq!(with(Some(r#"{"include_usage":false}"#)), asked);
        assert_eq!(with(Some(r#"{"a":1}"#)), r#"{"a":1,"include_usage":true}"#);
        for kept in [r#"{ "include_usage" : true }"#, "7", "\"x\""] {
            assert_eq!(with(Some(kept)), kept);
        }
    }
}
