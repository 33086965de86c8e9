//! Asynchronous calls, as handles to wait on.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::export::Export;
use super::library::{RawError, RawResponse, RawRouter};
use super::outcome::{Failure, Outcome, failure, outcome};

/// Calls that wait for their callback. `user_data` is a key, not a pointer, so that a callback too many is found and does no harm.
static WAITING: LazyLock<Mutex<HashMap<usize, Sender<Outcome>>>> = LazyLock::new(Mutex::default);
static NEXT_KEY: AtomicUsize = AtomicUsize::new(1);
static STRAY: AtomicU64 = AtomicU64::new(0);

fn waiting() -> MutexGuard<'static, HashMap<usize, Sender<Outcome>>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many callbacks came a second time, or for a call that was not accepted. Must be 0.
pub fn stray_callbacks() -> u64 {
    STRAY.load(Ordering::SeqCst)
}

/// A call that was accepted. It does not keep the router alive: its callback comes at the latest while the router is freed.
pub struct Call {
    number: u64,
    outcome: Receiver<Outcome>,
}

impl Call {
    /// For `router_cancel`.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Waits for the callback.
    ///
    /// # Panics
    /// If the callback's outcome was already taken.
    pub fn wait(&self) -> Outcome {
        self.outcome.recv().expect("one outcome a call")
    }

    /// Waits for the callback, but no longer than `limit`.
    ///
    /// # Panics
    /// If the callback's outcome was already taken.
    pub fn wait_for(&self, limit: Duration) -> Option<Outcome> {
        match self.outcome.recv_timeout(limit) {
            Ok(outcome) => Some(outcome),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("one outcome a call"),
        }
    }
}

/// # Safety
/// `router` is live.
pub unsafe fn start(router: *const RawRouter, export: Export, request: &str) -> Result<Call, Box<Failure>> {
    let key = NEXT_KEY.fetch_add(1, Ordering::Relaxed);
    let (sender, receiver) = channel();
    waiting().insert(key, sender);
    let (mut number, mut error) = (0, ptr::null_mut());
    let user_data = ptr::without_provenance_mut::<c_void>(key);
    // SAFETY: a live router, a callback that knows the key, and places for number and error.
    let accepted = unsafe { export.start(router, request, (done, user_data), &mut number, &mut error) };
    assert_eq!(accepted, error.is_null(), "a call is accepted, or refused with an error");
    if accepted {
        return Ok(Call { number, outcome: receiver });
    }
    waiting().remove(&key);
    // SAFETY: the error was just given to us.
    Err(unsafe { failure(error) })
}

/// The callback. Runs on a thread of the library, so nothing here may panic across it or block.
unsafe extern "C" fn done(user_data: *mut c_void, response: *mut RawResponse, error: *mut RawError) {
    // SAFETY: the header gives whichever is not NULL to the callback.
    let result = unsafe { outcome(response, error) };
    let sender = waiting().remove(&user_data.addr());
    match sender {
        // Nobody may be waiting any more: a dropped handle is a call whose outcome is not wanted.
        Some(sender) => _ = sender.send(result),
        None => _ = STRAY.fetch_add(1, Ordering::SeqCst),
    }
}
