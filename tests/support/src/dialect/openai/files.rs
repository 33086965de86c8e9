//! What comes as a form with files: transcripts and translations, edits and variations of images.

use serde_json::json;

use super::{NO_MODEL, Refusal, hello, json, missing, verbs};
use crate::dialect::{Said, first_segment};
use crate::form::{self, Part};
use crate::http::Request;

/// By the ends of their names: OpenAI looks at nothing else.
const SOUNDS: [&str; 10] = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];

struct Form(Vec<Part>);

impl Form {
    fn of(request: &Request) -> Result<Self, Refusal> {
        let content_type = request.header("content-type").unwrap_or_default();
        form::parse(&content_type, request.body).map(Form).map_err(|why| Refusal(400, why))
    }

    fn text(&self, name: &str) -> Option<&str> {
        let part = self.0.iter().find(|part| part.name == name && part.filename.is_none())?;
        std::str::from_utf8(&part.data).ok()
    }

    /// A part without a file's name is none.
    fn file(&self, name: &str) -> Result<&Part, Refusal> {
        let list = format!("{name}[]");
        let is_it = |part: &&Part| (part.name == name || part.name == list) && part.filename.is_some();
        self.0.iter().find(is_it).ok_or_else(|| missing(name))
    }
}

pub fn transcript(request: &Request, body: &mut Vec<u8>) -> Result<Said, Refusal> {
    let form = Form::of(request)?;
    form.text("model").ok_or_else(|| Refusal(400, NO_MODEL.to_owned()))?;
    let file = form.file("file")?;
    let name = file.filename.as_deref().unwrap_or_default();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    if !SOUNDS.contains(&ending.as_str()) {
        return Err(Refusal(400, format!("Unrecognized file format. Supported formats: {SOUNDS:?}")));
    }
    if file.data.is_empty() {
        return Err(Refusal(400, "The audio file could not be decoded or its format is not supported.".into()));
    }
    let text = hello(request);
    let plain = match form.text("response_format").unwrap_or("json") {
        "json" if request.path.ends_with("/translations") => return Ok(json(&json!({"text": text}), body)),
        "json" => return Ok(json(&json!({"text": text, "usage": {"type": "duration", "seconds": 1}}), body)),
        "verbose_json" => {
            let usage = json!({"type": "duration", "seconds": 1});
            let whole = json!({"task": "transcribe", "language": "english", "duration": 1.0, "text": text,
                "segments": [], "usage": usage});
            return Ok(json(&whole, body));
        }
        "text" => format!("{text}\n"),
        "srt" => format!("1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n"),
        "vtt" => format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n\n"),
        other => return Err(Refusal(400, format!("Invalid value: '{other}' of 'response_format'."))),
    };
    body.extend_from_slice(plain.as_bytes());
    Ok(Said { status: 200, content_type: "text/plain; charset=utf-8" })
}

pub fn images(request: &Request, body: &mut Vec<u8>) -> Result<Said, Refusal> {
    let form = Form::of(request)?;
    form.file("image")?;
    if request.path.ends_with("/edits") {
        form.text("prompt").ok_or_else(|| missing("prompt"))?;
    }
    let count = form.text("n").and_then(|count| count.parse().ok()).unwrap_or(1);
    let in_place = form.text("response_format") == Some("b64_json");
    Ok(json(&verbs::images(first_segment(request.path), count, in_place), body))
}
