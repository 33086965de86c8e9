//! What comes after a round of attempts, still within the group: its next level, or the rest of it.

use crate::chat::Request;
use crate::config::Config;
use crate::error::{Error, ErrorKind};

use super::candidates::{Round, has_other};
use super::group::Group;
use super::retry::Retries;

/// The next round after `rounds` of them, if there is one. The levels of `order` come first; with
/// `enable_weighted_failover` those who have not failed yet, at most `max_fallbacks` times.
pub fn next_round(
    config: &Config,
    request: &Request,
    group: &Group,
    round: &Round,
    retries: &Retries<'_>,
    error: &Error,
    rounds: usize,
) -> Option<Round> {
    if request.options().disable_fallbacks {
        return None;
    }
    // What the request itself is to blame for, another of the same kind would refuse as well.
    if matches!(error.kind(), ErrorKind::ContextWindowExceeded | ErrorKind::ContentPolicyViolation) {
        return None;
    }
    let used = retries.done().filter_map(|index| group.member(index)?.order()).max();
    if let Some(order) = group.order_after(used.or(round.order)) {
        return Some(Round { order: Some(order), ..round.clone() });
    }
    if !config.fallback.within_group || rounds > config.fallback.max_fallbacks {
        return None;
    }
    let mut excluded = round.excluded.clone();
    excluded.extend(retries.done());
    has_other(group, &Round { excluded: excluded.clone(), ..round.clone() }, retries)
        .then(|| Round { excluded, ..round.clone() })
}
