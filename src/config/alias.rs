//! `model_group_alias`: where each alias ends.

use std::collections::BTreeMap;

use serde_json::Value;

use super::groups::Groups;
use super::model::{Alias, AliasTarget};
use super::position::join;
use super::report::Report;
use super::sections::Read;

/// Follows every alias to its end. Cycles are errors, missing ends are warnings.
pub fn resolve(read: &Read, groups: &Groups, report: &mut Report) -> BTreeMap<String, Alias> {
    let written = read.sections.router.section("model_group_alias");
    let targets: BTreeMap<&str, (&str, bool)> =
        written.iter().filter_map(|(name, value)| Some((name, entry(value)?))).collect();
    let path = |name: &str| join(&read.router_path("model_group_alias"), name);
    for (name, value) in written.iter() {
        if entry(value).is_none() {
            report.error(&path(name), "an alias without a target", "name the model group that answers");
        }
    }
    let mut ends: BTreeMap<&str, AliasTarget> = BTreeMap::new();
    for &name in targets.keys() {
        match end(name, &targets, groups) {
            Ok(target) => drop(ends.insert(name, target)),
            Err(cycle) => report.error(&path(name), format!("aliases in a circle: {}", cycle.join(" -> ")), ""),
        }
    }
    let mut aliases = BTreeMap::new();
    for (&name, end) in &ends {
        let target = serve_instead(name, end, &ends, groups);
        match (end, &target) {
            (AliasTarget::Missing(missing), AliasTarget::Group(group)) => {
                report.warn(&path(name), format!("there is no model group {missing}; {group} answers"));
            }
            (AliasTarget::Missing(missing), AliasTarget::Missing(_)) => {
                report.warn(
                    &path(name),
                    format!("there is no model group {missing}; a call through this alias is a bad request"),
                );
            }
            (AliasTarget::Group(group), _) if groups.has(name) && group != name => {
                report.warn(&path(name), format!("hides the model group {name}; {group} answers"));
            }
            _ => {}
        }
        let hidden = targets.get(name).is_some_and(|(_, hidden)| *hidden);
        aliases.insert(name.to_owned(), Alias { target, hidden });
    }
    aliases
}

/// The target and whether the alias is hidden.
fn entry(value: &Value) -> Option<(&str, bool)> {
    let (model, hidden) = match value {
        Value::String(model) => (model.as_str(), false),
        other => (other.get("model")?.as_str()?, other.get("hidden") == Some(&Value::Bool(true))),
    };
    (!model.is_empty()).then_some((model, hidden))
}

/// Where following the alias ends; the way, if it is a circle. A group ends the way, a wildcard only where no alias
/// goes on.
fn end<'a>(
    name: &'a str,
    targets: &BTreeMap<&'a str, (&'a str, bool)>,
    groups: &Groups,
) -> Result<AliasTarget, Vec<&'a str>> {
    let mut way = vec![name];
    loop {
        let Some(&here) = way.last() else { return Err(way) };
        let next = targets.get(here).map(|(target, _)| *target).filter(|target| *target != here);
        let Some(next) = next else {
            let found = groups.has(here) || groups.is_union(here) || groups.takes(here) || groups.is_model(here);
            return Ok(if found { AliasTarget::Group(here.to_owned()) } else { AliasTarget::Missing(here.to_owned()) });
        };
        if groups.has(next) {
            return Ok(AliasTarget::Group(next.to_owned()));
        }
        let circle = way.contains(&next);
        way.push(next);
        if circle {
            return Err(way);
        }
    }
}

/// In the stead of a missing target: the group of the alias's own name, or of another alias with the same target.
fn serve_instead(name: &str, end: &AliasTarget, ends: &BTreeMap<&str, AliasTarget>, groups: &Groups) -> AliasTarget {
    if matches!(end, AliasTarget::Group(_)) {
        return end.clone();
    }
    let others = ends.iter().filter(|(_, other)| *other == end).map(|(other, _)| *other);
    let served = std::iter::once(name).chain(others).find(|name| groups.has(name));
    served.map_or_else(|| end.clone(), |group| AliasTarget::Group(group.to_owned()))
}
