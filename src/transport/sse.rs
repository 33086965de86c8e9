//! `text/event-stream`: bytes in any pieces in, whole events out.
//!
//! This is the WHATWG event stream format, apart from two rules that suit providers better. An event with empty data is
//! never given (a browser would give one for `data:` alone): it is a sign of life and no content. And at the end of
//! the body the event without its closing empty line is given, because some servers leave the last newline out.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::Bytes;
use memchr::memchr2;

/// The longest line, without its end. A chunk of a completion has a few hundred bytes; long tool arguments or audio
/// that come at once have some ten thousand. A server that never ends its line can't fill the host's memory.
const MAX_LINE_BYTES: usize = 1024 * 1024;
/// The most that one event holds: its data and the line being read. Events of several lines are rare, so this only has
/// to be above a line, for a server that never ends its event.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;
/// The room for events that is kept between pieces. One piece seldom has more of them.
const MAX_ROOM_KEPT: usize = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// One event, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `None` is the default, "message", also where the server spells it out.
    pub name: Option<Box<str>>,
    /// Never empty. The `data` lines, joined by `\n`; whether they are UTF-8 is for the reader to find out.
    pub data: Bytes,
}

/// The server sent more than is held for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    Line,
    Event,
}

impl Overflow {
    pub fn message(self) -> String {
        match self {
            Self::Line => format!("a line of the event stream has more than {MAX_LINE_BYTES} bytes"),
            Self::Event => format!("an event of the event stream has more than {MAX_EVENT_BYTES} bytes"),
        }
    }
}

/// Takes bytes in any pieces and gives whole events.
///
/// Feed a piece, take events by `next` until there is none, feed the next piece; at the end of the body take the rest
/// by `finish`. Whether the server is alive is not asked here: any piece says so, with or without an event in it.
#[derive(Debug, Default)]
pub struct EventDecoder {
    ready: VecDeque<Event>,
    /// The beginning of a line whose end is still to come.
    line: Vec<u8>,
    name: Option<Box<str>>,
    data: Data,
    /// The first line is read, so no byte order mark can come any more.
    begun: bool,
    /// The last line ended with CR: an LF right behind it belongs to the same end.
    after_cr: bool,
    overflow: Option<Overflow>,
}

impl EventDecoder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a piece. An event that lies within it is given as a slice of it; only what the next piece has to continue
    /// is copied, so that a few bytes never hold a large piece.
    ///
    /// After an overflow, the events before it can still be taken, and nothing more is read: each call fails the same.
    pub fn feed(&mut self, piece: Bytes) -> Result<(), Overflow> {
        if let Some(overflow) = self.overflow {
            return Err(overflow);
        }
        let read = self.read(&piece);
        match read {
            Ok(()) => self.data.detach(),
            Err(overflow) => {
                self.overflow = Some(overflow);
                self.line = Vec::new();
                self.name = None;
                self.data = Data::None;
            }
        }
        read
    }

    /// At the end of the body: closes the event that no empty line has closed, and gives the next event as `next` does.
    pub fn finish(&mut self) -> Option<Event> {
        let line = Bytes::from(std::mem::take(&mut self.line));
        if !line.is_empty() {
            self.take_line(&line, &line);
        }
        self.close_event();
        self.next()
    }

    fn read(&mut self, piece: &Bytes) -> Result<(), Overflow> {
        let mut rest: &[u8] = piece;
        while let Some((before, end, after)) = cut(rest) {
            rest = after;
            let is_second_half = end == b'\n' && self.after_cr && before.is_empty() && self.line.is_empty();
            self.after_cr = end == b'\r';
            if !is_second_half {
                self.end_line(piece, before)?;
            }
        }
        self.check_room(rest.len())?;
        self.line.extend_from_slice(rest);
        Ok(())
    }

    /// Each line is held to the room that is left, whatever its field: while it grows, its field may not be known. So
    /// the verdict is the same however the line was cut, and a line that has passed always fits into the event.
    fn check_room(&self, more: usize) -> Result<(), Overflow> {
        let room = MAX_EVENT_BYTES.saturating_sub(self.data.len());
        let len = self.line.len().saturating_add(more);
        match len > room.min(MAX_LINE_BYTES) {
            true if room < MAX_LINE_BYTES => Err(Overflow::Event),
            true => Err(Overflow::Line),
            false => Ok(()),
        }
    }

    fn end_line(&mut self, piece: &Bytes, end: &[u8]) -> Result<(), Overflow> {
        self.check_room(end.len())?;
        if self.line.is_empty() {
            self.take_line(piece, end);
        } else {
            self.line.extend_from_slice(end);
            // The buffer goes with the line: one grown large isn't kept for the small ones to come.
            let line = Bytes::from(std::mem::take(&mut self.line));
            self.take_line(&line, &line);
        }
        Ok(())
    }

    /// Takes in a whole line, which lies within `source`.
    fn take_line(&mut self, source: &Bytes, line: &[u8]) {
        let is_first = !std::mem::replace(&mut self.begun, true);
        let line = if is_first { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
        if line.is_empty() {
            return self.close_event();
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let field = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => self.data.push(source, value),
            b"event" => {
                let name = Some(value).filter(|name| !name.is_empty() && name != b"message");
                self.name = name.map(|name| String::from_utf8_lossy(name).into());
            }
            // A comment has the empty field. `id` and `retry` are for reconnecting, which a completion can't do.
            _ => {}
        }
    }

    fn close_event(&mut self) {
        let name = self.name.take();
        let data = std::mem::take(&mut self.data).into_bytes();
        if !data.is_empty() {
            self.ready.push_back(Event { name, data });
        }
    }
}

/// Gives the events that are whole. After `None` there may be more, once more is fed.
impl Iterator for EventDecoder {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let event = self.ready.pop_front();
        if self.ready.is_empty() && self.ready.capacity() > MAX_ROOM_KEPT {
            self.ready = VecDeque::new();
        }
        event
    }
}

/// The bytes before the first line end, its first byte, and the bytes after that.
fn cut(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (before, rest) = bytes.split_at_checked(memchr2(b'\n', b'\r', bytes)?)?;
    let (end, after) = rest.split_first()?;
    Some((before, *end, after))
}

/// The data of the event being read.
#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    /// A single line, where it lies.
    Slice(Bytes),
    Own(Vec<u8>),
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Slice(line) => line.len(),
            Self::Own(lines) => lines.len(),
        }
    }

    /// Adds a line, which lies within `source`.
    fn push(&mut self, source: &Bytes, line: &[u8]) {
        self.detach();
        match self {
            Self::Own(lines) => {
                lines.push(b'\n');
                lines.extend_from_slice(line);
            }
            _ => *self = Self::Slice(source.slice_ref(line)),
        }
    }

    /// Lets go of what the line lies in.
    fn detach(&mut self) {
        if let Self::Slice(line) = self {
            *self = Self::Own(line.to_vec());
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::Slice(line) => line,
            Self::Own(lines) => lines.into(),
        }
    }
}
