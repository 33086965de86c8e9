//! What a requested name leads to: the one place for this rule.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::clock;
use crate::config::{Alias, AliasTarget, Config, ConfigError, RoutingConfig, Warning};
use crate::deployment::State;
use crate::error::Error;
use crate::policy::{Wildcard, maker_of};
use crate::provider::{Defaults, Endpoint, ErrorRules, Keys, Unusable, connect};
use crate::store::{Fleet, Known, Lease};
use crate::strategy::Strategy;
use crate::transport::Clients;

use super::group::{Group, Member};
use super::{shared, view};

/// All names that a request may use.
pub struct Names {
    /// In file order.
    groups: Vec<Group>,
    by_name: HashMap<Arc<str>, usize>,
    aliases: BTreeMap<String, Alias>,
    /// The most precise first, each with its group.
    wildcards: Vec<(Wildcard, usize)>,
    by_id: HashMap<String, Group>,
    /// By the names of `routing_groups`.
    unions: HashMap<String, Group>,
    /// By `litellm_params.model`.
    by_model: HashMap<String, Group>,
    keys: Keys,
}

/// Where a name leads.
#[derive(Clone)]
pub struct Lead<'a> {
    pub group: &'a Group,
    /// As it is reported: the group's name, the full name that a wildcard took, a deployment's id or model.
    pub name: Arc<str>,
    pub how: How,
    wildcard: Option<&'a Wildcard>,
}

/// By which rule a name was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Group,
    Alias,
    Wildcard,
    Deployment,
    Model,
    /// It leads nowhere, so the first of the default fallbacks answers.
    DefaultFallback,
}

impl How {
    pub fn name(self) -> &'static str {
        match self {
            How::Group => "group",
            How::Alias => "alias",
            How::Wildcard => "wildcard",
            How::Deployment => "deployment",
            How::Model => "model",
            How::DefaultFallback => "default_fallback",
        }
    }
}

impl Names {
    /// Connects every deployment of the configuration; one that can't be used becomes a warning.
    /// What `before` has learnt of a deployment with the same id, and of a key, is kept.
    /// With a fleet, each deployment that can be used takes part in it.
    pub fn new(
        config: &mut Config,
        before: Option<&Names>,
        fleet: Option<&Fleet>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, ConfigError> {
        let mut names = Self {
            groups: Vec::new(),
            by_name: HashMap::new(),
            aliases: std::mem::take(&mut config.aliases),
            wildcards: Vec::new(),
            by_id: HashMap::new(),
            unions: HashMap::new(),
            by_model: HashMap::new(),
            keys: before.map(|before| before.keys.living()).unwrap_or_default(),
        };
        let states = before.map(Names::states).unwrap_or_default();
        let transport = config.transport.clone();
        let mut clients = Clients::new(&transport, config.timeouts.connect);
        let defaults = Defaults {
            drop_params: config.params.drop,
            modify_params: config.params.modify,
            error_rules: Arc::new(ErrorRules::new(&config.error_rules, warnings)),
        };
        for (place, entry) in std::mem::take(&mut config.deployments).into_iter().enumerate() {
            let (path, line) = (entry.path.clone(), entry.line);
            let strategy = config.routing.of_group(&entry.group);
            let state = match states.get(entry.id.as_str()) {
                Some(state) => Arc::clone(state),
                None => Arc::new(State::new(strategy, clock::now())),
            };
            state.follow(strategy, clock::now());
            let (deployment, endpoint) =
                connect(entry, state, &defaults, &config.environment, &mut clients, &mut names.keys);
            let endpoint = endpoint.and_then(|endpoint| match endpoint.check_mock() {
                Ok(()) => Ok(endpoint),
                Err(message) => Err(Unusable::Unsupported(message)),
            });
            for message in clients.take_warnings() {
                warnings.push(Warning { path: path.clone(), line, column: 0, message });
            }
            if let Err(unusable) = &endpoint {
                let message = format!("deployment \"{}\" is never used: {}", deployment.id(), unusable.message());
                warnings.push(Warning { path, line, column: 0, message });
            }
            let strategy = view::strategy(strategy);
            names.group_mut(&deployment.config.group, strategy).add(place, deployment, endpoint, |deployment| {
                Some(shared::lease(fleet?, deployment, config.routing.max_parallel))
            });
        }
        names.close(&config.routing);
        Ok(names)
    }

    /// What takes part in the fleet.
    pub fn leases(&self) -> impl Iterator<Item = &Arc<Lease>> {
        self.groups.iter().flat_map(Group::usable).filter_map(|member| member.facts.lease.as_ref())
    }

    /// All deployments, as routers of another make know them.
    pub fn known(&self) -> impl Iterator<Item = Known> {
        let deployments = self.groups.iter().flat_map(Group::usable).map(Member::deployment);
        deployments
            .map(|deployment| Known { id: deployment.id().into(), model: deployment.config.model.as_str().into() })
    }

    /// What was learnt, by the deployments' ids.
    fn states(&self) -> HashMap<&str, &Arc<State>> {
        let all = self.groups.iter().flat_map(|group| {
            let usable = group.usable().map(Member::deployment);
            usable.chain(group.unusable().map(|outsider| &outsider.deployment))
        });
        all.map(|deployment| (deployment.id(), &deployment.state)).collect()
    }

    fn group_mut(&mut self, name: &str, strategy: Strategy) -> &mut Group {
        let place = self.by_name.get(name).copied().unwrap_or_else(|| {
            let name: Arc<str> = name.into();
            self.groups.push(Group::new(Arc::clone(&name), strategy));
            self.by_name.insert(name, self.groups.len() - 1);
            self.groups.len() - 1
        });
        &mut self.groups[place]
    }

    /// Makes the ways to the same deployments by other names than their groups'.
    fn close(&mut self, routing: &RoutingConfig) {
        self.add_routing_groups(routing);
        let strategy = view::strategy(&routing.strategy);
        for (place, group) in self.groups.iter_mut().enumerate() {
            group.close();
            self.wildcards.extend(Wildcard::new(&group.name).map(|wildcard| (wildcard, place)));
            for member in group.usable() {
                let deployment = member.deployment();
                let mut single = Group::new(deployment.id(), strategy);
                single.pinned = true;
                single.join(member);
                self.by_id.insert(deployment.id().to_owned(), single);
                let model = &deployment.config.model;
                self.by_model.entry(model.clone()).or_insert_with(|| Group::new(model.as_str(), strategy)).join(member);
            }
            for outsider in group.unusable() {
                let deployment = &outsider.deployment;
                let mut single = Group::new(deployment.id(), strategy);
                single.pinned = true;
                single.join_outside(outsider);
                self.by_id.insert(deployment.id().to_owned(), single);
                let model = &deployment.config.model;
                self.by_model
                    .entry(model.clone())
                    .or_insert_with(|| Group::new(model.as_str(), strategy))
                    .join_outside(outsider);
            }
        }
        self.wildcards.sort_by_key(|(wildcard, _)| std::cmp::Reverse(wildcard.precision()));
    }

    /// The groups that only `routing_groups` name: all deployments of their models, by priority if they have one. In a priority group's
    /// stead its models stay what they are.
    fn add_routing_groups(&mut self, routing: &RoutingConfig) {
        for routed in &routing.groups {
            if routed.name.is_empty() || self.by_name.contains_key(routed.name.as_str()) {
                continue;
            }
            let mut group = Group::new(routed.name.as_str(), view::strategy(&routed.strategy));
            for model in &routed.models {
                let Some(own) = self.by_name.get(model.as_str()).and_then(|place| self.groups.get(*place)) else {
                    continue;
                };
                let level = routed.priorities.as_ref().and_then(|levels| levels.get(model).copied());
                own.usable().for_each(|member| group.join_at(member, level));
                own.unusable().for_each(|outsider| group.join_outside(outsider));
            }
            self.unions.insert(routed.name.clone(), group);
        }
    }

    /// The aliases of the configuration, by name.
    pub fn aliases(&self) -> &BTreeMap<String, Alias> {
        &self.aliases
    }

    /// The groups of the configuration.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    /// All groups that have a line of their own, those of other names than the configuration's groups included.
    pub fn lines(&self) -> impl Iterator<Item = &Group> {
        let others = [&self.unions, &self.by_id, &self.by_model];
        self.groups.iter().chain(others.into_iter().flat_map(HashMap::values))
    }

    /// All names that lead somewhere, wildcards as they are written.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let aliases = self.aliases.keys().map(String::as_str);
        self.lines().map(|group| &*group.name).chain(aliases)
    }

    /// Where a name leads. In this order: a deployment's model if that is asked for, a deployment's id, an alias, a group, a
    /// wildcard, a deployment's model.
    pub fn resolve(&self, name: &str, specific_deployment: bool) -> Result<Lead<'_>, Error> {
        if specific_deployment {
            let message = || format!("no deployment has the model \"{name}\"");
            let group = self.by_model.get(name).map(|group| Lead::to(group, How::Model));
            return group.ok_or_else(|| Error::bad_parameter("model", message()));
        }
        let group = self.by_name.get(name).and_then(|place| self.groups.get(*place));
        if let (None, Some(union)) = (group, self.unions.get(name)) {
            return Ok(Lead::to(union, How::Group));
        }
        if let (None, Some(single)) = (group, self.by_id.get(name)) {
            return Ok(Lead::to(single, How::Deployment));
        }
        match self.aliases.get(name).map(|alias| &alias.target) {
            Some(AliasTarget::Group(target)) => {
                let place = self.by_name.get(target.as_str()).and_then(|place| self.groups.get(*place));
                let group = place.or_else(|| self.unions.get(target));
                let lead = group.map(|group| Lead::to(group, How::Alias)).or_else(|| self.by_wildcard(target));
                let by_model = || self.by_model.get(target).map(|group| Lead::to(group, How::Alias));
                lead.or_else(by_model).ok_or_else(|| nowhere(name))
            }
            Some(AliasTarget::Missing(target)) => {
                let message =
                    format!("the alias \"{name}\" stands for the model group \"{target}\", which does not exist");
                Err(Error::bad_parameter("model", message))
            }
            None => {
                let lead = group.map(|group| Lead::to(group, How::Group)).or_else(|| self.by_wildcard(name));
                let by_model = || self.by_model.get(name).map(|group| Lead::to(group, How::Model));
                lead.or_else(by_model).ok_or_else(|| nowhere(name))
            }
        }
    }

    /// The most precise wildcard that takes the name as it is, or with its maker before it.
    fn by_wildcard(&self, name: &str) -> Option<Lead<'_>> {
        let taker = |name: &str| self.wildcards.iter().find(|(wildcard, _)| wildcard.captures(name).is_some());
        let full = || Some(format!("{}/{name}", maker_of(name)?));
        let (taker, name) = match taker(name) {
            Some(taker) => (taker, name.to_owned()),
            None => {
                let full = full()?;
                (taker(&full)?, full)
            }
        };
        let (wildcard, place) = taker;
        let group = self.groups.get(*place)?;
        Some(Lead { group, name: name.into(), how: How::Wildcard, wildcard: Some(wildcard) })
    }
}

impl<'a> Lead<'a> {
    fn to(group: &'a Group, how: How) -> Self {
        Self { group, name: Arc::clone(&group.name), how, wildcard: None }
    }

    /// The endpoint of a member for this name: behind a wildcard, that of the model which the name stands for.
    pub fn endpoint(&self, member: &Member) -> Result<Arc<Endpoint>, Error> {
        let Some(wildcard) = self.wildcard else { return Ok(Arc::clone(&member.endpoint)) };
        let deployment = member.deployment();
        let written = wildcard.model_for(&deployment.config.model, &self.name).unwrap_or_default();
        let endpoint = member.endpoint.for_model(&written);
        endpoint.map(Arc::new).map_err(|message| {
            Error::bad_parameter("model", message).at(&deployment.provider, &self.name, deployment.id())
        })
    }
}

fn nowhere(name: &str) -> Error {
    let message = format!("no model group, alias, wildcard, deployment or provider's model is named \"{name}\"");
    Error::bad_parameter("model", message)
}
