//! A whole answer: the provider's bytes, checked to be one and kept as they came.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::chunk::place;
use super::outline::{Member, Outline};
use super::verb::Verb;

/// The body of an answer in OpenAI's shape. A clone shares the bytes.
#[derive(Clone, Debug)]
pub struct Body {
    /// With a NUL behind them, as C will have it: so the answer is given out as it is.
    bytes: Bytes,
    verb: Verb,
    /// `None` for JSON.
    content_type: Option<String>,
    /// Where the usage stands.
    usage: Option<Range<usize>>,
}

/// Why a body with a good status is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Flaw {
    NotUtf8,
    /// Not a JSON object, or one whose members have the wrong shape.
    NotJson,
    /// It lacks the member that is the answer.
    Lacks(&'static str),
    /// A good status, and an error in the body.
    Error,
    /// No bytes where the bytes are the answer.
    Empty,
    /// More than is kept of what can be given on only as a whole.
    TooLarge,
}

impl Flaw {
    pub fn message(&self) -> String {
        match self {
            Flaw::NotUtf8 => "the answer is no valid UTF-8".to_owned(),
            Flaw::NotJson => "the answer is no JSON of the kind that was asked for".to_owned(),
            Flaw::Lacks(member) => format!("the answer has no {member}"),
            Flaw::Error => "the answer has a good status and an error inside".to_owned(),
            Flaw::Empty => "the answer is empty".to_owned(),
            Flaw::TooLarge => "a part of the answer is too large".to_owned(),
        }
    }
}

const FILTERED: &str = "content_filter";
const UNKNOWN_TYPE: &str = "application/octet-stream";

#[derive(Deserialize)]
struct Reasons<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
    #[serde(borrow)]
    incomplete_details: Option<Details<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct WithUsage<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

impl Body {
    /// Takes the bytes if they are an answer to this verb. `content_type` is the header's.
    pub fn check(verb: Verb, bytes: Vec<u8>, content_type: &str) -> Result<Self, Flaw> {
        if may_be_bytes(verb, content_type, &bytes) {
            if bytes.is_empty() {
                return Err(Flaw::Empty);
            }
            let kind = if content_type.is_empty() { UNKNOWN_TYPE } else { content_type };
            return Ok(Self { bytes: terminated(bytes), verb, content_type: Some(kind.to_owned()), usage: None });
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| Flaw::NotUtf8)?;
        let members: &[&str] = match verb {
            Verb::Chat | Verb::TextCompletion => &["choices"],
            Verb::Embedding | Verb::Image | Verb::ImageEdit | Verb::ImageVariation => &["data"],
            Verb::Responses => &["output"],
            Verb::Moderation => &["results"],
            Verb::Rerank => &["results", "data"],
            Verb::Transcription | Verb::Translation => &["text"],
            Verb::Speech => &["sound"],
        };
        let outline = Outline::read(text, members).map_err(|_| Flaw::NotJson)?;
        if outline.has_error {
            return Err(Flaw::Error);
        }
        let usage = outline.usage.map(|usage| place(text, usage));
        // A response that is made in the background has nothing in it yet, and nothing may be worth a rank.
        let may_be_empty = matches!(verb, Verb::Responses | Verb::Rerank);
        match outline.member {
            Member::Empty if may_be_empty => {}
            Member::Filled => {}
            Member::Empty | Member::Missing => {
                return Err(Flaw::Lacks(members.first().copied().unwrap_or_default()));
            }
        }
        Ok(Self { bytes: terminated(bytes), verb, content_type: None, usage })
    }

    /// An answer that was checked before, by [`Body::check`]: `bytes` are its [`Body::terminated`], `usage` is where
    /// its usage stands.
    pub fn kept(verb: Verb, bytes: Bytes, content_type: Option<String>, usage: Option<Range<usize>>) -> Self {
        Self { bytes, verb, content_type, usage }
    }

    /// Where the usage stands among the bytes.
    pub fn usage_place(&self) -> Option<Range<usize>> {
        self.usage.clone()
    }

    pub fn bytes(&self) -> &[u8] {
        self.bytes.split_last().map_or(&[], |(_, bytes)| bytes)
    }

    /// The bytes and the NUL behind them.
    pub fn terminated(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether the provider's content filter ended the answer.
    pub fn is_filtered(&self) -> bool {
        // Most answers need no look inside.
        let text = self.json().filter(|text| memchr::memmem::find(text.as_bytes(), FILTERED.as_bytes()).is_some());
        text.and_then(|text| serde_json::from_str::<Reasons<'_>>(text).ok()).is_some_and(|reasons| {
            let details = reasons.incomplete_details.and_then(|details| details.reason);
            reasons.choices.iter().any(|choice| choice.finish_reason.as_deref() == Some(FILTERED))
                || details.as_deref() == Some(FILTERED)
        })
    }

    /// The `usage` member, as the provider wrote it.
    pub fn usage(&self) -> Option<&str> {
        self.json()?.get(self.usage.clone()?)
    }

    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// What the bytes are, in the words of the header; `None` for JSON.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The answer as JSON, if it is that.
    pub fn json(&self) -> Option<&str> {
        // It was checked when the body was made.
        if self.content_type.is_some() { None } else { std::str::from_utf8(self.bytes()).ok() }
    }
}

fn terminated(mut bytes: Vec<u8>) -> Bytes {
    bytes.push(0);
    bytes.into()
}

/// Speech is bytes, and a transcript may be plain text. JSON among them is the error that it says it is, and a page is
/// what somebody between here and the provider has to say.
fn may_be_bytes(verb: Verb, content_type: &str, bytes: &[u8]) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind == "application/json" || kind.ends_with("+json");
    match verb {
        // Sound may come in events.
        Verb::Speech => !is_json && (!kind.starts_with("text/") || kind == "text/event-stream"),
        Verb::Transcription | Verb::Translation => {
            let looks_like_json = kind.is_empty() && bytes.trim_ascii_start().starts_with(b"{");
            !is_json && kind != "text/html" && !looks_like_json
        }
        _ => false,
    }
}

/// The `usage` member of an answer, as the provider wrote it.
pub fn usage_of(body: &str) -> Option<Box<RawValue>> {
    let parsed: WithUsage<'_> = serde_json::from_str(body).ok()?;
    parsed.usage.filter(|usage| usage.get().starts_with('{')).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_for(verb: Verb, text: &str) -> Result<String, Flaw> {
        let body = Body::check(verb, text.as_bytes().to_vec(), "application/json")?;
        assert_eq!(body.content_type(), None);
        Ok(body.json().unwrap().to_owned())
    }

    fn check(text: &str) -> Result<String, Flaw> {
        check_for(Verb::Chat, text)
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
        assert_eq!(check(r#"{"choices":[]}"#), Err(Flaw::Lacks("choices")));
        assert_eq!(check("{}"), Err(Flaw::Lacks("choices")));
        assert_eq!(check(r#"{"error":{"message":"x"},"choices":[{}]}"#), Err(Flaw::Error));
        assert!(check(r#"{"error":null,"choices":[{}]}"#).is_ok());
        assert_eq!(Body::check(Verb::Chat, vec![b'{', 0xff, b'}'], "").err(), Some(Flaw::NotUtf8));
    }

    #[test]
    fn each_verb_has_its_own_answer() {
        for (verb, whole, lacking) in [
            (Verb::TextCompletion, r#"{"choices":[{"text":"a"}]}"#, r#"{"choices":[]}"#),
            (Verb::Embedding, r#"{"data":[{"embedding":[0.1]}]}"#, r#"{"data":[]}"#),
            (Verb::Responses, r#"{"status":"queued","output":[]}"#, r#"{"status":"completed"}"#),
            (Verb::Moderation, r#"{"results":[{"flagged":false}]}"#, r#"{"results":[]}"#),
            (Verb::Image, r#"{"data":[{"url":"u"}]}"#, r#"{"data":null}"#),
            (Verb::Rerank, r#"{"results":[]}"#, "{}"),
            (Verb::Transcription, r#"{"text":""}"#, "{}"),
        ] {
            assert_eq!(check_for(verb, whole).as_deref(), Ok(whole));
            assert!(matches!(check_for(verb, lacking), Err(Flaw::Lacks(_))), "{verb}");
        }
    }

    #[test]
    fn sound_is_bytes() {
        let sound = Body::check(Verb::Speech, vec![0xff, 0], "audio/mpeg").unwrap();
        assert_eq!((sound.content_type(), sound.json()), (Some("audio/mpeg"), None));
        assert_eq!((sound.bytes(), &sound.terminated()[..]), (&[0xff, 0][..], &[0xff, 0, 0][..]));
        assert_eq!(Body::check(Verb::Speech, Vec::new(), "audio/mpeg").err(), Some(Flaw::Empty));
        let told = br#"{"error":{"message":"no"}}"#.to_vec();
        assert_eq!(Body::check(Verb::Speech, told, "application/json").err(), Some(Flaw::Error));
        for kind in ["Application/JSON", "application/problem+json", "text/html; charset=utf-8", "text/plain"] {
            assert!(Body::check(Verb::Speech, b"<html>".to_vec(), kind).is_err(), "{kind}");
        }
        assert!(Body::check(Verb::Speech, b"data: {}\n\n".to_vec(), "text/event-stream").is_ok());
    }

    #[test]
    fn transcripts_are_texts() {
        assert_eq!(Body::check(Verb::Transcription, b"<html>".to_vec(), "text/html").err(), Some(Flaw::NotJson));
        let unnamed = Body::check(Verb::Transcription, br#" {"text":"x"}"#.to_vec(), "").unwrap();
        assert_eq!(unnamed.content_type(), None);
        let subtitles = Body::check(Verb::Transcription, b"1\n00:00".to_vec(), "text/plain; charset=utf-8").unwrap();
        assert_eq!(subtitles.content_type(), Some("text/plain; charset=utf-8"));
    }

    #[test]
    fn json_is_known_however_its_header_is_written_and_without_one() {
        let heard = |kind| Body::check(Verb::Transcription, br#" {"text":"x"}"#.to_vec(), kind).unwrap();
        for kind in ["application/json", "Application/JSON; charset=utf-8", ""] {
            assert_eq!(heard(kind).content_type(), None, "{kind}");
        }
        assert_eq!(heard("application/jso").content_type(), Some("application/jso"));
        let sound = Body::check(Verb::Speech, vec![0xff], "").unwrap();
        assert_eq!(sound.content_type(), Some("application/octet-stream"));
    }

    #[test]
    fn a_filtered_answer_says_so() {
        let filtered = |verb, text: &str| Body::check(verb, text.as_bytes().to_vec(), "").unwrap().is_filtered();
        assert!(filtered(Verb::Chat, r#"{"choices":[{"finish_reason":"content_filter"}]}"#));
        assert!(!filtered(Verb::Chat, r#"{"choices":[{"finish_reason":"stop","x":"content_filter"}]}"#));
        let incomplete = r#"{"output":[],"incomplete_details":{"reason":"content_filter"}}"#;
        assert!(filtered(Verb::Responses, incomplete));
    }

    #[test]
    fn usage_is_the_providers() {
        assert_eq!(usage_of(r#"{"usage":{"total_tokens": 3}}"#).unwrap().get(), r#"{"total_tokens": 3}"#);
        assert!(usage_of(r#"{"usage":null}"#).is_none());
        assert!(usage_of("{}").is_none());
    }
}
