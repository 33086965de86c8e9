//! Environment variables of callbacks. What is wrong with one is said with its name, never with its value.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use crate::config::env::Environment;
use crate::config::scalar;

/// The file's variables, then the process's. One that is set but blank is as good as none.
pub struct Variables<'a>(pub &'a Environment);

impl Variables<'_> {
    pub fn text(&self, name: &str) -> Option<String> {
        let value = self.0.get(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The first of them that is set, with its name.
    pub fn first(&self, names: &[&'static str]) -> Option<(&'static str, String)> {
        names.iter().find_map(|name| Some((*name, self.text(name)?)))
    }

    /// All of these, or which of them are not set.
    pub fn all<const N: usize>(&self, names: [&str; N]) -> Result<[String; N], String> {
        let values = names.map(|name| self.text(name));
        let missing: Vec<_> = names.iter().zip(&values).filter(|(_, value)| value.is_none()).collect();
        let missing: Vec<_> = missing.into_iter().map(|(name, _)| *name).collect();
        match missing.as_slice() {
            [] => Ok(values.map(Option::unwrap_or_default)),
            [one] => Err(format!("{one} is not set")),
            more => Err(format!("{} are not set", more.join(" and "))),
        }
    }

    pub fn number(&self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = scalar::number(&Value::from(text)).filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| format!("{name} holds no number from {} to {}", range.start(), range.end()))
    }

    pub fn count(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<usize>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let count = scalar::integer(&Value::from(text)).and_then(|count| u64::try_from(count).ok());
        let count = count.filter(|count| range.contains(count)).and_then(|count| usize::try_from(count).ok());
        count.map(Some).ok_or_else(|| format!("{name} holds no whole number from {} to {}", range.start(), range.end()))
    }

    /// A time that the variable gives in units of `unit` seconds; more than 0.
    pub fn time(&self, name: &str, unit: f64) -> Result<Option<Duration>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let seconds = scalar::number(&Value::from(text)).map(|number| number * unit);
        let seconds = seconds.filter(|seconds| (0.0..=scalar::MAX_SECONDS).contains(seconds));
        let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let time = time.filter(|time| !time.is_zero());
        let units = if unit < 1.0 { "milliseconds" } else { "seconds" };
        time.map(Some).ok_or_else(|| format!("{name} holds no number of {units} above 0"))
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.as_str() {
            "1" => Ok(Some(true)),
            "0" => Ok(Some(false)),
            _ => scalar::boolean(&Value::from(text))
                .map(Some)
                .ok_or_else(|| format!("{name} holds neither true nor false")),
        }
    }
}
