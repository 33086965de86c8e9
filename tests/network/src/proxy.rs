//! A small forward proxy: absolute-form requests and CONNECT. Whatever host is named, it goes to one server, so a test may name
//! hosts that do not exist and know that only the proxy was asked.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::wire::{Request, listen, read_request, serve_each};

/// A running proxy. It runs as long as its process.
pub struct Proxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Proxy {
    /// A proxy to `upstream`.
    pub fn start(upstream: SocketAddr) -> Self {
        Self::new(Some(upstream))
    }

    /// A proxy that lets nobody through.
    pub fn refusing() -> Self {
        Self::new(None)
    }

    fn new(upstream: Option<SocketAddr>) -> Self {
        let (listener, address) = listen();
        let seen = Arc::<Mutex<Vec<Request>>>::default();
        let shared = Arc::clone(&seen);
        serve_each(listener, move |stream, connection| serve(stream, connection, upstream, Arc::clone(&shared)));
        Self { address, seen }
    }

    /// `http://127.0.0.1:PORT`, with credentials (`user:password@`) or none.
    pub fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}{}", self.address)
    }

    /// What was asked for.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    upstream: Option<SocketAddr>,
    seen: Arc<Mutex<Vec<Request>>>,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer, connection).await? {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let Some(upstream) = upstream else {
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(refusal.as_bytes()).await?;
            continue;
        };
        let mut origin = TcpStream::connect(upstream).await?;
        if request.line.starts_with("CONNECT ") {
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        } else {
            origin.write_all(&request.forwarded(&origin_form(&request.line))).await?;
        }
        // All that follows on this connection goes to the same origin.
        copy_bidirectional(&mut stream, &mut origin).await?;
        return Ok(());
    }
    Ok(())
}

/// `POST http://host/path HTTP/1.1` without scheme and host.
fn origin_form(line: &str) -> String {
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.splitn(4, '/').nth(3).unwrap_or_default();
    format!("{method} /{path} HTTP/1.1")
}
