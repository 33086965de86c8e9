//! `silent_model`: a copy of what a deployment is asked goes to another group, whose answer nobody sees.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::chat::Request;
use crate::observe::{of_request, without_prompt};

use super::Router;
use super::trail::Trail;

/// The groups that are sent a copy: those of the deployments that were asked. A copy has no copies.
fn groups(request: &Request, trail: &Trail) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    if request.is_copy() {
        return groups;
    }
    let asked = trail.records.iter().filter(|record| record.skipped.is_none());
    for deployment in asked.filter_map(|record| record.deployment.as_ref()) {
        let settings = &deployment.config.settings;
        let one = settings.text("silent_model");
        for name in one.into_iter().chain(settings.texts("silent_model")) {
            if !groups.iter().any(|known| known == name) {
                groups.push(name.to_owned());
            }
        }
    }
    groups
}

/// Sends the copies in the background. What becomes of them stands in the log alone; a router that is freed drops them.
pub fn send(router: &Arc<Router>, request: &Request, trail: &Trail) {
    for group in groups(request, trail) {
        let mut changes = Map::new();
        changes.insert("model".to_owned(), Value::from(group.as_str()));
        let copy = match request.copy(&changes) {
            Ok(copy) => copy,
            Err(error) => {
                of_request!(router.verbosity, group = group.as_str(); "a copy can't be sent: {error}");
                continue;
            }
        };
        let router = Arc::clone(router);
        tokio::spawn(async move {
            if let Err(failed) = Box::pin(router.answer(&copy, 0)).await {
                let why = without_prompt(failed.error.message(), &copy);
                of_request!(router.verbosity, group = group.as_str(); "a copy failed: {why}");
            }
        });
    }
}
