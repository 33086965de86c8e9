//! The stream of `/responses`: events are given on byte for byte, and one of them says that it is the last.

use bytes::Bytes;

use crate::chat::{Chunk, EventKind, event};

use super::openai::DONE;
use super::{Progress, StreamFault, StreamReader};

pub struct ResponsesStream;

impl StreamReader for ResponsesStream {
    fn event(&mut self, _name: Option<&str>, data: Bytes, out: &mut Vec<Chunk>) -> Result<Progress, StreamFault> {
        match data.trim_ascii() {
            // Of servers that end all their streams alike: it ends what was cut short as well, and so says nothing.
            b"" | DONE => return Ok(Progress::More),
            _ => {}
        }
        let (chunk, kind) = event(data)?;
        match kind {
            EventKind::Failure(body) => Err(StreamFault::in_band(body.into())),
            EventKind::Last => {
                out.push(chunk);
                Ok(Progress::Done)
            }
            EventKind::More => {
                out.push(chunk);
                Ok(Progress::More)
            }
        }
    }
}
