//! The numbers of one moment. Nothing is held while they are copied but, for as long as that takes, the lock of a deployment
//! that rests or whose oldest second has just run out.

use std::sync::atomic::Ordering;

use serde_json::Value;

use crate::clock::Wall;
use crate::config::Warning;
use crate::deployment::{Cooldown, Deployment, Limits, Moment, Used};
use crate::provider::Unusable;
use crate::store::Status;

use super::super::Router;
use super::super::budget::Standing;
use super::super::group::{Group, Member, Outsider};
use super::super::names::Names;

/// All that a snapshot shows.
pub struct Collected<'a> {
    /// The one moment.
    pub wall: Wall,
    pub names: &'a Names,
    pub groups: Vec<GroupNow<'a>>,
    pub waiting: usize,
    pub budgets: Vec<Standing<'a>>,
    /// The cache's own account of itself, if there is one.
    pub cache: Option<Value>,
    pub store: Option<Status>,
    pub warnings: &'a [Warning],
}

/// A group and its deployments, in file order.
pub struct GroupNow<'a> {
    pub group: &'a Group,
    pub deployments: Vec<DeploymentNow<'a>>,
}

/// What changes about a deployment, as it was at the moment, and who that is.
pub struct DeploymentNow<'a> {
    pub who: Who<'a>,
    pub cooldown: Option<Cooldown>,
    pub in_flight: u32,
    /// In the last minute, by all processes of the fleet.
    pub used: Used,
    pub limits: Limits,
    pub slots: Option<u32>,
    /// Seconds.
    pub latency: Option<f64>,
    pub ttft: Option<f64>,
    pub succeeded: u64,
    pub failed: u64,
    /// Dollars; `None` where they are not reckoned, or not known.
    pub spent: Option<f64>,
}

/// A deployment that can be called, or one that can't. The way to what it is called is left for later: among a thousand it
/// would be a walk through the whole memory.
#[derive(Clone, Copy)]
pub enum Who<'a> {
    Member(&'a Member),
    Outsider(&'a Outsider),
}

impl<'a> Collected<'a> {
    pub fn of(router: &'a Router) -> Self {
        Self::at(router, Wall::look())
    }

    pub fn at(router: &'a Router, wall: Wall) -> Self {
        let look = Look::new(router, wall);
        Self {
            groups: router.names.groups().map(|group| look.group(group)).collect(),
            wall: look.wall,
            names: &router.names,
            waiting: router.waiting.load(Ordering::Relaxed),
            budgets: router.budgets.standings(look.wall.now).collect(),
            cache: router.caching.as_ref().map(|caching| caching.cache.snapshot()),
            store: router.fleet.as_deref().map(crate::store::Fleet::status),
            warnings: &router.warnings,
        }
    }
}

/// What is the same for all deployments.
struct Look {
    wall: Wall,
    moment: Moment,
    /// Slots of a deployment that says nothing of them.
    slots: Option<u32>,
    reckons_costs: bool,
}

impl Look {
    fn new(router: &Router, wall: Wall) -> Self {
        let (slots, reckons_costs) = (router.config.routing.max_parallel, router.reckons_costs());
        Self { wall, moment: wall.now.into(), slots, reckons_costs }
    }

    fn group<'a>(&self, group: &'a Group) -> GroupNow<'a> {
        let all_keys_are_free = group.usable().next().is_none_or(|first| first.facts.are_all_keys_free(self.moment));
        let mut deployments = Vec::with_capacity(group.usable().count() + group.unusable().count());
        deployments.extend(group.usable().map(|member| self.member(member, all_keys_are_free)));
        deployments.extend(group.unusable().map(|outsider| self.outsider(outsider)));
        // In order already, unless there are some of both.
        deployments.sort_by_key(|deployment| deployment.who.place());
        GroupNow { group, deployments }
    }

    fn member<'a>(&self, member: &'a Member, all_keys_are_free: bool) -> DeploymentNow<'a> {
        let (facts, state) = (&member.facts, &member.facts.state);
        // Whoever is healthy has no lock to be taken.
        let is_healthy = facts.is_healthy(self.moment, all_keys_are_free);
        let others = facts.lease.as_ref().map(|lease| lease.others(self.moment)).unwrap_or_default();
        let (succeeded, failed) = state.counts();
        DeploymentNow {
            who: Who::Member(member),
            cooldown: if is_healthy { None } else { facts.cooldown(self.wall.now) },
            in_flight: state.in_flight(),
            used: state.window.used(self.moment).plus(others),
            limits: facts.limits,
            slots: facts.slots.or(self.slots),
            latency: state.latency.value(self.moment),
            ttft: state.ttft.value(self.moment),
            succeeded,
            failed,
            spent: self.spent(state.spent(), succeeded),
        }
    }

    /// What it is at work on may be left from before a reload.
    fn outsider<'a>(&self, outsider: &'a Outsider) -> DeploymentNow<'a> {
        let Outsider { deployment, .. } = outsider;
        let state = &deployment.state;
        let (succeeded, failed) = state.counts();
        DeploymentNow {
            who: Who::Outsider(outsider),
            cooldown: deployment.cooldown(self.wall.now),
            in_flight: state.in_flight(),
            used: state.window.used(self.moment),
            limits: deployment.limits(),
            slots: deployment.config.max_parallel.or(self.slots),
            latency: state.latency.value(self.moment),
            ttft: state.ttft.value(self.moment),
            succeeded,
            failed,
            spent: self.spent(state.spent(), succeeded),
        }
    }

    /// Whoever has answered nothing has cost nothing; what was answered without a price is not known.
    fn spent(&self, told: Option<f64>, succeeded: u64) -> Option<f64> {
        let told = told.or((succeeded == 0).then_some(0.0));
        told.filter(|_| self.reckons_costs)
    }
}

impl<'a> Who<'a> {
    pub fn place(self) -> usize {
        match self {
            Who::Member(member) => member.place,
            Who::Outsider(outsider) => outsider.place,
        }
    }

    pub fn deployment(self) -> &'a Deployment {
        match self {
            Who::Member(member) => member.deployment(),
            Who::Outsider(outsider) => &outsider.deployment,
        }
    }

    /// Why it can't be called.
    pub fn why(self) -> Option<&'a Unusable> {
        match self {
            Who::Member(_) => None,
            Who::Outsider(outsider) => Some(&outsider.why),
        }
    }
}
