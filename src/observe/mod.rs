//! What is seen from outside: events, and those who hear of them.
//!
//! `record → watcher (one a call) → event → observer → lane (a queue and a thread) → listener or sinks`.

mod connect;
mod event;
pub mod export;
mod hidden;
mod lane;
#[cfg(feature = "otlp")]
mod langfuse;
pub mod logs;
mod observer;
mod origin;
#[cfg(feature = "otlp")]
mod otlp;
mod payload;
mod record;
mod sink;
mod watcher;

pub use connect::Connected;
pub use event::{AttemptEnded, Call, CallEnded, Ended, Event, Kept, Told};
pub use hidden::is_passed_on;
pub use observer::{Listener, Observer};
pub use origin::Origin;
pub use record::Record;
pub use sink::{Sink, SinkStatus};
pub use watcher::{Watcher, fallbacks};
