//! The router's C ABI, as any host sees it: a shared library opened at run time, nothing linked.

use std::ffi::{CStr, c_char, c_void};
use std::path::Path;
use std::ptr::{null, null_mut};

use libloading::Library;

use crate::Result;

/// An opaque handle of the library.
#[repr(C)]
pub struct Opaque {
    _private: [u8; 0],
}

pub type Handle = *mut Opaque;
pub type Done = extern "C" fn(user_data: *mut c_void, response: Handle, error: Handle);
type New = unsafe extern "C" fn(*const c_char, usize, *mut Handle) -> Handle;
type Complete = unsafe extern "C" fn(Handle, *const c_char, usize, *mut Handle) -> Handle;
type Start = unsafe extern "C" fn(Handle, *const c_char, usize, Done, *mut c_void, *mut u64, *mut Handle) -> bool;
/// What a read of a stream ends with: its status, a JSON array of chunks with its length, an error.
pub type Read = extern "C" fn(user_data: *mut c_void, status: i32, chunks: *const c_char, len: usize, error: Handle);
type Next = unsafe extern "C" fn(Handle, u32, Read, *mut c_void, *mut Handle) -> bool;
type Body = unsafe extern "C" fn(Handle, *mut usize) -> *const c_char;
type Message = unsafe extern "C" fn(Handle) -> *const c_char;
/// Hears of each event: its level and its payload with its length.
pub type Listener = extern "C" fn(user_data: *mut c_void, level: i32, json: *const c_char, len: usize);
type Listen = unsafe extern "C" fn(Handle, Listener, *mut c_void) -> bool;
type Free = unsafe extern "C" fn(Handle);
type Version = unsafe extern "C" fn() -> *const c_char;

/// The functions that the benchmarks call.
pub struct Abi {
    new: New,
    complete: Complete,
    start: Start,
    stream: Start,
    next: Next,
    stream_free: Free,
    body: Body,
    response_free: Free,
    message: Message,
    error_free: Free,
    router_free: Free,
    listen: Listen,
    version: Version,
    /// Last, because everything above points into it.
    _library: Library,
}

impl Abi {
    pub fn open(path: &Path) -> Result<Self> {
        // SAFETY: the library runs nothing on load, and the types above are those of its header.
        unsafe {
            let library = Library::new(path).map_err(|e| format!("{}: {e}; run `make bindings`", path.display()))?;
            Ok(Self {
                new: *library.get(b"router_new_from_yaml\0")?,
                complete: *library.get(b"router_completion\0")?,
                start: *library.get(b"router_completion_async\0")?,
                stream: *library.get(b"router_completion_stream_async\0")?,
                next: *library.get(b"router_stream_next_async\0")?,
                stream_free: *library.get(b"router_stream_free\0")?,
                body: *library.get(b"router_response_body\0")?,
                response_free: *library.get(b"router_response_free\0")?,
                message: *library.get(b"router_error_message\0")?,
                error_free: *library.get(b"router_error_free\0")?,
                router_free: *library.get(b"router_free\0")?,
                listen: *library.get(b"router_set_event_listener\0")?,
                version: *library.get(b"router_version\0")?,
                _library: library,
            })
        }
    }

    pub fn version(&self) -> String {
        // SAFETY: a static C string.
        unsafe { CStr::from_ptr((self.version)()) }.to_string_lossy().into_owned()
    }

    pub fn router(&self, yaml: &[u8]) -> Result<Router<'_>> {
        let mut error = null_mut();
        // SAFETY: pointer and length of one slice; the error is owned by us.
        let handle = unsafe { (self.new)(yaml.as_ptr().cast(), yaml.len(), &raw mut error) };
        if handle.is_null() {
            return Err(self.failure(error).into());
        }
        Ok(Router { abi: self, handle })
    }

    /// Takes what a call ended with, reading the answer as a host would.
    pub fn settle(&self, response: Handle, error: Handle) -> std::result::Result<(), String> {
        if response.is_null() {
            return Err(self.failure(error));
        }
        let mut len = 0;
        // SAFETY: a response that we own and free once.
        let body = unsafe { (self.body)(response, &raw mut len) };
        let missing = body.is_null() || len == 0;
        // SAFETY: as above; `body` isn't used any more.
        unsafe { (self.response_free)(response) };
        if missing { Err("an answer without a body".into()) } else { Ok(()) }
    }

    /// `router_stream_next_async`; on success `read` runs exactly once with `user_data`.
    ///
    /// # Safety
    /// `stream` is one that was not freed; `user_data` must be what `read` expects, until it has run.
    pub unsafe fn next(
        &self,
        stream: Handle,
        most: u32,
        read: Read,
        user_data: *mut c_void,
    ) -> std::result::Result<(), String> {
        let mut error = null_mut();
        // SAFETY: the caller answers for it.
        match unsafe { (self.next)(stream, most, read, user_data, &raw mut error) } {
            true => Ok(()),
            false => Err(self.failure(error)),
        }
    }

    /// # Safety
    /// `stream` is one that was not freed.
    pub unsafe fn stream_free(&self, stream: Handle) {
        // SAFETY: the caller answers for it.
        unsafe { (self.stream_free)(stream) }
    }

    /// The message of an error, which is freed.
    pub fn failure(&self, error: Handle) -> String {
        if error.is_null() {
            return "failed without an error".into();
        }
        // SAFETY: an error that we own; its message is copied before it is freed.
        unsafe {
            let message = CStr::from_ptr((self.message)(error)).to_string_lossy().into_owned();
            (self.error_free)(error);
            message
        }
    }
}

/// One router, freed on drop.
pub struct Router<'a> {
    pub abi: &'a Abi,
    handle: Handle,
}

// SAFETY: the header allows any number of threads to use one router at once.
unsafe impl Sync for Router<'_> {}

impl Router<'_> {
    /// Has `listener` hear of each event.
    pub fn listen(&self, listener: Listener) -> Result<()> {
        // SAFETY: a live router, and a function that uses no user data.
        match unsafe { (self.abi.listen)(self.handle, listener, null_mut()) } {
            true => Ok(()),
            false => Err("no listener can be set".into()),
        }
    }

    /// `router_completion`.
    pub fn complete(&self, request: &[u8]) -> std::result::Result<(), String> {
        let mut error = null_mut();
        // SAFETY: a live router; pointer and length of one slice.
        let response =
            unsafe { (self.abi.complete)(self.handle, request.as_ptr().cast(), request.len(), &raw mut error) };
        self.abi.settle(response, error)
    }

    /// `router_completion_async`; on success `done` runs exactly once with `user_data`.
    ///
    /// # Safety
    /// `user_data` must be what `done` expects, until it has run.
    pub unsafe fn start(&self, request: &[u8], done: Done, user_data: *mut c_void) -> std::result::Result<(), String> {
        // SAFETY: the caller answers for it.
        unsafe { self.begin(self.abi.start, request, done, user_data) }
    }

    /// `router_completion_stream_async`, likewise; what `opened` gets is a stream.
    ///
    /// # Safety
    /// `user_data` must be what `opened` expects, until it has run.
    pub unsafe fn stream(
        &self,
        request: &[u8],
        opened: Done,
        user_data: *mut c_void,
    ) -> std::result::Result<(), String> {
        // SAFETY: the caller answers for it.
        unsafe { self.begin(self.abi.stream, request, opened, user_data) }
    }

    unsafe fn begin(
        &self,
        start: Start,
        request: &[u8],
        done: Done,
        user_data: *mut c_void,
    ) -> std::result::Result<(), String> {
        let mut error = null_mut();
        let (text, len, call) = (request.as_ptr().cast(), request.len(), null::<u64>().cast_mut());
        // SAFETY: as in `complete`; the caller answers for `user_data`.
        match unsafe { start(self.handle, text, len, done, user_data, call, &raw mut error) } {
            true => Ok(()),
            false => Err(self.abi.failure(error)),
        }
    }
}

impl Drop for Router<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle isn't used any more.
        unsafe { (self.abi.router_free)(self.handle) }
    }
}
