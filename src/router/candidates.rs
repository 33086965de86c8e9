//! Who may answer now: health, then untried before tried, then the strategy.

use std::time::{Duration, Instant};

use crate::clock;
use crate::error::Error;
use crate::strategy::{Candidate, simple_shuffle};

use super::groups::{Group, Member};
use super::retry::{Readiness, Retries};

/// Whom to call next.
pub enum Choice<'a> {
    Member {
        member: &'a Member,
        wait: Duration,
    },
    /// Everybody is benched; the error says until when.
    Nobody(Error),
    /// Whoever is left does not go with the request, or asked for more patience than a call has.
    TooLate,
}

/// Picks from those who are free now; if all of them failed in this call, waits for the one who is free first.
pub fn choose<'a>(group: &'a Group, retries: &Retries<'_>) -> Choice<'a> {
    let now = clock::now();
    let readiness = |member: &Member| retries.readiness(member.index);
    let untried = eligible(group, now).filter(|member| readiness(member) == Readiness::Untried);
    let rested = eligible(group, now).filter(|member| matches!(readiness(member), Readiness::At(at) if at <= now));
    if let Some(member) = pick(untried).or_else(|| pick(rested)).and_then(|index| group.member(index)) {
        return Choice::Member { member, wait: Duration::ZERO };
    }
    let tired = eligible(group, now).filter_map(|member| match readiness(member) {
        Readiness::At(at) => Some((member, at)),
        Readiness::Untried | Readiness::Never => None,
    });
    match tired.min_by_key(|(_, at)| *at) {
        Some((member, at)) => Choice::Member { member, wait: at.saturating_duration_since(now) },
        None if eligible(group, now).next().is_some() => Choice::TooLate,
        None => Choice::Nobody(group.nobody()),
    }
}

/// Whether somebody is free who has not failed in this call.
pub fn has_other(group: &Group, retries: &Retries<'_>) -> bool {
    eligible(group, clock::now()).any(|member| retries.readiness(member.index) == Readiness::Untried)
}

fn eligible(group: &Group, now: Instant) -> impl Iterator<Item = &Member> {
    group.usable().filter(move |member| member.deployment().benched_for(now).is_none())
}

fn pick<'a>(members: impl Iterator<Item = &'a Member>) -> Option<usize> {
    let candidate = |member: &Member| {
        let config = &member.deployment().config;
        Candidate { index: member.index, weight: config.weight, rpm: config.rpm, tpm: config.tpm }
    };
    let candidates: Vec<_> = members.map(candidate).collect();
    simple_shuffle(&candidates, fastrand::f64())
}
