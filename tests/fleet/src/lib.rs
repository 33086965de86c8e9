//! Real servers for tests, on free ports of this machine. Each ends when it is dropped, and with the thread that started it.

mod certificates;
mod cutter;
mod folder;
mod process;
mod redis;
mod topology;

pub use certificates::Certificates;
pub use cutter::Cutter;
pub use folder::Folder;
pub use redis::{Options, Server};
pub use topology::{Cluster, Guarded};

use std::time::{Duration, Instant};

/// Waits until `done`, for at most so long. What is waited for is named in the failure.
pub fn wait_until(what: &str, most: Duration, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < most, "{what}: not within {most:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
