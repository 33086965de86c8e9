//! How an attempt ended: the one record of it, from which health, counters, logs, metadata and events come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chat::Tokens;
use crate::deployment::Deployment;
use crate::transport::Phases;

/// How an attempt ended, or why a deployment or a group was passed over.
#[derive(Clone)]
pub struct Record {
    pub group: Arc<str>,
    /// `None` for a group that was passed over.
    pub deployment: Option<Arc<Deployment>>,
    /// The model's name at the provider.
    pub model: Option<Arc<str>>,
    /// The answer's HTTP status.
    pub status: Option<u16>,
    /// The error's class; `None` on success.
    pub error: Option<&'static str>,
    pub start: Instant,
    pub took: Duration,
    /// What of it each step took.
    pub phases: Phases,
    /// What it used, where that is known.
    pub tokens: Option<Tokens>,
    pub skipped: Option<String>,
    /// Its stream broke after the first content, and others go on.
    pub broke: bool,
    /// How long the deployment, or its key, cools down for it.
    pub cooled: Option<Duration>,
}

impl Record {
    /// Whether a deployment was asked.
    pub fn is_attempt(&self) -> bool {
        self.deployment.is_some() && self.skipped.is_none()
    }
}
