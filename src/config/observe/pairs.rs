//! `name=value,name=value`, as variables hold headers and attributes; and what a header may be.

use crate::config::secret::Secret;

/// The pairs, in order, the last of a name; percent signs mean what they do in a URL if `is_encoded`. `None` if the text is
/// no such list.
pub fn parse(text: &str, is_encoded: bool) -> Option<Vec<(String, String)>> {
    let decode = |part: &str| {
        if !is_encoded {
            return Some(part.to_owned());
        }
        percent_encoding::percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned())
    };
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (decode(name.trim())?, decode(value.trim())?);
        pairs.retain(|(other, _)| *other != name);
        pairs.push((name, value));
    }
    Some(pairs)
}

/// A list of headers; `None` if the text is none.
pub fn headers(text: &str, is_encoded: bool) -> Option<Vec<(String, Secret)>> {
    let mut headers = Vec::new();
    for (name, value) in parse(text, is_encoded)? {
        if !is_header(&name, &value) {
            return None;
        }
        put(&mut headers, name, Secret::new(value));
    }
    Some(headers)
}

/// Puts a header in the place of one of the same name, whatever its case.
pub fn put(headers: &mut Vec<(String, Secret)>, name: String, value: Secret) {
    headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
    headers.push((name, value));
}

/// Whether HTTP can carry it.
pub fn is_header(name: &str, value: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_visible = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    !name.is_empty() && name.bytes().all(is_token) && value.bytes().all(is_visible)
}
