//! An answer, read through its handle.

use std::ffi::c_char;
use std::sync::OnceLock;

use crate::chat::{Verb, text_of};
use crate::router::{Completed, Trail, metadata_json};
use crate::transport::HeaderMap;

use super::guard::guard;
use super::text::Lent;

/// One finished call. Immutable; any thread may read or free it.
pub struct router_response_t {
    body: Lent,
    verb: Verb,
    /// `None` for JSON.
    content_type: Option<String>,
    headers: HeaderMap,
    trail: Trail,
    text: OnceLock<Option<Lent>>,
    metadata: OnceLock<Lent>,
}

impl router_response_t {
    pub(super) fn new(completed: Completed) -> Self {
        let (body, headers) = (completed.answer.body, completed.answer.headers);
        Self {
            verb: body.verb(),
            content_type: body.content_type().map(str::to_owned),
            body: Lent::of_terminated(body.terminated().clone()),
            headers,
            trail: completed.trail,
            text: OnceLock::new(),
            metadata: OnceLock::new(),
        }
    }

    fn json(&self) -> Option<&str> {
        self.body.as_str().filter(|_| self.content_type.is_none())
    }

    /// What the answer says; a transcript in plain text says itself.
    fn say(&self) -> Option<String> {
        match self.json() {
            Some(json) => text_of(self.verb, json),
            None if self.verb != Verb::Speech => self.body.as_str().map(str::to_owned),
            None => None,
        }
    }

    fn metadata(&self) -> String {
        metadata_json(&self.trail, &self.headers, self.verb, self.json(), self.content_type.as_deref())
    }
}

/// Returns the answer as JSON (or, of speech and plain transcripts, as its bytes), NUL-terminated, valid until the response is freed.
/// `len` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_response_body(response: *const router_response_t, len: *mut usize) -> *const c_char {
    // SAFETY: as the caller promises, here and below.
    unsafe { lend("router_response_body", response, len, |response| Some(&response.body)) }
}

/// Returns the first choice's text, so that a plain C program needs no JSON parser; NULL if the answer has none. Of a response
/// and of a transcript it is their text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_response_text(response: *const router_response_t, len: *mut usize) -> *const c_char {
    // SAFETY: as the caller promises.
    unsafe {
        lend("router_response_text", response, len, |response| {
            response.text.get_or_init(|| response.say().map(Lent::new)).as_ref()
        })
    }
}

/// Returns what the router adds, as JSON: deployment, attempts, fallbacks, cost, cache hit, timings, headers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_response_metadata(
    response: *const router_response_t,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: as the caller promises.
    unsafe {
        lend("router_response_metadata", response, len, |response| {
            Some(response.metadata.get_or_init(|| Lent::new(response.metadata())))
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
