//! What is streamed: chunks of one length, paced or as fast as they are read.

use serde_json::{Value, json};

/// The parts of the provider's script.
pub const PACED: &str = "/paced";
pub const AT_ONCE: &str = "/at_once";

/// Streams at a time.
pub const IN_FLIGHT: usize = 64;
/// Between two chunks of a paced stream: each comes in a packet of its own.
const PACE_MS: usize = 5;

/// Bytes of each chunk, about what providers send.
pub const CHUNK: usize = 256;

/// Streams that make so many chunks together, as many as run at a time.
pub fn script(chunks: usize) -> Value {
    let contents = chunks.div_ceil(IN_FLIGHT).saturating_sub(2).max(1);
    json!({
        PACED: [{ "chunks": stream(contents, PACE_MS) }],
        AT_ONCE: [{ "chunks": [{ "text": whole(contents) }] }],
    })
}

/// How many chunks there are in a JSON array of them: all are of one length.
pub fn count(array: usize) -> usize {
    array.saturating_sub(1) / (CHUNK + 1)
}

fn stream(contents: usize, pace: usize) -> Vec<Value> {
    let mut chunks: Vec<Value> =
        events(contents).into_iter().map(|text| json!({ "text": text, "delay_ms": pace })).collect();
    chunks.push(json!({ "text": DONE }));
    chunks
}

fn whole(contents: usize) -> String {
    events(contents).concat() + DONE
}

const DONE: &str = "data: [DONE]\n\n";

fn events(contents: usize) -> Vec<String> {
    let mut events = vec![event(&json!({ "role": "assistant", "content": "" }), None)];
    events.extend((0..contents).map(|n| event(&json!({ "content": format!(" word {n}") }), None)));
    events.push(event(&json!({}), Some("stop")));
    events
}

/// One chunk as OpenAI writes it, down to the member that makes all of one length.
fn event(delta: &Value, finish_reason: Option<&str>) -> String {
    let with = |padding: String| {
        json!({
            "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "bench",
            "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason }],
            "obfuscation": padding,
        })
        .to_string()
    };
    let padding = CHUNK.saturating_sub(with(String::new()).len());
    format!("data: {}\n\n", with("x".repeat(padding)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_chunks_are_of_one_length() {
        for event in events(12_000) {
            assert_eq!(event.len(), CHUNK + "data: \n\n".len(), "{event}");
        }
        assert_eq!([count(0), count("[]".len() + CHUNK), count("[,]".len() + 2 * CHUNK)], [0, 1, 2]);
    }
}
