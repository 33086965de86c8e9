//! The OpenAI-shaped request and answer. Bytes stay the caller's and the provider's: only the top level is parsed.

#[cfg(test)]
pub mod accumulated;
mod chunk;
mod options;
mod policy;
mod request;
mod response;

pub use chunk::Chunk;
pub use options::{Options, STREAM};
pub use policy::{Fallbacks, MockTesting};
pub use request::{Request, RequestError};
pub use response::{Body, Flaw, text_of, usage_of};
