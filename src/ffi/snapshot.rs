//! Looking into a router.

use std::ffi::c_char;

use super::guard::{alive, guard};
use super::router::router_t;
use super::text;

/// Returns the state of every group and deployment as JSON. Free with `router_string_free`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_snapshot(router: *const router_t, len: *mut usize) -> *mut c_char {
    guard("router_snapshot", std::ptr::null_mut(), || {
        // SAFETY: as the caller promises.
        unsafe { alive(router).map_or(std::ptr::null_mut(), |router| text::give(router.router.snapshot(), len)) }
    })
}
