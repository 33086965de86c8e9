//! Takes a deployment's secrets out of text that comes from its provider.
//!
//! Providers echo keys, whole, cut or encoded, in their error messages. Any eight characters in a row of a secret
//! are enough to be taken out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::config::{DeploymentConfig, Secret};

use super::escape::escaped;

/// The shortest piece of a secret that is recognised; shorter pieces would blank out ordinary words.
const PIECE: usize = 8;
const MARK: &str = "[redacted]";

/// Parameters beside `api_key` that hold a secret.
const SECRET_PARAMS: [&str; 2] = ["azure_ad_token", "client_secret"];

/// What must not appear: the secrets of one deployment, in the forms in which they travel.
pub struct Redactor {
    forms: Vec<Secret>,
}

impl Redactor {
    /// `others` are secrets that stand in no parameter.
    pub fn new<'a>(config: &'a DeploymentConfig, others: impl Iterator<Item = &'a str>) -> Self {
        let headers = config.extra_headers.iter().map(|(_, value)| value);
        let secrets = config.api_key.iter().chain(headers).map(Secret::expose);
        let params = SECRET_PARAMS.iter().filter_map(|name| config.settings.text(name));
        Self::of(secrets.chain(params).chain(others))
    }

    /// A redactor of these secrets.
    pub fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let forms = secrets.filter(|secret| secret.len() >= PIECE).flat_map(forms).map(Secret::new);
        Self { forms: forms.collect() }
    }

    /// The text without any of them.
    pub fn clean(&self, text: &str) -> String {
        let text = text.as_bytes();
        let mut hidden = vec![false; text.len()];
        for (start, window) in text.windows(PIECE).enumerate() {
            if self.forms.iter().any(|form| contains(form.expose().as_bytes(), window)) {
                hidden.iter_mut().skip(start).take(PIECE).for_each(|byte| *byte = true);
            }
        }
        let mut clean = Vec::with_capacity(text.len());
        let mut inside = false;
        for (byte, hide) in text.iter().zip(&hidden) {
            match (hide, inside) {
                (true, false) => clean.extend_from_slice(MARK.as_bytes()),
                (false, _) => clean.push(*byte),
                (true, true) => {}
            }
            inside = *hide;
        }
        String::from_utf8_lossy(&clean).into_owned()
    }
}

fn contains(form: &[u8], window: &[u8]) -> bool {
    form.windows(PIECE).any(|piece| piece.eq_ignore_ascii_case(window))
}

/// As it is, percent-encoded, and in base64 at each of the three places where it may begin in a longer text.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), escaped(secret)];
    for skipped in 0..3 {
        forms.extend(secret.as_bytes().get(skipped..).map(base64));
    }
    forms
}

/// Base64 of the whole groups of three: the characters that any encoding of a longer text shares with it.
fn base64(bytes: &[u8]) -> String {
    let whole = bytes.len() - bytes.len() % 3;
    STANDARD.encode(bytes.get(..whole).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-canary/0123456789+abcdef";

    fn clean(text: &str) -> String {
        Redactor::of([KEY].into_iter()).clean(text)
    }

    #[test]
    fn a_key_is_taken_out_in_every_form() {
        assert_eq!(clean(&format!("key {KEY} is bad")), "key [redacted] is bad");
        assert_eq!(clean("key sk-canary/0*** is bad"), "key [redacted]*** is bad");
        assert_eq!(clean("SK-CANARY/0123 x"), "[redacted] x");
        assert_eq!(clean("k=sk-canary%2F0123456789%2Babcdef."), "k=[redacted].");
        // "x", "xy", "xyz" before the key, then base64 of the whole.
        for encoded in [
            "eHNrLWNhbmFyeS8wMTIzNDU2Nzg5K2FiY2RlZg==",
            "eHlzay1jYW5hcnkvMDEyMzQ1Njc4OSthYmNkZWY=",
            "eHl6c2stY2FuYXJ5LzAxMjM0NTY3ODkrYWJjZGVm",
        ] {
            let clean = clean(encoded);
            assert!(clean.contains(MARK), "{clean}");
            assert!(clean.replace(MARK, "").len() <= 10, "{clean}");
        }
    }

    #[test]
    fn other_text_stays() {
        assert_eq!(clean("rate limit reached für gpt-4"), "rate limit reached für gpt-4");
        assert_eq!(clean(""), "");
        assert_eq!(Redactor::of(["short"].into_iter()).clean("short"), "short");
    }
}
