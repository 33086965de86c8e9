//! The text of an answer, so that who wants no more needs no JSON parser.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::verb::Verb;

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
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// One part of a content that is a list.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    output: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    content: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
struct Transcript<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

/// The text that a JSON answer says; `None` if it says none (a tool call, say, or an embedding). Of several choices, the
/// first one's.
pub fn text_of(verb: Verb, body: &str) -> Option<String> {
    match verb {
        Verb::Chat => message(body),
        Verb::TextCompletion => {
            let parsed: Choices<'_> = serde_json::from_str(body).ok()?;
            parsed.choices.into_iter().next()?.text.map(Cow::into_owned)
        }
        Verb::Responses => output(body),
        Verb::Transcription | Verb::Translation => {
            let parsed: Transcript<'_> = serde_json::from_str(body).ok()?;
            parsed.text.map(Cow::into_owned)
        }
        Verb::Embedding
        | Verb::Moderation
        | Verb::Image
        | Verb::ImageEdit
        | Verb::ImageVariation
        | Verb::Rerank
        | Verb::Speech => None,
    }
}

fn message(body: &str) -> Option<String> {
    let parsed: Choices<'_> = serde_json::from_str(body).ok()?;
    let content = parsed.choices.into_iter().next()?.message?.content?.get();
    if content.starts_with('[') {
        let parts: Vec<Part<'_>> = serde_json::from_str(content).ok()?;
        return joined(parts.into_iter());
    }
    serde_json::from_str::<Option<String>>(content).ok().flatten()
}

/// OpenAI's own clients call it `output_text`.
fn output(body: &str) -> Option<String> {
    let parsed: Output<'_> = serde_json::from_str(body).ok()?;
    let parts = parsed.output.into_iter().filter_map(|item| item.content).flatten();
    joined(parts.filter(|part| part.kind.as_deref() == Some("output_text")))
}

fn joined<'a>(parts: impl Iterator<Item = Part<'a>>) -> Option<String> {
    let texts: Vec<_> = parts.filter_map(|part| part.text).collect();
    if texts.is_empty() { None } else { Some(texts.concat()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_first_choices() {
        let of =
            |content: &str| text_of(Verb::Chat, &format!(r#"{{"choices":[{{"message":{{"content":{content}}}}}]}}"#));
        assert_eq!(of(r#""h\u0069""#).as_deref(), Some("hi"));
        assert_eq!(of("null"), None);
        assert_eq!(of(r#"[{"type":"text","text":"a"},{"type":"x"},{"text":"b"}]"#).as_deref(), Some("ab"));
        assert_eq!(text_of(Verb::Chat, r#"{"choices":[{"text":"old"}]}"#), None);
        assert_eq!(text_of(Verb::TextCompletion, r#"{"choices":[{"text":"old"}]}"#).as_deref(), Some("old"));
    }

    #[test]
    fn a_response_says_what_its_messages_say() {
        let body = r#"{"output":[{"type":"reasoning","summary":[]},{"type":"message","content":[
            {"type":"output_text","text":"a\n","annotations":[]},{"type":"refusal","refusal":"no"}]},
            {"type":"message","content":[{"type":"output_text","text":"b"}]}]}"#;
        assert_eq!(text_of(Verb::Responses, body).as_deref(), Some("a\nb"));
        assert_eq!(text_of(Verb::Responses, r#"{"output":[]}"#), None);
        assert_eq!(text_of(Verb::Transcription, r#"{"text":"x","segments":[]}"#).as_deref(), Some("x"));
        assert_eq!(text_of(Verb::Embedding, r#"{"data":[]}"#), None);
    }
}
