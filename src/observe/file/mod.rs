//! Appends events to a file, a line of JSON each.
//!
//! The lines go the way of everything that is sent: a bounded queue, batches, tries. What would be a request is handed to
//! a thread that may wait for the disk.

mod writer;

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::config::{FileConfig, SinkConfig};
use crate::runtime::Runtime;
use crate::transport::{HeaderMap, HeaderName, HeaderValue};

use super::connect::Connect;
use super::event::Event;
use super::export::{Exporter, FIRST_WAIT, Limits, Post, Reply, TRIES, Wire};
use super::shown::Showing;
use super::sink::{Sink, takes};
use writer::Writer;

/// Lines are written together, and a reader need not wait for them.
const LIMITS: Limits = Limits {
    batch: 1024,
    batch_bytes: 1024 * 1024,
    interval: Duration::from_millis(200),
    timeout: Duration::from_secs(60),
    tries: TRIES,
    first_wait: FIRST_WAIT,
};
/// How long the end waits for the thread: a disk that hangs holds up nobody.
const FAREWELL: Duration = Duration::from_millis(250);

/// Writes the payload of each event of its outcomes, attempts and calls alike.
pub struct JsonFile {
    config: SinkConfig,
    showing: Arc<Showing>,
    exporter: Arc<Exporter>,
    /// Says nothing, and ends with the thread.
    thread: Mutex<mpsc::Receiver<()>>,
}

impl JsonFile {
    pub fn connect(config: &SinkConfig, own: &FileConfig, connect: &Connect) -> Result<Self, String> {
        // The host may go to another directory; the file stays where it was.
        let path = std::path::absolute(&own.path)
            .map_err(|error| format!("can't tell where {} is: {error}", own.path.display()))?;
        let (post, thread) = start(Writer::new(path), connect.runtime)?;
        let exporter = Exporter::start(&config.name, LIMITS, Box::new(Lines), post, connect.threads);
        let (config, showing) = (config.clone(), Arc::clone(connect.showing));
        Ok(Self { config, showing, exporter, thread: Mutex::new(thread) })
    }
}

type Work = (Bytes, oneshot::Sender<Result<(), String>>);

/// A thread that writes what is posted, until nobody can post any more.
fn start(mut writer: Writer, runtime: &Runtime) -> Result<(Post, mpsc::Receiver<()>), String> {
    let (work, to_do) = mpsc::channel::<Work>();
    let (alive, thread) = mpsc::channel();
    let run = move || {
        let _alive = alive;
        for (lines, done) in to_do {
            let _ = done.send(writer.append(&lines));
        }
    };
    runtime.thread(run).map_err(|error| format!("can't start its thread: {error}"))?;
    let post: Post = Box::new(move |lines, _| {
        let (done, written) = oneshot::channel();
        // One batch at a time: never more than one waits here.
        let asked = work.send((lines, done));
        Box::pin(async move {
            let ended = || "the thread of the file has ended".to_owned();
            asked.map_err(|_| ended())?;
            written.await.map_err(|_| ended())??;
            Ok(Reply { status: 200, headers: HeaderMap::new(), body: Vec::new() })
        })
    });
    Ok((post, thread))
}

impl Sink for JsonFile {
    fn take(&self, event: &Arc<Event>) {
        if takes(&self.config, event) && self.exporter.has_room() {
            self.exporter.put(Bytes::copy_from_slice(self.showing.payload(event).as_bytes()));
        }
    }

    fn exporter(&self) -> Option<&Exporter> {
        Some(&self.exporter)
    }

    fn end(&self) {
        self.exporter.end();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        // The exporter's task lets go of the thread's work, and so ends it.
        let _ = thread.recv_timeout(FAREWELL);
    }
}

/// Each with its end, so that a line is whole or not there.
struct Lines;

impl Wire for Lines {
    fn body(&self, items: &[Bytes]) -> (Bytes, Vec<(HeaderName, HeaderValue)>) {
        let mut lines = Vec::with_capacity(items.iter().map(|item| item.len() + 1).sum());
        for item in items {
            lines.extend_from_slice(item);
            lines.push(b'\n');
        }
        (lines.into(), Vec::new())
    }
}
