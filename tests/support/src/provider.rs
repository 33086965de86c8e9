//! The server as a value: started, steered, asked, dropped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};

use crate::connection;
use crate::record::{Entry, Record, StatsSnapshot};
use crate::script::{Script, ScriptError};
use crate::table::Table;

/// Large enough that a burst of thousands of connects is not dropped (the kernel caps it at `somaxconn`).
const BACKLOG: u32 = 16_384;

/// A running server on 127.0.0.1. Dropping it closes the listener and every connection.
pub struct FakeProvider {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Builder {
    script: Script,
    port: u16,
    log: bool,
}

/// What the connections of one server share.
pub struct Shared {
    pub record: Record,
    table: RwLock<Arc<Table>>,
    /// Counts the scripts, so that connections look for a new one without taking a lock.
    generation: AtomicU64,
}

impl Default for Builder {
    fn default() -> Self {
        Self { script: Script::default(), port: 0, log: true }
    }
}

impl Builder {
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// 0, as unless set, is any free port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Whether requests are logged; a load test does without.
    pub fn log(mut self, log: bool) -> Self {
        self.log = log;
        self
    }

    /// Starts the server on the current tokio runtime.
    pub async fn start(self) -> io::Result<FakeProvider> {
        let table = Table::new(&self.script)?;
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, self.port).into())?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            record: Record::new(self.log),
            table: RwLock::new(Arc::new(table)),
            generation: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(FakeProvider { address, shared, accepting })
    }
}

/// Owns the connections' tasks, so that they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut id = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    id += 1;
                    let _ = stream.set_nodelay(true);
                    let what = shared.table().1.accept();
                    connections.spawn(connection::serve(stream, id, what, shared.clone()));
                }
                // Out of file descriptors: those of ending connections will do.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

impl FakeProvider {
    /// Starts a server that plays `script`, on a free port and with a log.
    pub async fn start(script: Script) -> io::Result<Self> {
        Self::builder().script(script).start().await
    }

    pub fn builder() -> Builder {
        Builder::default()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Plays `script` from its beginning, for requests that arrive from now on.
    pub fn set_script(&self, script: &Script) -> Result<(), ScriptError> {
        self.shared.play(script)
    }

    /// The requests so far, oldest first.
    pub fn log(&self) -> Vec<Entry> {
        self.shared.record.log()
    }

    pub fn stats(&self) -> StatsSnapshot {
        self.shared.record.stats()
    }

    /// Empties the log and sets the counters to 0. The script plays on.
    pub fn clear(&self) {
        self.shared.record.clear();
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    pub fn play(&self, script: &Script) -> Result<(), ScriptError> {
        let table = Arc::new(Table::new(script)?);
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The script in force and its number. The number is read first: at worst a connection looks once too often.
    pub fn table(&self) -> (u64, Arc<Table>) {
        let generation = self.generation();
        (generation, self.table.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
