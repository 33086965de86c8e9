//! A model group: the deployments that a name leads to.

use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;

use crate::clock;
use crate::deployment::{Deployment, Moment};
use crate::error::{Error, ErrorKind};
use crate::pricing::{self, ModelInfo};
use crate::provider::{Endpoint, Unusable};
use crate::store::Lease;
use crate::strategy::Strategy;

use super::facts::Facts;
use super::line::Line;
use super::view::{Obstacle, View};

/// Deployments that serve one name.
#[derive(Clone)]
pub struct Group {
    pub name: Arc<str>,
    /// Asked for by its id, so that neither health nor strategy has a say.
    pub pinned: bool,
    /// How its next deployment is chosen.
    pub strategy: Strategy,
    members: Vec<Member>,
    /// The lowest first; those without an order are last.
    levels: Vec<Level>,
    /// Whether somebody has a limit on tokens.
    counts_tokens: bool,
    unusable: Vec<Outsider>,
    /// Where calls wait when nobody is free.
    line: Arc<Line>,
    /// See [`Group::fingerprint`].
    fingerprint: OnceCell<[u8; 32]>,
}

/// A deployment that can never be called, and why.
#[derive(Clone)]
pub struct Outsider {
    pub place: usize,
    pub deployment: Arc<Deployment>,
    pub why: Unusable,
}

/// The members that share an `order`.
#[derive(Clone)]
struct Level {
    order: Option<i64>,
    /// Their numbers.
    members: Vec<usize>,
}

/// A deployment that can be called. The first line of the processor's cache holds what every pick looks at.
#[derive(Clone)]
#[repr(C, align(64))]
pub struct Member {
    /// Its number among those that can be called.
    pub index: usize,
    pub facts: Facts,
    /// Its place in the file.
    pub place: usize,
    /// Whether its model group has no other that can be called.
    pub alone: bool,
    /// Its level in this group: those of the lowest are asked first.
    order: Option<i64>,
    pub endpoint: Arc<Endpoint>,
    /// Prices, windows, capabilities: looked up when somebody asks.
    info: Arc<OnceCell<ModelInfo>>,
}

impl Group {
    pub fn new(name: impl Into<Arc<str>>, strategy: Strategy) -> Self {
        Self {
            name: name.into(),
            pinned: false,
            strategy,
            members: Vec::new(),
            levels: Vec::new(),
            counts_tokens: false,
            unusable: Vec::new(),
            line: Arc::default(),
            fingerprint: OnceCell::new(),
        }
    }

    /// What tells its answers from those of other deployments, made by the first who asks for it.
    pub fn fingerprint(&self, make: impl FnOnce() -> [u8; 32]) -> &[u8; 32] {
        self.fingerprint.get_or_init(make)
    }

    /// `share` joins the fleet, where there is one.
    pub fn add(
        &mut self,
        place: usize,
        deployment: Arc<Deployment>,
        endpoint: Result<Endpoint, Unusable>,
        share: impl FnOnce(&Deployment) -> Option<Arc<Lease>>,
    ) {
        match endpoint {
            Ok(endpoint) => {
                let lease = share(&deployment);
                let (facts, order) = (Facts::of(&deployment, lease), deployment.config.order);
                self.push(Member {
                    index: 0,
                    facts,
                    place,
                    alone: true,
                    order,
                    endpoint: Arc::new(endpoint),
                    info: Arc::default(),
                });
            }
            Err(why) => self.unusable.push(Outsider { place, deployment, why }),
        }
    }

    /// Takes a member of another group in, too.
    pub fn join(&mut self, member: &Member) {
        self.push(member.clone());
    }

    /// The same, at a level of its own if it is given one.
    pub fn join_at(&mut self, member: &Member, level: Option<i64>) {
        let order = level.or(member.order);
        self.push(Member { order, alone: false, ..member.clone() });
    }

    fn push(&mut self, member: Member) {
        let (index, order) = (self.members.len(), member.order);
        self.counts_tokens |= member.facts.limits.counts_tokens();
        let rank = |order: Option<i64>| (order.is_none(), order);
        match self.levels.binary_search_by_key(&rank(order), |level| rank(level.order)) {
            Ok(at) => self.levels[at].members.push(index),
            Err(at) => self.levels.insert(at, Level { order, members: vec![index] }),
        }
        self.members.push(Member { index, ..member });
    }

    pub fn join_outside(&mut self, outsider: &Outsider) {
        self.unusable.push(outsider.clone());
    }

    /// Called once, when all are in.
    pub fn close(&mut self) {
        let alone = self.members.len() == 1;
        self.members.iter_mut().for_each(|member| member.alone = alone);
    }

    /// Where calls wait when nobody is free.
    pub fn line(&self) -> &Line {
        &self.line
    }

    pub fn member(&self, index: usize) -> Option<&Member> {
        self.members.get(index)
    }

    pub fn usable(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// The members of each level, the lowest first; of one level only if it is named. Those without a level come last.
    pub fn levels(&self, only: Option<i64>) -> impl Iterator<Item = impl Iterator<Item = &Member>> {
        let levels = self.levels.iter().filter(move |level| only.is_none() || level.order == only);
        levels.map(|level| level.members.iter().filter_map(|index| self.members.get(*index)))
    }

    /// Whether it matters to somebody's limits how many tokens a call takes.
    pub fn counts_tokens(&self) -> bool {
        self.counts_tokens
    }

    pub fn unusable(&self) -> impl Iterator<Item = &Outsider> {
        self.unusable.iter()
    }

    /// Who may be asked now: as far as health goes, and limits.
    pub fn free<'a>(&'a self, view: &'a View, now: impl Into<Moment>) -> impl Fn(&&Member) -> bool + Copy + 'a {
        let now = now.into();
        let all_keys_are_free = self.members.first().is_none_or(|member| member.facts.are_all_keys_free(now));
        move |member| self.is_free(member, view, now, all_keys_are_free)
    }

    /// A part of the loop over all members, in which a function call for each would be a fifth of the time.
    #[inline(always)]
    fn is_free(&self, member: &Member, view: &View, now: Moment, all_keys_are_free: bool) -> bool {
        (member.facts.is_healthy(now, all_keys_are_free) && view.has_room(member, now)) || self.pinned
    }

    /// The level behind this one, or behind the first; `None` if there is none, or but one.
    pub fn order_after(&self, order: Option<i64>) -> Option<i64> {
        let orders = || self.levels.iter().filter_map(|level| level.order);
        let order = order.or_else(|| orders().next())?;
        orders().find(|other| *other > order)
    }

    /// The largest prompt that some member is known to take; `None` if that of any is not known.
    pub fn window(&self) -> Option<f64> {
        let windows = self.members.iter().map(|member| member.deployment().config.info.number("max_input_tokens"));
        windows.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
    }

    /// The error of a call when nobody in the group may be called now. `fits` says of a member whether it could take the
    /// request; the time is that until the first of them returns.
    pub fn nobody(&self, view: &View, fits: impl Fn(&Member) -> bool) -> Error {
        if let (true, Some(Outsider { deployment, why, .. })) = (self.members.is_empty(), self.unusable.first()) {
            let error = match (why, self.pinned) {
                (Unusable::Blocked, true) => Error::new(ErrorKind::ServiceUnavailable, "blocked by the configuration"),
                _ => why.error(),
            };
            return error.at(&deployment.provider, &deployment.model, deployment.id());
        }
        let now = clock::now();
        let (mut cooling, mut full, mut busy, mut alone, mut wait) = (0, 0, 0, 0, None::<Duration>);
        for member in self.members.iter().filter(|member| fits(member)) {
            let rest = member.deployment().benched_for(now);
            let minute = match view.obstacle(member, now) {
                _ if rest.is_some() => None,
                Some(Obstacle::Slots(_)) => {
                    busy += 1;
                    continue;
                }
                Some(Obstacle::StoreAway(look)) => {
                    alone += 1;
                    wait = [wait, Some(look)].into_iter().flatten().min();
                    continue;
                }
                Some(Obstacle::Minute(Some(minute))) => Some(minute),
                Some(Obstacle::Minute(None)) => {
                    full += 1;
                    continue;
                }
                None => None,
            };
            (cooling, full) = (cooling + usize::from(rest.is_some()), full + usize::from(minute.is_some()));
            wait = [wait, rest.or(minute)].into_iter().flatten().min();
        }
        if busy > 0 {
            // Only slots are missing, which any answer sets free: that is worth another try.
            let message = format!(
                "all deployments of \"{}\" that could answer are at work on as many calls as they may",
                self.name
            );
            return Error::new(ErrorKind::RateLimit, message);
        }
        let seconds = wait.unwrap_or_default().as_secs_f64();
        let mut limited = if full > 0 { format!(", {full} at the limits of their minute") } else { String::new() };
        if alone > 0 {
            limited += &format!(", {alone} refused while the store of their shared limits is away");
        }
        let message = format!(
            "no deployment of \"{}\" is available: {cooling} cooling down{limited}, the first returns in {seconds:.1} s",
            self.name
        );
        Error::new(ErrorKind::NoDeploymentAvailable, message).with_retry_after(wait)
    }
}

impl Member {
    /// What is known of its model.
    pub fn info(&self) -> &ModelInfo {
        let deployment = self.deployment();
        self.info.get_or_init(|| pricing::of_deployment(&deployment.config, &deployment.provider, &deployment.model))
    }

    /// The model that really answers.
    pub fn base_model(&self) -> &str {
        let deployment = self.deployment();
        deployment.base_model(&deployment.model)
    }

    pub fn deployment(&self) -> &Arc<Deployment> {
        self.endpoint.deployment()
    }

    pub fn order(&self) -> Option<i64> {
        self.order
    }
}
