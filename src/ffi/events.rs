//! A router's event listener.

use std::ffi::c_void;

use super::callback::{self, UserData};
use super::guard::{alive, guard};
use super::library::router_listener_fn;
use super::router::router_t;

/// Sends one event for each attempt and each call that ended to `listener`; NULL turns it off. Quiescent on return, as for logs. The event is
/// LiteLLM's standard logging payload, with `"event": "attempt"` or `"call"`; its level is `ROUTER_LOG_INFO`, `ROUTER_LOG_WARN` for an attempt that
/// failed, `ROUTER_LOG_ERROR` for a call that failed. They come on a thread of their own: a listener that is slow loses the oldest, with a count
/// in the snapshot, and holds up no call. `router_free` lets it hear what has ended, for a second at most. False inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn router_set_event_listener(
    router: *const router_t,
    listener: router_listener_fn,
    user_data: *mut c_void,
) -> bool {
    guard("router_set_event_listener", false, || {
        // SAFETY: as the caller promises.
        let Ok(router) = (unsafe { alive(router) }) else { return false };
        if callback::is_running() {
            return false;
        }
        let user_data = UserData(user_data);
        let heard = listener.map(|listener| {
            let listener = move |level: i32, json: &str| {
                let user_data = user_data;
                // The text has its NUL behind it, as C will have it.
                let text = [json.as_bytes(), &[0]].concat();
                // SAFETY: the caller gave this function for this purpose; the text lives until it returns.
                callback::run(|| unsafe { listener(user_data.0, level, text.as_ptr().cast(), json.len()) });
            };
            Box::new(listener) as crate::observe::Listener
        });
        let listening = router.current().observer().listen(heard, &router.runtime);
        listening.inspect_err(|error| log::error!("can't start the listener's thread: {error}")).is_ok()
    })
}
