//! `make sdk` first, then `cargo test -p network`. Each test runs in a process of its own (`network::process::alone`).

mod bodies;
mod bounds;
mod cancel;
mod client_certificate;
mod connections;
mod headers;
mod http2;
mod logs;
mod names;
mod proxies;
mod proxy_password;
mod redirects;
mod roots;
mod tls;
mod waits;
