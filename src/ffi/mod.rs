//! The C ABI. All the unsafe code is here; nothing in the library depends on it.
//!
//! Every export is one call of [`guard::guard`] or of one of its two forms, so that a panic, a NULL and a fork are
//! dealt with in one place. The header `include/llmrouter.h` is generated from these files, in this order.
//!
//! # Safety
//! What every export relies on, said once: a pointer is NULL or valid for what its type says; a text holds as many
//! bytes as its length says, or ends with a NUL if that is `ROUTER_NUL_TERMINATED`; a handle was given out by this
//! library and not freed; an out-parameter is NULL or can be written.

// The safety section above is that of each export; the docs of the exports themselves are the header's.
#![allow(unsafe_code, non_camel_case_types, clippy::missing_safety_doc)]

pub mod codes;
pub mod library;
pub mod router;

pub mod completion;
pub mod response;

pub mod opening;
pub mod read;
pub mod stream;

pub mod error;
pub mod inspect;

pub mod metrics;

pub mod events;

mod callback;
mod fork;
mod guard;
mod listener;
mod signals;
mod text;
