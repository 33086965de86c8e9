//! A failure, read through its handle.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char};
use std::sync::OnceLock;

use once_cell::sync::Lazy;

use crate::error::ErrorKind;
use crate::router::{Failed, error_json};

use super::guard::guard;
use super::text::Lent;

/// Why a call failed. Immutable; any thread may read or free it.
pub struct router_error_t {
    failed: Failed,
    message: Lent,
    json: OnceLock<Lent>,
}

impl router_error_t {
    pub(super) fn new(failed: Failed) -> Self {
        let message = Lent::new(failed.error.message().to_owned());
        Self { failed, message, json: OnceLock::new() }
    }
}

/// The classes of every code, NUL-terminated.
static NAMES: Lazy<HashMap<&'static str, CString>> = Lazy::new(|| {
    let statuses = (400..600).map(ErrorKind::from_status);
    let classes = ErrorKind::NAMED.into_iter().chain(statuses).map(ErrorKind::class);
    classes.filter_map(|class| Some((class, CString::new(class).ok()?))).collect()
});

const UNKNOWN: &CStr = c"UnknownError";

/// Returns a `router_error_code_t`; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_error_code(error: *const router_error_t) -> i32 {
    // SAFETY: as the caller promises.
    guard("router_error_code", 0, || unsafe { error.as_ref() }.map_or(0, |error| error.failed.kind().code()))
}

/// Returns a code's LiteLLM class, such as "RateLimitError". Static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn router_error_name(code: i32) -> *const c_char {
    guard("router_error_name", UNKNOWN.as_ptr(), || {
        let name = ErrorKind::from_code(code).and_then(|kind| NAMES.get(kind.class()));
        name.map_or(UNKNOWN.as_ptr(), |name| name.as_ptr())
    })
}

/// Returns the HTTP status that fits: the provider's own, or the one a proxy would answer with (400 for a context window or a content policy, 408, 429
/// for no deployment or a spent budget, 500 for a connection or an answer that can't be read); 0 for a fault of the caller, the configuration or the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_error_http_status(error: *const router_error_t) -> i32 {
    guard("router_error_http_status", 0, || {
        // SAFETY: as the caller promises.
        let status = unsafe { error.as_ref() }.and_then(|error| error.failed.error.http_status());
        status.map_or(0, i32::from)
    })
}

/// Says whether the same request may succeed later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_error_is_retryable(error: *const router_error_t) -> bool {
    guard("router_error_is_retryable", false, || {
        // SAFETY: as the caller promises.
        unsafe { error.as_ref() }.is_some_and(|error| error.failed.error.is_retryable())
    })
}

/// Returns after how many milliseconds to try again, or -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_error_retry_after_ms(error: *const router_error_t) -> i64 {
    guard("router_error_retry_after_ms", -1, || {
        // SAFETY: as the caller promises.
        let wait = unsafe { error.as_ref() }.and_then(|error| error.failed.error.retry_after());
        // Rounded up: a caller who waits this long is not too early.
        let millis = |wait: std::time::Duration| wait.as_nanos().div_ceil(1_000_000);
        wait.map_or(-1, |wait| i64::try_from(millis(wait)).unwrap_or(i64::MAX))
    })
}

/// Returns the message, for people. It never holds a secret. Valid until the error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_error_message(error: *const router_error_t) -> *const c_char {
    guard("router_error_message", std::ptr::null(), || {
        // SAFETY: as the caller promises.
        unsafe { error.as_ref().map_or(std::ptr::null(), |error| error.message.lend(std::ptr::null_mut())) }
    })
}

/// Returns everything, as LiteLLM's error object in JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_error_json(error: *const router_error_t, len: *mut usize) -> *const c_char {
    let render = |error: &router_error_t| Lent::new(error_json(&error.failed.error, &error.failed.trail));
    guard("router_error_json", std::ptr::null(), || {
        // SAFETY: as the caller promises.
        unsafe { error.as_ref().map_or(std::ptr::null(), |error| error.json.get_or_init(|| render(error)).lend(len)) }
    })
}

/// Frees an error. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_error_free(error: *mut router_error_t) {
    guard("router_error_free", (), || {
        if !error.is_null() {
            // SAFETY: as the caller promises.
            drop(unsafe { Box::from_raw(error) });
        }
    });
}
