//! One chunk of a streamed answer in OpenAI's shape: its text as it came, and what a look at its outline finds.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::ends::Ends;
use super::response::Flaw;

/// A `chat.completion.chunk`, or what stands for one in the stream of another verb.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub(super) text: Bytes,
    pub(super) has_content: bool,
    pub(super) has_choices: bool,
    pub(super) finish_reason: Option<Box<str>>,
    pub(super) ends: Ends,
    pub(super) usage: Option<Range<usize>>,
    pub(super) error: Option<Range<usize>>,
    /// What the first choice goes on with: a text, or a list of parts.
    pub(super) said: Option<Range<usize>>,
}

/// What servers such as vLLM and Mistral call an object that is an error as a whole.
const ERROR_OBJECT: &str = "error";

#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    object: Option<Cow<'a, str>>,
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    index: Option<usize>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    /// Of a text completion.
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

/// What a caller waits for; all else in a delta, such as its role, is framing.
#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
    #[serde(borrow)]
    images: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking_blocks: Option<&'a RawValue>,
    /// What only its provider says, such as the results of a search that it made itself.
    #[serde(borrow)]
    provider_specific_fields: Option<&'a RawValue>,
}

impl Delta<'_> {
    fn has_content(&self) -> bool {
        let texts = [self.content, self.refusal, self.reasoning_content, self.reasoning];
        let calls = [self.tool_calls, self.function_call];
        let others = [self.audio, self.images, self.annotations, self.thinking_blocks, self.provider_specific_fields];
        texts.into_iter().chain(calls).chain(others).flatten().any(says_something)
    }
}

impl<'a> Choice<'a> {
    fn has_content(&self) -> bool {
        self.delta.as_ref().is_some_and(Delta::has_content) || self.text.is_some_and(says_something)
    }

    /// Some servers write an empty reason until there is one.
    fn reason(&self) -> Option<&str> {
        self.finish_reason.as_deref().filter(|reason| !reason.is_empty())
    }

    fn said(&self) -> Option<&'a RawValue> {
        self.delta.as_ref().and_then(|delta| delta.content).or(self.text)
    }
}

/// One part of a content that is a list.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

/// A text, borrowed unless it holds an escape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Chunk {
    /// Looks at the outline of a chunk. The text is kept as it is.
    pub fn parse(text: Bytes) -> Result<Self, Flaw> {
        let json = std::str::from_utf8(&text).map_err(|_| Flaw::NotUtf8)?;
        // A list would pass for an object without names.
        if !json.trim_start().starts_with('{') {
            return Err(Flaw::NotJson);
        }
        let outline: Outline<'_> = serde_json::from_str(json).map_err(|_| Flaw::NotJson)?;
        let choices = outline.choices.unwrap_or_default();
        let mut error = present(outline.error).map(|error| place(json, error));
        if error.is_none() && choices.is_empty() && outline.object.as_deref() == Some(ERROR_OBJECT) {
            error = Some(0..json.len());
        }
        let mut ends = Ends::default();
        for (place, choice) in choices.iter().enumerate() {
            let index = choice.index.unwrap_or(place);
            if choice.reason().is_some() { ends.ends(index) } else { ends.begins(index) }
        }
        let finish_reason = choices.iter().find_map(Choice::reason).map(Box::from);
        let has_content = choices.iter().any(Choice::has_content);
        let said = choices.first().and_then(|choice| present(choice.said())).map(|said| place(json, said));
        let usage = present(outline.usage).map(|usage| place(json, usage));
        let has_choices = !choices.is_empty();
        Ok(Self { has_content, has_choices, finish_reason, ends, usage, error, said, text })
    }

    /// The JSON text, as it came.
    pub fn json(&self) -> &str {
        // It was checked when the chunk was made.
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    pub fn into_bytes(self) -> Bytes {
        self.text
    }

    /// Whether anything of the answer itself is in it, in any choice.
    pub fn has_content(&self) -> bool {
        self.has_content
    }

    /// Whether it speaks of any choice, be it without content.
    pub fn has_choices(&self) -> bool {
        self.has_choices
    }

    /// Which choices it goes on with, and which it ends.
    pub fn ends(&self) -> Ends {
        self.ends
    }

    /// Why the answer ended, of the first choice that says so.
    pub fn finish_reason(&self) -> Option<&str> {
        self.finish_reason.as_deref()
    }

    /// The `usage` member, as the provider wrote it.
    pub fn usage(&self) -> Option<&str> {
        self.member(self.usage.as_ref())
    }

    /// The error that is told in the chunk's place: the `error` member, or the whole of an object that is one.
    pub fn error(&self) -> Option<&str> {
        self.member(self.error.as_ref())
    }

    /// Whether it is the chunk that only tells the usage, which a caller gets who asked for it.
    pub fn is_usage_only(&self) -> bool {
        self.usage.is_some() && !self.has_choices
    }

    /// The text that the first choice, or the event, goes on with; `None` if it brings none.
    pub fn delta_text(&self) -> Option<Cow<'_, str>> {
        let content = self.member(self.said.as_ref())?;
        let text = match content.bytes().next()? {
            b'"' => serde_json::from_str::<Text<'_>>(content).ok()?.0,
            b'[' => {
                let parts: Vec<Part<'_>> = serde_json::from_str(content).ok()?;
                parts.into_iter().filter_map(|part| part.text).collect::<String>().into()
            }
            _ => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    fn member(&self, place: Option<&Range<usize>>) -> Option<&str> {
        // Only what is asked for is looked at: most chunks have no such member, and are asked for several.
        std::str::from_utf8(self.text.get(place?.clone())?).ok()
    }
}

pub(super) fn present(member: Option<&RawValue>) -> Option<&str> {
    member.map(RawValue::get).filter(|text| *text != "null")
}

/// Where a part of the text stands. It is borrowed from the text, so the distance of the two is its place.
pub(super) fn place(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

/// Whether a value says anything: no null, no false, no empty text, list or object. Only its beginning is looked at.
pub(super) fn says_something(value: &RawValue) -> bool {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => text.len() > 2,
        Some(b'[' | b'{') => !text.get(1..).unwrap_or_default().trim_start().starts_with([']', '}']),
        Some(b'n' | b'f') | None => false,
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &str) -> Chunk {
        Chunk::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    fn delta(members: &str) -> Chunk {
        chunk(&format!(r#"{{"choices":[{{"index":0,"delta":{{{members}}},"finish_reason":null}}]}}"#))
    }

    #[test]
    fn content_is_what_a_caller_waits_for() {
        for full in [
            r#""content":"a""#,
            r#""content":"\n""#,
            r#""content":[{"type":"text","text":"a"}]"#,
            r#""refusal":"no""#,
            r#""reasoning_content":"hm""#,
            r#""reasoning":"hm","content":"""#,
            r#""tool_calls":[{"index":0,"function":{"arguments":""}}]"#,
            r#""function_call":{"arguments":"{"}"#,
            r#""audio":{"data":"AA"}"#,
            r#""images":[{"type":"image_url"}],"annotations":[]"#,
            r#""reasoning_content":"","thinking_blocks":[{"type":"redacted_thinking"}]"#,
            r#""provider_specific_fields":{"content_blocks":[{}]}"#,
        ] {
            assert!(delta(full).has_content(), "{full}");
        }
        for framing in [
            "",
            r#""role":"assistant""#,
            r#""role":"assistant","content":"","refusal":null"#,
            r#""content":null,"tool_calls":[],"audio":{},"function_call":null"#,
            r#""reasoning_content":"","thinking_blocks":[ ],"provider_specific_fields":{ }"#,
        ] {
            assert!(!delta(framing).has_content(), "{framing}");
        }
        let second = r#"{"choices":[{"index":0,"delta":{}},{"index":1,"delta":{"content":"x"}}]}"#;
        assert!(chunk(second).has_content());
    }

    #[test]
    fn the_text_is_kept_and_its_members_are_found() {
        let text = "{ \"usage\": {\"total_tokens\" : 3},\n\"choices\":[ ],\"x\":1e2 }";
        let usage = chunk(text);
        assert_eq!(usage.json(), text);
        assert_eq!(usage.usage(), Some("{\"total_tokens\" : 3}"));
        assert!(usage.is_usage_only() && !usage.has_content() && usage.error().is_none());
        assert!(!chunk(r#"{"choices":[{"delta":{}}],"usage":{}}"#).is_usage_only());
        assert!(!chunk(r#"{"choices":[],"usage":null}"#).is_usage_only());
        assert_eq!(&usage.into_bytes()[..], text.as_bytes());
    }

    #[test]
    fn reasons_and_errors() {
        let ended = r#"{"choices":[{"delta":{},"finish_reason":""},{"delta":null,"finish_reason":"length"}]}"#;
        assert_eq!(chunk(ended).finish_reason(), Some("length"));
        assert_eq!(delta("").finish_reason(), None);
        assert_eq!(chunk(r#"{"error": {"code":5}}"#).error(), Some(r#"{"code":5}"#));
        assert_eq!(chunk(r#"{"error":null,"choices":[]}"#).error(), None);
        let flat = r#" {"object":"error","message":"too long","code":400}"#;
        assert_eq!(chunk(flat).error(), Some(flat));
    }

    #[test]
    fn what_is_no_chunk_is_told_apart() {
        for text in
            ["", "x", "[]", "[null,null,null,null]", "\"a\"", r#"{"choices":{}}"#, r#"{"choices":[{"delta":7}]}"#]
        {
            assert_eq!(Chunk::parse(Bytes::copy_from_slice(text.as_bytes())).err(), Some(Flaw::NotJson), "{text}");
        }
        assert_eq!(Chunk::parse(Bytes::from_static(b"{\"a\":\"\xff\"}")).err(), Some(Flaw::NotUtf8));
        assert!(!chunk("{}").has_choices());
    }

    #[test]
    fn text_is_the_first_choices() {
        assert_eq!(delta(r#""content":"h\u0069 \ud83d\ude00""#).delta_text().as_deref(), Some("hi 😀"));
        assert!(matches!(delta(r#""content":"plain""#).delta_text(), Some(Cow::Borrowed("plain"))));
        assert_eq!(delta(r#""content":[{"text":"a"},{"type":"x"},{"text":"b"}]"#).delta_text().as_deref(), Some("ab"));
        for none in [r#""content":null"#, r#""content":"""#, r#""tool_calls":[]"#] {
            assert_eq!(delta(none).delta_text(), None);
        }
        assert_eq!(chunk(r#"{"choices":[]}"#).delta_text(), None);
        let completion = chunk(r#"{"object":"text_completion","choices":[{"text":"old","finish_reason":null}]}"#);
        assert!(completion.has_content() && completion.delta_text().as_deref() == Some("old"));
        assert!(!chunk(r#"{"choices":[{"text":"","index":0}]}"#).has_content());
    }
}
