//! What is counted, how finely, and where it is read.

pub use crate::config::MetricsConfig as Settings;

/// Whether the same is counted in the same way, wherever it is read.
pub fn counts_alike(one: &Settings, other: &Settings) -> bool {
    let how = |settings: &Settings| Settings { is_on: false, listen: None, ..settings.clone() };
    how(one) == how(other)
}
