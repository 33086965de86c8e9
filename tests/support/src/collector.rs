//! A receiver of what is told of calls: it takes every POST, remembers it, and answers as a script says.

use std::io::Read;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value, json};
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};

use crate::provider::FakeProvider;
use crate::record::Entry;
use crate::script::Script;

/// What everything is answered with that no script speaks of.
const TAKEN: &str = r#"{"paths": {"/": [{"json": {}}]}}"#;
/// Between two looks at what has come.
const LOOK: Duration = Duration::from_millis(2);

/// A running receiver on 127.0.0.1, on a thread of its own. Dropping it closes everything.
///
/// ```no_run
/// use fakeprovider::Collector;
/// use serde_json::json;
/// use std::time::Duration;
///
/// let collector = Collector::start();
/// collector.answer("/hook", &[json!({"status": 429, "headers": {"retry-after": "1"}}), json!({"hang": true})]);
/// let url = collector.url("/hook"); // 429, then no answer, then 200 for good
/// let received = collector.wait(3, Duration::from_secs(10));
/// assert_eq!(received[0].path, "/hook");
/// ```
pub struct Collector {
    server: FakeProvider,
    /// Behind the server, so that it outlives it.
    _runtime: Runtime,
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    pub path: String,
    /// Names in lower case; the values of a repeated name are joined by ", ".
    pub headers: Map<String, Value>,
    /// Unpacked, if it came packed.
    pub body: Vec<u8>,
    /// Milliseconds since the receiver was started.
    pub at_ms: u64,
    /// From 1; equal for requests that came over one connection.
    pub connection: u64,
}

impl Collector {
    /// A receiver that answers all with 200 and `{}`.
    ///
    /// # Panics
    /// If the machine has no port or no thread left.
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let script = Script::parse(TAKEN.as_bytes()).expect("a script");
        let server = runtime.block_on(FakeProvider::start(script)).expect("a port");
        Self { server, _runtime: runtime }
    }

    /// `http://127.0.0.1:PORT` and `path`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base_url())
    }

    /// `127.0.0.1:PORT`.
    pub fn authority(&self) -> String {
        self.server.address().to_string()
    }

    /// Answers requests at `path` (and below it) with these replies from now on, each a status or what `README.md` calls a
    /// reply (`status`, `headers`, `json`, `delay_ms`, `hang`, `close_before_headers`, `cut_at` …), and behind them with 200.
    ///
    /// # Panics
    /// If a reply is none.
    pub fn answer(&self, path: &str, replies: &[Value]) {
        let taken = json!({"json": {}});
        let replies: Vec<&Value> = replies.iter().chain([&taken]).collect();
        let mut paths = json!({"/": [taken]});
        paths[path] = json!(replies);
        self.play(&json!({ "paths": paths }));
    }

    /// Answers everything with `reply`, for good.
    ///
    /// # Panics
    /// If it is none.
    pub fn always(&self, reply: &Value) {
        self.play(&json!({"paths": {"/": [reply]}}));
    }

    fn play(&self, script: &Value) {
        let script = Script::parse(script.to_string().as_bytes()).expect("a script");
        self.server.set_script(&script).expect("a script");
    }

    /// The requests so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.server.log().iter().map(Received::new).collect()
    }

    /// Waits for so many requests, but no longer than `limit`.
    ///
    /// # Panics
    /// If fewer come.
    pub fn wait(&self, count: usize, limit: Duration) -> Vec<Received> {
        self.wait_until(limit, |received| received.len() >= count)
    }

    /// Waits until what was received is as `is_done` wants it, but no longer than `limit`.
    ///
    /// # Panics
    /// If it never is.
    pub fn wait_until(&self, limit: Duration, is_done: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let end = Instant::now() + limit;
        loop {
            let received = self.received();
            if is_done(&received) {
                return received;
            }
            assert!(Instant::now() < end, "{} requests came within {limit:?}: {received:#?}", received.len());
            std::thread::sleep(LOOK);
        }
    }

    /// Forgets what was received. The script plays on.
    pub fn clear(&self) {
        self.server.clear();
    }
}

impl Received {
    fn new(entry: &Entry) -> Self {
        Self {
            path: entry.path.clone(),
            headers: entry.headers.clone(),
            body: entry.unpacked(),
            at_ms: entry.at_ms,
            connection: entry.connection,
        }
    }

    /// A header's value; empty without one.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// # Panics
    /// If the body is no text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    /// # Panics
    /// If the body is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Entry {
    /// The body, unpacked if it came packed by gzip.
    pub fn unpacked(&self) -> Vec<u8> {
        let is_packed = self.headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip");
        let mut unpacked = Vec::new();
        match is_packed && MultiGzDecoder::new(&*self.bytes).read_to_end(&mut unpacked).is_ok() {
            true => unpacked,
            false => self.bytes.clone(),
        }
    }
}

/// An address that refuses every connection for as long as it is held: bound, so that it is nobody else's, and not
/// listened on.
pub struct Refusing(TcpSocket);

impl Refusing {
    /// # Panics
    /// If the machine has no port left.
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
        Self(socket)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority())
    }

    /// `127.0.0.1:PORT`.
    pub fn authority(&self) -> String {
        self.0.local_addr().expect("an address").to_string()
    }
}

impl Default for Refusing {
    fn default() -> Self {
        Self::new()
    }
}
