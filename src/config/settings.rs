//! A checked section: values by name, in the types that the tables promise.

use std::time::Duration;

use serde_json::{Map, Value};

/// A section after [`super::section::check`]. No Debug: values may be credentials.
#[derive(Clone, Default)]
pub struct Settings(Map<String, Value>);

impl Settings {
    pub(super) fn new(map: Map<String, Value>) -> Self {
        Self(map)
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_f64()
    }

    pub fn count(&self, name: &str) -> Option<u32> {
        u32::try_from(self.get(name)?.as_u64()?).ok()
    }

    pub fn time(&self, name: &str) -> Option<Duration> {
        Duration::try_from_secs_f64(self.number(name)?).ok()
    }

    /// A list of texts; what is no text is not in it.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// A map inside this section.
    pub fn section(&self, name: &str) -> Self {
        Self(self.get(name).and_then(Value::as_object).cloned().unwrap_or_default())
    }
}
