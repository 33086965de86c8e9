//! The parts of one message: texts, images, documents.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::error::Error;

/// Anthropic refuses a turn without content; this is the least that it takes.
const NOTHING: &str = ".";

/// A content, text or list, as blocks. `place` names it in errors, such as `messages[2].content`.
pub fn blocks(content: Option<&Value>, place: &str) -> Result<Vec<Value>, Error> {
    match content {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text_block(text).into_iter().collect()),
        Some(Value::Array(parts)) => {
            let numbered = parts.iter().enumerate();
            let blocks = numbered.map(|(number, part)| block(part, &format!("{place}[{number}]")));
            Ok(blocks.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        Some(_) => Err(Error::bad_parameter(place, format!("{place} must be a text or a list of parts"))),
    }
}

/// Anthropic refuses texts without a visible character; they say nothing anyway.
fn text_block(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}))
}

/// What stands in a turn that would have no content.
pub fn placeholder() -> Value {
    json!({"type": "text", "text": NOTHING})
}

/// One part; `None` if it says nothing.
fn block(part: &Value, place: &str) -> Result<Option<Value>, Error> {
    let bad = |message: &str| Error::bad_parameter(place, format!("{place}: {message}"));
    let kind = part.get("type").and_then(Value::as_str).ok_or_else(|| bad("the part has no type"))?;
    let mut block = match kind {
        "text" => {
            let text = part.get("text").and_then(Value::as_str).ok_or_else(|| bad("the part has no text"))?;
            match text_block(text) {
                Some(block) => block,
                None => return Ok(None),
            }
        }
        // What a model would not say, said in its own words.
        "refusal" => match part.get("refusal").and_then(Value::as_str).and_then(text_block) {
            Some(block) => block,
            None => return Ok(None),
        },
        "image_url" => {
            let url = part.get("image_url").and_then(|image| image.as_str().or_else(|| image.get("url")?.as_str()));
            let url = url.ok_or_else(|| bad("the image has no url"))?;
            json!({"type": "image", "source": source(url).ok_or_else(|| bad("the image's data URL can't be read"))?})
        }
        "file" => document(part).ok_or_else(|| bad("the file has neither file_data nor file_id"))?,
        "input_audio" => return Err(bad("anthropic takes no audio")),
        // Anthropic's own blocks go out as they are.
        _ => return Ok(Some(part.clone())),
    };
    if let (Some(object), Some(control)) = (block.as_object_mut(), part.get("cache_control")) {
        object.insert("cache_control".to_owned(), control.clone());
    }
    Ok(Some(block))
}

/// Where an image or a document comes from: the bytes of a data URL, or an address.
fn source(url: &str) -> Option<Value> {
    let Some(rest) = url.strip_prefix("data:") else { return Some(json!({"type": "url", "url": url})) };
    let (head, data) = rest.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?.split(';').next()?;
    match media_type {
        // The only document that Anthropic takes as text is plain text, and only so.
        "text/plain" => {
            let text = String::from_utf8(STANDARD.decode(data).ok()?).ok()?;
            Some(json!({"type": "text", "media_type": media_type, "data": text}))
        }
        "image/jpg" => Some(json!({"type": "base64", "media_type": "image/jpeg", "data": data})),
        _ => Some(json!({"type": "base64", "media_type": media_type, "data": data})),
    }
}

fn document(part: &Value) -> Option<Value> {
    let file = part.get("file")?;
    let text = |name: &str| file.get(name).and_then(Value::as_str);
    let source = match (text("file_data"), text("file_id")) {
        (Some(data), _) => source(data)?,
        (None, Some(address)) if address.starts_with("http") => json!({"type": "url", "url": address}),
        (None, Some(id)) => json!({"type": "file", "file_id": id}),
        (None, None) => return None,
    };
    let is_image = source.get("media_type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("image/"));
    Some(json!({"type": if is_image { "image" } else { "document" }, "source": source}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_documents() {
        let parts = json!([
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}, "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": "https://h/x.png"},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,BBBB", "filename": "f"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "search_result", "own": 1},
            {"type": "text", "text": " "},
        ]);
        let expected = json!([
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}, "cache_control": {"type": "ephemeral"}},
            {"type": "image", "source": {"type": "url", "url": "https://h/x.png"}},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}},
            {"type": "document", "source": {"type": "file", "file_id": "file-1"}},
            {"type": "search_result", "own": 1},
        ]);
        assert_eq!(Value::Array(blocks(Some(&parts), "p").unwrap()), expected);
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        for bad in [
            json!(7),
            json!([{}]),
            json!([{"type": "text"}]),
            json!([{"type": "image_url"}]),
            json!([{"type": "input_audio"}]),
            json!([{"type": "file", "file": {}}]),
            json!([{"type": "image_url", "image_url": {"url": "data:nonsense"}}]),
        ] {
            let error = blocks(Some(&bad), "messages[1].content").unwrap_err();
            assert!(error.message().contains("messages[1].content"), "{error}");
        }
    }
}
