//! One event of a streamed response (`/responses`): given on as it came, and what a look at its outline finds.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::chunk::{Chunk, place, present, says_something};
use super::ends::Ends;
use super::response::Flaw;

/// What an event is to the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// There is more to come.
    More,
    /// The response is whole.
    Last,
    /// It failed: an error as the body of a bad answer would say it, JSON.
    Failure(String),
}

/// Events that come before any content; so do all whose names end in `.in_progress`.
const FRAMING: [&str; 7] = [
    "keepalive",
    "ping",
    "response.created",
    "response.queued",
    "response.output_item.added",
    "response.content_part.added",
    "response.reasoning_summary_part.added",
];
const FRAMING_END: &str = ".in_progress";

#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    error: Option<Value>,
    #[serde(borrow)]
    incomplete_details: Option<Details<'a>>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

/// Looks at the outline of an event. Its text is kept as it is.
pub fn event(text: Bytes) -> Result<(Chunk, EventKind), Flaw> {
    let json = std::str::from_utf8(&text).map_err(|_| Flaw::NotUtf8)?;
    // A list would pass for an object without names.
    if !json.trim_start().starts_with('{') {
        return Err(Flaw::NotJson);
    }
    let outline: Outline<'_> = serde_json::from_str(json).map_err(|_| Flaw::NotJson)?;
    let name = outline.kind.as_deref().unwrap_or_default();
    let mut chunk = Chunk {
        has_content: has_content(name, outline.delta),
        said: present(outline.delta).map(|said| place(json, said)),
        text: Bytes::new(),
        has_choices: false,
        finish_reason: None,
        ends: Ends::default(),
        usage: None,
        error: None,
    };
    let kind = match name {
        "response.completed" | "response.incomplete" | "response.failed" => {
            let response = outline.response.ok_or(Flaw::NotJson)?.get();
            let response: Response<'_> = serde_json::from_str(response).map_err(|_| Flaw::NotJson)?;
            chunk.usage = present(response.usage).map(|usage| place(json, usage));
            let reason = response.incomplete_details.and_then(|details| details.reason);
            chunk.finish_reason = reason.map(|reason| reason.into());
            match name {
                "response.failed" => EventKind::Failure(json!({ "error": response.error }).to_string()),
                _ => EventKind::Last,
            }
        }
        "error" => EventKind::Failure(told(json)?),
        // What names no type is an error of a server that has no events for it.
        "" if json.contains("\"error\"") => EventKind::Failure(json.to_owned()),
        _ => EventKind::More,
    };
    chunk.text = text;
    Ok((chunk, kind))
}

/// An `error` event has code and message beside its type, which is no type of error.
fn told(json: &str) -> Result<String, Flaw> {
    let mut event: Value = serde_json::from_str(json).map_err(|_| Flaw::NotJson)?;
    if let Some(inner) = event.get("error").filter(|inner| inner.is_object()) {
        return Ok(json!({ "error": inner }).to_string());
    }
    if let Some(members) = event.as_object_mut() {
        members.shift_remove("type");
    }
    Ok(json!({ "error": event }).to_string())
}

fn has_content(name: &str, delta: Option<&RawValue>) -> bool {
    match delta {
        Some(delta) => says_something(delta),
        None => !name.is_empty() && !FRAMING.contains(&name) && !name.ends_with(FRAMING_END),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Chunk, EventKind) {
        let (chunk, kind) = event(Bytes::copy_from_slice(text.as_bytes())).unwrap();
        assert_eq!(chunk.json(), text);
        (chunk, kind)
    }

    fn has_content(text: &str) -> bool {
        read(text).0.has_content()
    }

    #[test]
    fn framing_is_no_content() {
        for framing in [
            r#"{"type":"response.created","response":{}}"#,
            r#"{"type":"response.in_progress","response":{}}"#,
            r#"{"type":"response.web_search_call.in_progress"}"#,
            r#"{"type":"response.output_item.added","item":{}}"#,
            r#"{"type":"response.output_text.delta","delta":""}"#,
            r#"{"type":"keepalive"}"#,
        ] {
            assert!(!has_content(framing), "{framing}");
        }
        for content in [
            r#"{"type":"response.output_text.delta","delta":"a"}"#,
            r#"{"type":"response.function_call_arguments.delta","delta":"{"}"#,
            r#"{"type":"response.output_item.done","item":{}}"#,
        ] {
            assert!(has_content(content), "{content}");
        }
        let (said, _) = read(r#"{"type":"response.output_text.delta","delta":"h\u0069"}"#);
        assert_eq!(said.delta_text().as_deref(), Some("hi"));
    }

    #[test]
    fn the_end_tells_the_usage() {
        let (chunk, kind) =
            read(r#"{"type":"response.completed","response":{"error":null,"usage":{"input_tokens" : 3}}}"#);
        assert_eq!((chunk.usage(), kind), (Some(r#"{"input_tokens" : 3}"#), EventKind::Last));
        let cut = r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"content_filter"}}}"#;
        let (chunk, kind) = read(cut);
        assert_eq!((chunk.finish_reason(), kind), (Some("content_filter"), EventKind::Last));
        assert_eq!(event(Bytes::from_static(br#"{"type":"response.completed"}"#)).err(), Some(Flaw::NotJson));
    }

    #[test]
    fn failures_are_told_as_a_bad_answer_would() {
        let failure = |text: &str| match read(text).1 {
            EventKind::Failure(body) => body,
            other => panic!("{other:?}"),
        };
        let failed =
            failure(r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}"#);
        assert_eq!(failed, r#"{"error":{"code":"server_error","message":"x"}}"#);
        let flat = failure(r#"{"type":"error","code":"rate_limit_exceeded","message":"x","param":null}"#);
        assert_eq!(flat, r#"{"error":{"code":"rate_limit_exceeded","message":"x","param":null}}"#);
        assert_eq!(failure(r#"{"type":"error","error":{"code":1}}"#), r#"{"error":{"code":1}}"#);
        assert_eq!(failure(r#"{"error":{"message":"x"}}"#), r#"{"error":{"message":"x"}}"#);
        assert_eq!(event(Bytes::from_static(b"[1]")).err(), Some(Flaw::NotJson));
    }
}
