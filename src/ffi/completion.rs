//! Calls whose answer comes as a whole, of every verb. The blocking form is the asynchronous one, waited for.

use std::ffi::{c_char, c_void};
use std::pin::pin;
use std::sync::{Arc, mpsc};

use crate::chat::{Request, RequestError, Verb};
use crate::error::{Error, ErrorKind};
use crate::router::{Completed, Failed, Router};
use crate::runtime::{Ending, Signal, Threads, Ticket};

use super::callback::{self, Completion};
use super::error::router_error_t;
use super::guard::{alive, fault_point, guard, guard_error, panicked};
use super::response::router_response_t;
use super::router::router_t;
use super::text;

/// Ends one asynchronous call. Called exactly once for a call that was accepted and never for one that was not, on
/// a library thread, possibly before the function that started it returns. Owns whichever of `response` and `error` is not NULL.
/// Must not block or throw. May start, cancel and free; blocking functions fail with `ROUTER_ERROR_IN_CALLBACK`.
pub type router_completion_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, response: *mut router_response_t, error: *mut router_error_t)>;

/// Sends a chat completion and waits. NULL on failure, with `*error` set. The function decides the form: `"stream": true` here is
/// `ROUTER_ERROR_BAD_REQUEST`; in `router_completion_stream` the member is set for the caller. A blocking call ends by time-out, `router_shutdown`
/// or `router_free`; what must be cancelled is started with `_async`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_completion(
    router: *const router_t,
    request: *const c_char,
    len: usize,
    error: *mut *mut router_error_t,
) -> *mut router_response_t {
    // SAFETY: as the caller promises.
    unsafe { whole("router_completion", || Ok(Verb::Chat), router, request, len, error) }
}

/// Like `router_completion`, for embeddings.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_embedding(
    router: *const router_t,
    request: *const c_char,
    len: usize,
    error: *mut *mut router_error_t,
) -> *mut router_response_t {
    // SAFETY: as the caller promises.
    unsafe { whole("router_embedding", || Ok(Verb::Embedding), router, request, len, error) }
}

/// Like `router_completion`, for the other verbs: `path` is OpenAI's, such as "/responses", "/images/generations" or "/audio/transcriptions".
/// A file rides in the request as {"file": {"filename", "content_type", "data": base64}}. An audio answer is raw bytes: use the length; the
/// metadata's `content_type` says which.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_request(
    router: *const router_t,
    path: *const c_char,
    path_len: usize,
    request: *const c_char,
    len: usize,
    error: *mut *mut router_error_t,
) -> *mut router_response_t {
    // SAFETY: as the caller promises.
    unsafe { whole("router_request", || verb(path, path_len), router, request, len, error) }
}

/// Starts a chat completion. Returns whether it was accepted. `*call` (may be NULL) is set before `done` can run.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_completion_async(
    router: *const router_t,
    request: *const c_char,
    len: usize,
    done: router_completion_fn,
    user_data: *mut c_void,
    call: *mut u64,
    error: *mut *mut router_error_t,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        whole_async(
            "router_completion_async",
            || Ok(Verb::Chat),
            router,
            (request, len),
            (done, user_data),
            call,
            error,
        )
    }
}

/// Like `router_completion_async`, for embeddings.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_embedding_async(
    router: *const router_t,
    request: *const c_char,
    len: usize,
    done: router_completion_fn,
    user_data: *mut c_void,
    call: *mut u64,
    error: *mut *mut router_error_t,
) -> bool {
    let verb = || Ok(Verb::Embedding);
    // SAFETY: as the caller promises.
    unsafe { whole_async("router_embedding_async", verb, router, (request, len), (done, user_data), call, error) }
}

/// Like `router_completion_async`, for the other verbs.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_request_async(
    router: *const router_t,
    path: *const c_char,
    path_len: usize,
    request: *const c_char,
    len: usize,
    done: router_completion_fn,
    user_data: *mut c_void,
    call: *mut u64,
    error: *mut *mut router_error_t,
) -> bool {
    // SAFETY: as the caller promises, here and below.
    let verb = || unsafe { verb(path, path_len) };
    unsafe { whole_async("router_request_async", verb, router, (request, len), (done, user_data), call, error) }
}

/// A call that is waited for.
///
/// # Safety
/// As every export.
unsafe fn whole(
    export: &'static str,
    verb: impl FnOnce() -> Result<Verb, Error>,
    router: *const router_t,
    request: *const c_char,
    len: usize,
    error: *mut *mut router_error_t,
) -> *mut router_response_t {
    // SAFETY: as the caller promises, here and below.
    unsafe {
        guard_error(export, error, std::ptr::null_mut(), || {
            let router = alive(router).map_err(Failed::before)?;
            callback::forbid().map_err(Failed::before)?;
            let completed = answered(router, verb, request, len)?;
            Ok(Box::into_raw(Box::new(router_response_t::new(completed))))
        })
    }
}

/// What is kept in memory is given on this thread; all else is asked for on those of the router.
///
/// # Safety
/// `request` holds `len` bytes.
unsafe fn answered(
    router: &router_t,
    verb: impl FnOnce() -> Result<Verb, Error>,
    request: *const c_char,
    len: usize,
) -> Result<Completed, Failed> {
    // SAFETY: as the caller promises.
    let text = unsafe { text::input(request, len, "request") }.map_err(Failed::before)?;
    let verb = verb().map_err(Failed::before)?;
    let current = router.current();
    if current.has_cache() {
        // Held until the answer is given, as that of any other call.
        let ticket = router.runtime.admit().map_err(|ending| Failed::before(ended(ending)))?;
        if let Some(completed) = current.repeated(verb, text, ticket.number()) {
            return Ok(completed);
        }
        let request = Request::parse_for(verb, text).map_err(|error| Failed::before(unusable(error)))?;
        if let Some(completed) = current.known(&request, ticket.number()) {
            return Ok(completed);
        }
        let threads = threads(router).map_err(Failed::before)?;
        return Call { router: current, threads, request, ticket }.wait();
    }
    let request = Request::parse_for(verb, text).map_err(|error| Failed::before(unusable(error)))?;
    Call::begin(router, current, request).map_err(Failed::before)?.wait()
}

/// A call that ends in its callback.
///
/// # Safety
/// As every export.
unsafe fn whole_async(
    export: &'static str,
    verb: impl FnOnce() -> Result<Verb, Error>,
    router: *const router_t,
    (request, len): (*const c_char, usize),
    (done, user_data): (router_completion_fn, *mut c_void),
    call: *mut u64,
    error: *mut *mut router_error_t,
) -> bool {
    // SAFETY: as the caller promises, here and below.
    unsafe {
        guard_error(export, error, false, || {
            let router = alive(router).map_err(Failed::before)?;
            if done.is_none() {
                return Err(Failed::before(Error::new(ErrorKind::InvalidArgument, "the callback is NULL")));
            }
            let prepared = Call::prepare(router, verb, request, len).map_err(Failed::before)?;
            text::put(call, prepared.ticket.number());
            prepared.start(done, user_data);
            Ok(true)
        })
    }
}

/// The verb of a path.
///
/// # Safety
/// `path` holds `len` bytes.
pub(super) unsafe fn verb(path: *const c_char, len: usize) -> Result<Verb, Error> {
    // SAFETY: as the caller promises.
    let path = unsafe { text::input(path, len, "path") }?;
    Verb::of_path(path).map_err(|message| Error::new(ErrorKind::InvalidArgument, message))
}

/// Asks for an asynchronous call to end early. Its callback still comes, with `ROUTER_ERROR_CANCELLED` or with what won the race.
/// A call that has ended is ignored: numbers are not used twice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_cancel(router: *const router_t, call: u64) {
    guard("router_cancel", (), || {
        // SAFETY: as the caller promises.
        if let Ok(router) = unsafe { alive(router) } {
            router.runtime.cancel(call);
        }
    });
}

/// A call that was accepted and not yet started. From here on nothing can refuse it.
pub(super) struct Call {
    pub router: Arc<Router>,
    pub threads: Threads,
    pub request: Request,
    pub ticket: Ticket,
}

impl Call {
    /// # Safety
    /// `request` holds `len` bytes.
    pub unsafe fn prepare(
        router: &router_t,
        verb: impl FnOnce() -> Result<Verb, Error>,
        request: *const c_char,
        len: usize,
    ) -> Result<Self, Error> {
        // SAFETY: as the caller promises.
        let request = unsafe { text::input(request, len, "request") }?;
        let request = Request::parse_for(verb()?, request).map_err(unusable)?;
        Self::begin(router, router.current(), request)
    }

    fn begin(router: &router_t, current: Arc<Router>, request: Request) -> Result<Self, Error> {
        let threads = threads(router)?;
        let ticket = router.runtime.admit().map_err(ended)?;
        Ok(Self { router: current, threads, request, ticket })
    }

    fn start(self, done: router_completion_fn, user_data: *mut c_void) {
        let Self { router, threads, request, ticket } = self;
        let (number, signal) = (ticket.number(), ticket.signal());
        let completion = Completion::new(done, user_data, ticket);
        threads.spawn(async move {
            let outcome = answer(&router, &request, number, &signal).await;
            completion.end(outcome);
        });
    }

    fn wait(self) -> Result<Completed, Failed> {
        let Self { router, threads, request, ticket } = self;
        let (number, signal) = (ticket.number(), ticket.signal());
        let (sender, receiver) = mpsc::sync_channel(1);
        threads.spawn(async move {
            let outcome = answer(&router, &request, number, &signal).await;
            // There is room for one, and who waits does not leave before it.
            let _ = sender.send(outcome);
        });
        // The other end is gone without an outcome only if the task panicked.
        let outcome = receiver.recv().unwrap_or_else(|_| Err(panicked()));
        drop(ticket);
        outcome
    }
}

/// The call itself. When it is ended from outside, its future is dropped on return, and its connection with it.
async fn answer(router: &Arc<Router>, request: &Request, number: u64, signal: &Signal) -> Result<Completed, Failed> {
    fault_point("task");
    let call = pin!(router.answer(request, number));
    let outcome = signal.guard(call).await.unwrap_or_else(|ending| Err(Failed::before(ended(ending))));
    router.mirror(request, outcome.as_ref().map_or_else(|failed| &failed.trail, |completed| &completed.trail));
    outcome
}

fn threads(router: &router_t) -> Result<Threads, Error> {
    let threads = router.runtime.threads();
    threads.map_err(|error| Error::new(ErrorKind::Internal, format!("can't start the worker threads: {error}")))
}

pub(super) fn unusable(error: RequestError) -> Error {
    match error {
        RequestError::Unreadable(message) => Error::new(ErrorKind::InvalidArgument, message),
        RequestError::Parameter { name, message } => Error::bad_parameter(&name, message),
    }
}

pub(super) fn ended(ending: Ending) -> Error {
    match ending {
        Ending::Cancelled => Error::new(ErrorKind::Cancelled, "the call was cancelled"),
        Ending::ShutDown => Error::new(ErrorKind::ShutDown, "the router is shutting down"),
    }
}
