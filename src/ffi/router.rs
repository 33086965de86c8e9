//! Making a router, and letting it go.

use std::cell::Cell;
use std::ffi::c_char;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock;
use crate::config::{self, Config, ConfigError};
use crate::error::{Error, ErrorKind};
use crate::observe::prometheus::Listening;
use crate::router::{Failed, Router};
use crate::runtime::{Beside, Runtime};

use super::error::router_error_t;
use super::guard::{alive, guard, guard_error};
use super::signals::without_signals;
use super::{callback, fork, metrics, text};

/// Configuration, deployments, runtime threads, connections. Any number of threads may use one at once.
pub struct router_t {
    /// Replaced as a whole by a reload; a call keeps the one that it began with.
    router: Arc<ArcSwap<Router>>,
    /// One reload at a time: each begins where the one before it ended.
    pub(super) reloading: Mutex<()>,
    pub(super) runtime: Arc<Runtime>,
    /// Where the metrics are served.
    listening: Arc<Listening>,
    /// The process it was made in.
    generation: u32,
}

impl router_t {
    /// The configuration in force.
    pub(super) fn current(&self) -> Arc<Router> {
        self.router.load_full()
    }

    pub(super) fn was_forked(&self) -> bool {
        self.generation != fork::generation()
    }
}

/// Makes a router from YAML (or JSON) text. NULL on failure, with `*error` set.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_new_from_yaml(
    yaml: *const c_char,
    len: usize,
    error: *mut *mut router_error_t,
) -> *mut router_t {
    // SAFETY: as the caller promises, here and below.
    unsafe {
        guard_error("router_new_from_yaml", error, std::ptr::null_mut(), || {
            let yaml = text::input(yaml, len, "configuration").map_err(Failed::before)?;
            make(config::load_text(yaml))
        })
    }
}

/// Makes a router from the file at `path`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_new_from_file(
    path: *const c_char,
    len: usize,
    error: *mut *mut router_error_t,
) -> *mut router_t {
    // SAFETY: as the caller promises, here and below.
    unsafe {
        guard_error("router_new_from_file", error, std::ptr::null_mut(), || {
            let path = text::input(path, len, "path").map_err(Failed::before)?;
            make(config::load_file(Path::new(path)))
        })
    }
}

fn make(config: Result<Config, ConfigError>) -> Result<*mut router_t, Failed> {
    let router = config.and_then(Router::new);
    let router = router.map_err(|error| Failed::before(Error::new(ErrorKind::Config, error.message)))?;
    let runtime = Runtime::new(router.worker_threads(), without_signals);
    let listening = Arc::new(Listening::default());
    let change = metrics::prepare(&listening, &router, &runtime)?;
    runtime.keep(Arc::clone(router.observer()) as Arc<dyn Beside>);
    runtime.keep(Arc::clone(&listening) as Arc<dyn Beside>);
    // What was begun is ended before anybody is told that there is no router.
    begin(None, &router, &runtime).inspect_err(|_| runtime.stop())?;
    let router = Arc::new(ArcSwap::from_pointee(router));
    metrics::serve(change, &listening, &router, &runtime).inspect_err(|_| runtime.stop())?;
    let handle = router_t {
        router,
        reloading: Mutex::default(),
        runtime: Arc::new(runtime),
        listening,
        generation: fork::generation(),
    };
    Ok(Box::into_raw(Box::new(handle)))
}

/// Has what the calls may need made ready, without waiting for it; sets its callbacks to work;
/// starts the task of the router's fleet, if it has one that `before` did not have, and ends that of `before`.
fn begin(before: Option<&Router>, router: &Router, runtime: &Runtime) -> Result<(), Failed> {
    if let Some(work) = router.preparation() {
        runtime.aside(work);
    }
    router.observe(runtime).map_err(|message| Failed::before(Error::new(ErrorKind::Config, message)))?;
    if router.wants_metrics() {
        metrics::count(router, runtime)?;
    }
    let (old, new) = (before.and_then(Router::fleet), router.fleet());
    if let (Some(old), Some(new)) = (old, new)
        && Arc::ptr_eq(old, new)
    {
        return Ok(());
    }
    if let Some(fleet) = new {
        let threads = runtime.threads().map_err(|error| {
            let message = format!("can't start the worker threads: {error}");
            Failed::before(Error::new(ErrorKind::Internal, message))
        })?;
        threads.spawn(Arc::clone(fleet).run());
        let fleet = Arc::clone(fleet);
        runtime.before_end(async move { fleet.ended().await });
    }
    if let Some(old) = old {
        old.end();
    }
    Ok(())
}

thread_local! {
    static RELOADING: Cell<bool> = const { Cell::new(false) };
}

/// A reload on this thread. What it logs may come to a listener that asks for another one, which would wait for the first.
struct Reloading;

impl Reloading {
    fn begin() -> Result<Self, Error> {
        if RELOADING.replace(true) {
            let message = "a reload was asked for by a log listener that another reload waits for";
            return Err(Error::new(ErrorKind::InCallback, message));
        }
        Ok(Self)
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        RELOADING.set(false);
    }
}

/// Replaces the configuration for calls not yet started; calls in flight keep theirs. What was learnt of a deployment whose id stays
/// (health, use, latency) is kept; `worker_threads` stays as it was. On failure nothing changes. Not
/// inside a log listener.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_reload_from_yaml(
    router: *const router_t,
    yaml: *const c_char,
    len: usize,
    error: *mut *mut router_error_t,
) -> bool {
    // SAFETY: as the caller promises, here and below.
    unsafe {
        guard_error("router_reload_from_yaml", error, false, || {
            let router = alive(router).map_err(Failed::before)?;
            let _turn = Reloading::begin().map_err(Failed::before)?;
            let yaml = text::input(yaml, len, "configuration").map_err(Failed::before)?;
            let config = config::load_text(yaml);
            let _one = router.reloading.lock().unwrap_or_else(PoisonError::into_inner);
            let before = router.current();
            let next = config.and_then(|config| before.reloaded(config));
            let next = next.map_err(|error| Failed::before(Error::new(ErrorKind::Config, error.message)))?;
            let change = metrics::prepare(&router.listening, &next, &router.runtime)?;
            begin(Some(&before), &next, &router.runtime)?;
            router.router.store(Arc::new(next));
            metrics::serve(change, &router.listening, &router.router, &router.runtime)?;
            Ok(true)
        })
    }
}

/// Refuses new calls, waits up to `drain_ms` for those in flight, open streams included, and flushes the callbacks' sinks within the same time. True if all
/// ended; what is left keeps running. False at once inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_shutdown(router: *const router_t, drain_ms: u32) -> bool {
    guard("router_shutdown", false, || {
        // SAFETY: as the caller promises.
        let Ok(router) = (unsafe { alive(router) }) else { return false };
        // Held, so that the router may be freed by another thread meanwhile.
        let runtime = Arc::clone(&router.runtime);
        if callback::is_running() {
            return false;
        }
        let time = Duration::from_millis(drain_ms.into());
        let until = clock::now() + time;
        let all = runtime.drain(time);
        runtime.flush(until.saturating_duration_since(clock::now()));
        all
    })
}

/// Ends what runs (open streams and blocking calls of other threads too) with `ROUTER_ERROR_SHUT_DOWN`, waits until every callback owed and every
/// blocking call has returned, frees. Inside a callback it returns at once and the rest happens on another thread. Responses, errors and
/// stream handles outlive it. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_free(router: *mut router_t) {
    guard("router_free", (), || {
        if router.is_null() {
            return;
        }
        // SAFETY: not NULL; as the caller promises.
        let router = unsafe { Box::from_raw(router) };
        if router.was_forked() {
            // Its threads are not here to be waited for, and its locks may be taken for ever.
            std::mem::forget(router);
        } else if callback::is_running() {
            Arc::clone(&router.runtime).stop_elsewhere();
        } else {
            router.runtime.stop();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Engine;
    use crate::store::memory::{Link, Memory};

    fn plain(start: &mut dyn FnMut()) {
        start();
    }

    fn router(before: Option<&Router>, link: &Arc<Link>, namespace: &str) -> Router {
        let yaml = format!(
            "model_list: [{{model_name: g, litellm_params: {{model: openai/m, mock_response: a, rpm: 9}}}}]\n\
             router_settings: {{enable_pre_call_checks: true}}\n\
             llmrouter_settings: {{shared_state: {{file: memory}}, shared_namespace: {namespace}}}"
        );
        let engine = Arc::clone(link) as Arc<dyn Engine>;
        Router::over(config::load(&yaml, |_| None).map_err(|error| error.message).unwrap(), before, &engine).unwrap()
    }

    fn call(router: &Arc<Router>, runtime: &Runtime) -> bool {
        let (sender, receiver) = std::sync::mpsc::channel();
        let (router, ticket) = (Arc::clone(router), runtime.admit().unwrap());
        runtime.threads().unwrap().spawn(async move {
            let request = crate::chat::Request::parse(r#"{"model":"g","messages":[]}"#).unwrap();
            sender.send(router.answer(&request, 1).await.is_ok()).unwrap();
            drop(ticket);
        });
        receiver.recv().unwrap()
    }

    #[test]
    fn a_fleets_task_begins_with_the_load_and_gives_its_rows_back_at_the_end() {
        let memory = Arc::new(Memory::default());
        let (one, two) = (memory.link(), memory.link());
        let runtime = Runtime::new(1, plain);
        let first = Arc::new(router(None, &one, "a"));
        begin(None, &first, &runtime).ok().unwrap();
        assert!(call(&first, &runtime));
        assert_eq!(memory.rows(), 1);
        // The same store, and then another one, whose task takes the place of the first one's.
        let same = router(Some(&first), &one, "a");
        begin(Some(&first), &same, &runtime).ok().unwrap();
        let other = Arc::new(router(Some(&same), &two, "b"));
        begin(Some(&same), &other, &runtime).ok().unwrap();
        assert!(call(&other, &runtime));
        drop((first, same));
        assert!(runtime.drain(Duration::from_secs(9)));
        assert_eq!(memory.rows(), 0);
        let fleet = Arc::downgrade(other.fleet().unwrap());
        runtime.stop();
        drop((other, runtime));
        assert!(fleet.upgrade().is_none(), "nothing of it is left");
    }

    #[test]
    fn a_silent_store_does_not_hold_up_the_end() {
        let link = Arc::new(Memory::default()).link();
        let runtime = Runtime::new(1, plain);
        let router = router(None, &link, "a");
        begin(None, &router, &runtime).ok().unwrap();
        Link::set(&link.frozen, true);
        let start = crate::clock::now();
        runtime.stop();
        assert!(crate::clock::now() - start < Duration::from_secs(2));
    }
}
