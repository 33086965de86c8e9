//! The caller's callbacks: called exactly once where that is promised, and known to be running.

use std::cell::Cell;
use std::ffi::c_void;

use crate::error::{Error, ErrorKind};
use crate::router::{Completed, Failed};
use crate::runtime::Ticket;

use super::completion::router_completion_fn;
use super::error::router_error_t;
use super::guard;
use super::response::router_response_t;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Whether this thread is inside a callback of ours.
pub fn is_running() -> bool {
    DEPTH.get() > 0
}

/// Refuses what would wait for the library inside one of its own threads.
pub fn forbid() -> Result<(), Error> {
    if is_running() {
        let message = "a function that waits was called inside a callback; use its asynchronous form";
        return Err(Error::new(ErrorKind::InCallback, message));
    }
    Ok(())
}

/// Runs the caller's code.
pub fn run(callback: impl FnOnce()) {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
    DEPTH.set(DEPTH.get() + 1);
    let _leave = Leave;
    callback();
}

/// The caller's pointer, which we only carry.
#[derive(Clone, Copy)]
pub struct UserData(pub *mut c_void);

// SAFETY: it is never read here; the header tells the caller that it comes back on another thread.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

type Done = unsafe extern "C" fn(*mut c_void, *mut router_response_t, *mut router_error_t);

/// An accepted call's callback. Whatever becomes of it, the callback runs once: if nobody ends it, dropping it does.
pub struct Completion {
    done: Option<Done>,
    user_data: UserData,
    /// Kept until the callback has returned: `router_free` waits for that.
    _ticket: Ticket,
}

impl Completion {
    pub fn new(done: router_completion_fn, user_data: *mut c_void, ticket: Ticket) -> Self {
        Self { done, user_data: UserData(user_data), _ticket: ticket }
    }

    pub fn end(mut self, outcome: Result<Completed, Failed>) {
        self.fire(outcome);
    }

    fn fire(&mut self, outcome: Result<Completed, Failed>) {
        let Some(done) = self.done.take() else { return };
        let (response, error) = match outcome {
            Ok(completed) => (Box::into_raw(Box::new(router_response_t::new(completed))), std::ptr::null_mut()),
            Err(failed) => (std::ptr::null_mut(), Box::into_raw(Box::new(router_error_t::new(failed)))),
        };
        // SAFETY: the caller gave this function for this purpose, and owns what it is handed.
        run(|| unsafe { done(self.user_data.0, response, error) });
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.fire(Err(guard::panicked()));
    }
}
