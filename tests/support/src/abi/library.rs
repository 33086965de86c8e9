//! Finds the shared library and its functions.

use std::ffi::{CStr, c_char, c_void};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::Library;

/// The ABI this client was written for, as in the header: major << 16 | minor.
const ABI: u32 = 0x1_0005;

macro_rules! opaque {
    ($($name:ident)*) => {$(
        #[repr(C)]
        pub struct $name { _private: [u8; 0] }
    )*};
}
opaque!(RawRouter RawResponse RawStream RawError);

pub type CompletionFn = unsafe extern "C" fn(*mut c_void, *mut RawResponse, *mut RawError);
pub type StreamFn = unsafe extern "C" fn(*mut c_void, *mut RawStream, *mut RawError);
pub type ChunksFn = unsafe extern "C" fn(*mut c_void, i32, *const c_char, usize, *mut RawError);
pub type ListenerFn = unsafe extern "C" fn(*mut c_void, i32, *const c_char, usize);

/// Declares the functions once: as fields with the header's signatures and as the names to look up.
macro_rules! functions {
    ($($field:ident = $symbol:literal: $type:ty;)*) => {
        pub struct Functions { $(pub $field: $type,)* }

        impl Functions {
            fn find(library: &Library) -> Result<Self, String> {
                Ok(Self { $($field: {
                    // SAFETY: the type is the signature that llmrouter.h declares for this symbol.
                    let found = unsafe { library.get::<$type>($symbol) };
                    *found.map_err(|error| format!("{}: {error}", stringify!($field)))?
                },)* })
            }
        }
    };
}

functions! {
    abi_version = b"router_abi_version": unsafe extern "C" fn() -> u32;
    version = b"router_version": unsafe extern "C" fn() -> *const c_char;
    set_log_listener = b"router_set_log_listener": unsafe extern "C" fn(Option<ListenerFn>, *mut c_void, i32) -> bool;
    string_free = b"router_string_free": unsafe extern "C" fn(*mut c_char);
    new_from_yaml = b"router_new_from_yaml": unsafe extern "C" fn(*const c_char, usize, *mut *mut RawError) -> *mut RawRouter;
    new_from_file = b"router_new_from_file": unsafe extern "C" fn(*const c_char, usize, *mut *mut RawError) -> *mut RawRouter;
    reload = b"router_reload_from_yaml": unsafe extern "C" fn(*const RawRouter, *const c_char, usize, *mut *mut RawError) -> bool;
    shutdown = b"router_shutdown": unsafe extern "C" fn(*const RawRouter, u32) -> bool;
    free = b"router_free": unsafe extern "C" fn(*mut RawRouter);
    completion = b"router_completion": unsafe extern "C" fn(*const RawRouter, *const c_char, usize, *mut *mut RawError) -> *mut RawResponse;
    embedding = b"router_embedding": unsafe extern "C" fn(*const RawRouter, *const c_char, usize, *mut *mut RawError) -> *mut RawResponse;
    request = b"router_request":
        unsafe extern "C" fn(*const RawRouter, *const c_char, usize, *const c_char, usize, *mut *mut RawError) -> *mut RawResponse;
    completion_async = b"router_completion_async":
        unsafe extern "C" fn(*const RawRouter, *const c_char, usize, CompletionFn, *mut c_void, *mut u64, *mut *mut RawError) -> bool;
    embedding_async = b"router_embedding_async":
        unsafe extern "C" fn(*const RawRouter, *const c_char, usize, CompletionFn, *mut c_void, *mut u64, *mut *mut RawError) -> bool;
    request_async = b"router_request_async":
        unsafe extern "C" fn(*const RawRouter, *const c_char, usize, *const c_char, usize, CompletionFn, *mut c_void, *mut u64, *mut *mut RawError) -> bool;
    cancel = b"router_cancel": unsafe extern "C" fn(*const RawRouter, u64);
    response_body = b"router_response_body": unsafe extern "C" fn(*const RawResponse, *mut usize) -> *const c_char;
    response_text = b"router_response_text": unsafe extern "C" fn(*const RawResponse, *mut usize) -> *const c_char;
    response_metadata = b"router_response_metadata": unsafe extern "C" fn(*const RawResponse, *mut usize) -> *const c_char;
    response_free = b"router_response_free": unsafe extern "C" fn(*mut RawResponse);
    completion_stream = b"router_completion_stream":
        unsafe extern "C" fn(*const RawRouter, *const c_char, usize, *mut *mut RawError) -> *mut RawStream;
    completion_stream_async = b"router_completion_stream_async":
        unsafe extern "C" fn(*const RawRouter, *const c_char, usize, StreamFn, *mut c_void, *mut u64, *mut *mut RawError) -> bool;
    request_stream = b"router_request_stream":
        unsafe extern "C" fn(*const RawRouter, *const c_char, usize, *const c_char, usize, *mut *mut RawError) -> *mut RawStream;
    request_stream_async = b"router_request_stream_async":
        unsafe extern "C" fn(*const RawRouter, *const c_char, usize, *const c_char, usize, StreamFn, *mut c_void, *mut u64, *mut *mut RawError) -> bool;
    stream_next = b"router_stream_next":
        unsafe extern "C" fn(*mut RawStream, *mut *const c_char, *mut usize, *mut *mut RawError) -> i32;
    stream_next_async = b"router_stream_next_async":
        unsafe extern "C" fn(*mut RawStream, u32, ChunksFn, *mut c_void, *mut *mut RawError) -> bool;
    stream_metadata = b"router_stream_metadata": unsafe extern "C" fn(*const RawStream, *mut usize) -> *const c_char;
    stream_cancel = b"router_stream_cancel": unsafe extern "C" fn(*const RawStream);
    stream_free = b"router_stream_free": unsafe extern "C" fn(*mut RawStream);
    error_code = b"router_error_code": unsafe extern "C" fn(*const RawError) -> i32;
    error_name = b"router_error_name": unsafe extern "C" fn(i32) -> *const c_char;
    error_http_status = b"router_error_http_status": unsafe extern "C" fn(*const RawError) -> i32;
    error_is_retryable = b"router_error_is_retryable": unsafe extern "C" fn(*const RawError) -> bool;
    error_retry_after_ms = b"router_error_retry_after_ms": unsafe extern "C" fn(*const RawError) -> i64;
    error_message = b"router_error_message": unsafe extern "C" fn(*const RawError) -> *const c_char;
    error_json = b"router_error_json": unsafe extern "C" fn(*const RawError, *mut usize) -> *const c_char;
    error_free = b"router_error_free": unsafe extern "C" fn(*mut RawError);
    explain = b"router_explain":
        unsafe extern "C" fn(*const RawRouter, *const c_char, usize, *mut usize, *mut *mut RawError) -> *mut c_char;
    set_event_listener = b"router_set_event_listener": unsafe extern "C" fn(*const RawRouter, Option<ListenerFn>, *mut c_void) -> bool;
    snapshot = b"router_snapshot": unsafe extern "C" fn(*const RawRouter, *mut usize) -> *mut c_char;
}

/// Where the library is looked for.
pub fn library_path() -> PathBuf {
    match std::env::var_os("LLMROUTER_LIB") {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/lib/libllmrouter.so"),
    }
}

/// Loads the library, or says what to do about its absence.
pub fn load() -> Result<(), String> {
    loaded().map(|_| ())
}

fn loaded() -> Result<&'static Functions, String> {
    static FUNCTIONS: OnceLock<Result<Functions, String>> = OnceLock::new();
    FUNCTIONS.get_or_init(open).as_ref().map_err(Clone::clone)
}

fn open() -> Result<Functions, String> {
    let path = library_path();
    if !path.exists() {
        return Err(format!("{} does not exist: run `make sdk` first, or set LLMROUTER_LIB", path.display()));
    }
    // SAFETY: the library's initialisers are those of the Rust runtime; there are no others.
    let library = unsafe { Library::new(&path) }.map_err(|error| format!("{}: {error}", path.display()))?;
    // Never unloaded: its threads may outlive any handle.
    let library: &'static Library = Box::leak(Box::new(library));
    let functions = Functions::find(library).map_err(|error| format!("{}: {error}", path.display()))?;
    // SAFETY: takes nothing and returns a number.
    let found = unsafe { (functions.abi_version)() };
    if found >> 16 != ABI >> 16 || found < ABI {
        return Err(format!("{}: its ABI is {found:#x}, these tests want {ABI:#x}", path.display()));
    }
    Ok(functions)
}

/// The library's functions.
///
/// # Panics
/// If the library can't be loaded: [`load`] says why without a panic.
pub fn functions() -> &'static Functions {
    loaded().unwrap_or_else(|error| panic!("{error}"))
}

/// `router_abi_version`: major << 16 | minor.
pub fn abi_version() -> u32 {
    // SAFETY: takes nothing and returns a number.
    unsafe { (functions().abi_version)() }
}

/// `router_version`, such as "0.1.0".
pub fn version() -> String {
    // SAFETY: returns a static string.
    unsafe { text((functions().version)()) }.unwrap_or_default()
}

/// `router_error_name`: a code's LiteLLM class.
pub fn error_name(code: i32) -> String {
    // SAFETY: returns a static string for any number.
    unsafe { text((functions().error_name)(code)) }.expect("router_error_name is never NULL")
}

/// Copies a C string; `None` for NULL.
///
/// # Safety
/// `pointer` is NULL or a NUL-terminated string.
pub unsafe fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes();
    Some(std::str::from_utf8(bytes).expect("what the library gives out is UTF-8").to_owned())
}

/// Copies a string with a length, and checks that it is also terminated; `None` for NULL.
///
/// # Safety
/// `pointer` is NULL or begins `len + 1` readable bytes.
pub unsafe fn sized(pointer: *const c_char, len: usize) -> Option<String> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { sized_bytes(pointer, len) };
    bytes.map(|bytes| String::from_utf8(bytes).expect("what the library gives out as text is UTF-8"))
}

/// The same for bytes that may be no text.
///
/// # Safety
/// As for [`sized`].
pub unsafe fn sized_bytes(pointer: *const c_char, len: usize) -> Option<Vec<u8>> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), len + 1) };
    assert_eq!(bytes[len], 0, "what the library gives out ends with NUL");
    Some(bytes[..len].to_vec())
}
