//! The one way in: panics are caught, NULLs and forks refused, and errors handed out, here and nowhere else.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::error::{Error, ErrorKind};
use crate::router::Failed;
use crate::runtime;

use super::error::router_error_t;
use super::fork;
use super::router::router_t;

const PANICKED: &str = "the library failed within itself; this call is lost, the router stays usable";

thread_local! {
    /// Whether this thread runs an export.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs the body of an export that can't report an error; `failing` is what it returns then.
pub fn guard<T>(export: &'static str, failing: T, body: impl FnOnce() -> T) -> T {
    silence_panics();
    let guarded = AssertUnwindSafe(|| {
        fault_point(export);
        body()
    });
    let outer = GUARDED.replace(true);
    let outcome = catch_unwind(guarded);
    GUARDED.set(outer);
    outcome.unwrap_or_else(|payload| {
        // Dropping it could panic again.
        std::mem::forget(payload);
        failing
    })
}

/// Runs the body of an export that has an `error` out-parameter, which is set on every return.
///
/// # Safety
/// `error` is NULL or points to writable memory.
pub unsafe fn guard_error<T>(
    export: &'static str,
    error: *mut *mut router_error_t,
    failing: T,
    body: impl FnOnce() -> Result<T, Failed>,
) -> T {
    let outcome = guard(export, Err(Failed::before(Error::new(ErrorKind::Internal, PANICKED))), body);
    let (value, failed) = match outcome {
        Ok(value) => (value, None),
        Err(failed) => (failing, Some(failed)),
    };
    if !error.is_null() {
        let handle = failed.map_or(std::ptr::null_mut(), |failed| Box::into_raw(Box::new(router_error_t::new(failed))));
        // SAFETY: not NULL, and the caller promises that it can be written.
        unsafe { error.write(handle) };
    }
    value
}

/// The router behind a handle, unless it is NULL or was made before a fork.
///
/// # Safety
/// `router` is NULL or a router that was not freed.
pub unsafe fn alive<'a>(router: *const router_t) -> Result<&'a router_t, Error> {
    // SAFETY: as the caller promises.
    let router = unsafe { router.as_ref() };
    let router = router.ok_or_else(|| Error::new(ErrorKind::InvalidArgument, "the router is NULL"))?;
    if router.was_forked() {
        let message = "the router was made before this process was forked; make one after the fork";
        return Err(Error::new(ErrorKind::Forked, message));
    }
    Ok(router)
}

/// What a call that ended in a panic is told.
pub fn panicked() -> Failed {
    Failed::before(Error::new(ErrorKind::Internal, PANICKED))
}

/// The default hook writes to the host's standard error; what fails in here goes where logs go.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        fork::watch();
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDED.get() || runtime::is_own_thread() {
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                log::error!(place; "the library failed within itself");
            } else {
                // A host in Rust that links this crate has panics of its own.
                others(info);
            }
        }));
    });
}

/// Panics here if a test asks for it by `LLMROUTER_PANIC_AT`.
#[cfg(feature = "fault-injection")]
pub fn fault_point(name: &str) {
    if std::env::var("LLMROUTER_PANIC_AT").is_ok_and(|at| at == name) {
        std::panic::panic_any("injected");
    }
}

#[cfg(not(feature = "fault-injection"))]
pub fn fault_point(_name: &str) {}
