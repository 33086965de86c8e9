//! OpenAI's stream, and that of all who speak its wire: chunks are given on byte for byte.

use bytes::Bytes;

use crate::chat::Chunk;

use super::{Progress, StreamFault, StreamReader};

/// Stands where a chunk would: the stream is over.
pub(super) const DONE: &[u8] = b"[DONE]";
/// The name of an event that has none.
const PLAIN: &str = "message";
const ERROR: &str = "error";

pub struct OpenAiStream;

impl StreamReader for OpenAiStream {
    fn event(&mut self, name: Option<&str>, data: Bytes, out: &mut Vec<Chunk>) -> Result<Progress, StreamFault> {
        match data.trim_ascii() {
            // Some servers keep the line alive so.
            b"" => return Ok(Progress::More),
            DONE => return Ok(Progress::Done),
            _ if name == Some(ERROR) => return Err(StreamFault::in_band(data)),
            _ => {}
        }
        // OpenAI names no events. Of named ones, chunks and errors count whatever they are called, as they do for
        // OpenAI's own client; what else a server tells in them is none of the answer.
        let is_plain = name.is_none_or(|name| name.is_empty() || name == PLAIN);
        let chunk = match Chunk::parse(data) {
            Ok(chunk) => chunk,
            Err(_) if !is_plain => return Ok(Progress::More),
            Err(flaw) => return Err(flaw.into()),
        };
        if chunk.error().is_some() {
            return Err(StreamFault::in_band(chunk.into_bytes()));
        }
        if is_plain || chunk.has_choices() || chunk.is_usage_only() {
            out.push(chunk);
        }
        Ok(Progress::More)
    }
}
