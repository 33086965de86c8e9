//! Functions of the library as a whole.

use std::ffi::{CString, c_char, c_void};

use super::codes::ROUTER_ABI_VERSION;
use super::guard::guard;
use super::{callback, listener};

/// Hears log records or call events (JSON, valid until it returns) any number of times, on any library thread. Must not block or throw.
pub type router_listener_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, json: *const c_char, len: usize)>;

/// Returns the library's ABI version, to compare with `ROUTER_ABI_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn router_abi_version() -> u32 {
    guard("router_abi_version", 0, || ROUTER_ABI_VERSION)
}

/// Returns the library's version, such as "0.1.0". Static.
#[unsafe(no_mangle)]
pub extern "C" fn router_version() -> *const c_char {
    guard("router_version", c"".as_ptr(), || concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast())
}

/// Sends log records of the whole process, up to `level`, to `listener`; NULL turns it off. A router tells of single requests only where its
/// configuration asks for that (`set_verbose`), at debug level. On return the listener set before is not
/// running and will not be called again. False inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_set_log_listener(
    listener: router_listener_fn,
    user_data: *mut c_void,
    level: i32,
) -> bool {
    guard("router_set_log_listener", false, || {
        if callback::is_running() {
            return false;
        }
        listener::set(listener, user_data, level);
        true
    })
}

/// Frees a string that the library gave out as `char *`. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_string_free(text: *mut c_char) {
    guard("router_string_free", (), || {
        if !text.is_null() {
            // SAFETY: as the caller promises.
            drop(unsafe { CString::from_raw(text) });
        }
    });
}
