//! The opening of a stream: a task opens it, tells the outcome once, and reads on.

use std::ffi::{c_char, c_void};
use std::pin::pin;
use std::sync::{Arc, mpsc};

use crate::chat::Verb;
use crate::error::{Error, ErrorKind};
use crate::router::Failed;
use crate::runtime::Runtime;

use super::callback::{self, UserData};
use super::completion::{Call, ended, verb};
use super::error::router_error_t;
use super::guard::{self, alive, fault_point, guard_error};
use super::router::router_t;
use super::stream::{Reader, router_stream_t};
use super::text;

/// Ends one asynchronous opening of a stream, under the rules of `router_completion_fn`.
pub type router_stream_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, stream: *mut router_stream_t, error: *mut router_error_t)>;

/// Starts a streamed chat completion and waits for its first content, so that failover is behind it.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_completion_stream(
    router: *const router_t,
    request: *const c_char,
    len: usize,
    error: *mut *mut router_error_t,
) -> *mut router_stream_t {
    // SAFETY: as the caller promises.
    unsafe { open("router_completion_stream", || Ok(Verb::Chat), router, request, len, error) }
}

/// The same, without holding a thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_completion_stream_async(
    router: *const router_t,
    request: *const c_char,
    len: usize,
    opened: router_stream_fn,
    user_data: *mut c_void,
    call: *mut u64,
    error: *mut *mut router_error_t,
) -> bool {
    let verb = || Ok(Verb::Chat);
    // SAFETY: as the caller promises.
    unsafe {
        open_async("router_completion_stream_async", verb, router, (request, len), (opened, user_data), call, error)
    }
}

/// Like `router_completion_stream`, for "/completions" and "/responses".
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_request_stream(
    router: *const router_t,
    path: *const c_char,
    path_len: usize,
    request: *const c_char,
    len: usize,
    error: *mut *mut router_error_t,
) -> *mut router_stream_t {
    // SAFETY: as the caller promises.
    unsafe { open("router_request_stream", || verb(path, path_len), router, request, len, error) }
}

/// The same, without holding a thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_request_stream_async(
    router: *const router_t,
    path: *const c_char,
    path_len: usize,
    request: *const c_char,
    len: usize,
    opened: router_stream_fn,
    user_data: *mut c_void,
    call: *mut u64,
    error: *mut *mut router_error_t,
) -> bool {
    // SAFETY: as the caller promises, here and below.
    let verb = || unsafe { verb(path, path_len) };
    unsafe { open_async("router_request_stream_async", verb, router, (request, len), (opened, user_data), call, error) }
}

/// A stream that is waited for.
///
/// # Safety
/// As every export.
unsafe fn open(
    export: &'static str,
    verb: impl FnOnce() -> Result<Verb, Error>,
    router: *const router_t,
    request: *const c_char,
    len: usize,
    error: *mut *mut router_error_t,
) -> *mut router_stream_t {
    // SAFETY: as the caller promises, here and below.
    unsafe {
        guard_error(export, error, std::ptr::null_mut(), || {
            let router = alive(router).map_err(Failed::before)?;
            callback::forbid().map_err(Failed::before)?;
            let call = Call::prepare(router, verb, request, len).map_err(Failed::before)?;
            let (sender, receiver) = mpsc::sync_channel(1);
            start(call, Arc::clone(&router.runtime), move |outcome| drop(sender.send(outcome)));
            // The other end is gone without an outcome only if the task panicked.
            let handle = receiver.recv().unwrap_or_else(|_| Err(guard::panicked()))?;
            Ok(Box::into_raw(handle))
        })
    }
}

/// A stream whose opening ends in its callback.
///
/// # Safety
/// As every export.
unsafe fn open_async(
    export: &'static str,
    verb: impl FnOnce() -> Result<Verb, Error>,
    router: *const router_t,
    (request, len): (*const c_char, usize),
    (opened, user_data): (router_stream_fn, *mut c_void),
    number: *mut u64,
    error: *mut *mut router_error_t,
) -> bool {
    // SAFETY: as the caller promises, here and below.
    unsafe {
        guard_error(export, error, false, || {
            let router = alive(router).map_err(Failed::before)?;
            let Some(opened) = opened else {
                return Err(Failed::before(Error::new(ErrorKind::InvalidArgument, "the callback is NULL")));
            };
            let call = Call::prepare(router, verb, request, len).map_err(Failed::before)?;
            text::put(number, call.ticket.number());
            let user_data = UserData(user_data);
            start(call, Arc::clone(&router.runtime), move |outcome| {
                let user_data = user_data;
                let (stream, error) = match outcome {
                    Ok(handle) => (Box::into_raw(handle), std::ptr::null_mut()),
                    Err(failed) => (std::ptr::null_mut(), Box::into_raw(Box::new(router_error_t::new(failed)))),
                };
                // The caller gave this function for this purpose, and owns what it is handed.
                callback::run(|| opened(user_data.0, stream, error));
            });
            Ok(true)
        })
    }
}

type Opened = Result<Box<router_stream_t>, Failed>;

/// Opens the stream of an accepted call in a task, which tells the outcome once and then reads on.
fn start(call: Call, runtime: Arc<Runtime>, tell: impl FnOnce(Opened) + Send + 'static) {
    let Call { router, threads, request, ticket } = call;
    let mut tell = Once(Some(tell));
    threads.clone().spawn(async move {
        fault_point("task");
        let signal = ticket.signal();
        let opened = signal.guard(pin!(router.stream(request, ticket.number()))).await;
        let open = match opened.unwrap_or_else(|ending| Err(Failed::before(ended(ending)))) {
            Ok(open) => open,
            Err(failed) => return tell.fire(Err(failed)),
        };
        let (handle, reader) = Reader::new(&open, runtime, threads, Arc::clone(&signal));
        tell.fire(Ok(handle));
        let mut ended = reader.pump(open, &signal).await;
        // Whoever frees the router waits for this.
        drop(ticket);
        ended.finish().await;
    });
}

/// Tells an outcome once: if nobody does, it tells of the panic.
struct Once<F: FnOnce(Opened)>(Option<F>);

impl<F: FnOnce(Opened)> Once<F> {
    fn fire(&mut self, outcome: Opened) {
        if let Some(tell) = self.0.take() {
            tell(outcome);
        }
    }
}

impl<F: FnOnce(Opened)> Drop for Once<F> {
    fn drop(&mut self) {
        self.fire(Err(guard::panicked()));
    }
}
