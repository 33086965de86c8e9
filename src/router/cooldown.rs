//! When a failure benches a deployment, and for how long.

use std::time::Duration;

use crate::config::CooldownConfig;
use crate::deployment::Deployment;
use crate::error::{Error, ErrorKind, Scope};

/// How long this failure benches the deployment; `None` if it does not.
///
/// A refused credential always does. A rate limit does, unless the deployment is the only one of its group: then
/// there is nobody to go to and waiting out the retry is better.
pub fn bench_time(
    error: &Error,
    deployment: &Deployment,
    config: &CooldownConfig,
    group_size: usize,
) -> Option<Duration> {
    if config.disabled {
        return None;
    }
    let benches = match error.kind() {
        _ if error.scope() == Scope::Key => true,
        ErrorKind::Authentication | ErrorKind::PermissionDenied => true,
        ErrorKind::RateLimit => group_size > 1,
        _ => false,
    };
    let asked = error.retry_after().map(|wait| wait.min(config.max));
    let time = deployment.config.cooldown_time.or(asked).unwrap_or(config.time);
    (benches && !time.is_zero()).then_some(time)
}
