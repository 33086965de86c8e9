//! A request as a form: what carries files goes out as `multipart/form-data`, each file from its base64.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Error;

/// With or without padding: languages differ in what they write.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Of lists and objects in one another; no parameter needs half as much.
const MAX_DEPTH: usize = 16;
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
    /// `{"filename", "content_type", "data": base64}`, other objects member by member, all else as it was written. Null
    /// adds nothing.
    pub fn member(&mut self, name: &str, json: &str) -> Result<(), Error> {
        self.value(name, json, 0)
    }

    fn value(&mut self, name: &str, json: &str, depth: usize) -> Result<(), Error> {
        let unreadable = |error: serde_json::Error| Error::bad_parameter(name, format!("\"{name}\": {error}"));
        if depth > MAX_DEPTH {
            return Err(Error::bad_parameter(name, format!("\"{name}\" is nested too deeply for a form")));
        }
        let json = json.trim();
        let text: Cow<'_, str> = match json.as_bytes().first() {
            _ if json == "null" => return Ok(()),
            Some(b'"') => serde_json::from_str::<Text<'_>>(json).map_err(unreadable)?.0,
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(json).map_err(unreadable)?;
                let name = format!("{name}[]");
                return items.iter().try_for_each(|item| self.value(&name, item.get(), depth + 1));
            }
            Some(b'{') => {
                if let Ok(file) = serde_json::from_str::<File<'_>>(json) {
                    return self.file(name, &file);
                }
                // As OpenAI's own clients write it.
                let members: Members<'_> = serde_json::from_str(json).map_err(unreadable)?;
                let mut members = members.0.into_iter();
                return members
                    .try_for_each(|(key, value)| self.value(&format!("{name}[{key}]"), value.get(), depth + 1));
            }
            _ => json.into(),
        };
        self.head(name, "");
        self.body.extend_from_slice(text.as_bytes());
        self.body.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn file(&mut self, name: &str, file: &File<'_>) -> Result<(), Error> {
        let filename = file.filename.as_deref().unwrap_or(UNNAMED);
        let kind = file.content_type.as_deref().unwrap_or(UNKNOWN_TYPE);
        if kind.chars().any(char::is_control) {
            return Err(Error::bad_parameter(name, format!("the content_type of \"{name}\" can't be sent")));
        }
        let more = format!("; filename=\"{}\"\r\ncontent-type: {kind}", quoted(filename));
        self.head(name, &more);
        let decoded = BASE64.decode_vec(&*file.data, &mut self.body);
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

/// A text, borrowed unless it holds an escape: a file may be large.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(borrow)]
    filename: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content_type: Option<Cow<'a, str>>,
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
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
            ("temperature", " 0.50 "),
            ("language", "null"),
            ("timestamp_granularities", "[\"word\",\"segment\"]"),
            ("chunking_strategy", "{\"type\": \"server_vad\", \"on\": [true], \"off\": null}"),
            ("file", file),
        ]);
        let head = "--B\ncontent-disposition: form-data; name=";
        let expected = format!(
            "{head}\"model\"\n\nwhisper-1\n{head}\"temperature\"\n\n0.50\n\
             {head}\"timestamp_granularities[]\"\n\nword\n{head}\"timestamp_granularities[]\"\n\nsegment\n\
             {head}\"chunking_strategy[type]\"\n\nserver_vad\n{head}\"chunking_strategy[on][]\"\n\ntrue\n\
             {head}\"file\"; filename=\"a %22b%22.wav\"\ncontent-type: audio/wav\n\nRIFF\n--B--\n"
        );
        assert_eq!(sent.unwrap(), expected);
    }

    #[test]
    fn depth_is_no_danger() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            assert_eq!(form(&[("x", &deep)]).unwrap_err().param().map(|name| name.starts_with('x')), Some(true));
        }
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
