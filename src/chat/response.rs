//! A whole answer: the provider's bytes, checked to be one and kept as they came.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The body of a completion in OpenAI's shape.
pub struct Body(String);

/// Why a body with a good status is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Flaw {
    NotUtf8,
    /// Not a JSON object, or one whose members have the wrong shape.
    NotJson,
    NoChoices,
    /// A good status, and an error in the body.
    Error,
    /// More than is kept of what can be given on only as a whole.
    TooLarge,
}

impl Flaw {
    pub fn message(&self) -> &'static str {
        match self {
            Flaw::NotUtf8 => "the answer is no valid UTF-8",
            Flaw::NotJson => "the answer is no JSON of a completion",
            Flaw::NoChoices => "the answer has no choices",
            Flaw::Error => "the answer has a good status and an error inside",
            Flaw::TooLarge => "a part of the answer is too large",
        }
    }
}

const FILTERED: &str = "content_filter";

#[derive(Deserialize)]
struct Outline<'a> {
    choices: Option<Vec<IgnoredAny>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choices<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// One part of a content that is a list.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct WithUsage<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

impl Body {
    /// Whether the provider's content filter ended the answer.
    pub fn is_filtered(&self) -> bool {
        // Most answers need no look inside.
        self.0.contains(FILTERED)
            && serde_json::from_str::<Choices<'_>>(&self.0).is_ok_and(|answer| {
                answer.choices.iter().any(|choice| choice.finish_reason.as_deref() == Some(FILTERED))
            })
    }

    /// Takes the bytes if they are a completion.
    pub fn check(bytes: Vec<u8>) -> Result<Self, Flaw> {
        let text = String::from_utf8(bytes).map_err(|_| Flaw::NotUtf8)?;
        let outline: Outline<'_> = serde_json::from_str(&text).map_err(|_| Flaw::NotJson)?;
        if outline.error.is_some_and(|error| error.get() != "null") {
            return Err(Flaw::Error);
        }
        match outline.choices {
            Some(choices) if !choices.is_empty() => Ok(Self(text)),
            _ => Err(Flaw::NoChoices),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// The first choice's text in a completion; `None` if it has none (a tool call, say).
pub fn text_of(body: &str) -> Option<String> {
    let parsed: Choices<'_> = serde_json::from_str(body).ok()?;
    let content = parsed.choices.into_iter().next()?.message?.content?.get();
    if content.starts_with('[') {
        let parts: Vec<Part<'_>> = serde_json::from_str(content).ok()?;
        let texts: Vec<_> = parts.into_iter().filter_map(|part| part.text).collect();
        return if texts.is_empty() { None } else { Some(texts.concat()) };
    }
    serde_json::from_str::<Option<String>>(content).ok().flatten()
}

/// The `usage` member of a completion, as the provider wrote it.
pub fn usage_of(body: &str) -> Option<Box<RawValue>> {
    let parsed: WithUsage<'_> = serde_json::from_str(body).ok()?;
    parsed.usage.filter(|usage| usage.get().starts_with('{')).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<String, Flaw> {
        Body::check(text.as_bytes().to_vec()).map(Body::into_string)
    }

    #[test]
    fn an_answer_is_kept_as_it_came() {
        let text = "{ \"choices\": [ {\"message\":{\"content\":\"h\\u0069\"}} ],\n\"x\":1e2 }";
        assert_eq!(check(text).as_deref(), Ok(text));
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        assert_eq!(check("<html>"), Err(Flaw::NotJson));
        assert_eq!(check(""), Err(Flaw::NotJson));
        assert_eq!(check("[]"), Err(Flaw::NotJson));
        assert_eq!(check(r#"{"choices":{}}"#), Err(Flaw::NotJson));
        assert_eq!(check(r#"{"choices":[]}"#), Err(Flaw::NoChoices));
        assert_eq!(check("{}"), Err(Flaw::NoChoices));
        assert_eq!(check(r#"{"error":{"message":"x"},"choices":[{}]}"#), Err(Flaw::Error));
        assert!(check(r#"{"error":null,"choices":[{}]}"#).is_ok());
        assert_eq!(Body::check(vec![b'{', 0xff, b'}']).err(), Some(Flaw::NotUtf8));
    }

    #[test]
    fn text_is_the_first_choices() {
        let of = |content: &str| text_of(&format!(r#"{{"choices":[{{"message":{{"content":{content}}}}}]}}"#));
        assert_eq!(of(r#""h\u0069""#).as_deref(), Some("hi"));
        assert_eq!(of("null"), None);
        assert_eq!(of(r#"[{"type":"text","text":"a"},{"type":"x"},{"text":"b"}]"#).as_deref(), Some("ab"));
        assert_eq!(text_of(r#"{"choices":[{"text":"old"}]}"#), None);
    }

    #[test]
    fn usage_is_the_providers() {
        assert_eq!(usage_of(r#"{"usage":{"total_tokens": 3}}"#).unwrap().get(), r#"{"total_tokens": 3}"#);
        assert!(usage_of(r#"{"usage":null}"#).is_none());
        assert!(usage_of("{}").is_none());
    }
}
