//! Model groups and their members, and what a requested name leads to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::clock;
use crate::config::{Alias, AliasTarget, Config, ConfigError, Warning};
use crate::deployment::Deployment;
use crate::error::{Error, ErrorKind};
use crate::provider::{Defaults, Endpoint, ErrorRules, Unusable, connect};
use crate::transport::Clients;

/// All groups, in file order.
pub struct Groups {
    list: Vec<Group>,
    by_name: HashMap<Arc<str>, usize>,
    aliases: BTreeMap<String, Alias>,
}

/// The deployments of one model name.
pub struct Group {
    pub name: Arc<str>,
    members: Vec<Member>,
    unusable: Vec<Outsider>,
}

/// A deployment that can never be called, and why.
pub struct Outsider {
    pub place: usize,
    pub deployment: Arc<Deployment>,
    pub why: Unusable,
}

/// A deployment that can be called.
pub struct Member {
    /// Its number among those that can be called.
    pub index: usize,
    /// Its place in the file.
    pub place: usize,
    pub endpoint: Endpoint,
}

impl Groups {
    /// Connects every deployment of the configuration; one that can't be used becomes a warning.
    pub fn new(config: &mut Config, warnings: &mut Vec<Warning>) -> Result<Self, ConfigError> {
        let mut groups =
            Self { list: Vec::new(), by_name: HashMap::new(), aliases: std::mem::take(&mut config.aliases) };
        let transport = std::mem::take(&mut config.transport);
        let mut clients = Clients::new(&transport, config.timeouts.connect);
        let defaults = Defaults {
            drop_params: config.sections.litellm.flag("drop_params").unwrap_or(false),
            error_rules: Arc::new(ErrorRules::new(&config.error_rules, warnings)),
        };
        for (place, entry) in std::mem::take(&mut config.deployments).into_iter().enumerate() {
            let (path, line) = (entry.path.clone(), entry.line);
            let (deployment, endpoint) = connect(entry, &defaults, &config.environment, &mut clients);
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
            groups.group_mut(&deployment.config.group).add(place, deployment, endpoint);
        }
        Ok(groups)
    }

    fn group_mut(&mut self, name: &str) -> &mut Group {
        let place = self.by_name.get(name).copied().unwrap_or_else(|| {
            let name: Arc<str> = name.into();
            self.list.push(Group { name: Arc::clone(&name), members: Vec::new(), unusable: Vec::new() });
            self.by_name.insert(name, self.list.len() - 1);
            self.list.len() - 1
        });
        &mut self.list[place]
    }

    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.list.iter()
    }

    /// The group that a requested name leads to; an alias beats a group of the same name.
    pub fn resolve(&self, name: &str) -> Result<&Group, Error> {
        let exact = |name: &str| self.by_name.get(name).and_then(|place| self.list.get(*place));
        let found = match self.aliases.get(name).map(|alias| &alias.target) {
            Some(AliasTarget::Group(target)) => exact(target),
            Some(AliasTarget::Missing(target)) => {
                let message =
                    format!("the alias \"{name}\" stands for the model group \"{target}\", which does not exist");
                return Err(Error::bad_parameter("model", message));
            }
            None => exact(name),
        };
        found.ok_or_else(|| Error::bad_parameter("model", format!("no model group and no alias is named \"{name}\"")))
    }
}

impl Group {
    fn add(&mut self, place: usize, deployment: Arc<Deployment>, endpoint: Result<Endpoint, Unusable>) {
        match endpoint {
            Ok(endpoint) => self.members.push(Member { index: self.members.len(), place, endpoint }),
            Err(why) => self.unusable.push(Outsider { place, deployment, why }),
        }
    }

    /// How many deployments can be called.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn member(&self, index: usize) -> Option<&Member> {
        self.members.get(index)
    }

    pub fn usable(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    pub fn unusable(&self) -> impl Iterator<Item = &Outsider> {
        self.unusable.iter()
    }

    /// The error of a call when nobody in the group may be called now.
    pub fn nobody(&self) -> Error {
        if let (true, Some(Outsider { deployment, why, .. })) = (self.members.is_empty(), self.unusable.first()) {
            return why.error().at(&deployment.provider, &deployment.model, deployment.id());
        }
        let now = clock::now();
        let wait = self.members.iter().filter_map(|member| member.deployment().benched_for(now)).min();
        let seconds = wait.unwrap_or_default().as_secs_f64();
        let message = format!(
            "no deployment of \"{}\" is available: {} cooling down, the first returns in {seconds:.1} s",
            self.name,
            self.members.len()
        );
        Error::new(ErrorKind::NoDeploymentAvailable, message).with_retry_after(wait)
    }
}

impl Member {
    pub fn deployment(&self) -> &Arc<Deployment> {
        self.endpoint.deployment()
    }
}
