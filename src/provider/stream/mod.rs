//! What a provider's stream means, event by event, in OpenAI's chunks.
//!
//! `openai` and `responses` pass chunks through as they came, `anthropic` (with `event` and `block`) translates, `status` tells what
//! an error told inside a stream stands for, and `mock` plays streams.

mod anthropic;
mod block;
mod event;
pub(super) mod mock;
mod openai;
mod responses;
mod status;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::chat::{Chunk, Flaw};

pub(super) use anthropic::AnthropicStream;
pub(super) use openai::OpenAiStream;
pub(super) use responses::ResponsesStream;

/// What a provider's stream brings, event by event, in OpenAI's chunks. One reader reads one stream.
pub trait StreamReader: Send {
    /// Takes one event in (its `event:` name, if any, and its data) and appends the chunks that it means. After a
    /// fault, what was appended before still counts.
    fn event(&mut self, name: Option<&str>, data: Bytes, out: &mut Vec<Chunk>) -> Result<Progress, StreamFault>;
}

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    More,
    /// The provider's own terminator came: the answer is whole.
    Done,
}

/// Why a stream can't be read on.
#[derive(Debug, PartialEq, Eq)]
pub enum StreamFault {
    /// An error told inside the stream: the event's data, which is what the body of a bad answer would be, and the
    /// status that such an answer would have had.
    InBand { body: Bytes, status: u16 },
    /// An event that can't be read.
    Flaw(Flaw),
}

impl StreamFault {
    fn in_band(body: Bytes) -> Self {
        Self::InBand { status: status::of(&body), body }
    }
}

impl From<Flaw> for StreamFault {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}
