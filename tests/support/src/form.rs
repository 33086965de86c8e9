//! Reads `multipart/form-data`, and takes nothing but what its rules allow.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// One part of a form.
pub struct Part {
    pub name: String,
    /// Of files alone.
    pub filename: Option<String>,
    pub content_type: Option<String>,
    pub data: Vec<u8>,
}

impl Part {
    /// For the log: bytes that are no text as base64.
    pub fn json(&self) -> Value {
        let mut part = json!({"name": self.name});
        for (member, value) in [("filename", &self.filename), ("content_type", &self.content_type)] {
            if let Some(value) = value {
                part[member] = value.as_str().into();
            }
        }
        match std::str::from_utf8(&self.data) {
            Ok(text) => part["text"] = text.into(),
            Err(_) => part["base64"] = STANDARD.encode(&self.data).into(),
        }
        part
    }
}

/// The parts of a body, in their order; or what is wrong with it.
pub fn parse(content_type: &str, body: &[u8]) -> Result<Vec<Part>, String> {
    let boundary = boundary(content_type).ok_or("the body is no multipart/form-data with a boundary")?;
    let (open, between) = (format!("--{boundary}"), format!("\r\n--{boundary}"));
    let mut rest = body.strip_prefix(open.as_bytes()).ok_or("the form does not begin with its boundary")?;
    let mut parts = Vec::new();
    loop {
        if rest == b"--\r\n" || rest == b"--" {
            return Ok(parts);
        }
        rest = rest.strip_prefix(b"\r\n").ok_or("something follows a boundary")?;
        let end = find(rest, between.as_bytes()).ok_or("the form has no end")?;
        parts.push(part(&rest[..end])?);
        rest = &rest[end + between.len()..];
    }
}

fn boundary(content_type: &str) -> Option<&str> {
    let rest = content_type.strip_prefix("multipart/form-data")?.trim_start().strip_prefix(';')?;
    let boundary = rest.trim_start().strip_prefix("boundary=")?.trim_matches('"');
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

fn part(bytes: &[u8]) -> Result<Part, String> {
    let end = find(bytes, b"\r\n\r\n").ok_or("a part has no empty line behind its headers")?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "the headers of a part are no text")?;
    let mut part = Part { name: String::new(), filename: None, content_type: None, data: bytes[end + 4..].to_vec() };
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(": ").ok_or_else(|| format!("no header of a part: {line}"))?;
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" => {
                let rest = value.strip_prefix("form-data").ok_or_else(|| format!("a part is no form-data: {value}"))?;
                part.name = parameter(rest, "name").ok_or_else(|| format!("a part has no name: {value}"))?;
                part.filename = parameter(rest, "filename");
            }
            "content-type" => part.content_type = Some(value.to_owned()),
            _ => return Err(format!("a part has a header that none needs: {line}")),
        }
    }
    if part.name.is_empty() { Err("a part has no name".into()) } else { Ok(part) }
}

/// Between quotes, as browsers write it: `%22`, `%0D` and `%0A` stand for what can't.
fn parameter(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("; {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=b";

    fn read(body: &str) -> Result<Vec<Value>, String> {
        parse(KIND, body.replace('\n', "\r\n").as_bytes()).map(|parts| parts.iter().map(Part::json).collect())
    }

    #[test]
    fn parts_are_texts_and_files() {
        let body = "--b\ncontent-disposition: form-data; name=\"model\"\n\nwhisper-1\n--b\nContent-Disposition: form-data; \
            name=\"file\"; filename=\"a %22b%22.wav\"\nContent-Type: audio/wav\n\nRI\n\nFF--b\n--b--\n";
        let file =
            json!({"name": "file", "filename": "a \"b\".wav", "content_type": "audio/wav", "text": "RI\r\n\r\nFF--b"});
        assert_eq!(read(body), Ok(vec![json!({"name": "model", "text": "whisper-1"}), file]));
        assert_eq!(read("--b--\n"), Ok(vec![]));
        let bytes = b"--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\n\xff\0\r\n--b--\r\n";
        assert_eq!(parse(KIND, bytes).unwrap()[0].json(), json!({"name": "x", "base64": "/wA="}));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let head = "--b\ncontent-disposition: form-data; name=\"a\"\n\n";
        for body in [
            String::new(),
            format!("{head}x"),
            format!("{head}x\n--b--\nmore"),
            format!("{head}x\n--bb\n"),
            format!(" {head}x\n--b--\n"),
            "--b\n\nx\n--b--\n".to_owned(),
            "--b\ncontent-disposition: form-data\n\nx\n--b--\n".to_owned(),
            "--b\ncontent-disposition: attachment; name=\"a\"\n\nx\n--b--\n".to_owned(),
        ] {
            assert!(read(&body).is_err(), "{body}");
        }
        for kind in ["application/json", "multipart/form-data", "multipart/form-data; boundary="] {
            assert!(parse(kind, b"--b--\r\n").is_err(), "{kind}");
        }
    }
}
