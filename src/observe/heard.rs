//! What a stream said, for those who may see it: noted as it comes, put together by whoever reads it.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::Value;

use crate::chat::{Accumulated, Chunk, Verb};

/// What is noted of one stream; a longer one is told up to here.
const MOST_BYTES: usize = 1024 * 1024;

/// The chunks of a stream, one a line.
pub struct Heard {
    verb: Verb,
    lines: Vec<u8>,
    /// Put together once, by whoever comes first.
    answer: OnceLock<Value>,
}

impl Heard {
    pub fn new(verb: Verb) -> Self {
        Self { verb, lines: Vec::new(), answer: OnceLock::new() }
    }

    pub fn add(&mut self, chunk: &Chunk) {
        let json = chunk.json().as_bytes();
        if self.lines.len() + json.len() < MOST_BYTES {
            self.lines.extend_from_slice(json);
            self.lines.push(0);
        }
    }

    /// The answer that the chunks make, so far as they came, in the shape of a whole one.
    pub fn answer(&self) -> &Value {
        self.answer.get_or_init(|| self.put_together())
    }

    /// One that has said this.
    #[cfg(test)]
    pub fn of(answer: Value) -> Self {
        Self { answer: answer.into(), ..Self::new(Verb::Chat) }
    }

    fn put_together(&self) -> Value {
        let mut answer = Accumulated::default();
        for line in self.lines.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            if let Ok(chunk) = Chunk::parse(Bytes::copy_from_slice(line)) {
                answer.add(&chunk);
            }
        }
        answer.completion(self.verb)
    }

    /// The bytes that it holds in memory.
    pub fn weight(&self) -> usize {
        self.lines.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(content: &str) -> Chunk {
        let json = serde_json::json!({"id": "x", "choices": [{"index": 0, "delta": {"content": content}}]});
        Chunk::parse(json.to_string().into()).unwrap()
    }

    #[test]
    fn chunks_make_an_answer() {
        let mut heard = Heard::new(Verb::Chat);
        for text in ["a\n", "b\u{0}", "c"] {
            heard.add(&chunk(text));
        }
        let answer = heard.answer();
        assert_eq!(answer["choices"][0]["message"]["content"], "a\nb\u{0}c");
        assert_eq!((&answer["id"], &answer["object"]), (&"x".into(), &"chat.completion".into()));
    }

    #[test]
    fn a_long_stream_is_told_to_a_bound() {
        let mut heard = Heard::new(Verb::Chat);
        for _ in 0..2000 {
            heard.add(&chunk(&"x".repeat(1000)));
        }
        assert!(heard.weight() <= 2 * MOST_BYTES);
        let length = heard.answer()["choices"][0]["message"]["content"].as_str().unwrap().len();
        assert!((500_000..MOST_BYTES).contains(&length));
    }
}
