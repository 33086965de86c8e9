//! `GET /metrics` over HTTP: a small server for whoever scrapes, bounded in time, size and connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{AbortHandle, Abortable};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::runtime::{Beside, Threads};

/// Gives the text; `None` once there is no router any more. May take its time.
pub type Source = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// At once; whoever comes then waits until one has ended.
const MOST_CONNECTIONS: usize = 16;
/// Longer requests are refused.
const MOST_HEAD: usize = 8 * 1024;
/// Until the request is there.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// Until the answer is gone.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Until the other end has closed, too.
const REST_TIME: Duration = Duration::from_secs(1);
/// When connections can't be taken, as when the process has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);
/// What the text is.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The address that is listened on, until it is ended or dropped.
pub struct Endpoint {
    asked: SocketAddr,
    bound: SocketAddr,
    end: AbortHandle,
}

/// An address that is taken, and not served yet.
pub struct Bound {
    asked: SocketAddr,
    bound: SocketAddr,
    listener: TcpListener,
}

impl Bound {
    /// Serves from now on.
    pub fn serve(self, source: Source, threads: &Threads) -> Endpoint {
        let (end, registration) = AbortHandle::new_pair();
        let Self { asked, bound, listener } = self;
        threads.spawn(async move {
            // Its connections end with it.
            let _ = Abortable::new(accept(listener, source), registration).await;
        });
        Endpoint { asked, bound, end }
    }
}

impl Endpoint {
    /// Takes the address; nothing is answered before [`Bound::serve`].
    pub fn bind(asked: SocketAddr) -> io::Result<Bound> {
        let listener = TcpListener::bind(asked)?;
        listener.set_nonblocking(true)?;
        Ok(Bound { asked, bound: listener.local_addr()?, listener })
    }

    /// As it was asked for; the port may be 0.
    pub fn asked(&self) -> SocketAddr {
        self.asked
    }

    /// Where it really is.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Ends it and its connections.
    pub fn end(&self) {
        self.end.abort();
    }
}

/// Where a router's metrics are served now, if they are. Ends with the runtime.
#[derive(Default)]
pub struct Listening {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    endpoint: Option<Endpoint>,
    is_over: bool,
}

/// What a configuration changes about it.
pub enum Change {
    Nothing,
    /// An address that is taken already, or none.
    To(Option<Bound>),
}

impl Listening {
    /// Takes the address that is wanted, unless it is served already. Until [`Listening::change`] all stays as it is.
    pub fn prepare(&self, wanted: Option<SocketAddr>) -> io::Result<Change> {
        let open = self.lock();
        match (wanted, &open.endpoint) {
            _ if open.is_over => Ok(Change::Nothing),
            (Some(wanted), Some(endpoint)) if endpoint.asked() == wanted => Ok(Change::Nothing),
            (None, None) => Ok(Change::Nothing),
            (wanted, _) => Ok(Change::To(wanted.map(Endpoint::bind).transpose()?)),
        }
    }

    pub fn change(&self, change: Change, source: Source, threads: &Threads) {
        let Change::To(bound) = change else { return };
        let mut open = self.lock();
        if !open.is_over {
            // The one before ends by being dropped.
            open.endpoint = bound.map(|bound| bound.serve(source, threads));
        }
    }

    /// Where it is.
    pub fn bound(&self) -> Option<SocketAddr> {
        self.lock().endpoint.as_ref().map(Endpoint::bound)
    }

    fn over(&self) {
        let mut open = self.lock();
        open.is_over = true;
        open.endpoint = None;
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beside for Listening {
    fn closing(&self) {}

    fn flush(&self, _time: Duration) {
        self.over();
    }

    fn end(&self) {
        self.over();
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.end();
    }
}

async fn accept(listener: TcpListener, source: Source) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return log::error!("metrics can't be served: {error}"),
    };
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MOST_CONNECTIONS {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, Arc::clone(&source)));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// One request, one answer.
async fn serve(mut stream: TcpStream, source: Source) {
    let head = match timeout(HEAD_TIME, head(&mut stream)).await {
        Ok(Ok(Some(head))) => head,
        Ok(Ok(None)) => Vec::new(),
        // Gone, or too slow: nobody to answer.
        Ok(Err(_)) | Err(_) => return,
    };
    let answer = answer(&head, source).await;
    let send = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await
    };
    if !matches!(timeout(ANSWER_TIME, send).await, Ok(Ok(()))) {
        return;
    }
    // What was sent beyond the head is read, for an unread rest would have the answer thrown away.
    let _ = timeout(REST_TIME, async {
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}

/// All up to the empty line; `None` if that is too long.
async fn head(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::with_capacity(1024);
    loop {
        let mut part = [0; 1024];
        let read = stream.read(&mut part).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend(part.get(..read).unwrap_or_default());
        if head.len() > MOST_HEAD {
            return Ok(None);
        }
        if head.windows(4).any(|end| end == b"\r\n\r\n") || head.windows(2).any(|end| end == b"\n\n") {
            return Ok(Some(head));
        }
    }
}

async fn answer(head: &[u8], source: Source) -> Vec<u8> {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
        let status = if head.is_empty() { "431 Request Header Fields Too Large" } else { "400 Bad Request" };
        return response(status, "", "the request can't be read\n", true);
    };
    if !version.starts_with("HTTP/1.") {
        return response("505 HTTP Version Not Supported", "", "HTTP/1.1 is spoken here\n", true);
    }
    let path = target.split('?').next().unwrap_or_default();
    let shows = method != "HEAD";
    if path != "/metrics" {
        return response("404 Not Found", "", "see /metrics\n", shows);
    }
    if method != "GET" && method != "HEAD" {
        return response("405 Method Not Allowed", "Allow: GET, HEAD\r\n", "only GET and HEAD\n", true);
    }
    // The text of many series is work, and what is being counted is waited for: not on the threads of the calls.
    match tokio::task::spawn_blocking(move || source()).await {
        Ok(Some(text)) => response("200 OK", "", &text, shows),
        Ok(None) | Err(_) => response("503 Service Unavailable", "", "the router is shutting down\n", shows),
    }
}

fn response(status: &str, more: &str, body: &str, shows: bool) -> Vec<u8> {
    let length = body.len();
    let body = if shows { body } else { "" };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {TEXT}\r\nContent-Length: {length}\r\n{more}Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
