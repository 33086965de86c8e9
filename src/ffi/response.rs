//! An answer, read through its handle.

use std::ffi::c_char;
use std::sync::OnceLock;

use crate::chat::text_of;
use crate::router::{Completed, Trail, metadata_json};
use crate::transport::HeaderMap;

use super::guard::guard;
use super::text::Lent;

/// One finished call. Immutable; any thread may read or free it.
pub struct router_response_t {
    body: Lent,
    headers: HeaderMap,
    trail: Trail,
    text: OnceLock<Option<Lent>>,
    metadata: OnceLock<Lent>,
}

impl router_response_t {
    pub(super) fn new(completed: Completed) -> Self {
        let body = Lent::new(completed.answer.body.into_string());
        let (headers, trail) = (completed.answer.headers, completed.trail);
        Self { body, headers, trail, text: OnceLock::new(), metadata: OnceLock::new() }
    }
}

/// Returns the answer as JSON, NUL-terminated, valid until the response is freed. `len` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_response_body(response: *const router_response_t, len: *mut usize) -> *const c_char {
    // SAFETY: as the caller promises, here and below.
    unsafe { lend("router_response_body", response, len, |response| Some(&response.body)) }
}

/// Returns the first choice's text, so that a plain C program needs no JSON parser; NULL if the answer has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_response_text(response: *const router_response_t, len: *mut usize) -> *const c_char {
    let text = |response: &router_response_t| text_of(response.body.as_str()).map(Lent::new);
    // SAFETY: as the caller promises.
    unsafe {
        lend("router_response_text", response, len, |response| response.text.get_or_init(|| text(response)).as_ref())
    }
}

/// Returns what the router adds, as JSON: deployment, attempts, fallbacks, cost, cache hit, timings, headers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_response_metadata(
    response: *const router_response_t,
    len: *mut usize,
) -> *const c_char {
    let render = |response: &router_response_t| {
        Lent::new(metadata_json(&response.trail, &response.headers, response.body.as_str()))
    };
    // SAFETY: as the caller promises.
    unsafe {
        lend("router_response_metadata", response, len, |response| {
            Some(response.metadata.get_or_init(|| render(response)))
        })
    }
}

/// Frees a response. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_response_free(response: *mut router_response_t) {
    guard("router_response_free", (), || {
        if !response.is_null() {
            // SAFETY: as the caller promises.
            drop(unsafe { Box::from_raw(response) });
        }
    });
}

/// # Safety
/// `response` is NULL or was not freed; `len` is NULL or writable.
unsafe fn lend(
    export: &'static str,
    response: *const router_response_t,
    len: *mut usize,
    part: impl FnOnce(&router_response_t) -> Option<&Lent>,
) -> *const c_char {
    guard(export, std::ptr::null(), || {
        // SAFETY: as the caller promises.
        unsafe { response.as_ref() }.and_then(part).map_or(std::ptr::null(), |lent| unsafe { lent.lend(len) })
    })
}
