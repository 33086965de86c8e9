//! How those are who are told of calls.

use serde::Serialize;

/// How a sink is, for the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SinkStatus {
    pub name: String,
    /// `on`, `failing` (what it sent last was refused or got no answer) or `off`.
    pub state: &'static str,
    /// What was delivered: events, spans or lines.
    pub sent: u64,
    /// What was lost: because it came too fast, or could not be delivered.
    pub lost: u64,
    /// What waits to be sent.
    pub waiting: u64,
    /// Unix milliseconds of the last change of state.
    pub since: Option<u64>,
    pub last_error: Option<String>,
}
