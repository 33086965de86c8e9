//! Who may answer now: health, level, then untried before tried, then the strategy.

use std::time::{Duration, Instant};

use crate::clock;
use crate::deployment::Moment;
use crate::strategy::Pick;

use super::group::{Group, Member};
use super::retry::{Readiness, Retries};
use super::view::View;

/// Whom to call next.
pub enum Choice<'a> {
    Member {
        member: &'a Member,
        wait: Duration,
        /// How many untried ones there are, this one among them.
        untried: usize,
    },
    /// Whoever is left is benched, does not go with the request, or asked for more patience than a call has.
    Nobody,
}

/// Who takes part in a round of attempts within a group.
#[derive(Clone, Debug)]
pub struct Round {
    /// This level only; else the lowest of those who are free.
    pub order: Option<i64>,
    /// Those whose turn is over.
    pub excluded: Vec<usize>,
    /// What the choice is made by.
    pub view: View,
    /// When the call began. A key that was refused since then may still be shown elsewhere when nobody else is left.
    pub call_start: Instant,
}

/// Picks from those who are free now; if all of them failed in this call, waits for the one who is free first.
pub fn choose<'a>(group: &'a Group, round: &Round, retries: &Retries<'_>) -> Choice<'a> {
    let now = clock::now();
    let moment = Moment::from(now);
    let free = group.free(&round.view, moment);
    let chosen = |pick: Pick, untried| match group.member(pick.index) {
        Some(member) => Choice::Member { member, wait: Duration::ZERO, untried },
        None => Choice::Nobody,
    };
    if retries.is_fresh() {
        // The usual way: one look at each, nothing kept.
        let picks = group.levels(round.order).map(|level| round.view.pick(round.of(level).filter(free), moment));
        if let Some(pick) = picks.flatten().next() {
            return chosen(pick, pick.among);
        }
    }
    let members = level(group, round, free);
    let ready = |wanted: fn(Readiness, Instant) -> bool| {
        members.iter().copied().filter(move |member| wanted(retries.readiness(member.index), now))
    };
    if let Some(pick) = round.view.pick(ready(|readiness, _| readiness == Readiness::Untried), moment) {
        return chosen(pick, pick.among);
    }
    let rested = ready(|readiness, now| matches!(readiness, Readiness::At(at) if at <= now));
    if let Some(pick) = round.view.pick(rested, moment) {
        return chosen(pick, 0);
    }
    // Somebody of another level, who is not asked yet, is free all the same: then there is no storm to wait out.
    let elsewhere = |member: &Member| group.usable().any(|other| other.index != member.index && free(&other));
    let tired = members.iter().filter_map(|member| match retries.readiness(member.index) {
        Readiness::At(at) => Some((*member, at)),
        Readiness::Rested(at) => Some((*member, if elsewhere(member) { now } else { at })),
        Readiness::Untried | Readiness::Never => None,
    });
    if let Some((member, at)) = tired.min_by_key(|(_, at)| *at) {
        return Choice::Member { member, wait: at.saturating_duration_since(now), untried: 0 };
    }
    let last = last_resort(group, round, retries, now);
    match round.view.pick(last.iter().copied(), moment) {
        Some(pick) => chosen(pick, pick.among),
        None => Choice::Nobody,
    }
}

/// Whether somebody is left whom this call may ask.
pub fn has_other(group: &Group, round: &Round, retries: &Retries<'_>) -> bool {
    let now = clock::now();
    let free = group.free(&round.view, now);
    let willing = |member: &&Member| retries.readiness(member.index) != Readiness::Never;
    level(group, round, free).iter().any(willing) || !last_resort(group, round, retries, now).is_empty()
}

/// Those whose key was refused elsewhere in the course of this call: to be sure about it, when nobody else is left.
fn last_resort<'a>(group: &'a Group, round: &Round, retries: &Retries<'_>, now: Instant) -> Vec<&'a Member> {
    level(group, round, |member| {
        let deployment = member.deployment();
        let refused_now = || deployment.key.cooldown(now).is_none_or(|refused| refused.since >= round.call_start);
        deployment.state.bench.left(now).is_none()
            && round.view.has_room(member, now)
            && retries.readiness(member.index) == Readiness::Untried
            && refused_now()
    })
}

/// The free members of the round's level. Without a level of its own, a round takes the lowest that somebody has, and
/// those without a level only if nobody has one.
pub fn level<'a>(group: &'a Group, round: &Round, free: impl Fn(&&Member) -> bool) -> Vec<&'a Member> {
    let mut levels = group.levels(round.order).map(|level| round.of(level).filter(&free).collect::<Vec<_>>());
    levels.find(|members| !members.is_empty()).unwrap_or_default()
}

impl Round {
    /// Those who take part.
    fn of<'a>(&self, members: impl Iterator<Item = &'a Member>) -> impl Iterator<Item = &'a Member> {
        members.filter(|member| !self.excluded.contains(&member.index))
    }
}
