//! Environment variables: the file's own, then the process's; and the `os.environ/` references to them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::keys::{Kind, Section, State, Unknown, is_own};
use super::position::join;
use super::report::Report;
use super::scalar;
use super::secret::Secret;

const REFERENCE: &str = "os.environ/";

/// The section of a file's own variables.
pub const SECTION: &str = "environment_variables";

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Variables by name. No Debug, and values of the file are wiped when dropped: most are credentials.
pub struct Environment {
    file: BTreeMap<String, Secret>,
    process: Box<Lookup>,
}

impl Environment {
    /// Takes `environment_variables` of the file, whose values may be references themselves.
    pub(super) fn new(
        variables: Option<&Value>,
        process: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        report: &mut Report,
    ) -> Self {
        let mut environment = Self { file: BTreeMap::new(), process: Box::new(process) };
        let mut written: BTreeMap<&str, String> = BTreeMap::new();
        match variables {
            None | Some(Value::Null) => {}
            Some(Value::Object(variables)) => {
                for (name, value) in variables.iter().filter(|(_, value)| !value.is_null()) {
                    match plain(value) {
                        Some(value) => drop(written.insert(name, value)),
                        None => report.error(&join(SECTION, name), "expected text", ""),
                    }
                }
            }
            Some(_) => report.error(SECTION, "expected a map of names to values", ""),
        }
        for name in written.keys() {
            match environment.follow(name, &written) {
                Ok(value) => drop(environment.file.insert((*name).to_owned(), Secret::new(value))),
                Err(unset) => report.unset(&join(SECTION, name), &unset),
            }
        }
        environment
    }

    /// The variable's value; one that is set but empty is set.
    pub fn get(&self, name: &str) -> Option<String> {
        self.file.get(name).map(|value| value.expose().to_owned()).or_else(|| (self.process)(name))
    }

    /// Follows references from variable to variable of the file. One that refers to itself means the process's.
    fn follow(&self, name: &str, written: &BTreeMap<&str, String>) -> Result<String, String> {
        let mut seen = Vec::new();
        let mut name = name;
        while let Some(value) = written.get(name).filter(|_| !seen.contains(&name)) {
            seen.push(name);
            match value.strip_prefix(REFERENCE) {
                Some(next) => name = next,
                None => return Ok(value.clone()),
            }
        }
        (self.process)(name).ok_or_else(|| name.to_owned())
    }

    /// Replaces the references in a section, save under keys that this library does not use.
    pub(super) fn substitute(
        &self,
        section: &'static Section,
        map: &mut Map<String, Value>,
        path: &str,
        report: &mut Report,
    ) {
        for (name, value) in map {
            let path = join(path, name);
            match section.find(name) {
                Some(key) if matches!(key.state, State::ProxyOnly | State::Quiet) => {}
                Some(key) => self.substitute_kind(&key.kind, value, &path, report),
                None if section.unknown == Unknown::Forwarded && !is_own(name) => {
                    self.substitute_kind(&Kind::Any, value, &path, report);
                }
                None => {}
            }
        }
    }

    fn substitute_kind(&self, kind: &'static Kind, value: &mut Value, path: &str, report: &mut Report) {
        match (kind, value) {
            (Kind::Section(section), Value::Object(map)) => self.substitute(section, map, path, report),
            (Kind::ListOf(kind), Value::Array(list)) => {
                for (index, value) in list.iter_mut().enumerate() {
                    self.substitute_kind(kind, value, &format!("{path}[{index}]"), report);
                }
            }
            (_, Value::Array(list)) => {
                for (index, value) in list.iter_mut().enumerate() {
                    self.substitute_kind(&Kind::Any, value, &format!("{path}[{index}]"), report);
                }
            }
            (_, Value::Object(map)) => {
                for (name, value) in map {
                    self.substitute_kind(&Kind::Any, value, &join(path, name), report);
                }
            }
            (_, value) => {
                let Some(name) = value.as_str().and_then(|text| text.strip_prefix(REFERENCE)) else { return };
                match self.get(name) {
                    Some(found) => *value = typed(found),
                    None => report.unset(path, name),
                }
            }
        }
    }
}

/// LiteLLM makes a boolean of `true` and `false`, whatever their case, and of nothing else.
fn typed(text: String) -> Value {
    match text.to_ascii_lowercase().as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => Value::String(text),
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        other => scalar::text(other),
    }
}
