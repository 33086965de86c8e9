//! What a failure says, without what it quotes of the request: providers repeat prompts in their errors.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

use crate::chat::Request;

use super::event::Event;
use super::parameters::CONTENT;

/// The shortest piece of a prompt that is recognised within it; shorter ones would blank out ordinary words.
const PIECE: usize = 12;
/// A text of the prompt that is shorter than this is no content of anybody's.
const SHORTEST: usize = 4;
/// Bytes of a provider's code; what is longer is none.
const LONGEST_CODE: usize = 100;
/// Of a number for how a piece begins.
const BITS: u32 = 14;
const MARK: &str = "[redacted]";
/// Members of a message that say what a part is, not what was asked.
const FORM: [&str; 6] = ["role", "type", "detail", "format", "mime_type", "media_type"];

impl Event {
    /// Why it failed, if it did. Without `content` nothing that it quotes of the prompt is left in it.
    pub fn reason(&self, content: bool) -> Option<Cow<'_, str>> {
        let message = self.error.as_ref()?.message();
        Some(match content {
            true => message.into(),
            false => without_prompt(message, &self.call.request),
        })
    }

    /// The provider's own code for it; without `content` only if it is a code, and no more of the prompt than above.
    pub fn provider_code(&self, content: bool) -> Option<Cow<'_, str>> {
        let code = self.error.as_ref()?.provider_code()?;
        match content {
            true => Some(code.into()),
            false => Some(without_prompt(code, &self.call.request)).filter(|_| code.len() <= LONGEST_CODE),
        }
    }
}

/// The message of a failure without those pieces of it that the prompt has as well.
pub fn without_prompt<'a>(message: &'a str, request: &Request) -> Cow<'a, str> {
    let mut quotes = Quotes::new(message.as_bytes());
    for member in CONTENT {
        if let Some(value) = request.get(member).and_then(|text| serde_json::from_str(text).ok()) {
            quotes.look_at(&value);
        }
    }
    match quotes.hidden() {
        hidden if hidden.contains(&true) => marked(message, &hidden).into(),
        _ => message.into(),
    }
}

/// What of a message is found in a prompt. The prompt may be long, and the message is short: the message's pieces are
/// looked up, each once.
struct Quotes<'m> {
    message: &'m [u8],
    pieces: HashSet<&'m [u8]>,
    /// By a few bits of how a piece begins, whether there is one at all.
    begins: Vec<bool>,
    found: HashSet<&'m [u8]>,
    /// By short texts, found as a whole.
    short: Vec<bool>,
}

impl<'m> Quotes<'m> {
    fn new(message: &'m [u8]) -> Self {
        let pieces: HashSet<&[u8]> = message.windows(PIECE).collect();
        let mut begins = vec![false; 1 << BITS];
        for piece in &pieces {
            if let Some(begin) = begins.get_mut(begin_of(piece)) {
                *begin = true;
            }
        }
        Self { message, pieces, begins, found: HashSet::new(), short: vec![false; message.len()] }
    }

    fn look_at(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                self.look_at_text(text.trim().as_bytes());
                // Some repeat it as they got it: as JSON within JSON.
                if text.contains(['"', '\\', '\n', '\t']) {
                    self.look_at_text(Value::from(text.trim()).to_string().as_bytes());
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.look_at(item)),
            Value::Object(members) => {
                let said = members.iter().filter(|(name, _)| !FORM.contains(&name.as_str()));
                said.for_each(|(_, value)| self.look_at(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn look_at_text(&mut self, text: &[u8]) {
        match text.len() {
            ..SHORTEST => {}
            SHORTEST..PIECE => {
                for start in memchr::memmem::find_iter(self.message, text) {
                    self.short.iter_mut().skip(start).take(text.len()).for_each(|byte| *byte = true);
                }
            }
            _ => {
                for window in text.windows(PIECE) {
                    if self.begins.get(begin_of(window)) == Some(&true)
                        && let Some(piece) = self.pieces.get(window)
                    {
                        self.found.insert(piece);
                    }
                }
            }
        }
    }

    /// The bytes of the message that are quoted.
    fn hidden(self) -> Vec<bool> {
        let mut hidden = self.short;
        for (start, piece) in self.message.windows(PIECE).enumerate() {
            if self.found.contains(piece) {
                hidden.iter_mut().skip(start).take(PIECE).for_each(|byte| *byte = true);
            }
        }
        hidden
    }
}

/// A number of few bits for how a piece begins.
fn begin_of(piece: &[u8]) -> usize {
    let first = piece.iter().take(4).fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
    (first.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
}

/// Whole characters go, of which a part is hidden.
fn marked(message: &str, hidden: &[bool]) -> String {
    let mut clean = String::with_capacity(message.len());
    let mut inside = false;
    for (start, letter) in message.char_indices() {
        let hide = hidden.iter().skip(start).take(letter.len_utf8()).any(|byte| *byte);
        match (hide, inside) {
            (true, false) => clean.push_str(MARK),
            (false, _) => clean.push(letter),
            (true, true) => {}
        }
        inside = hide;
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(message: &str, members: &str) -> String {
        let request = Request::parse(&format!(r#"{{"model":"gpt-4",{members}}}"#)).unwrap();
        without_prompt(message, &request).into_owned()
    }

    #[test]
    fn what_is_quoted_of_the_prompt_goes_and_the_rest_stays() {
        let asked = r#""messages":[{"role":"user","content":"my name is Grüße and\nmy \"secret\" is 42"}]"#;
        let quoted = "openai: answered 400: can't say 'my name is Grüße' to a user";
        assert_eq!(clean(quoted, asked), "openai: answered 400: can't say '[redacted]' to a user");
        let whole = r#"bad request: {"role": "user", "content": "my name is Grüße and\nmy \"secret\" is 42"}"#;
        assert_eq!(clean(whole, asked), r#"bad request: {"role": "user", "content": [redacted]}"#);
        assert_eq!(clean("the model gpt-4 is overloaded", asked), "the model gpt-4 is overloaded");
    }

    #[test]
    fn short_prompts_go_whole_and_parts_of_every_kind_are_prompts() {
        assert_eq!(clean("no 'hi there' here, user", r#""input":["hi there"]"#), "no '[redacted]' here, user");
        let parts = r#""messages":[{"role":"user","content":[{"type":"text","text":"draw me a sheep"}]}]"#;
        assert_eq!(clean("can't draw me a sheep of type text", parts), "can't [redacted] of type text");
        assert_eq!(clean("a of b", r#""prompt":"of""#), "a of b");
        assert_eq!(clean("", r#""prompt":"a long enough prompt""#), "");
    }
}
