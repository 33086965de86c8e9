//! What is seen from outside: events, and those who hear of them.
//!
//! `record → watcher (one a call) → event → observer → lane (a queue and a thread) → listener or sinks`. One of the sinks is
//! `prometheus`.

mod event;
mod hidden;
mod lane;
pub mod logs;
mod observer;
mod origin;
mod payload;
pub mod prometheus;
mod record;
mod sink;
mod watcher;

pub use event::{AttemptEnded, Call, CallEnded, Ended, Event, Kept, Told};
pub use hidden::is_passed_on;
pub use observer::{Listener, Observer};
pub use origin::Origin;
pub use record::Record;
pub use sink::{Sink, SinkStatus};
pub use watcher::{Watcher, fallbacks};
