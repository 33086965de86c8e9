//! Where a deployment's requests go, verb by verb.

use std::sync::Arc;

use once_cell::sync::OnceCell;

use crate::chat::Verb;
use crate::config::DeploymentConfig;
use crate::transport::Target;

use super::Adapter;
use super::table::by_name;

/// The path of a verb at a provider, behind the base; `None` if the provider has no such thing.
pub fn path(provider: &str, adapter: &dyn Adapter, verb: Verb) -> Option<&'static str> {
    let paths = by_name(provider).and_then(|entry| entry.paths.as_ref());
    match paths {
        Some(paths) => paths.get(verb.path()).map(String::as_str),
        None => adapter.speaks(verb).then(|| verb.path()),
    }
}

/// The targets of one model of a deployment. Each is made when it is first asked for.
#[derive(Clone)]
pub struct Places {
    /// The server, with the headers of each request.
    server: Target,
    targets: Arc<[OnceCell<Target>; Verb::ALL.len()]>,
}

impl Places {
    pub fn new(server: Target) -> Self {
        Self { server, targets: Arc::default() }
    }

    /// The same server for another model.
    pub fn for_model(&self) -> Self {
        Self::new(self.server.clone())
    }

    /// The target of a verb, whose path is known.
    pub fn target(
        &self,
        verb: Verb,
        path: &str,
        adapter: &dyn Adapter,
        config: &DeploymentConfig,
        model: &str,
    ) -> Result<&Target, String> {
        let make = || {
            let base = config.api_base.as_deref().unwrap_or_default();
            self.server.with_url(&adapter.url(config, base, model, path))
        };
        match self.targets.get(verb as usize) {
            Some(cell) => cell.get_or_try_init(make),
            None => Ok(&self.server),
        }
    }
}
