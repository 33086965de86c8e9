//! The process's log listener.

use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::observe::logs;

use super::callback::{self, UserData};
use super::fork;
use super::library::router_listener_fn;

type Listener = unsafe extern "C" fn(*mut c_void, i32, *const std::ffi::c_char, usize);

/// The listener of one process: a fork may leave the parent's lock taken for ever.
struct Slot {
    generation: u32,
    listener: RwLock<Option<Heard>>,
}

/// A listener and the level up to which it hears.
#[derive(Clone, Copy)]
struct Heard {
    listener: Listener,
    user_data: UserData,
    level: i32,
}

static SLOT: AtomicPtr<Slot> = AtomicPtr::new(std::ptr::null_mut());

fn slot() -> &'static Slot {
    let generation = fork::generation();
    let current = SLOT.load(Ordering::Acquire);
    // SAFETY: a slot that was once stored is never freed.
    if let Some(slot) = unsafe { current.as_ref() }.filter(|slot| slot.generation == generation) {
        return slot;
    }
    let fresh = Box::into_raw(Box::new(Slot { generation, listener: RwLock::new(None) }));
    let stored = SLOT.compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire);
    // SAFETY: either ours, now stored for ever, or the one of whoever came first.
    unsafe { &*stored.map_or_else(|first| first, |_| fresh) }
}

/// Replaces the listener. Having the lock for writing means that the former one is not running.
pub fn set(listener: router_listener_fn, user_data: *mut c_void, level: i32) {
    logs::install(send);
    let mut current = slot().listener.write().unwrap_or_else(PoisonError::into_inner);
    *current = listener.map(|listener| Heard { listener, user_data: UserData(user_data), level });
    logs::set_level(if listener.is_some() { level } else { 0 });
}

fn send(level: i32, record: &str) {
    // What a listener's own calls would log is dropped: it could call itself without end, or wait for its own end.
    if callback::is_running() && LISTENING.get() {
        return;
    }
    let current = slot().listener.read().unwrap_or_else(PoisonError::into_inner);
    // A record may be on its way when the level changes: what counts is the level of whoever hears it.
    if let Some(Heard { listener, user_data, .. }) = current.filter(|heard| level <= heard.level) {
        LISTENING.set(true);
        // SAFETY: the caller gave this function for this purpose; the text lives until it returns.
        callback::run(|| unsafe { listener(user_data.0, level, record.as_ptr().cast(), record.len() - 1) });
        LISTENING.set(false);
    }
}

thread_local! {
    static LISTENING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}
