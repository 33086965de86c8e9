//! What the servers of these tests have in common: a runtime, HTTP/1.1 messages, and how requests are kept.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;

use fakeprovider::{FakeProvider, Script};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The most that is read before the head of a message must have ended.
const MAX_HEAD: usize = 64 * 1024;

/// The servers' own runtime: calls block the test's thread, and servers answer meanwhile.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).thread_name("servers").enable_all().build().expect("a runtime")
    })
}

/// Starts the scripted provider.
///
/// # Panics
/// If the script is none.
pub fn provider(script: Value) -> FakeProvider {
    let script = Script::from_json(script).unwrap_or_else(|error| panic!("{error}"));
    runtime().block_on(FakeProvider::start(script)).expect("a provider")
}

/// A listener on a free port, and its address.
pub fn listen() -> (TcpListener, SocketAddr) {
    let listener = runtime().block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

/// Serves every connection with `serve`; its number counts from 1.
pub fn serve_each<Serve, Done>(listener: TcpListener, mut serve: Serve)
where
    Serve: FnMut(tokio::net::TcpStream, usize) -> Done + Send + 'static,
    Done: Future<Output = io::Result<()>> + Send + 'static,
{
    runtime().spawn(async move {
        let mut number = 0;
        while let Ok((stream, _)) = listener.accept().await {
            number += 1;
            let _ = stream.set_nodelay(true);
            tokio::spawn(serve(stream, number));
        }
    });
}

/// A request as a server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The number of its connection.
    pub connection: usize,
    /// `POST /v1/chat/completions HTTP/1.1`.
    pub line: String,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The head as it would go out again, without the headers that are for a proxy.
    pub fn forwarded(&self, line: &str) -> Vec<u8> {
        let mut bytes = format!("{line}\r\n").into_bytes();
        for (name, value) in self.headers.iter().filter(|(name, _)| !name.starts_with("proxy-")) {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Reads one request; `None` if the peer is done. `buffer` holds what came and was not used.
pub async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    connection: usize,
) -> io::Result<Option<Request>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if buffer.len() > MAX_HEAD {
            return Err(io::Error::other("a head without end"));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end - 4]).into_owned();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = Request { connection, line, headers, body: Vec::new() };
    let length: usize = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while buffer.len() < end + length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    request.body = buffer[end..end + length].to_vec();
    buffer.drain(..end + length);
    Ok(Some(request))
}

/// The body of an answer with this text.
pub fn completion(text: &str) -> String {
    let message = json!({"role": "assistant", "content": text});
    json!({"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
    .to_string()
}

/// A whole answer with this text.
pub fn answer(text: &str) -> Vec<u8> {
    let body = completion(text);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    (head + &body).into_bytes()
}
