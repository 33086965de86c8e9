//! Who a deployment is: LiteLLM's id, so that state and dashboards carry over.

use std::collections::BTreeMap;
use std::fmt::Write;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use super::python;

/// LiteLLM's hash over the group and the parameters, in the order in which they are written.
pub fn hash(group: &str, params: &Map<String, Value>) -> String {
    let mut text = group.to_owned();
    for (name, value) in params {
        text.push_str(name);
        text.push_str(&if value.is_object() { python::json(value) } else { python::str(value) });
    }
    digest(&SHA256, text.as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Every id that is taken, and the path of who has it.
#[derive(Default)]
pub struct Ids(BTreeMap<String, String>);

impl Ids {
    /// Takes an id that must be unique; otherwise tells who has it.
    pub fn reserve(&mut self, id: &str, path: &str) -> Result<(), String> {
        match self.0.get(id) {
            Some(owner) => Err(owner.clone()),
            None => {
                self.0.insert(id.to_owned(), path.to_owned());
                Ok(())
            }
        }
    }

    /// Passes an id on from one owner to another; false if `from` doesn't have it.
    pub fn claim(&mut self, id: &str, from: &str, to: &str) -> bool {
        match self.0.get_mut(id) {
            Some(owner) if owner == from => {
                to.clone_into(owner);
                true
            }
            _ => false,
        }
    }

    /// Takes the id, or the first of `id-2`, `id-3`, … that is free. Whose id it was first, if it was somebody's.
    pub fn take(&mut self, id: &str, path: &str) -> (String, Option<String>) {
        let owner = self.0.get(id).cloned();
        let mut free = id.to_owned();
        let mut number = 2_usize;
        while self.reserve(&free, path).is_err() {
            free = format!("{id}-{number}");
            number += 1;
        }
        (free, owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn the_hash_is_litellms() {
        let params = json!({"model": "openai/x", "api_key": "k", "api_base": "http://127.0.0.1:43729/z/v1"});
        assert_eq!(hash("gg", &map(params)), "f4ec3745b003d6e04dd241c4b20d7ef92c65a010cbb5bdc8435d0eebd7e8dc0f");
    }

    /// Computed with Python 3 after the rule of the specification.
    #[test]
    fn values_are_printed_as_python_prints_them() {
        let params = json!({"model": "openai/x", "temperature": 0.5, "stop": ["a", "b'"], "rpm": 100,
            "extra_headers": {"X-A": "é", "n": 1}, "stream": true, "p": 0.00003, "none": null});
        assert_eq!(hash("grp", &map(params)), "c4a0a64d1c999b998d63ebfda5a881ea3eb1890287eebfb2f754e0d196935f26");
    }

    #[test]
    fn the_order_of_parameters_counts() {
        assert_ne!(hash("g", &map(json!({"a": 1, "b": 2}))), hash("g", &map(json!({"b": 2, "a": 1}))));
    }

    #[test]
    fn a_taken_id_gets_a_number() {
        let mut ids = Ids::default();
        assert_eq!(ids.reserve("a-2", "p0"), Ok(()));
        assert_eq!(ids.take("a", "p1"), ("a".to_owned(), None));
        assert_eq!(ids.take("a", "p2"), ("a-3".to_owned(), Some("p1".to_owned())));
        assert_eq!(ids.reserve("a", "p3"), Err("p1".to_owned()));
    }
}
