//! Which of the library's functions a call goes through: all take a request and give the same kinds of answer.

use std::ffi::c_void;

use super::library::{CompletionFn, RawError, RawResponse, RawRouter, RawStream, StreamFn, functions};

/// A family of functions: blocking or `_async`, whole or streamed.
#[derive(Clone, Copy, Debug)]
pub enum Export<'a> {
    /// `router_completion…`
    Completion,
    /// `router_embedding…`, which has no streams.
    Embedding,
    /// `router_request…` with this path.
    Request(&'a str),
}

impl Export<'_> {
    /// # Safety
    /// `router` is live, `error` a place for an error.
    pub(super) unsafe fn call(
        self,
        router: *const RawRouter,
        request: &str,
        error: *mut *mut RawError,
    ) -> *mut RawResponse {
        let (api, text, len) = (functions(), request.as_ptr().cast(), request.len());
        // SAFETY: strings with their lengths; the rest is the caller's promise.
        unsafe {
            match self {
                Self::Completion => (api.completion)(router, text, len, error),
                Self::Embedding => (api.embedding)(router, text, len, error),
                Self::Request(path) => (api.request)(router, path.as_ptr().cast(), path.len(), text, len, error),
            }
        }
    }

    /// # Safety
    /// As for `call`; `done` knows `user_data`, and `number` is a place for a number.
    pub(super) unsafe fn start(
        self,
        router: *const RawRouter,
        request: &str,
        (done, user_data): (CompletionFn, *mut c_void),
        number: *mut u64,
        error: *mut *mut RawError,
    ) -> bool {
        let (api, text, len) = (functions(), request.as_ptr().cast(), request.len());
        // SAFETY: as above.
        unsafe {
            match self {
                Self::Completion => (api.completion_async)(router, text, len, done, user_data, number, error),
                Self::Embedding => (api.embedding_async)(router, text, len, done, user_data, number, error),
                Self::Request(path) => {
                    let (path, path_len) = (path.as_ptr().cast(), path.len());
                    (api.request_async)(router, path, path_len, text, len, done, user_data, number, error)
                }
            }
        }
    }

    /// # Safety
    /// As for `call`.
    pub(super) unsafe fn open(
        self,
        router: *const RawRouter,
        request: &str,
        error: *mut *mut RawError,
    ) -> *mut RawStream {
        let (api, text, len) = (functions(), request.as_ptr().cast(), request.len());
        // SAFETY: as above.
        unsafe {
            match self {
                Self::Completion => (api.completion_stream)(router, text, len, error),
                Self::Embedding => self.without_streams(),
                Self::Request(path) => (api.request_stream)(router, path.as_ptr().cast(), path.len(), text, len, error),
            }
        }
    }

    /// # Safety
    /// As for `start`.
    pub(super) unsafe fn open_async(
        self,
        router: *const RawRouter,
        request: &str,
        (opened, user_data): (StreamFn, *mut c_void),
        number: *mut u64,
        error: *mut *mut RawError,
    ) -> bool {
        let (api, text, len) = (functions(), request.as_ptr().cast(), request.len());
        // SAFETY: as above.
        unsafe {
            match self {
                Self::Completion => (api.completion_stream_async)(router, text, len, opened, user_data, number, error),
                Self::Embedding => self.without_streams(),
                Self::Request(path) => {
                    let (path, path_len) = (path.as_ptr().cast(), path.len());
                    (api.request_stream_async)(router, path, path_len, text, len, opened, user_data, number, error)
                }
            }
        }
    }

    fn without_streams(self) -> ! {
        panic!("{self:?} has no function for streams: ask by its path")
    }
}
