//! An answer as the bytes that go on the wire, and the pauses between them.

use std::io::Write;
use std::time::Duration;

/// Reused for every answer of a connection.
#[derive(Default)]
pub struct Wire {
    pub bytes: Vec<u8>,
    /// A pause before the byte at that offset; in order.
    pub pauses: Vec<(usize, Duration)>,
}

impl Wire {
    pub fn clear(&mut self) {
        self.pauses.clear();
        self.bytes.clear();
        // A large answer's memory is given back, as thousands of connections may be open.
        self.bytes.shrink_to(16 << 10);
    }

    /// A pause before what is written next.
    pub fn pause(&mut self, length: Duration) {
        if !length.is_zero() {
            self.pauses.push((self.bytes.len(), length));
        }
    }

    pub fn header(&mut self, name: &str, value: &str) {
        let _ = write!(self.bytes, "{name}: {value}\r\n");
    }

    pub fn chunk(&mut self, data: &[u8]) {
        let _ = write!(self.bytes, "{:x}\r\n", data.len());
        self.bytes.extend_from_slice(data);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Keeps `at` bytes, or leaves out that many at the end if negative.
    pub fn cut(&mut self, at: i64) {
        let size = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
        let keep = if at < 0 { self.bytes.len().saturating_sub(size) } else { size.min(self.bytes.len()) };
        self.bytes.truncate(keep);
        self.pauses.retain(|(offset, _)| *offset == 0 || *offset < keep);
    }
}

/// The reason phrase, for people who read a dump.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        529 => "Overloaded",
        _ => "Scripted",
    }
}
