//! The HTTP client: connections, TLS, proxies, and bytes in both directions. The only user of the HTTP crate.

mod client;
mod exchange;
mod resolver;
mod shown;
mod sse;
mod steps;

pub use client::{Clients, Target, header};
pub use exchange::{Canned, Exchange, Fault, FaultKind};
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use shown::{shown_headers, shown_texts};
pub use sse::{Event, EventDecoder, Overflow};
pub use steps::{Phases, Steps};
