//! A request as a form: what carries files goes out as `multipart/form-data`, each file from its base64.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde_json::Value;

use crate::error::Error;

/// With or without padding: languages differ in what they write.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const UNNAMED: &str = "file";
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// A form that grows.
pub struct Form {
    body: Vec<u8>,
    boundary: String,
}

impl Form {
    pub fn with_capacity(bytes: usize) -> Self {
        // So long that no file holds it by chance.
        let boundary = format!("llmrouter-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        Self { body: Vec::with_capacity(bytes), boundary }
    }

    /// The header that says what it is.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Adds a parameter from its JSON text: texts as they are, lists item by item, files from
    /// `{"filename", "content_type", "data": base64}`, other objects as JSON. Null adds nothing.
    pub fn member(&mut self, name: &str, json: &str) -> Result<(), Error> {
        let value = serde_json::from_str(json);
        let value = value.map_err(|_| Error::bad_parameter(name, format!("\"{name}\" is nested too deeply")))?;
        match value {
            Value::Array(items) => {
                let name = format!("{name}[]");
                items.iter().try_for_each(|item| self.item(&name, item))
            }
            value => self.item(name, &value),
        }
    }

    fn item(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        let text: Cow<'_, str> = match value {
            Value::Null => return Ok(()),
            Value::String(text) => text.into(),
            Value::Object(members) => match members.get("data") {
                Some(Value::String(data)) => {
                    let text = |member: &str| members.get(member).and_then(Value::as_str);
                    let filename = text("filename").unwrap_or(UNNAMED);
                    let kind = text("content_type").unwrap_or(UNKNOWN_TYPE);
                    return self.file(name, filename, kind, data);
                }
                _ => value.to_string().into(),
            },
            other => other.to_string().into(),
        };
        self.head(name, "");
        self.body.extend_from_slice(text.as_bytes());
        self.body.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn file(&mut self, name: &str, filename: &str, kind: &str, data: &str) -> Result<(), Error> {
        if kind.chars().any(char::is_control) {
            return Err(Error::bad_parameter(name, format!("the content_type of \"{name}\" can't be sent")));
        }
        let more = format!("; filename=\"{}\"\r\ncontent-type: {kind}", quoted(filename));
        self.head(name, &more);
        let decoded = BASE64.decode_vec(data, &mut self.body);
        decoded.map_err(|_| Error::bad_parameter(name, format!("the data of \"{name}\" is no base64")))?;
        self.body.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn head(&mut self, name: &str, more: &str) {
        let (boundary, name) = (&self.boundary, quoted(name));
        let head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n");
        self.body.extend_from_slice(head.as_bytes());
    }

    pub fn finish(mut self) -> Bytes {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        Bytes::from(self.body)
    }
}

/// What may stand between quotes in a header of a part, as browsers write it.
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(members: &[(&str, &str)]) -> Result<String, Error> {
        let mut form = Form::with_capacity(0);
        for (name, json) in members {
            form.member(name, json)?;
        }
        let kind = form.content_type();
        let boundary = kind.split_once("boundary=").unwrap().1.to_owned();
        let text = String::from_utf8(form.finish().to_vec()).unwrap();
        Ok(text.replace(&boundary, "B").replace("\r\n", "\n"))
    }

    #[test]
    fn parts_are_texts_lists_and_files() {
        let file = r#"{"filename":"a \"b\".wav","content_type":"audio/wav","data":"UklGRg=="}"#;
        let sent = form(&[
            ("model", "\"whisper-1\""),
            ("temperature", "0.5"),
            ("language", "null"),
            ("timestamp_granularities", "[\"word\",\"segment\"]"),
            ("chunking_strategy", "{\"type\":\"server_vad\"}"),
            ("file", file),
        ]);
        let head = "--B\ncontent-disposition: form-data; name=";
        let expected = format!(
            "{head}\"model\"\n\nwhisper-1\n{head}\"temperature\"\n\n0.5\n\
             {head}\"timestamp_granularities[]\"\n\nword\n{head}\"timestamp_granularities[]\"\n\nsegment\n\
             {head}\"chunking_strategy\"\n\n{{\"type\":\"server_vad\"}}\n\
             {head}\"file\"; filename=\"a %22b%22.wav\"\ncontent-type: audio/wav\n\nRIFF\n--B--\n"
        );
        assert_eq!(sent.unwrap(), expected);
    }

    #[test]
    fn files_need_neither_name_nor_padding() {
        let sent = form(&[("image", r#"[{"data":"UklGRg"}]"#)]).unwrap();
        assert!(sent.contains("name=\"image[]\"; filename=\"file\"\ncontent-type: application/octet-stream\n\nRIFF\n"));
        for bad in [r#"{"data":"??"}"#, r#"{"data":"UklGRg","content_type":"a\r\nb"}"#] {
            assert_eq!(form(&[("file", bad)]).unwrap_err().param(), Some("file"));
        }
    }
}
