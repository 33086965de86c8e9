//! What a request says, for its tokens. Looked at only where a limit or a window asks for it.

use serde_json::Value;

use super::request::Request;

/// Members that hold what a model reads.
const READ: [&str; 9] =
    ["messages", "input", "prompt", "tools", "functions", "instructions", "system", "query", "documents"];
/// Where bytes and addresses stand, not words.
const NOT_WORDS: [&str; 5] = ["data", "file_data", "image_url", "url", "id"];
/// Characters of a token that is given as such.
const NUMBER_CHARACTERS: usize = 4;
/// What a picture or a file counts for, whatever its size: LiteLLM's number of tokens for one, in characters.
const PICTURE_CHARACTERS: usize = 85 * 4;

/// A part of what a model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Before a message's own parts; whether it names who speaks.
    Message {
        named: bool,
    },
    Text(&'a str),
    /// Or a file.
    Picture,
    /// A token, where a prompt is given as such.
    Number,
}

impl Request {
    /// The members that the model reads, as JSON.
    pub fn prompt_members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sent().filter(|(name, _)| READ.contains(name))
    }

    /// The characters that the model reads.
    pub fn prompt_characters(&self) -> usize {
        let mut characters = 0;
        each_part(self.prompt_members(), &mut |part| {
            characters += match part {
                Part::Text(text) => text.chars().count(),
                Part::Picture => PICTURE_CHARACTERS,
                Part::Number => NUMBER_CHARACTERS,
                Part::Message { .. } => 0,
            };
        });
        characters
    }

    /// The tokens that the answer may have at most, if the request says so.
    pub fn completion_bound(&self) -> Option<u64> {
        let bound = |name: &str| self.get(name)?.trim().parse().ok();
        ["max_completion_tokens", "max_tokens", "max_output_tokens"].into_iter().find_map(bound)
    }
}

/// Hands over the parts of a prompt, whose members these are, one after the other.
pub fn each_part<'a>(members: impl Iterator<Item = (&'a str, &'a str)>, take: &mut impl FnMut(Part<'_>)) {
    for (name, text) in members {
        match serde_json::from_str(text) {
            Ok(Value::Array(messages)) if name == "messages" => {
                for message in &messages {
                    take(Part::Message { named: message.get("name").is_some() });
                    walk(message, take);
                }
            }
            Ok(value) => walk(&value, take),
            Err(_) => {}
        }
    }
}

fn walk(value: &Value, take: &mut impl FnMut(Part<'_>)) {
    match value {
        Value::String(text) => take(Part::Text(text)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, take)),
        Value::Object(members) => {
            // What kind of part a text is, is said to the provider and not to the model.
            let is_text = members.contains_key("text");
            for (name, value) in members.iter().filter(|(name, _)| !(is_text && *name == "type")) {
                if NOT_WORDS.contains(&name.as_str()) { pictures(value, take) } else { walk(value, take) }
            }
        }
        Value::Number(_) => take(Part::Number),
        Value::Null | Value::Bool(_) => {}
    }
}

fn pictures(value: &Value, take: &mut impl FnMut(Part<'_>)) {
    match value {
        Value::String(text) if text.len() > 64 || text.starts_with("http") => take(Part::Picture),
        Value::Object(members) => members.values().for_each(|member| pictures(member, take)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(members: &str) -> usize {
        Request::parse(&format!(r#"{{"model":"m","user":"somebody",{members}}}"#)).unwrap().prompt_characters()
    }

    #[test]
    fn words_count_and_pictures_count_alike() {
        assert_eq!(of(r#""messages":[{"role":"user","content":"h\u00e9llo"}]"#), 4 + 5);
        assert_eq!(of(r#""messages":[],"input":[1,2,3]"#), 12);
        let picture = |data: &str| {
            of(&format!(r#""messages":[{{"content":[{{"type":"image_url","image_url":{{"url":"{data}"}}}}]}}]"#))
        };
        assert_eq!(picture("https://h/p.png"), picture(&format!("data:image/png;base64,{}", "A".repeat(100_000))));
    }

    #[test]
    fn parts_come_in_their_order() {
        let parts = |members: &str| {
            let request = Request::parse(&format!(r#"{{"model":"m",{members}}}"#)).unwrap();
            let mut parts = Vec::new();
            each_part(request.prompt_members(), &mut |part| parts.push(format!("{part:?}")));
            parts.join(" ")
        };
        assert_eq!(
            parts(r#""messages":[{"role":"user","name":"n","content":[{"type":"text","text":"a"}]},{"role":"tool"}]"#),
            r#"Message { named: true } Text("user") Text("n") Text("a") Message { named: false } Text("tool")"#
        );
        assert_eq!(parts(r#""input":["a",7],"temperature":1"#), r#"Text("a") Number"#);
    }

    #[test]
    fn the_bound_is_the_requests() {
        let bound = |text: &str| Request::parse(text).unwrap().completion_bound();
        assert_eq!(bound(r#"{"model":"m","max_tokens":5}"#), Some(5));
        assert_eq!(bound(r#"{"model":"m","max_tokens":5,"max_completion_tokens":7}"#), Some(7));
        assert_eq!(bound(r#"{"model":"m"}"#), None);
    }
}
