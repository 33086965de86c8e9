//! Looking into a router, and ahead of a request.

use std::ffi::c_char;

use crate::chat::Request;

use super::completion::unusable;
use super::error::router_error_t;
use super::guard::{alive, guard, guard_error};
use super::router::router_t;
use super::text;
use crate::router::Failed;

/// Returns, without sending anything, what would happen to a request: names resolved, candidates with score or reason for each skip, the order that would
/// follow. JSON, freed with `router_string_free`; NULL on failure.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_explain(
    router: *const router_t,
    request: *const c_char,
    request_len: usize,
    len: *mut usize,
    error: *mut *mut router_error_t,
) -> *mut c_char {
    // SAFETY: as the caller promises, here and below.
    unsafe {
        guard_error("router_explain", error, std::ptr::null_mut(), || {
            let router = alive(router).map_err(Failed::before)?;
            let request = text::input(request, request_len, "request").map_err(Failed::before)?;
            let request = Request::parse(request).map_err(|error| Failed::before(unusable(error)))?;
            let plan = router.current().explain(&request).map_err(Failed::before)?;
            Ok(text::give(plan, len))
        })
    }
}

/// Returns the state of every group and deployment, of aliases and budgets, of the response cache (`cache`) and of the store that processes share
/// (`store`), each null if there is none, and the warnings of the configuration, as JSON (docs/snapshot.md). No call waits for it. Free with `router_string_free`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_snapshot(router: *const router_t, len: *mut usize) -> *mut c_char {
    guard("router_snapshot", std::ptr::null_mut(), || {
        // SAFETY: as the caller promises.
        unsafe { alive(router).map_or(std::ptr::null_mut(), |router| text::give(router.current().snapshot(), len)) }
    })
}
