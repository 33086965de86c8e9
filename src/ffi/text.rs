//! Text across the boundary: borrowed on the way in, NUL-terminated on the way out.

use std::ffi::{CStr, CString, c_char};

use bytes::Bytes;

use crate::error::{Error, ErrorKind};

/// A length that says that the text ends at its first NUL (`ROUTER_NUL_TERMINATED`).
const NUL_TERMINATED: usize = usize::MAX;

/// Reads an argument; `what` names it in the error.
///
/// # Safety
/// `text` is NULL, or `len` bytes can be read there (up to a NUL if `len` is `ROUTER_NUL_TERMINATED`) as long as `'a`.
pub unsafe fn input<'a>(text: *const c_char, len: usize, what: &str) -> Result<&'a str, Error> {
    let invalid = |problem: &str| Error::new(ErrorKind::InvalidArgument, format!("the {what} {problem}"));
    if text.is_null() {
        return Err(invalid("is NULL"));
    }
    let bytes = if len == NUL_TERMINATED {
        // SAFETY: the caller promises a NUL.
        unsafe { CStr::from_ptr(text) }.to_bytes()
    } else if isize::try_from(len).is_err() {
        return Err(invalid("has an impossible length"));
    } else {
        // SAFETY: the caller promises that many bytes.
        unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len) }
    };
    std::str::from_utf8(bytes).map_err(|error| invalid(&format!("is no valid UTF-8 at byte {}", error.valid_up_to())))
}

/// Text or bytes that are lent out: NUL-terminated, and with a length, since they may hold NULs of their own.
pub struct Lent(Bytes);

impl Lent {
    pub fn new(text: String) -> Self {
        Self::of_bytes(text.into_bytes())
    }

    pub fn of_bytes(mut bytes: Vec<u8>) -> Self {
        bytes.push(0);
        Self(bytes.into())
    }

    /// Bytes that have their NUL already.
    pub fn of_terminated(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// `None` for bytes that are no text.
    pub fn as_str(&self) -> Option<&str> {
        let text = self.0.split_last().map_or(&[][..], |(_, text)| text);
        std::str::from_utf8(text).ok()
    }

    /// Lends it for as long as `self` lives.
    ///
    /// # Safety
    /// `len` is NULL or points to writable memory.
    pub unsafe fn lend(&self, len: *mut usize) -> *const c_char {
        // SAFETY: as the caller promises.
        unsafe { put(len, self.0.len() - 1) };
        self.0.as_ptr().cast()
    }
}

/// Gives text away; freed by `router_string_free`.
///
/// # Safety
/// `len` is NULL or points to writable memory.
pub unsafe fn give(text: String, len: *mut usize) -> *mut c_char {
    let count = text.len();
    // JSON holds no NUL; if anything did, the caller is better off with nothing than with half of it.
    match CString::new(text) {
        Ok(text) => {
            // SAFETY: as the caller promises.
            unsafe { put(len, count) };
            text.into_raw()
        }
        Err(_) => std::ptr::null_mut(),
    }
}

/// Writes an out-parameter that may be NULL.
///
/// # Safety
/// `out` is NULL or points to writable memory.
pub unsafe fn put<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: as the caller promises.
        unsafe { out.write(value) };
    }
}
