//! What the server has seen: a bounded log of requests, and counters.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::form::{self, Part};
use crate::http::Request;

/// The log forgets its oldest entries beyond either bound, so that a load test can't fill the memory.
const MAX_ENTRIES: usize = 50_000;
const MAX_BYTES: usize = 128 << 20;

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// From 1, in the order of arrival.
    pub n: u64,
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    /// Names in lower case; the values of a repeated name are joined by ", ".
    pub headers: Map<String, Value>,
    /// As JSON if it parses; of a form its parts, `[{name, filename, content_type, text or base64}]`; else as text.
    pub body: Value,
    /// As it came, as text.
    pub raw: String,
    /// As it came, byte for byte, perhaps packed; as base64 in JSON where it is no text.
    #[serde(rename = "raw_base64", serialize_with = "base64", skip_serializing_if = "is_text")]
    pub bytes: Vec<u8>,
    /// Milliseconds since the server started.
    pub at_ms: u64,
    /// From 1; equal for requests that came over one connection.
    pub connection: u64,
}

/// Counters at one moment. `PUT` of a script leaves them alone, clearing the log sets all but the live ones to 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StatsSnapshot {
    pub open_connections: u64,
    pub total_connections: u64,
    /// Requests read and not yet answered.
    pub in_flight: u64,
    pub max_in_flight: u64,
    pub requests: u64,
    pub requests_by_path: BTreeMap<String, u64>,
    /// How often a peer closed its connection before its answer was written.
    pub client_aborts: u64,
    /// Log entries that were forgotten.
    pub log_dropped: u64,
}

/// Kept raw, as most entries are never looked at.
struct Raw {
    n: u64,
    method: String,
    path: String,
    query: Option<String>,
    head: Vec<u8>,
    body: Vec<u8>,
    at_ms: u64,
    connection: u64,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<Raw>,
    bytes: usize,
    dropped: u64,
}

/// Counters and log of one server.
pub struct Record {
    started: Instant,
    log: Option<Mutex<Log>>,
    by_path: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    open_connections: AtomicU64,
    total_connections: AtomicU64,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
    requests: AtomicU64,
    client_aborts: AtomicU64,
    /// Counts the clearings, so that connections drop the path counters they hold.
    epoch: AtomicU64,
}

/// A connection's last path and its counter, which spares most requests the map.
#[derive(Default)]
pub struct PathCounter {
    path: String,
    count: Arc<AtomicU64>,
    epoch: u64,
}

/// Counts a request as in flight until dropped.
pub struct InFlight<'a>(&'a Record);

/// Counts a connection as open until dropped.
pub struct Open<'a>(&'a Record);

impl Record {
    pub fn new(log: bool) -> Self {
        Self {
            started: Instant::now(),
            log: log.then(Mutex::default),
            by_path: Mutex::default(),
            open_connections: AtomicU64::new(0),
            total_connections: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            max_in_flight: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            client_aborts: AtomicU64::new(0),
            epoch: AtomicU64::new(1),
        }
    }

    pub fn open(&self) -> Open<'_> {
        self.open_connections.fetch_add(1, Relaxed);
        self.total_connections.fetch_add(1, Relaxed);
        Open(self)
    }

    /// Takes back that a connection was opened: it turned out to steer the server.
    pub fn disown(&self, open: Open<'_>) {
        self.total_connections.fetch_sub(1, Relaxed);
        drop(open);
    }

    pub fn aborted(&self) {
        self.client_aborts.fetch_add(1, Relaxed);
    }

    /// Notes one request; it is in flight until the guard is dropped.
    pub fn request(&self, request: &Request, connection: u64, counter: &mut PathCounter) -> InFlight<'_> {
        let epoch = self.epoch.load(Relaxed);
        if counter.epoch != epoch || counter.path != request.path {
            let count = lock(&self.by_path).entry(request.path.to_owned()).or_default().clone();
            *counter = PathCounter { path: request.path.to_owned(), count, epoch };
        }
        counter.count.fetch_add(1, Relaxed);
        match &self.log {
            Some(log) => self.note(log, request, connection),
            None => _ = self.requests.fetch_add(1, Relaxed),
        }
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.max_in_flight.fetch_max(now, Relaxed);
        InFlight(self)
    }

    fn note(&self, log: &Mutex<Log>, request: &Request, connection: u64) {
        let mut raw = Raw {
            n: 0,
            method: request.method.to_owned(),
            path: request.path.to_owned(),
            query: request.query.map(str::to_owned),
            head: request.head.to_owned(),
            body: request.body.to_owned(),
            at_ms: 0,
            connection,
        };
        let mut log = lock(log);
        // Numbered and dated under the lock, so that the log is in order.
        raw.n = self.requests.fetch_add(1, Relaxed) + 1;
        raw.at_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        log.bytes += raw.size();
        log.entries.push_back(raw);
        while log.entries.len() > MAX_ENTRIES || log.bytes > MAX_BYTES {
            let Some(oldest) = log.entries.pop_front() else {
                break;
            };
            log.bytes -= oldest.size();
            log.dropped += 1;
        }
    }

    pub fn log(&self) -> Vec<Entry> {
        let Some(log) = &self.log else {
            return Vec::new();
        };
        lock(log).entries.iter().map(Raw::entry).collect()
    }

    pub fn clear(&self) {
        if let Some(log) = &self.log {
            let mut log = lock(log);
            *log = Log::default();
            self.requests.store(0, Relaxed);
        }
        lock(&self.by_path).clear();
        self.epoch.fetch_add(1, Relaxed);
        self.requests.store(0, Relaxed);
        self.client_aborts.store(0, Relaxed);
        self.total_connections.store(self.open_connections.load(Relaxed), Relaxed);
        self.max_in_flight.store(self.in_flight.load(Relaxed), Relaxed);
    }

    pub fn stats(&self) -> StatsSnapshot {
        let by_path = lock(&self.by_path).iter().map(|(path, count)| (path.clone(), count.load(Relaxed))).collect();
        StatsSnapshot {
            open_connections: self.open_connections.load(Relaxed),
            total_connections: self.total_connections.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            max_in_flight: self.max_in_flight.load(Relaxed),
            requests: self.requests.load(Relaxed),
            requests_by_path: by_path,
            client_aborts: self.client_aborts.load(Relaxed),
            log_dropped: self.log.as_ref().map_or(0, |log| lock(log).dropped),
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open_connections.fetch_sub(1, Relaxed);
    }
}

impl Raw {
    fn size(&self) -> usize {
        self.head.len() + self.body.len() + self.path.len() + 200
    }

    fn entry(&self) -> Entry {
        let request = Request { method: "", path: "", query: None, head: &self.head, body: &[] };
        let mut headers = Map::new();
        for (name, value) in request.headers() {
            match headers.get_mut(&name) {
                Some(Value::String(earlier)) => *earlier = format!("{earlier}, {value}"),
                _ => _ = headers.insert(name, Value::String(value)),
            }
        }
        let raw = String::from_utf8_lossy(&self.body).into_owned();
        let content_type = headers.get("content-type").and_then(Value::as_str).unwrap_or_default();
        let body = match form::parse(content_type, &self.body) {
            Ok(parts) => parts.iter().map(Part::json).collect(),
            Err(_) => serde_json::from_slice(&self.body).unwrap_or_else(|_| Value::String(raw.clone())),
        };
        Entry {
            n: self.n,
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers,
            body,
            raw,
            bytes: self.body.clone(),
            at_ms: self.at_ms,
            connection: self.connection,
        }
    }
}

fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

fn base64<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(bytes))
}

/// A panic elsewhere leaves the counters as good as they were.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
