//! A router's metrics, as text and over HTTP.

use std::ffi::c_char;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::error::{Error, ErrorKind};
use crate::observe::prometheus::{Change, Listening, Source};
use crate::router::{Failed, Router};
use crate::runtime::{Runtime, Threads};

use super::guard::{alive, guard};
use super::router::router_t;
use super::text;

/// Returns all metrics in Prometheus' text format 0.0.4. Waits up to 100 ms until what has happened is counted. Where the configuration asks
/// for no metrics (`prometheus` among the callbacks, or `llmrouter_settings.metrics.listen`), events are counted from the first call of this
/// function on. Free with `router_string_free`; NULL on failure.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_metrics(router: *const router_t, len: *mut usize) -> *mut c_char {
    guard("router_metrics", std::ptr::null_mut(), || {
        // SAFETY: as the caller promises, here and below.
        let Ok(router) = (unsafe { alive(router) }) else { return std::ptr::null_mut() };
        if !router.current().is_counting() {
            // A reload that runs holds this; then it is the next look that begins.
            if let Ok(_one) = router.reloading.try_lock()
                && let Err(failed) = count(&router.current(), &router.runtime)
            {
                log::error!("{}", failed.error.message());
            }
        }
        unsafe { text::give(router.current().metrics(), len) }
    })
}

/// Has events counted from now on.
pub fn count(router: &Router, runtime: &Runtime) -> Result<(), Failed> {
    router.count(runtime).map_err(|error| internal("can't start the thread that counts events", &error))
}

/// Takes the address that the configuration wants, and has the threads that serve it, so that a load fails where either can't be had.
pub fn prepare(listening: &Listening, router: &Router, runtime: &Runtime) -> Result<Change, Failed> {
    let wanted = router.metrics_address();
    let change = listening.prepare(wanted).map_err(|error| {
        let address = wanted.map(|address| address.to_string()).unwrap_or_default();
        let message = format!("llmrouter_settings.metrics.listen: can't listen on {address}: {error}");
        Failed::before(Error::new(ErrorKind::Config, message))
    })?;
    if !matches!(change, Change::Nothing) {
        threads(runtime)?;
    }
    Ok(change)
}

fn threads(runtime: &Runtime) -> Result<Threads, Failed> {
    runtime.threads().map_err(|error| internal("can't start the worker threads", &error))
}

/// Serves the metrics of whatever configuration is in force.
pub fn serve(
    change: Change,
    listening: &Listening,
    router: &Arc<ArcSwap<Router>>,
    runtime: &Runtime,
) -> Result<(), Failed> {
    if matches!(change, Change::Nothing) {
        return Ok(());
    }
    let threads = threads(runtime)?;
    let router = Arc::downgrade(router);
    let source: Source = Arc::new(move || Some(router.upgrade()?.load_full().metrics()));
    listening.change(change, source, &threads);
    Ok(())
}

fn internal(what: &str, error: &std::io::Error) -> Failed {
    Failed::before(Error::new(ErrorKind::Internal, format!("{what}: {error}")))
}
