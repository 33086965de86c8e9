//! Steering a running server over HTTP, for tests in any language.

use std::io::Write;

use serde_json::json;

use crate::http::Request;
use crate::provider::Shared;
use crate::script::Script;
use crate::wire::{Wire, reason};

const PREFIX: &str = "/_control/";

/// Whether a request steers the server; such requests are neither logged nor counted.
pub fn is_control(path: &str) -> bool {
    path.starts_with(PREFIX)
}

pub fn answer(request: &Request, shared: &Shared, wire: &mut Wire) {
    let (status, body) = match (request.method, request.path.strip_prefix(PREFIX).unwrap_or("")) {
        ("PUT", "script") => match Script::parse(request.body).and_then(|script| shared.play(&script)) {
            Ok(()) => (200, json!({"ok": true})),
            Err(error) => (400, json!({"error": error.to_string()})),
        },
        ("GET", "log") => (200, json!(shared.record.log())),
        ("DELETE", "log") => {
            shared.record.clear();
            (200, json!({"ok": true}))
        }
        ("GET", "stats") => (200, json!(shared.record.stats())),
        _ => (404, json!({"error": "PUT script, GET log, DELETE log or GET stats"})),
    };
    let body = body.to_string();
    let _ = write!(wire.bytes, "HTTP/1.1 {status} {}\r\n", reason(status));
    wire.header("content-type", "application/json");
    wire.header("content-length", &body.len().to_string());
    let _ = write!(wire.bytes, "\r\n{body}");
}
