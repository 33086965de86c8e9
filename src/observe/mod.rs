//! What is seen from outside: events, and those who hear of them.
//!
//! `record → watcher (one a call) → event → observer → lane (a queue and a thread) → listener or sinks`. One of the sinks is
//! `prometheus`.

mod connect;
mod costs;
mod event;
pub mod export;
mod file;
mod heard;
mod hidden;
mod lane;
#[cfg(feature = "otlp")]
mod langfuse;
pub mod logs;
mod observer;
mod origin;
#[cfg(feature = "otlp")]
mod otlp;
mod parameters;
mod payload;
mod prices;
pub mod prometheus;
mod quoted;
mod record;
mod sentry;
mod shown;
mod sink;
mod status;
mod told;
mod tried;
mod verbosity;
mod watcher;
mod webhook;

pub use connect::Connected;
pub use costs::Cost;
pub use event::{AttemptEnded, Call, CallEnded, Ended, Event, Joined, Kept, attempts_at};
pub use heard::Heard;
pub use observer::{Listener, Observer};
pub use origin::Origin;
pub use quoted::without_prompt;
pub use record::Record;
pub use sink::Sink;
pub use status::SinkStatus;
pub use told::Told;
pub use tried::{Millis, Tried};
pub use verbosity::Verbosity;
pub(crate) use verbosity::of_request;
pub use watcher::{Watcher, fallbacks};
