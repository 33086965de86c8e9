//! An attempt as people read it: in metadata, in errors and in events.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::record::Record;

/// An attempt, or why one was not made.
#[derive(Serialize)]
pub struct Tried<'a> {
    deployment: Option<&'a str>,
    model_group: &'a str,
    status: Option<u16>,
    error: Option<&'static str>,
    ms: Millis,
    skipped: Option<&'a str>,
}

impl Record {
    /// As people read it.
    pub fn tried(&self) -> Tried<'_> {
        Tried {
            deployment: self.deployment.as_ref().map(|deployment| deployment.id()),
            model_group: &self.group,
            status: self.status,
            error: self.error,
            ms: Millis(self.took),
            skipped: self.skipped.as_deref(),
        }
    }
}

/// Milliseconds to the microsecond: finer digits are noise.
#[derive(Clone, Copy)]
pub struct Millis(pub Duration);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0.as_secs_f64() * 1_000_000.0).round() / 1000.0)
    }
}
