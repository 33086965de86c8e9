//! Reads HTTP/1.1 requests.

use std::io;
use std::ops::Range;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Larger bodies are refused, so that one client can't take the machine's memory.
const MAX_BODY: usize = 64 << 20;
const MAX_HEAD: usize = 256 << 10;
const MAX_HEADERS: usize = 128;
const READ: usize = 4096;

/// One whole request at the start of a buffer.
pub struct Message {
    /// Where the body is in the buffer, unless it came in chunks.
    body: Range<usize>,
    unchunked: Option<Vec<u8>>,
    pub close: bool,
    /// The bytes of the buffer it takes.
    pub total: usize,
    head: usize,
}

/// The parts of a message, borrowed from the buffer.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: Option<&'a str>,
    /// As they came.
    pub head: &'a [u8],
    pub body: &'a [u8],
}

/// Why there is no further request.
pub enum Stop {
    /// The peer closed between requests.
    Done,
    /// The peer closed within a request, or the connection broke.
    Aborted,
    /// What came is not HTTP, or too large: the status to refuse it with.
    Refused(u16),
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Stop::Aborted
    }
}

enum Length {
    Bytes(usize),
    Chunked,
}

struct Head {
    size: usize,
    length: Length,
    close: bool,
    expects_continue: bool,
}

/// Reads until `buffer` begins with one whole request.
pub async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<Message, Stop> {
    let head = loop {
        if let Some(head) = parse_head(buffer)? {
            break head;
        }
        if buffer.len() > MAX_HEAD {
            return Err(Stop::Refused(431));
        }
        more(stream, buffer).await?;
    };
    if head.expects_continue && buffer.len() == head.size {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let length = match head.length {
        Length::Chunked => return read_chunked(stream, buffer, &head).await,
        Length::Bytes(length) if length > MAX_BODY => return Err(Stop::Refused(413)),
        Length::Bytes(length) => length,
    };
    let total = head.size + length;
    while buffer.len() < total {
        more(stream, buffer).await?;
    }
    Ok(Message { body: head.size..total, unchunked: None, close: head.close, total, head: head.size })
}

async fn read_chunked(stream: &mut TcpStream, buffer: &mut Vec<u8>, head: &Head) -> Result<Message, Stop> {
    let mut body = Vec::new();
    let mut at = head.size;
    loop {
        match httparse::parse_chunk_size(&buffer[at..]).map_err(|_| Stop::Refused(400))? {
            httparse::Status::Complete((skip, size)) => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                if body.len().saturating_add(size) > MAX_BODY {
                    return Err(Stop::Refused(413));
                }
                let end = at + skip + size + 2;
                while buffer.len() < end {
                    more(stream, buffer).await?;
                }
                body.extend_from_slice(&buffer[at + skip..end - 2]);
                at = end;
                if size == 0 {
                    let body_range = head.size..head.size;
                    return Ok(Message {
                        body: body_range,
                        unchunked: Some(body),
                        close: head.close,
                        total: at,
                        head: head.size,
                    });
                }
            }
            httparse::Status::Partial => more(stream, buffer).await?,
        }
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), Stop> {
    if buffer.capacity() - buffer.len() < READ / 4 {
        buffer.reserve(READ);
    }
    match stream.read_buf(buffer).await {
        Ok(0) if buffer.is_empty() => Err(Stop::Done),
        Ok(0) => Err(Stop::Aborted),
        Ok(_) => Ok(()),
        // A reset between requests is how some clients drop an idle connection.
        Err(_) if buffer.is_empty() => Err(Stop::Done),
        Err(_) => Err(Stop::Aborted),
    }
}

fn parse_head(buffer: &[u8]) -> Result<Option<Head>, Stop> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let size = match request.parse(buffer).map_err(|_| Stop::Refused(400))? {
        httparse::Status::Complete(size) => size,
        httparse::Status::Partial => return Ok(None),
    };
    let mut head = Head { size, length: Length::Bytes(0), close: request.version == Some(0), expects_continue: false };
    for header in request.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let says = |value: &[u8]| header.value.eq_ignore_ascii_case(value);
        if is("content-length") {
            let length = std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse().ok());
            head.length = Length::Bytes(length.ok_or(Stop::Refused(400))?);
        } else if is("transfer-encoding") && says(b"chunked") {
            head.length = Length::Chunked;
        } else if is("connection") {
            head.close = if says(b"keep-alive") { false } else { head.close || says(b"close") };
        } else if is("expect") && says(b"100-continue") {
            head.expects_continue = true;
        }
    }
    Ok(Some(head))
}

impl Message {
    /// The parts of this message, which `buffer` begins with.
    pub fn request<'a>(&'a self, buffer: &'a [u8]) -> Request<'a> {
        // The request line was parsed before, so it has three parts of visible ASCII.
        let head = buffer[..self.head].trim_ascii_start();
        let line_end = head.iter().position(|byte| *byte == b'\r' || *byte == b'\n').unwrap_or(0);
        let line = std::str::from_utf8(&head[..line_end]).unwrap_or("");
        let mut parts = line.split(' ');
        let (method, target) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let body = self.unchunked.as_deref().unwrap_or(&buffer[self.body.clone()]);
        Request { method, path, query, head, body }
    }
}

impl Request<'_> {
    /// The headers as they came, names in lower case.
    pub fn headers(&self) -> Vec<(String, String)> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let _ = request.parse(self.head);
        let pairs = request.headers.iter();
        pairs
            .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
            .collect()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.headers().into_iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}
