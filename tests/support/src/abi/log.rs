//! Captures the library's log records.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::library::functions;

static RECORDS: Mutex<Vec<(i32, Value)>> = Mutex::new(Vec::new());
/// The listener is the process's, so captures take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Listens until dropped.
pub struct LogCapture(#[allow(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl LogCapture {
    /// Captures records up to `level` (`ROUTER_LOG_ERROR` is 1, `ROUTER_LOG_TRACE` 5).
    ///
    /// # Panics
    /// Inside a callback, where the library refuses a listener.
    pub fn start(level: i32) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        records().clear();
        // SAFETY: the listener is static and uses no user data.
        let set = unsafe { (functions().set_log_listener)(Some(listen), ptr::null_mut(), level) };
        assert!(set, "router_set_log_listener");
        Self(turn)
    }

    /// What was logged so far: level and record.
    pub fn records(&self) -> Vec<(i32, Value)> {
        records().clone()
    }
}

impl Drop for LogCapture {
    fn drop(&mut self) {
        // SAFETY: NULL turns the listener off.
        unsafe { (functions().set_log_listener)(None, ptr::null_mut(), 0) };
    }
}

fn records() -> MutexGuard<'static, Vec<(i32, Value)>> {
    RECORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "C" fn listen(_: *mut c_void, level: i32, json: *const c_char, len: usize) {
    // SAFETY: valid until this returns. A record need not be terminated, as it is not owned.
    let bytes = unsafe { std::slice::from_raw_parts(json.cast::<u8>(), len) };
    let record = serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into());
    records().push((level, record));
}
