//! An open stream: a task reads on, the caller takes what has come, waiting or by callback.

use std::collections::VecDeque;
use std::ffi::{c_char, c_void};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use crate::error::{Error, ErrorKind};
use crate::router::{Ended, Failed, Stream, stream_metadata_json};
use crate::runtime::{Pipe, Runtime, Signal, Taken, Threads};

use super::callback::{self, UserData};
use super::completion::ended;
use super::error::router_error_t;
use super::fork;
use super::guard::{self, guard, guard_error};
use super::read::{ChunksRead, Reads, router_chunks_fn};
use super::text::{self, Lent};

/// What one blocking read takes at most, to be given out one by one.
const AHEAD: usize = 64;

pub type Chunks = Pipe<Bytes, Failed>;

/// One call whose answer arrives in chunks. One read at a time; `router_stream_cancel` from any thread.
pub struct router_stream_t {
    shared: Arc<Shared>,
    lent: Mutex<Option<Lent>>,
    opened: OnceLock<Lent>,
    closed: OnceLock<Lent>,
    generation: u32,
}

/// What a stream's handle and its task have in common.
pub struct Shared {
    pub chunks: Chunks,
    /// Taken from the pipe, and not given out yet.
    pub ahead: Mutex<VecDeque<Bytes>>,
    pub reads: Reads,
    pub runtime: Arc<Runtime>,
    pub threads: Threads,
    /// A read is not finished.
    pub reading: AtomicBool,
    signal: Arc<Signal>,
    /// The metadata while it runs, and when it has ended.
    so_far: String,
    whole: OnceLock<String>,
}

/// The task's end of the pipe. Whatever becomes of the task, the reader hears of an end.
pub(super) struct Reader(Arc<Shared>);

impl Reader {
    /// The two ends of a stream: the caller's handle, and this.
    pub fn new(
        open: &Stream,
        runtime: Arc<Runtime>,
        threads: Threads,
        signal: Arc<Signal>,
    ) -> (Box<router_stream_t>, Self) {
        let shared = Arc::new(Shared {
            chunks: Chunks::default(),
            ahead: Mutex::default(),
            reads: Reads::default(),
            runtime,
            threads,
            reading: AtomicBool::new(false),
            signal,
            so_far: stream_metadata_json(&open.so_far(), open.headers(), None, open.ttft()),
            whole: OnceLock::new(),
        });
        (Box::new(router_stream_t::new(Arc::clone(&shared))), Self(shared))
    }

    /// Reads the stream to its end and hands the chunks on, as fast as they are taken. What is left may be finished when
    /// nobody waits any more.
    pub async fn pump(self, mut open: Stream, signal: &Signal) -> Ended {
        let chunks = &self.0.chunks;
        let reading = async {
            loop {
                chunks.room().await;
                match open.next().await {
                    Ok(Some(chunk)) => {
                        let json = chunk.into_bytes();
                        let bytes = json.len();
                        // What waits for a slow reader would keep all that was read from the network along with it.
                        let json = if chunks.is_awaited() { json } else { Bytes::copy_from_slice(&json) };
                        chunks.put(json, bytes);
                    }
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        let outcome = signal.guard(pin!(reading)).await;
        let outcome = outcome.unwrap_or_else(|ending| Err(ended(ending)));
        let closed = open.close();
        let whole = stream_metadata_json(&closed.trail, &closed.headers, Some(&closed.usage), closed.ttft);
        let _ = self.0.whole.set(whole);
        chunks.end(outcome.map_err(|error| Failed { error, trail: closed.trail.clone() }));
        closed
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.chunks.end(Err(guard::panicked()));
    }
}

impl router_stream_t {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            lent: Mutex::default(),
            opened: OnceLock::new(),
            closed: OnceLock::new(),
            generation: fork::generation(),
        }
    }

    fn was_forked(&self) -> bool {
        self.generation != fork::generation()
    }

    /// Claims the stream for one read.
    fn claim(&self) -> Result<Claim<'_>, Error> {
        if self.shared.reading.swap(true, Ordering::AcqRel) {
            return Err(Error::new(ErrorKind::Busy, "another read of this stream is not finished"));
        }
        Ok(Claim(&self.shared.reading))
    }

    fn read(&self) -> Result<Option<Bytes>, Failed> {
        let mut ahead = lock(&self.shared.ahead);
        loop {
            if let Some(chunk) = ahead.pop_front() {
                return Ok(Some(chunk));
            }
            match self.shared.chunks.take(AHEAD) {
                Taken::Items(chunks) => ahead.extend(chunks),
                Taken::End(end) => return end.map(|()| None),
                Taken::Nothing => self.shared.chunks.wait(),
            }
        }
    }
}

/// The right to read, given back when it is dropped.
struct Claim<'a>(&'a AtomicBool);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stream behind a handle, unless it is NULL or was made before a fork.
///
/// # Safety
/// `stream` is NULL or a stream that was not freed.
unsafe fn open<'a>(stream: *const router_stream_t) -> Result<&'a router_stream_t, Error> {
    // SAFETY: as the caller promises.
    let stream = unsafe { stream.as_ref() };
    let stream = stream.ok_or_else(|| Error::new(ErrorKind::InvalidArgument, "the stream is NULL"))?;
    if stream.was_forked() {
        return Err(Error::new(ErrorKind::Forked, "the stream was opened before this process was forked"));
    }
    Ok(stream)
}

const CHUNK: i32 = super::codes::router_stream_status_t::ROUTER_STREAM_CHUNK as i32;
const END: i32 = super::codes::router_stream_status_t::ROUTER_STREAM_END as i32;
const ERROR: i32 = super::codes::router_stream_status_t::ROUTER_STREAM_ERROR as i32;

/// Waits for one chunk. `*chunk` is valid until the next read or the free. Returns a `router_stream_status_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_stream_next(
    stream: *mut router_stream_t,
    chunk: *mut *const c_char,
    len: *mut usize,
    error: *mut *mut router_error_t,
) -> i32 {
    // SAFETY: as the caller promises, here and below.
    unsafe {
        guard_error("router_stream_next", error, ERROR, || {
            text::put(chunk, std::ptr::null());
            text::put(len, 0);
            let stream = open(stream).map_err(Failed::before)?;
            callback::forbid().map_err(Failed::before)?;
            let _claim = stream.claim().map_err(Failed::before)?;
            stream.read().map(|bytes| match bytes {
                Some(bytes) => {
                    let mut lent = lock(&stream.lent);
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    text::put(chunk, lent.insert(Lent::new(text)).lend(len));
                    CHUNK
                }
                None => END,
            })
        })
    }
}

/// Asks for what has arrived, up to `max_chunks`, or else for the next chunk. Returns whether it was accepted.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_stream_next_async(
    stream: *mut router_stream_t,
    max_chunks: u32,
    next: router_chunks_fn,
    user_data: *mut c_void,
    error: *mut *mut router_error_t,
) -> bool {
    // SAFETY: as the caller promises, here and below.
    unsafe {
        guard_error("router_stream_next_async", error, false, || {
            let stream = open(stream).map_err(Failed::before)?;
            let Some(next) = next else {
                return Err(Failed::before(Error::new(ErrorKind::InvalidArgument, "the callback is NULL")));
            };
            let debt = stream.shared.runtime.owe().map_err(|ending| Failed::before(ended(ending)))?;
            // Given back before the callback, which may ask for more.
            std::mem::forget(stream.claim().map_err(Failed::before)?);
            ChunksRead::start(&stream.shared, max_chunks, next, UserData(user_data), debt);
            Ok(true)
        })
    }
}

/// Returns usage, cost and attempts as JSON, complete once the stream has ended. Valid until the stream is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_stream_metadata(stream: *const router_stream_t, len: *mut usize) -> *const c_char {
    guard("router_stream_metadata", std::ptr::null(), || {
        // SAFETY: as the caller promises.
        unsafe {
            let Some(stream) = stream.as_ref() else { return std::ptr::null() };
            let lent = match stream.shared.whole.get() {
                Some(whole) => stream.closed.get_or_init(|| Lent::new(whole.clone())),
                None => stream.opened.get_or_init(|| Lent::new(stream.shared.so_far.clone())),
            };
            lent.lend(len)
        }
    })
}

/// Ends a stream early. A read that waits fails with `ROUTER_ERROR_CANCELLED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_stream_cancel(stream: *const router_stream_t) {
    guard("router_stream_cancel", (), || {
        // SAFETY: as the caller promises.
        if let Ok(stream) = unsafe { open(stream) } {
            stream.shared.signal.cancel();
        }
    });
}

/// Cancels, waits for a read's callback to return, frees; inside that callback it returns at once. Not while a blocking read runs: cancel that first.
/// NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_stream_free(stream: *mut router_stream_t) {
    guard("router_stream_free", (), || {
        if stream.is_null() {
            return;
        }
        // SAFETY: not NULL; as the caller promises.
        let stream = unsafe { Box::from_raw(stream) };
        if stream.was_forked() {
            std::mem::forget(stream);
            return;
        }
        stream.shared.signal.cancel();
        // Inside a callback nothing is waited for: what is owed may have to be delivered by this very thread.
        if !callback::is_running() {
            stream.shared.reads.wait();
        }
    });
}
