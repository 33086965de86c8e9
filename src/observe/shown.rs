//! What payloads show, which a reload may change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::event::Event;
use super::payload::render;

/// What a payload shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// Prompt and answer.
    pub content: bool,
    /// Members of the caller's metadata that begin with `user_api_key`.
    pub key_info: bool,
}

/// What payloads show at this moment: a reload may change it, and those who render go on.
#[derive(Default)]
pub struct Showing {
    content: AtomicBool,
    hides_key_info: AtomicBool,
}

impl Showing {
    pub fn set(&self, shown: Shown) {
        self.content.store(shown.content, Ordering::Relaxed);
        self.hides_key_info.store(!shown.key_info, Ordering::Relaxed);
    }

    fn now(&self) -> Shown {
        let hides_key_info = self.hides_key_info.load(Ordering::Relaxed);
        Shown { content: self.content.load(Ordering::Relaxed), key_info: !hides_key_info }
    }

    /// The payload of an event, rendered once for all who send it.
    pub fn payload(&self, event: &Event) -> Arc<str> {
        event.payload(|| render(event, self.now()))
    }
}
