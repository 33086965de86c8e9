//! A router, freed when dropped.

use std::path::Path;
use std::ptr;

use serde_json::Value;

use super::call::{self, Call};
use super::events::{self, Heard};
use super::export::Export;
use super::library::{RawError, RawRouter, functions, sized};
use super::outcome::{Failure, Outcome, failure, outcome};
use super::stream::Stream;

/// `router_t`. Any number of threads may use one at once.
pub struct Router(*mut RawRouter);

// SAFETY: the header allows any thread to use a router.
unsafe impl Send for Router {}
// SAFETY: the header allows any number of threads to use a router at once.
unsafe impl Sync for Router {}

impl Router {
    pub fn from_yaml(yaml: &str) -> Result<Self, Box<Failure>> {
        let mut error = ptr::null_mut();
        // SAFETY: a string with its length, and a place for the error.
        let router = unsafe { (functions().new_from_yaml)(yaml.as_ptr().cast(), yaml.len(), &mut error) };
        Self::new(router, error)
    }

    /// # Panics
    /// If the path is not UTF-8.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Box<Failure>> {
        let path = path.as_ref().to_str().expect("a path in UTF-8");
        let mut error = ptr::null_mut();
        // SAFETY: a string with its length, and a place for the error.
        let router = unsafe { (functions().new_from_file)(path.as_ptr().cast(), path.len(), &mut error) };
        Self::new(router, error)
    }

    fn new(router: *mut RawRouter, error: *mut RawError) -> Result<Self, Box<Failure>> {
        assert!(router.is_null() != error.is_null(), "a router or an error, never both or neither");
        if router.is_null() {
            // SAFETY: the error was just given to us.
            return Err(unsafe { failure(error) });
        }
        Ok(Self(router))
    }

    /// Puts another configuration, YAML text, in the place of the one in force. On failure nothing changes.
    pub fn reload(&self, yaml: &str) -> Result<(), Box<Failure>> {
        let mut error = ptr::null_mut();
        // SAFETY: a live router, a string with its length, and a place for the error.
        let done = unsafe { (functions().reload)(self.0, yaml.as_ptr().cast(), yaml.len(), &mut error) };
        assert_eq!(done, error.is_null(), "a success or an error, never both or neither");
        // SAFETY: the error was just given to us.
        if done { Ok(()) } else { Err(unsafe { failure(error) }) }
    }

    /// Sends a chat completion, JSON, and waits.
    pub fn completion(&self, request: &str) -> Outcome {
        self.call(Export::Completion, request)
    }

    /// Starts a chat completion. An error is one of the start; the call's own comes through the handle.
    pub fn completion_async(&self, request: &str) -> Result<Call, Box<Failure>> {
        self.start(Export::Completion, request)
    }

    pub fn embedding(&self, request: &str) -> Outcome {
        self.call(Export::Embedding, request)
    }

    pub fn embedding_async(&self, request: &str) -> Result<Call, Box<Failure>> {
        self.start(Export::Embedding, request)
    }

    /// Sends a request of the verb that `path` names, and waits.
    pub fn request(&self, path: &str, request: &str) -> Outcome {
        self.call(Export::Request(path), request)
    }

    pub fn request_async(&self, path: &str, request: &str) -> Result<Call, Box<Failure>> {
        self.start(Export::Request(path), request)
    }

    /// Opens a stream of a chat, on this thread or by callback; returns at its first content.
    pub fn stream(&self, request: &str, by_callback: bool) -> Result<Stream, Box<Failure>> {
        self.open(Export::Completion, request, by_callback)
    }

    /// The same of the verb that `path` names.
    pub fn request_stream(&self, path: &str, request: &str, by_callback: bool) -> Result<Stream, Box<Failure>> {
        self.open(Export::Request(path), request, by_callback)
    }

    /// Sends a request, JSON, through these functions, and waits.
    pub fn call(&self, export: Export, request: &str) -> Outcome {
        let mut error = ptr::null_mut();
        // SAFETY: a live router, and a place for the error; what comes back is ours.
        unsafe {
            let response = export.call(self.0, request, &mut error);
            outcome(response, error)
        }
    }

    pub fn start(&self, export: Export, request: &str) -> Result<Call, Box<Failure>> {
        // SAFETY: the router is live, and stays so until the call has been accepted or not.
        unsafe { call::start(self.0, export, request) }
    }

    /// Opens a stream through these functions, on this thread or by callback.
    pub fn call_stream(&self, export: Export, request: &str, by_callback: bool) -> Result<Stream, Box<Failure>> {
        self.open(export, request, by_callback)
    }

    fn open(&self, export: Export, request: &str, by_callback: bool) -> Result<Stream, Box<Failure>> {
        // SAFETY: the router is live.
        unsafe {
            match by_callback {
                true => Stream::open_async(self.0, export, request),
                false => Stream::open(self.0, export, request),
            }
        }
    }

    /// Asks for a call to end early.
    pub fn cancel(&self, call: &Call) {
        // SAFETY: a live router; any number is allowed.
        unsafe { (functions().cancel)(self.0, call.number()) }
    }

    /// Says what would happen to a request.
    ///
    /// # Panics
    /// If the plan is not JSON.
    pub fn explain(&self, request: &str) -> Result<Value, Box<Failure>> {
        let (mut len, mut error) = (0, ptr::null_mut());
        // SAFETY: a live router, a string with its length, places for length and error; what comes back is ours, the
        // string until it is freed.
        let text = unsafe {
            let pointer = (functions().explain)(self.0, request.as_ptr().cast(), request.len(), &mut len, &mut error);
            assert!(pointer.is_null() != error.is_null(), "a plan or an error, never both or neither");
            let Some(text) = sized(pointer, len) else {
                return Err(failure(error));
            };
            (functions().string_free)(pointer);
            text
        };
        Ok(serde_json::from_str(&text).expect("router_explain is JSON"))
    }

    /// # Panics
    /// If the snapshot is not JSON.
    pub fn snapshot(&self) -> Value {
        let mut len = 0;
        // SAFETY: a live router; the string is ours until it is freed.
        let text = unsafe {
            let pointer = (functions().snapshot)(self.0, &mut len);
            let text = sized(pointer, len).expect("router_snapshot is not NULL");
            (functions().string_free)(pointer);
            text
        };
        serde_json::from_str(&text).expect("router_snapshot is JSON")
    }

    /// Hears the router's events from now on, instead of who heard them before.
    pub fn listen(&self) -> &'static Heard {
        // SAFETY: a live router.
        unsafe { events::listen(self.0) }
    }

    /// Refuses new calls and waits for those in flight; true if all ended in time.
    pub fn shutdown(&self, drain_ms: u32) -> bool {
        // SAFETY: a live router.
        unsafe { (functions().shutdown)(self.0, drain_ms) }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        // SAFETY: owned, and no method runs any more, as each borrows it.
        unsafe { (functions().free)(self.0) }
    }
}
