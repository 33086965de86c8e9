//! Streams through the C ABI's asynchronous form: each read's callback asks for the next.

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use std::sync::mpsc;
use std::time::Instant;

use crate::abi::{Abi, Handle, Router};
use crate::child::{Outcome, Task, measure};
use crate::drive::{Tally, Tickets};
use crate::{Result, routed, streams};

/// What one read takes at most.
const BATCH: u32 = 64;
/// `ROUTER_STREAM_CHUNK`, and what is neither that nor the end.
const CHUNK: i32 = 1;
const ERROR: i32 = -1;

/// `router_completion_stream_async`, one stream after the other in each of the places.
pub fn asynchronous(task: &Task) -> Result<Outcome> {
    let abi = Abi::open(&task.library)?;
    let router = abi.router(&routed::config(task)?)?;
    measure(task, |streams| readers(&router, task, streams))
}

/// One of the streams in flight: its successors reuse it.
struct Reader<'a> {
    router: &'a Router<'a>,
    request: &'a [u8],
    tickets: &'a Tickets,
    stream: Handle,
    since: Instant,
    tally: Tally,
    finished: mpsc::Sender<()>,
}

fn readers(router: &Router, task: &Task, streams: usize) -> Result<Tally> {
    let tickets = Tickets::new(streams);
    let (finished, all_finished) = mpsc::channel();
    let readers: Vec<*mut Reader> = (0..task.in_flight)
        .map(|_| {
            Box::into_raw(Box::new(Reader {
                router,
                request: &task.request,
                tickets: &tickets,
                stream: null_mut(),
                since: Instant::now(),
                tally: Tally::default(),
                finished: finished.clone(),
            }))
        })
        .collect();
    for reader in &readers {
        // SAFETY: each reader is alive until it has reported, and no callback of it runs yet.
        unsafe { open(*reader) };
    }
    for _ in &readers {
        all_finished.recv()?;
    }
    let mut all = Tally::default();
    for reader in readers {
        // SAFETY: made by `into_raw` above, and reported: nothing else uses it.
        all.merge(unsafe { Box::from_raw(reader) }.tally);
    }
    Ok(all)
}

/// Opens a reader's next stream, or reports that it has read its last.
///
/// # Safety
/// `reader` is alive, and nobody else uses it now.
unsafe fn open(reader: *mut Reader) {
    // SAFETY: the caller's promise. The callback may run before `stream` returns, so the reader isn't touched after
    // that unless the opening was refused.
    unsafe {
        if (*reader).tickets.take() {
            let (router, request) = ((*reader).router, (*reader).request);
            match router.stream(request, opened, reader.cast()) {
                Ok(()) => return,
                Err(message) => (*reader).tally.record(Instant::now(), Err(message)),
            }
        }
        // The sender is cloned first: once the report is out, the reader may be gone.
        let finished = (*reader).finished.clone();
        let _ = finished.send(());
    }
}

extern "C" fn opened(user_data: *mut c_void, stream: Handle, error: Handle) {
    let reader: *mut Reader = user_data.cast();
    // SAFETY: the reader that this stream was opened for; the library calls once.
    unsafe {
        if stream.is_null() {
            let message = (*reader).router.abi.failure(error);
            (*reader).tally.record(Instant::now(), Err(message));
            return open(reader);
        }
        ((*reader).stream, (*reader).since) = (stream, Instant::now());
        next(reader);
    }
}

/// Asks for more. The callback may run before this returns, so nothing is touched after it.
///
/// # Safety
/// `reader` is alive, has a stream, and nobody else uses it now.
unsafe fn next(reader: *mut Reader) {
    // SAFETY: the caller's promise.
    unsafe {
        let (abi, stream) = ((*reader).router.abi, (*reader).stream);
        if let Err(message) = abi.next(stream, BATCH, read, reader.cast()) {
            (*reader).tally.record(Instant::now(), Err(message));
            abi.stream_free(stream);
            open(reader);
        }
    }
}

extern "C" fn read(user_data: *mut c_void, status: i32, _chunks: *const c_char, len: usize, error: Handle) {
    let reader: *mut Reader = user_data.cast();
    // SAFETY: the reader whose read this is; the library calls once.
    unsafe {
        if status == CHUNK {
            let came = Instant::now();
            let gap = (came - (*reader).since).as_nanos() as u64;
            // What comes together came at one time.
            let more = streams::count(len).saturating_sub(1);
            (*reader).tally.nanos.push(gap);
            (*reader).tally.nanos.extend(std::iter::repeat_n(0, more));
            (*reader).since = came;
            return next(reader);
        }
        let abi = (*reader).router.abi;
        if status == ERROR {
            let message = abi.failure(error);
            (*reader).tally.record(Instant::now(), Err(message));
        }
        abi.stream_free((*reader).stream);
        open(reader);
    }
}
