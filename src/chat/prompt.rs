//! How much a request says, for an estimate of its tokens. Looked at only where a limit or a window asks for it.

use serde_json::Value;

use super::request::Request;

/// Members that hold what a model reads.
const READ: [&str; 9] =
    ["messages", "input", "prompt", "tools", "functions", "instructions", "system", "query", "documents"];
/// Where bytes and addresses stand, not words.
const NOT_WORDS: [&str; 5] = ["data", "file_data", "image_url", "url", "id"];
/// What a picture or a file counts for, whatever its size: LiteLLM's number of tokens for one, in characters.
const PICTURE_CHARACTERS: usize = 85 * 4;

impl Request {
    /// The characters that the model reads.
    pub fn prompt_characters(&self) -> usize {
        let read = self.sent().filter(|(name, _)| READ.contains(name));
        read.filter_map(|(_, text)| serde_json::from_str(text).ok()).map(|value| characters(&value)).sum()
    }

    /// The tokens that the answer may have at most, if the request says so.
    pub fn completion_bound(&self) -> Option<u64> {
        let bound = |name: &str| self.get(name)?.trim().parse().ok();
        ["max_completion_tokens", "max_tokens", "max_output_tokens"].into_iter().find_map(bound)
    }
}

fn characters(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(characters).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| if NOT_WORDS.contains(&name.as_str()) { pictures(value) } else { characters(value) })
            .sum(),
        // A token, where a prompt is given as such.
        Value::Number(_) => 4,
        Value::Null | Value::Bool(_) => 0,
    }
}

fn pictures(value: &Value) -> usize {
    match value {
        Value::String(text) if text.len() > 64 || text.starts_with("http") => PICTURE_CHARACTERS,
        Value::Object(members) => members.values().map(pictures).sum(),
        _ => 0,
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
    fn the_bound_is_the_requests() {
        let bound = |text: &str| Request::parse(text).unwrap().completion_bound();
        assert_eq!(bound(r#"{"model":"m","max_tokens":5}"#), Some(5));
        assert_eq!(bound(r#"{"model":"m","max_tokens":5,"max_completion_tokens":7}"#), Some(7));
        assert_eq!(bound(r#"{"model":"m"}"#), None);
    }
}
