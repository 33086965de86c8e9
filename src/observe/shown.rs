//! What payloads show, which a reload may change.

use std::sync::{Arc, Mutex, PoisonError};

use super::event::Event;
use super::payload::render;

/// What a payload shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Prompt and answer.
    pub content: bool,
    /// Members that it does not have.
    pub without: Vec<String>,
}

/// What payloads show at this moment: a reload may change it, and those who render go on.
#[derive(Default)]
pub struct Showing(Mutex<Arc<Shown>>);

impl Shown {
    /// Whether the prompt may be seen, in whole or in part.
    pub fn prompts(&self) -> bool {
        self.content && !self.without.iter().any(|name| name == "messages")
    }
}

impl Showing {
    pub fn set(&self, shown: Shown) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(shown);
    }

    fn now(&self) -> Arc<Shown> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The payload of an event, rendered once for all who send it.
    pub fn payload(&self, event: &Event) -> Arc<str> {
        event.payload(|| render(event, &self.now()))
    }
}
