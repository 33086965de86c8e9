//! A scripted HTTP/1.1 provider on real sockets, for tests and benchmarks.
//!
//! It owns every byte it writes, so a script can play what real providers and networks do: error statuses, late or
//! missing headers, bodies cut at any byte, resets, hangs, slow drips, garbage. Without a script it answers as OpenAI
//! or, at `/v1/messages`, Anthropic would. It is also cheap, so that benchmarks measure the router and not the server.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! use fakeprovider::{FakeProvider, Script};
//! use serde_json::json;
//!
//! let script = Script::from_json(json!({"paths": {"/east": [500, {"status": 429, "headers": {"retry-after": "0"}}]}}))?;
//! let provider = FakeProvider::start(script).await?;
//! let api_base = format!("{}/east/v1", provider.base_url()); // 500, then 429, 429, …
//! assert_eq!(provider.log().len(), 0);
//! # Ok(()) }
//! ```
//!
//! The same server runs as the binary `fakeprovider`, steered over HTTP, for tests in other languages. With the feature
//! `abi`, [`abi`] is a thin client of llmrouter's C ABI.

#[cfg(feature = "abi")]
pub mod abi;
mod collector;
mod connection;
mod control;
mod dialect;
mod form;
mod http;
mod play;
mod provider;
mod record;
mod script;
mod shorthand;
mod table;
mod wire;

pub use collector::{Collector, Received, Refusing};
pub use provider::{Builder, FakeProvider};
pub use record::{Entry, StatsSnapshot};
pub use script::{Accept, Chunk, Drip, Echo, End, Framing, Headers, PathScript, Reply, Script, ScriptError, Then};
