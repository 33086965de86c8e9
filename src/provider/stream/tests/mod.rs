mod anthropic;
mod law;
mod mock;
mod openai;

use bytes::Bytes;
use serde_json::Value;

use crate::chat::Accumulated;
use crate::chat::Chunk;

use super::{Progress, StreamFault, StreamReader};

/// What a reader makes of a recorded stream: its chunks and how it ended.
fn read(reader: &mut dyn StreamReader, recorded: &str) -> (Vec<Chunk>, Result<Progress, StreamFault>) {
    let mut chunks = Vec::new();
    for event in recorded.split("\n\n").map(str::trim).filter(|event| !event.is_empty()) {
        let line = |name: &str| event.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim_start);
        let Some(data) = line("data:") else { continue };
        match reader.event(line("event:"), Bytes::copy_from_slice(data.as_bytes()), &mut chunks) {
            Ok(Progress::More) => {}
            ended => return (chunks, ended),
        }
    }
    (chunks, Ok(Progress::More))
}

/// The completion that a recorded stream makes, and its chunks; it must be whole.
fn whole(reader: &mut dyn StreamReader, recorded: &str) -> (Value, Vec<Chunk>) {
    let (chunks, ended) = read(reader, recorded);
    assert_eq!(ended, Ok(Progress::Done), "{recorded}");
    (Accumulated::of(&chunks), chunks)
}

fn text_of(chunks: &[Chunk]) -> String {
    chunks.iter().filter_map(|chunk| chunk.delta_text().map(|text| text.into_owned())).collect()
}
