//! What a router's event listener hears.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::library::{RawRouter, functions};

/// All that was heard, level and event. Never freed: a router that is freed still hands over what has ended.
pub struct Heard(Mutex<Vec<(i32, Value)>>);

impl Heard {
    pub fn all(&self) -> Vec<(i32, Value)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// # Safety
/// `router` is live.
pub unsafe fn listen(router: *const RawRouter) -> &'static Heard {
    let heard: &'static Heard = Box::leak(Box::new(Heard(Mutex::default())));
    // SAFETY: a live router, and a listener that knows its data, which lives for ever.
    let set = unsafe { (functions().set_event_listener)(router, Some(hear), ptr::from_ref(heard).cast_mut().cast()) };
    assert!(set, "router_set_event_listener");
    heard
}

unsafe extern "C" fn hear(user_data: *mut c_void, level: i32, json: *const c_char, len: usize) {
    // SAFETY: what `listen` gave, and a text that is valid until this returns.
    let (heard, bytes) = unsafe { (&*user_data.cast::<Heard>(), std::slice::from_raw_parts(json.cast::<u8>(), len)) };
    let event = serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into());
    heard.0.lock().unwrap_or_else(PoisonError::into_inner).push((level, event));
}
