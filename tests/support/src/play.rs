//! Turns a reply into the bytes that go on the wire.

use std::io::Write;
use std::time::Duration;

use crate::dialect::{self, Said};
use crate::http::Request;
use crate::script::{Echo, End, Framing, Headers};
use crate::table::{Body, Play};
use crate::wire::{Wire, reason};

const NO_HEADERS: &Headers = &Headers(Vec::new());

/// Writes the answer of an unscripted path to `wire`; the connection stays in use unless the request asked to close.
pub fn unscripted(request: &Request, close: bool, scratch: &mut Vec<u8>, wire: &mut Wire) -> Option<End> {
    scratch.clear();
    let Said { status, content_type } = dialect::answer(request, 0, scratch);
    let head = Head { status, headers: NO_HEADERS, content_type, close };
    head.write(Some(scratch.len()), wire);
    wire.bytes.extend_from_slice(b"\r\n");
    wire.bytes.extend_from_slice(scratch);
    close.then_some(End::Close)
}

/// Writes the answer of `play` to `wire` and says what happens to the connection after it.
pub fn scripted(play: &Play, request: &Request, close: bool, scratch: &mut Vec<u8>, wire: &mut Wire) -> Option<End> {
    wire.pause(play.delay);
    let mut close = close || !play.keep_alive;
    match &play.body {
        Body::Raw(data) => {
            wire.bytes.extend_from_slice(data);
            close = true;
        }
        Body::Pieces { pieces, framing } => {
            close |= *framing == Framing::Close;
            pieced(play, pieces, *framing, close, wire);
        }
        Body::Bytes { content_type, data } => whole(play, 200, content_type, data, NO_HEADERS, close, wire),
        Body::Echo(echo) => {
            let (body, extra) = echoed(echo, request);
            whole(play, 400, "application/json", body.as_bytes(), &extra, close, wire);
        }
        Body::Default => {
            scratch.clear();
            let Said { status, content_type } = default_body(play, request, scratch);
            whole(play, status, content_type, scratch, NO_HEADERS, close, wire);
        }
    }
    if let Some(at) = play.cut_at {
        wire.cut(at);
        close = true;
    }
    play.end.or(close.then_some(End::Close))
}

fn default_body(play: &Play, request: &Request, body: &mut Vec<u8>) -> Said {
    match play.status {
        Some(status @ (100..=199 | 204 | 300..=399)) => Said { status, ..Said::JSON },
        Some(status) if status >= 400 => {
            body.extend_from_slice(dialect::error(request.path, status).as_bytes());
            Said { status, ..Said::JSON }
        }
        _ => dialect::answer(request, play.pad_to, body),
    }
}

fn echoed(echo: &Echo, request: &Request) -> (String, Headers) {
    let value = match echo {
        Echo::Authorization => request.header("authorization"),
        Echo::Header(name) => request.header(name),
        Echo::Request => {
            let whole = [request.head, request.body].concat();
            return (dialect::echo(request.path, &String::from_utf8_lossy(&whole)), Headers::default());
        }
    };
    let value = value.unwrap_or_default();
    (dialect::echo(request.path, &value), Headers(vec![("x-request-id".into(), Some(value))]))
}

struct Head<'a> {
    status: u16,
    headers: &'a Headers,
    content_type: &'a str,
    close: bool,
}

impl Head<'_> {
    /// Writes status line and headers, but not the empty line; without a `length` the body comes in chunks or ends with the connection.
    fn write(&self, length: Option<usize>, wire: &mut Wire) {
        let _ = write!(wire.bytes, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers.0 {
            if let Some(value) = value {
                wire.header(name, value);
            }
        }
        let bodiless = matches!(self.status, 100..=199 | 204 | 304) && length.unwrap_or(0) == 0;
        if !bodiless {
            self.automatic("content-type", self.content_type, wire);
        }
        if let Some(length) = length.filter(|_| !bodiless) {
            self.automatic("content-length", &length.to_string(), wire);
        }
        if self.close {
            self.automatic("connection", "close", wire);
        }
    }

    /// Writes a header unless the script has one of that name.
    fn automatic(&self, name: &str, value: &str, wire: &mut Wire) {
        if !self.headers.0.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            wire.header(name, value);
        }
    }
}

fn whole(play: &Play, status: u16, content_type: &str, body: &[u8], extra: &Headers, close: bool, wire: &mut Wire) {
    // A refusal of the dialect (404 on an unknown path) beats a scripted 200, else the script's status counts.
    let status = if matches!(play.body, Body::Default) { status } else { play.status.unwrap_or(status) };
    let padding = play.pad_to.saturating_sub(body.len());
    let headers = Headers(play.headers.0.iter().chain(&extra.0).cloned().collect());
    Head { status, headers: &headers, content_type, close }.write(Some(body.len() + padding), wire);
    wire.bytes.extend_from_slice(b"\r\n");
    wire.pause(play.body_delay);
    wire.bytes.extend_from_slice(body);
    wire.bytes.resize(wire.bytes.len() + padding, b' ');
}

fn pieced(play: &Play, pieces: &[(Duration, Vec<u8>)], framing: Framing, close: bool, wire: &mut Wire) {
    let length = (framing == Framing::Length).then(|| pieces.iter().map(|(_, data)| data.len()).sum());
    let content_type = pieces.first().map_or("application/json", |(_, data)| dialect::content_type(data));
    let head = Head { status: play.status.unwrap_or(200), headers: &play.headers, content_type, close };
    head.write(length, wire);
    if framing == Framing::Chunked {
        head.automatic("transfer-encoding", "chunked", wire);
    }
    wire.bytes.extend_from_slice(b"\r\n");
    wire.pause(play.body_delay);
    for (delay, data) in pieces {
        wire.pause(*delay);
        match framing {
            Framing::Chunked => wire.chunk(data),
            Framing::Length | Framing::Close => wire.bytes.extend_from_slice(data),
        }
    }
    if framing == Framing::Chunked {
        wire.bytes.extend_from_slice(b"0\r\n\r\n");
    }
}
