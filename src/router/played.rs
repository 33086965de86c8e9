//! LiteLLM's `mock_testing_…` options: failures that no deployment sees, to try a configuration out.

use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::transport::Phases;

use super::fallback::Stop;
use crate::observe::Record;

/// The failure of the first group before any attempt, if the request asks for one.
pub fn first_failure(stop: &Stop<'_>) -> Option<Error> {
    let asked = stop.request.options().mock_testing;
    let kind = match () {
        _ if !stop.first => return None,
        () if asked.fallbacks => ErrorKind::InternalServer,
        () if asked.context_window => ErrorKind::ContextWindowExceeded,
        () if asked.content_policy => ErrorKind::ContentPolicyViolation,
        () => return None,
    };
    Some(error(kind, stop, "a fallback"))
}

/// The first failure in each group, if the request asks for one.
pub fn rate_limit(stop: &Stop<'_>) -> Option<Error> {
    let asked = stop.request.options().mock_testing.rate_limit;
    asked.then(|| error(ErrorKind::RateLimit, stop, "a rate limit error"))
}

fn error(kind: ErrorKind, stop: &Stop<'_>, what: &str) -> Error {
    Error::new(kind, format!("this is a mock exception for model={}, to trigger {what}", stop.asked))
}

/// What it leaves in the list of attempts.
pub fn record(stop: &Stop<'_>, error: &Error) -> Record {
    Record {
        group: Arc::clone(&stop.lead.name),
        deployment: None,
        model: None,
        status: error.http_status(),
        error: Some(error.class()),
        start: clock::now(),
        took: Duration::ZERO,
        phases: Phases::default(),
        tokens: None,
        skipped: None,
        broke: false,
        cooled: None,
    }
}
