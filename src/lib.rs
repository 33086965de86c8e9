//! llmrouter: a chat completion is sent to "a model" and answered by the best healthy deployment of it.
//!
//! The way of a request, and the module of each step:
//!
//! ```text
//! bytes in -> chat::Request -> router (group, attempts) -> strategy (which deployment) -> provider (encode)
//!          -> transport (send) -> provider (decode, classify) -> router::ledger (one record) -> chat::Body
//! ```
//!
//! Each part uses only what stands to its right:
//! `ffi -> router -> {strategy, provider, cache, observe} -> {transport, store}
//! -> {deployment, pricing, tokens, runtime, clock, tls} -> {config, chat} -> policy -> error`.
#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::todo, clippy::unimplemented)
)]

pub mod ffi;
pub mod router;

pub mod cache;
pub mod observe;
pub mod provider;
pub mod strategy;

pub mod store;
pub mod transport;

pub mod clock;
pub mod deployment;
pub mod pricing;
pub mod runtime;
pub mod tls;
pub mod tokens;

pub mod chat;
pub mod config;

pub mod policy;

pub mod error;
