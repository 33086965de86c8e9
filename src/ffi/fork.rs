//! A forked child has our memory and none of our threads; a generation number tells it apart.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Changes in every forked child.
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Begins to count forks.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler is a plain function of a library that is never unloaded. Without memory for the
        // entry, forks are not noticed; there is nobody to tell.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// Runs in the child between `fork` and its first own code: atomics only.
unsafe extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    // The parent's listener may have been running; the child sets its own if it wants one.
    log::set_max_level(log::LevelFilter::Off);
}
