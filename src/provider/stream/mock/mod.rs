//! What a mock deployment streams: the events that OpenAI would have sent, so that all the rest of the way is real.

mod chat;
mod others;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::chat::{Request, Verb};
use crate::config::MockConfig;
use crate::transport::{Canned, Fault, HeaderMap, HeaderValue};

use super::super::mock::{BREAK_STATUS, BREAKS, Parts, Scene, whole};
use super::super::played;

/// How many characters LiteLLM puts into one piece.
const PIECE_CHARS: usize = 3;

/// The stream for this request, if it or its deployment is mocked; a fault if that is what is played. `timeout` is
/// the attempt's. What is played as an error of a whole answer is the same here.
pub fn canned(
    own: Option<&MockConfig>,
    request: &Request,
    model: &str,
    timeout: Duration,
) -> Option<Result<Canned, Fault>> {
    let scene = Scene::of(own, request, timeout)?;
    let breaks = scene.text().and_then(|text| text.strip_prefix(BREAKS));
    let parts = match breaks {
        Some(rest) => Ok(broken(request.verb(), rest.trim_start_matches([' ', ',', ':', '-']), model)),
        None => scene.answer(model).map(|parts| streamed(request.verb(), parts)),
    };
    Some(parts.map(|parts| scene.canned(parts)))
}

fn streamed(verb: Verb, (status, headers, body): Parts) -> Parts {
    match (status, serde_json::from_slice(&body)) {
        (200, Ok(Value::Object(whole))) => opened(&events(verb, &whole).concat()),
        _ => (status, headers, body),
    }
}

fn opened(body: &str) -> Parts {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/event-stream"));
    (200, headers, Bytes::copy_from_slice(body.as_bytes()))
}

/// A whole answer as events.
fn events(verb: Verb, whole: &Map<String, Value>) -> Vec<String> {
    match verb {
        Verb::TextCompletion => others::text_completion(whole),
        Verb::Responses => others::response(whole),
        _ => chat::events(whole),
    }
}

/// A stream that ends in an error. With nothing to say before, only the role comes: the answer has not begun then, as
/// where LiteLLM plays this.
fn broken(verb: Verb, said: &str, model: &str) -> Parts {
    let error = json!({"message": "a mock error within the stream", "type": "overloaded_error", "code": BREAK_STATUS});
    let (whole, kept) = match verb {
        Verb::TextCompletion => (played::text_completion(said, model), others::is_before_end as fn(&Value) -> bool),
        Verb::Responses => (played::response(said, model), others::is_before_end as fn(&Value) -> bool),
        _ => (whole(Some(said), None, model), chat::is_before_end as fn(&Value) -> bool),
    };
    let events = whole.as_object().map(|whole| events(verb, whole)).unwrap_or_default();
    let is_kept = |event: &&String| {
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
        serde_json::from_str(data).is_ok_and(|data| kept(&data))
    };
    let mut text: String = events.iter().take_while(is_kept).map(String::as_str).collect();
    text.push_str(&plain(&json!({ "error": error })));
    opened(&text)
}

/// An event without a name.
fn plain(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// The text in pieces of a few characters each, never within one.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(PIECE_CHARS).map_or(rest.len(), |(place, _)| place);
        let (piece, left) = rest.split_at_checked(end)?;
        rest = left;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}
