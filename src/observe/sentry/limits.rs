//! For how long Sentry wants nothing more.

use std::time::Duration;

use super::super::export::Reply;

/// Where Sentry says that there is a limit, and not how long.
const DEFAULT: Duration = Duration::from_secs(60);

/// By `X-Sentry-Rate-Limits` (`seconds:categories:scope:reason, …`), which can come with any status; without it, by
/// `Retry-After` of a 429.
pub fn wait(reply: &Reply) -> Option<Duration> {
    let headers: Vec<_> = reply.headers.get_all("x-sentry-rate-limits").iter().collect();
    if headers.is_empty() {
        return (reply.status == 429).then(|| reply.retry_after().unwrap_or(DEFAULT));
    }
    let limits = headers.iter().filter_map(|header| header.to_str().ok()).flat_map(|text| text.split(','));
    limits.filter_map(|limit| seconds(limit.trim())).max()
}

/// Of one limit, if it is one on errors.
fn seconds(limit: &str) -> Option<Duration> {
    let mut parts = limit.split(':').map(str::trim);
    let seconds = parts.next()?;
    let categories = parts.next().unwrap_or_default();
    // None stands for all of them.
    let is_ours = categories.is_empty() || categories.split(';').any(|category| category.trim() == "error");
    let seconds = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    (is_ours && !limit.is_empty()).then(|| seconds.unwrap_or(DEFAULT))
}
