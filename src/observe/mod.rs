//! What is seen from outside.

pub mod logs;
mod verbosity;

pub use verbosity::Verbosity;
pub(crate) use verbosity::of_request;
