//! Budgets at work: what was spent, by provider, deployment and tag, and when a spent budget begins anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::{BudgetConfig, BudgetsConfig};
use crate::deployment::Deployment;
use crate::store::{Fleet, Purse};

use super::cost;
use super::stream::Usage;
use super::trail::Trail;

/// All budgets of a router.
#[derive(Default)]
pub struct Budgets {
    providers: BTreeMap<String, Budget>,
    deployments: BTreeMap<String, Budget>,
    tags: BTreeMap<String, Budget>,
}

struct Budget {
    config: BudgetConfig,
    /// Shared with the budget that this one goes on for: calls of another configuration may still be charged to it.
    spent: Arc<Mutex<Spent>>,
    /// What the fleet has spent; `None` where nothing is shared.
    purse: Option<Arc<Purse>>,
}

/// What was spent in the running period, which begins with the first call that costs something.
#[derive(Clone, Copy, Default)]
struct Spent {
    since: Option<Instant>,
    dollars: f64,
}

/// How a budget stands.
pub struct Standing<'a> {
    /// "provider", "deployment" or "tag".
    pub kind: &'static str,
    pub name: &'a str,
    pub config: BudgetConfig,
    /// Dollars, in the running period.
    pub spent: f64,
    /// When it begins anew; `None` while nothing was spent.
    pub resets_at: Option<Instant>,
}

/// A budget that is used up.
pub struct Over {
    pub reason: String,
    /// Until it begins anew.
    pub wait: Duration,
}

impl Budgets {
    /// Budgets that stay as they were go on where `before` was.
    /// With a fleet, what all its processes spend counts.
    pub fn new(config: &BudgetsConfig, before: Option<&Budgets>, fleet: Option<&Fleet>) -> Self {
        let made = |kind: &str, config: &BTreeMap<String, BudgetConfig>, before: Option<&BTreeMap<String, Budget>>| {
            let budget = |(name, config): (&String, &BudgetConfig)| {
                let before = before.and_then(|before| before.get(name)).filter(|before| before.config == *config);
                let spent = before.map(|before| Arc::clone(&before.spent)).unwrap_or_default();
                let purse = fleet.map(|fleet| fleet.purse(&format!("{kind}:{name}"), config.period));
                (name.clone(), Budget { config: *config, spent, purse })
            };
            config.iter().map(budget).collect()
        };
        Self {
            providers: made("provider", &config.providers, before.map(|before| &before.providers)),
            deployments: made("deployment", &config.deployments, before.map(|before| &before.deployments)),
            tags: made("tag", &config.tags, before.map(|before| &before.tags)),
        }
    }

    /// What is left of each in dollars, at least 0: kind, name, dollars.
    pub fn left(&self, now: Instant) -> Vec<(&'static str, String, f64)> {
        let all = [("provider", &self.providers), ("deployment", &self.deployments), ("tag", &self.tags)];
        let each = all.into_iter().flat_map(|(kind, budgets)| budgets.iter().map(move |own| (kind, own)));
        each.map(|(kind, (name, budget))| (kind, name.clone(), budget.left(now))).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.providers.is_empty() && self.deployments.is_empty() && self.tags.is_empty()
    }

    /// How each budget stands.
    pub fn standings(&self, now: Instant) -> impl Iterator<Item = Standing<'_>> {
        let kinds = [("provider", &self.providers), ("deployment", &self.deployments), ("tag", &self.tags)];
        kinds.into_iter().flat_map(move |(kind, budgets)| {
            budgets.iter().map(move |(name, budget)| {
                let (spent, resets_at) = budget.standing(now);
                Standing { kind, name, config: budget.config, spent, resets_at }
            })
        })
    }

    /// The budget that keeps a call from a deployment, if one does.
    pub fn over(&self, deployment: &Deployment, tags: &[String], now: Instant) -> Option<Over> {
        let of_provider =
            self.providers.get(&deployment.provider).map(|budget| ("provider", deployment.provider.as_str(), budget));
        let of_deployment = self.deployments.get(deployment.id()).map(|budget| ("deployment", deployment.id(), budget));
        let of_tags = tags.iter().filter_map(|tag| Some(("tag", tag.as_str(), self.tags.get(tag)?)));
        of_provider.into_iter().chain(of_deployment).chain(of_tags).find_map(|(kind, name, budget)| {
            let wait = budget.wait(now)?;
            let (spent, limit) = (budget.dollars(now), budget.config.limit);
            Some(Over { reason: format!("the budget of {kind} {name} is spent: {spent:.6} of {limit} dollars"), wait })
        })
    }

    /// Takes in what a call cost, if that is known.
    pub fn spend_call(&self, trail: &Trail, tags: &[String], cost: Option<f64>) {
        let deployment = trail.last_asked().and_then(|record| record.deployment.as_ref());
        if let (Some(deployment), Some(cost)) = (deployment, cost) {
            self.spend(deployment, tags, cost, clock::now());
        }
    }

    /// Takes in what the parts of a stream cost, each at the deployment that gave it, as far as that is known.
    pub fn spend_stream(&self, trail: &Trail, tags: &[String], usage: &Usage) {
        if trail.hit().is_some() {
            return;
        }
        let now = clock::now();
        for (deployment, cost) in trail.joined().map(|parts| parts.paid.as_slice()).unwrap_or_default() {
            self.spend(deployment, tags, *cost, now);
        }
        let deployment = trail.paid().and_then(|record| record.deployment.as_ref());
        if let (Some(deployment), Some(cost)) = (deployment, cost::of_last_part(trail, usage)) {
            self.spend(deployment, tags, cost, now);
        }
    }

    fn spend(&self, deployment: &Deployment, tags: &[String], dollars: f64, now: Instant) {
        deployment.state.add_spend(dollars);
        let of_tags = tags.iter().filter_map(|tag| self.tags.get(tag));
        let own = [self.providers.get(&deployment.provider), self.deployments.get(deployment.id())];
        own.into_iter().flatten().chain(of_tags).for_each(|budget| budget.spend(dollars, now));
    }
}

impl Budget {
    fn spent(&self) -> Spent {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By this process, or by the fleet, in the running period.
    fn dollars(&self, now: Instant) -> f64 {
        self.purse.as_ref().map_or_else(|| self.spent().dollars, |purse| purse.spent(now).0)
    }

    /// What was spent in the running period, and when that ends.
    fn standing(&self, now: Instant) -> (f64, Option<Instant>) {
        if let Some(purse) = &self.purse {
            return (purse.spent(now).0, purse.ends(now));
        }
        let spent = self.spent();
        let ends = spent.since.and_then(|since| since.checked_add(self.config.period)).filter(|end| *end > now);
        (if ends.is_some() { spent.dollars } else { 0.0 }, ends)
    }

    fn left(&self, now: Instant) -> f64 {
        (self.config.limit - self.standing(now).0).max(0.0)
    }

    /// How long it stays used up; `None` if it is not.
    fn wait(&self, now: Instant) -> Option<Duration> {
        if let Some(purse) = &self.purse {
            let (dollars, left) = purse.spent(now);
            return (dollars >= self.config.limit).then_some(left);
        }
        let spent = self.spent();
        let left = self.config.period.saturating_sub(now.saturating_duration_since(spent.since?));
        (spent.dollars >= self.config.limit && !left.is_zero()).then_some(left)
    }

    fn spend(&self, dollars: f64, now: Instant) {
        if let Some(purse) = &self.purse {
            return purse.add(dollars);
        }
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since: Instant| now.saturating_duration_since(since) >= self.config.period;
        if spent.since.is_none_or(is_over) {
            *spent = Spent { since: Some(now), dollars: 0.0 };
        }
        spent.dollars += dollars;
    }
}
