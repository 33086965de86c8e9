//! Streams: read chunk by chunk on a thread that waits, or in batches by callback.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::mpsc::{Sender, channel};

use serde_json::Value;

use super::export::Export;
use super::library::{RawError, RawRouter, RawStream, functions, sized};
use super::outcome::{Failure, failure};

/// `router_stream_t`, freed when dropped.
pub struct Stream(*mut RawStream);

// SAFETY: the header allows any thread to use a stream, one at a time.
unsafe impl Send for Stream {}
// SAFETY: cancelling is allowed from any thread; reads are claimed by the library.
unsafe impl Sync for Stream {}

/// What one read brought: chunks, or the end.
pub type Read = Result<Option<Vec<Value>>, Box<Failure>>;

impl Stream {
    /// # Safety
    /// `router` is live.
    pub(super) unsafe fn open(router: *const RawRouter, export: Export, request: &str) -> Result<Self, Box<Failure>> {
        let mut error = ptr::null_mut();
        // SAFETY: a live router, and a place for the error; what comes back is ours.
        unsafe {
            let stream = export.open(router, request, &mut error);
            taken(stream, error)
        }
    }

    /// The same by callback, waited for.
    ///
    /// # Safety
    /// `router` is live.
    pub(super) unsafe fn open_async(
        router: *const RawRouter,
        export: Export,
        request: &str,
    ) -> Result<Self, Box<Failure>> {
        let (sender, receiver) = channel();
        let user_data: *mut Sender<Result<Self, Box<Failure>>> = Box::into_raw(Box::new(sender));
        let (mut number, mut error) = (0, ptr::null_mut());
        // SAFETY: as above; the callback takes the sender back, once.
        unsafe {
            let data = user_data.cast::<c_void>();
            if !export.open_async(router, request, (opened, data), &mut number, &mut error) {
                drop(Box::from_raw(user_data));
                return Err(failure(error));
            }
        }
        receiver.recv().expect("one outcome a stream")
    }

    /// Waits for the next chunk, the provider's own text; `None` behind the last.
    pub fn next_text(&self) -> Result<Option<String>, Box<Failure>> {
        let (mut chunk, mut len, mut error) = (ptr::null(), 0, ptr::null_mut());
        // SAFETY: a live stream and places for what comes; the chunk is copied before the next read.
        unsafe {
            match (functions().stream_next)(self.0, &mut chunk, &mut len, &mut error) {
                1 => Ok(sized(chunk, len)),
                0 => Ok(None),
                _ => Err(failure(error)),
            }
        }
    }

    /// Asks for at most so many chunks, and waits for the callback.
    pub fn batch(&self, most: u32) -> Read {
        let (sender, receiver) = channel();
        let user_data: *mut Sender<Read> = Box::into_raw(Box::new(sender));
        let mut error = ptr::null_mut();
        // SAFETY: a live stream; the callback takes the sender back, once.
        unsafe {
            if !(functions().stream_next_async)(self.0, most, came, user_data.cast::<c_void>(), &mut error) {
                drop(Box::from_raw(user_data));
                return Err(failure(error));
            }
        }
        receiver.recv().expect("one callback a read")
    }

    /// All chunks that are left, and how it ended.
    pub fn rest(&self) -> (Vec<Value>, Result<(), Box<Failure>>) {
        let mut chunks = Vec::new();
        loop {
            match self.next_text() {
                Ok(Some(text)) => chunks.push(serde_json::from_str(&text).expect("a chunk is JSON")),
                Ok(None) => return (chunks, Ok(())),
                Err(failure) => return (chunks, Err(failure)),
            }
        }
    }

    /// The same in batches.
    pub fn rest_in_batches(&self, most: u32) -> (Vec<Value>, Result<(), Box<Failure>>) {
        let mut chunks = Vec::new();
        loop {
            match self.batch(most) {
                Ok(Some(more)) => {
                    assert!(!more.is_empty() && more.len() <= most.max(1) as usize, "{} of {most}", more.len());
                    chunks.extend(more);
                }
                Ok(None) => return (chunks, Ok(())),
                Err(failure) => return (chunks, Err(failure)),
            }
        }
    }

    /// # Panics
    /// If the metadata is not JSON.
    pub fn metadata(&self) -> Value {
        let mut len = 0;
        // SAFETY: a live stream; the string is copied.
        let text = unsafe { sized((functions().stream_metadata)(self.0, &mut len), len) };
        serde_json::from_str(&text.expect("router_stream_metadata is not NULL")).expect("metadata is JSON")
    }

    pub fn cancel(&self) {
        // SAFETY: a live stream.
        unsafe { (functions().stream_cancel)(self.0) }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: owned, and no read of it runs, as each borrows it.
        unsafe { (functions().stream_free)(self.0) }
    }
}

/// # Safety
/// Both are NULL or owned by the caller.
unsafe fn taken(stream: *mut RawStream, error: *mut RawError) -> Result<Stream, Box<Failure>> {
    assert!(stream.is_null() != error.is_null(), "a stream or an error, never both or neither");
    // SAFETY: exactly one is an owned object.
    unsafe { if error.is_null() { Ok(Stream(stream)) } else { Err(failure(error)) } }
}

unsafe extern "C" fn opened(user_data: *mut c_void, stream: *mut RawStream, error: *mut RawError) {
    // SAFETY: the sender that the stream was opened with; the library calls once.
    unsafe {
        let sender = Box::from_raw(user_data.cast::<Sender<Result<Stream, Box<Failure>>>>());
        _ = sender.send(taken(stream, error));
    }
}

unsafe extern "C" fn came(
    user_data: *mut c_void,
    status: i32,
    chunks: *const c_char,
    len: usize,
    error: *mut RawError,
) {
    // SAFETY: the sender that the read was asked with; the library calls once. The text is copied before the return.
    unsafe {
        let sender = Box::from_raw(user_data.cast::<Sender<Read>>());
        let read = match status {
            1 => Ok(sized(chunks, len).map(|text| serde_json::from_str(&text).expect("a JSON array"))),
            0 => Ok(None),
            _ => Err(failure(error)),
        };
        _ = sender.send(read);
    }
}
