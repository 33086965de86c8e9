//! Who answers in whose stead.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The key of the list for every group without one of its own.
pub const ANY: &str = "*";

/// One fallback: a model group, and what its attempt changes in the request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    pub group: String,
    /// Members that replace the request's own; empty for a plain name.
    pub changes: Map<String, Value>,
}

/// Model groups, each with its fallbacks in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lists(BTreeMap<String, Vec<Target>>);

impl Lists {
    /// Returns false if the group had a list already, which stays: the first of two entries counts, of two for any
    /// group the last.
    pub fn add(&mut self, group: &str, targets: Vec<Target>) -> bool {
        if group != ANY && self.0.contains_key(group) {
            return false;
        }
        self.0.insert(group.to_owned(), targets).is_none()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list of the first of these names that has one, else the list for any group.
    pub fn find<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> Option<&[Target]> {
        let own = names.find_map(|name| self.0.get(name));
        own.or_else(|| self.0.get(ANY)).map(Vec::as_slice)
    }

    /// The list of exactly this key.
    pub fn get(&self, group: &str) -> Option<&[Target]> {
        self.0.get(group).map(Vec::as_slice)
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Target {
    pub fn named(group: impl Into<String>) -> Self {
        Self { group: group.into(), changes: Map::new() }
    }

    /// Reads a name, or a map with a `model` and what else it changes.
    pub fn read(value: &Value) -> Option<Self> {
        let target = match value {
            Value::String(name) => Self::named(name),
            Value::Object(changes) => {
                let group = changes.get("model")?.as_str()?.to_owned();
                let mut changes = changes.clone();
                changes.shift_remove("model");
                Self { group, changes }
            }
            _ => return None,
        };
        (!target.group.is_empty()).then_some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_entry_counts_and_the_last_for_any() {
        let mut lists = Lists::default();
        assert!(lists.add("a", vec![Target::named("b")]));
        assert!(!lists.add("a", vec![Target::named("c")]));
        assert!(lists.add(ANY, vec![Target::named("d")]));
        assert!(!lists.add(ANY, vec![Target::named("e")]));
        let first = |names: &[&str]| lists.find(names.iter().copied()).map(|targets| targets[0].group.clone());
        assert_eq!(first(&["x", "a"]).as_deref(), Some("b"));
        assert_eq!(first(&["x"]).as_deref(), Some("e"));
        assert_eq!(Lists::default().find(["x"].into_iter()), None);
    }

    #[test]
    fn a_target_is_a_name_or_a_map_with_one() {
        let with = Target::read(&json!({"model": "g", "temperature": 1})).unwrap();
        assert_eq!((with.group.as_str(), with.changes.len()), ("g", 1));
        assert_eq!(Target::read(&json!("g")), Some(Target::named("g")));
        for bad in [json!(""), json!({"temperature": 1}), json!({"model": 7}), json!(["g"]), json!(null)] {
            assert_eq!(Target::read(&bad), None, "{bad}");
        }
    }
}
