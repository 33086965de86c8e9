//! Limits that a fleet shares, as one call meets them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::{self, Waited};
use crate::deployment::{Deployment, Moment, Reserved, Used, Window};
use crate::provider::shared_name;
use crate::store::{self, Amounts, Demand, Fleet, Lease, Terms, Took};

use super::group::Member;
use super::view::{Admission, Obstacle, View};

/// When it is worth looking again at a deployment whose minute others have used up, or whose store is away.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the fleet is told of a call that runs.
pub struct Held {
    pub lease: Arc<Lease>,
    /// Where the store has taken it, if the store was asked.
    place: Option<u64>,
}

impl Held {
    /// Tells what a call really took.
    pub fn settle(&self, reserved: Used, real: Used) {
        self.lease.note_more(real.minus(reserved));
        if let Some(place) = self.place {
            self.lease.settle(place, reserved, real);
        }
    }
}

/// A deployment's part in its fleet. `slots` are those of a deployment that says nothing of them.
pub fn lease(fleet: &Fleet, deployment: &Deployment, slots: Option<u32>) -> Arc<Lease> {
    let [requests, tokens, input, output] = deployment.limits().each();
    let slots = deployment.config.max_parallel.or(slots).map_or(u64::MAX, u64::from);
    fleet.lease(store::Member {
        id: deployment.id().into(),
        state: Arc::clone(&deployment.state),
        limits: Amounts { requests, tokens, input, output, slots },
        key: shared_name(&deployment.config, &fleet.config().namespace).map(Into::into),
        key_bench: Arc::clone(&deployment.key),
    })
}

/// Whether the fleet seems to have a slot, and room in its minute.
pub fn has_room(view: &View, member: &Member, lease: &Lease, now: Moment) -> bool {
    let (state, limits) = (&member.facts.state, view.limits(member));
    view.slots(member).is_none_or(|slots| state.in_flight() < lease.room_slots(slots, now))
        && (!limits.are_any() || state.window.has_room(view.demand(), &lease.room(&limits, now), now))
}

/// What keeps a call from a member.
pub fn obstacle(view: &View, member: &Member, lease: &Lease, at: Instant) -> Option<Obstacle> {
    let (state, limits, slots) = (&member.facts.state, view.limits(member), view.slots(member));
    let (demand, now) = (view.demand(), Moment::from(at));
    if lease.terms().refuses() && (limits.are_any() || slots.is_some()) {
        return Some(Obstacle::StoreAway(LOOK_AGAIN));
    }
    let room = lease.room(&limits, now);
    if limits.are_any() && !state.window.has_room(demand, &room, now) {
        if !limits.allow(demand) {
            return Some(Obstacle::Minute(None));
        }
        let wait = state.window.wait(demand, &room, at).unwrap_or(LOOK_AGAIN);
        let short = lease.short_for(now);
        return Some(Obstacle::Minute(Some(if short.is_zero() { wait } else { wait.min(short) })));
    }
    let slots = slots?;
    (state.in_flight() >= lease.room_slots(slots, now)).then_some(Obstacle::Slots(slots))
}

/// Takes slot and room by these terms, all or nothing.
pub fn admit(view: &View, member: &Member, lease: &Arc<Lease>, terms: Terms, now: Instant) -> Option<Admission> {
    let (deployment, limits, slots) = (member.deployment(), view.limits(member), view.slots(member));
    let in_flight = deployment.enter(slots.map(|slots| lease.cap_slots(slots, terms, now)))?;
    if slots.is_some_and(|slots| lease.holds_too_many(slots, terms, now)) {
        return None;
    }
    let cap = || lease.cap(&limits, terms, now);
    let reserved = deployment.state.window.reserve_by(view.demand(), cap, now)?;
    lease.note(view.demand());
    Some(Admission { in_flight, reserved, shared: Some(Box::new(Held { lease: Arc::clone(lease), place: None })) })
}

/// The same for a call that may wait a moment: for a larger part where the own one is used up and the fleet has room, and for
/// the store where that is asked each time. `None` if others are to be asked.
pub async fn obtain(view: &View, member: &Member, lease: &Arc<Lease>, waited: &Waited) -> Option<Admission> {
    let now = clock::now();
    let admission = match admit(view, member, lease, lease.terms(), now) {
        Some(admission) => Some(admission),
        // Somebody was quicker.
        None if !has_room(view, member, lease, now.into()) => None,
        None => {
            let attempt = |terms| admit(view, member, lease, terms, clock::now());
            waited.during(Box::pin(lease.obtain(Demand::of(view.demand()), attempt))).await
        }
    };
    let limits = view.limits(member);
    match admission {
        Some(admission) if lease.is_exact() && limits.are_any() => {
            waited.during(Box::pin(take(view, member, lease, admission))).await
        }
        admission => admission,
    }
}

/// Asks the store for what was taken here.
async fn take(view: &View, member: &Member, lease: &Arc<Lease>, mut admission: Admission) -> Option<Admission> {
    let (limits, window) = (view.limits(member), &member.facts.state.window);
    let mut refund = Refund { window, reserved: Some(admission.reserved) };
    let took = lease.take(Demand::of(view.demand()), limits.each()).await;
    let now = clock::now();
    let stays = match took {
        Took::Yes(place) => {
            admission.shared = Some(Box::new(Held { lease: Arc::clone(lease), place: Some(place) }));
            true
        }
        Took::No(wait) => {
            lease.refused_for(wait);
            false
        }
        // What was taken here counts already: it stays if it is within what holds without the store.
        Took::Unanswered(late) => {
            let stays = lease.cap(&limits, lease.terms_unanswered(), now).allow(window.used(now));
            if stays {
                late.stays();
            }
            stays
        }
    };
    if stays {
        refund.reserved = None;
    }
    stays.then_some(admission)
}

/// Gives back what was reserved for a call that does not go out, its caller's leaving included.
struct Refund<'a> {
    window: &'a Window,
    reserved: Option<Reserved>,
}

impl Drop for Refund<'_> {
    fn drop(&mut self) {
        if let Some(reserved) = self.reserved.take() {
            self.window.settle(reserved, Used::default(), clock::now());
        }
    }
}
