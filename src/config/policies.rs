//! `retry_policy`, `model_group_retry_policy`, `allowed_fails_policy`: numbers by class of failure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::groups::Groups;
use super::model::{Alias, CooldownConfig, RetryConfig};
use super::position::join;
use super::report::Report;
use super::sections::Read;
use super::settings::Settings;
use crate::policy::{ByClass, Slot};

const RETRIES: &str = "Retries";
const ALLOWED_FAILS: &str = "AllowedFails";

/// Fills in the retry policies of the router and of its groups.
pub fn retry(
    read: &Read,
    groups: &Groups,
    aliases: &BTreeMap<String, Alias>,
    report: &mut Report,
) -> (Option<ByClass>, BTreeMap<String, ByClass>) {
    let router = &read.sections.router;
    let global = policy(router, "retry_policy", &read.router_path("retry_policy"), RETRIES, report);
    let path = read.router_path("model_group_retry_policy");
    let written = router.section("model_group_retry_policy");
    let mut by_group = BTreeMap::new();
    for (group, _) in written.iter() {
        let path = join(&path, group);
        if !groups.is_asked_for(group, aliases) {
            report.warn(&path, format!("there is no model group {group}; this policy is never used"));
        }
        by_group.extend(policy(&written, group, &path, RETRIES, report).map(|policy| (group.to_owned(), policy)));
    }
    (global, by_group)
}

/// The allowances of the router or of one deployment.
pub fn allowed_fails(settings: &Settings, path: &str, report: &mut Report) -> Option<ByClass> {
    policy(settings, "allowed_fails_policy", path, ALLOWED_FAILS, report)
}

/// An allowance without effect is told: what is wrong with a request is nobody's failure.
pub fn warn_of_idle(policy: &ByClass, path: &str, report: &mut Report) {
    use crate::error::ErrorKind;
    if policy.number(ErrorKind::BadRequest).is_some() || policy.named(ErrorKind::ContentPolicyViolation).is_some() {
        report.warn(path, "bad requests count against nobody here; only a deployment's own policy can count them");
    }
}

/// One policy, its two spellings made one. A class with two different numbers is an error.
fn policy(settings: &Settings, name: &str, path: &str, suffix: &str, report: &mut Report) -> Option<ByClass> {
    let written = settings.get(name)?.as_object()?;
    let mut policy = ByClass::default();
    for (key, value) in written {
        let number = match value {
            Value::Object(entry) => entry.get("max_retries"),
            other => Some(other),
        };
        let number = number.and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        let (Some(slot), Some(number)) = (Slot::of_key(key, suffix), number) else { continue };
        let place = policy.slot(slot);
        if place.is_some_and(|earlier| earlier != number) {
            report.error(&join(path, key), "set twice", "the same class stands here in another spelling");
        }
        *place = Some(number);
    }
    Some(policy)
}

impl RetryConfig {
    /// The policy for a group: its own, whole, else the one that is `asked` for, else the router's. `names` are those of
    /// the group.
    pub fn policy_of<'a, 'n>(
        &'a self,
        mut names: impl Iterator<Item = &'n str>,
        asked: Option<&'a ByClass>,
    ) -> Option<&'a ByClass> {
        names.find_map(|name| self.group_policies.get(name)).or(asked).or(self.policy.as_ref())
    }
}

impl CooldownConfig {
    /// How many failures are allowed of classes that no policy names: what is set, else LiteLLM's number where a
    /// policy is, else nothing, which leaves it to the share of failures.
    pub fn allowed(&self) -> Option<u32> {
        const BESIDE_A_POLICY: u32 = 3;
        self.allowed_fails.or(self.policy.as_ref().map(|_| BESIDE_A_POLICY))
    }
}
