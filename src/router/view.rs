//! What the strategy and the limits see: of the call, and of each deployment at this moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chat::Request;
use crate::config::StrategyConfig;
use crate::deployment::{InFlight, Limits, Moment, Reserved, Used};
use crate::store::Lease;
use crate::strategy::{Candidate, Pick, Strategy};
use crate::tokens::Prompt;

use super::Router;
use super::facts::Facts;
use super::group::{Group, Member};
use super::shared::{self, Held};

/// How a call chooses in a group, and what it is going to use.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub strategy: Strategy,
    /// Deployments are held to their limits.
    enforces: bool,
    is_stream: bool,
    demand: Used,
    /// Slots of a deployment that says nothing of them.
    slots: Option<u32>,
    /// Who knows the call from before.
    preferred: Option<usize>,
    /// Slots do not count.
    unlimited: bool,
    /// Limits and use are those of a fleet.
    is_shared: bool,
}

/// Why a healthy deployment can't be asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It is at work on as many calls as it may.
    Slots(u32),
    /// Its minute is used up; `None` if the call alone is more than it ever takes.
    Minute(Option<Duration>),
    /// Its limits are shared, and the store is away; it is tried again in so long.
    StoreAway(Duration),
}

/// A call let in: its slot, and what it is expected to use.
pub struct Admission {
    pub in_flight: InFlight,
    pub reserved: Reserved,
    /// What the fleet is told of the call; `None` where nothing is shared.
    pub shared: Option<Box<Held>>,
}

/// The strategy of a configuration. LiteLLM's two usage strategies differ in their faults alone.
pub fn strategy(config: &StrategyConfig) -> Strategy {
    match config.name.as_str() {
        "least-busy" => Strategy::LeastBusy,
        "usage-based-routing" | "usage-based-routing-v2" => Strategy::Usage,
        "latency-based-routing" => Strategy::Latency { buffer: config.buffer },
        "cost-based-routing" => Strategy::Cost,
        _ => Strategy::SimpleShuffle,
    }
}

impl View {
    pub fn new(router: &Router, group: &Group, request: &Request, is_stream: bool) -> Self {
        let routing = &router.config.routing;
        let asked = request.options().routing_strategy.as_ref();
        let asked = asked.map(|name| strategy(&StrategyConfig { name: name.clone(), ..routing.strategy.clone() }));
        let strategy = asked.unwrap_or(group.strategy);
        let enforces = strategy.enforces_limits() || routing.enforce_limits;
        // Counted only where it counts.
        let counts = enforces && group.counts_tokens();
        let demand = Used {
            requests: 1,
            input: if counts { Prompt::of(request).estimate() } else { 0 },
            output: if counts { request.completion_bound().unwrap_or_default() } else { 0 },
        };
        let preferred = router.affinity.knows(&router.config.affinity, request, group);
        let (slots, is_shared) = (routing.max_parallel, router.fleet.is_some());
        Self { strategy, enforces, is_stream, demand, slots, preferred, unlimited: false, is_shared }
    }

    /// The same for who is asked whatever its limits are.
    pub fn unlimited(self) -> Self {
        Self { enforces: false, unlimited: true, ..self }
    }

    /// Picks one of them.
    pub fn pick<'a>(&self, members: impl Iterator<Item = &'a Member>, now: Moment) -> Option<Pick> {
        let mut is_there = false;
        let members = members.inspect(|member| is_there |= self.preferred == Some(member.index));
        let pick = self.strategy.pick(members.map(|member| self.candidate(member, now)), &mut fastrand::Rng::new())?;
        // Whoever knows the call is asked first, if it can be asked.
        let known = self.preferred.filter(|_| is_there);
        Some(Pick { index: known.unwrap_or(pick.index), ..pick })
    }

    /// What the strategy is told of a member; what it does not ask for is left out.
    pub fn candidate(&self, member: &Member, now: impl Into<Moment>) -> Candidate {
        let (Facts { state, weight, rpm, tpm, .. }, now) = (&member.facts, now.into());
        let mut candidate = Candidate { index: member.index, ..Candidate::default() };
        match self.strategy {
            Strategy::SimpleShuffle => (candidate.weight, candidate.rpm, candidate.tpm) = (*weight, *rpm, *tpm),
            Strategy::LeastBusy => candidate.in_flight = state.in_flight(),
            Strategy::Usage => {
                let others = self.lease(member).map_or(0, |lease| lease.others(now).tokens());
                candidate.tokens = state.window.used(now).tokens().saturating_add(others);
            }
            Strategy::Latency { .. } => {
                let ttft = self.is_stream.then(|| state.ttft.value(now)).flatten();
                let seconds = ttft.or_else(|| state.latency.value(now));
                candidate.seconds = seconds.or_else(|| self.lease(member)?.seconds(now));
            }
            Strategy::Cost => candidate.cost = member.facts.cost(member.deployment()),
        }
        candidate
    }

    /// What the member is to its fleet; `None` where nothing is shared.
    pub fn lease<'a>(&self, member: &'a Member) -> Option<&'a Arc<Lease>> {
        if self.is_shared { member.facts.lease.as_ref() } else { None }
    }

    /// What a call takes of a member.
    pub fn demand(&self) -> Used {
        self.demand
    }

    pub fn limits(&self, member: &Member) -> Limits {
        if self.enforces { member.facts.limits } else { Limits::default() }
    }

    pub fn slots(&self, member: &Member) -> Option<u32> {
        if self.unlimited { None } else { member.facts.slots.or(self.slots) }
    }

    /// Whether a member has a slot, and room in its minute.
    #[inline(always)]
    pub fn has_room(&self, member: &Member, now: impl Into<Moment>) -> bool {
        if let Some(lease) = self.lease(member) {
            return shared::has_room(self, member, lease, now.into());
        }
        let Facts { state, slots, limits, .. } = &member.facts;
        // No number is as good as no bound, and one comparison less.
        let slots = slots.unwrap_or(self.slots.unwrap_or(u32::MAX));
        (state.in_flight() < slots || self.unlimited)
            && (!self.enforces || state.window.has_room(self.demand, limits, now))
    }

    /// What keeps a call from a member.
    pub fn obstacle(&self, member: &Member, now: Instant) -> Option<Obstacle> {
        if let Some(lease) = self.lease(member) {
            return shared::obstacle(self, member, lease, now);
        }
        let deployment = member.deployment();
        let limits = self.limits(member);
        if !deployment.state.window.has_room(self.demand, &limits, now) {
            return Some(Obstacle::Minute(deployment.state.window.wait(self.demand, &limits, now)));
        }
        let slots = self.slots(member)?;
        (deployment.in_flight() >= slots).then_some(Obstacle::Slots(slots))
    }

    /// Takes slot and room, all or nothing. `None` if somebody else was quicker.
    pub fn admit(&self, member: &Member, now: Instant) -> Option<Admission> {
        if let Some(lease) = self.lease(member) {
            return shared::admit(self, member, lease, lease.terms(), now);
        }
        let deployment = member.deployment();
        let in_flight = deployment.enter(self.slots(member))?;
        let reserved = deployment.state.window.reserve(self.demand, &self.limits(member), now)?;
        Some(Admission { in_flight, reserved, shared: None })
    }
}

impl Obstacle {
    /// For people; no sentence.
    pub fn reason(self) -> String {
        match self {
            Obstacle::Slots(slots) => format!("at work on all the calls that it may be ({slots})"),
            Obstacle::Minute(Some(wait)) => {
                format!("its minute is used up, there is room in {:.1} s", wait.as_secs_f64())
            }
            Obstacle::StoreAway(_) => "its limits are shared, and the store that keeps them is away".to_owned(),
            Obstacle::Minute(None) => "the call is more than it takes in a minute".to_owned(),
        }
    }
}
