//! One asynchronous read of a stream, and its callback, which comes exactly once.

use std::ffi::{c_char, c_void};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use bytes::Bytes;

use crate::router::Failed;
use crate::runtime::{Debt, Taken};

use super::callback::{self, UserData};
use super::codes::router_stream_status_t;
use super::error::router_error_t;
use super::stream::Shared;

/// Ends one asynchronous read, under the rules of `router_completion_fn`. With `ROUTER_STREAM_CHUNK`, `chunks` is a JSON array of
/// one or more chunks, valid until the callback returns.
pub type router_chunks_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: i32,
        chunks: *const c_char,
        len: usize,
        error: *mut router_error_t,
    ),
>;

type Next = unsafe extern "C" fn(*mut c_void, i32, *const c_char, usize, *mut router_error_t);

/// The reads of a stream whose callbacks have not returned.
#[derive(Default)]
pub struct Reads {
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    owed: usize,
    /// Threads that wait for them.
    waiting: usize,
    /// The threads on which callbacks run now: one, or more while one callback asks for the next.
    on: Vec<ThreadId>,
}

impl Reads {
    /// Waits until every callback has returned but those on this very thread.
    pub fn wait(&self) {
        let here = thread::current().id();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let others = |state: &mut State| state.owed > state.on.iter().filter(|on| **on == here).count();
        state.waiting += 1;
        let mut state = self.returned.wait_while(state, others).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
    }

    fn owe(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).owed += 1;
    }

    fn run(&self, callback: impl FnOnce()) {
        let here = thread::current().id();
        self.state.lock().unwrap_or_else(PoisonError::into_inner).on.push(here);
        callback::run(callback);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.owed -= 1;
        if let Some(place) = state.on.iter().rposition(|on| *on == here) {
            state.on.swap_remove(place);
        }
        let waiting = state.waiting;
        drop(state);
        // A call of the system, whether anybody waits or not.
        if waiting > 0 {
            self.returned.notify_all();
        }
    }
}

/// A read that was accepted. Dropped without an end, it ends all the same.
pub struct ChunksRead {
    shared: Arc<Shared>,
    most: usize,
    next: Option<Next>,
    user_data: UserData,
    /// `router_free` waits for the callback.
    _debt: Debt,
}

impl ChunksRead {
    /// Calls back on a library thread, now or when something comes.
    pub fn start(shared: &Arc<Shared>, max_chunks: u32, next: Next, user_data: UserData, debt: Debt) {
        shared.reads.owe();
        let most = usize::try_from(max_chunks).unwrap_or(usize::MAX).max(1);
        let has_some = !shared.ahead.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let read = Self { shared: Arc::clone(shared), most, next: Some(next), user_data, _debt: debt };
        let alarm: Box<dyn FnOnce() + Send> = Box::new(move || read.end());
        let now = if has_some { Some(alarm) } else { shared.chunks.when_ready(alarm) };
        if let Some(now) = now {
            shared.threads.spawn(async move { now() });
        }
    }

    fn end(mut self) {
        self.fire();
    }

    fn fire(&mut self) {
        let Some(next) = self.next.take() else { return };
        let mut ahead = self.shared.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let count = ahead.len().min(self.most);
        let mut chunks: Vec<Bytes> = ahead.drain(..count).collect();
        drop(ahead);
        let mut end = None;
        if chunks.len() < self.most {
            match self.shared.chunks.take(self.most - chunks.len()) {
                Taken::Items(items) => chunks.extend(items),
                Taken::End(ended) if chunks.is_empty() => end = Some(ended),
                Taken::End(_) | Taken::Nothing => {}
            }
        }
        let text = joined(&chunks);
        let (status, error) = match end {
            None => (router_stream_status_t::ROUTER_STREAM_CHUNK, std::ptr::null_mut()),
            Some(Ok(())) => (router_stream_status_t::ROUTER_STREAM_END, std::ptr::null_mut()),
            Some(Err(failed)) => (router_stream_status_t::ROUTER_STREAM_ERROR, handle(failed)),
        };
        let (pointer, len) =
            if chunks.is_empty() { (std::ptr::null(), 0) } else { (text.as_ptr().cast(), text.len() - 1) };
        // The callback may ask for the next chunks.
        self.shared.reading.store(false, Ordering::Release);
        let user_data = self.user_data;
        // SAFETY: the caller gave this function for this purpose; the text lives until it returns.
        self.shared.reads.run(|| unsafe { next(user_data.0, status as i32, pointer, len, error) });
    }
}

impl Drop for ChunksRead {
    fn drop(&mut self) {
        self.fire();
    }
}

fn handle(failed: Failed) -> *mut router_error_t {
    Box::into_raw(Box::new(router_error_t::new(failed)))
}

/// A JSON array of the chunks, NUL-terminated.
fn joined(chunks: &[Bytes]) -> Vec<u8> {
    let mut text = Vec::with_capacity(chunks.iter().map(|chunk| chunk.len() + 1).sum::<usize>() + 3);
    for (place, chunk) in chunks.iter().enumerate() {
        text.push(if place == 0 { b'[' } else { b',' });
        text.extend_from_slice(chunk);
    }
    text.extend_from_slice(b"]\0");
    text
}
