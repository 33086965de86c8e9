//! What a load finds wrong or worth saying, each with its path and place.

use std::collections::BTreeSet;
use std::fmt;

use super::position::Positions;
use super::warning::{ConfigError, Warning};

/// How many errors one load tells; the rest is counted.
const MAX_ERRORS: usize = 20;

/// How much of a path or name that the text makes up is repeated in a message.
const MAX_SHOWN: usize = 200;

/// Collects errors and warnings, so that one load names all of them.
pub struct Report {
    positions: Positions,
    errors: Vec<String>,
    unset: Vec<String>,
    warnings: Vec<Warning>,
    said: BTreeSet<String>,
}

impl Report {
    pub fn new(positions: Positions) -> Self {
        Self { positions, errors: Vec::new(), unset: Vec::new(), warnings: Vec::new(), said: BTreeSet::new() }
    }

    /// `what` is wrong at `path`; `hint`, if any, says what to do.
    pub fn error(&mut self, path: &str, what: impl fmt::Display, hint: impl fmt::Display) {
        let place = self.place(path);
        let hint = hint.to_string();
        let semicolon = if hint.is_empty() { "" } else { "; " };
        self.errors.push(format!("{}: {what}{place}{semicolon}{hint}", shown(path)));
    }

    /// The variable of an `os.environ/` reference has no value. All of them become one error.
    pub fn unset(&mut self, path: &str, variable: &str) {
        let place = self.place(path);
        self.unset.push(format!("{} for {}{place}", shown(variable), shown(path)));
    }

    pub fn warn(&mut self, path: &str, message: impl Into<String>) {
        let place = self.positions.get(path);
        let (line, column) = place.map_or((0, 0), |place| (place.line, place.column));
        let mut message = message.into();
        if let Some(file) = place.and_then(|place| place.file.as_ref()) {
            message.push_str(&format!(" (in {file})"));
        }
        self.warnings.push(Warning { path: shown(path), line, column, message });
    }

    /// Warns at the first of many like places: `model_list[0].tpm` speaks for `model_list[1].tpm`.
    pub fn warn_once(&mut self, path: &str, message: impl Into<String>) {
        let message = message.into();
        if self.said.insert(format!("{}: {message}", without_indices(path))) {
            self.warn(path, message);
        }
    }

    /// Where `path` stands, as the end of a phrase: ` at line 3 column 5`, or nothing.
    pub fn place(&self, path: &str) -> String {
        match self.positions.get(path) {
            Some(place) => {
                let file = place.file.as_ref().map(|file| format!(" of {file}")).unwrap_or_default();
                format!(" at line {} column {}{file}", place.line, place.column)
            }
            None => String::new(),
        }
    }

    /// Whether the text has something at exactly this path.
    pub fn knows(&self, path: &str) -> bool {
        self.positions.has(path)
    }

    pub fn line(&self, path: &str) -> usize {
        self.positions.get(path).map_or(0, |place| place.line)
    }

    /// Ends the load if anything was wrong.
    pub fn check(&mut self) -> Result<(), ConfigError> {
        let mut messages = Vec::new();
        if !self.unset.is_empty() {
            messages.push(format!("environment variables are not set: {}", self.unset.join(", ")));
        }
        messages.append(&mut self.errors);
        if messages.is_empty() {
            return Ok(());
        }
        let more = messages.len().saturating_sub(MAX_ERRORS);
        messages.truncate(MAX_ERRORS);
        if more > 0 {
            messages.push(format!("and {more} more errors"));
        }
        Err(ConfigError { message: messages.join("\n") })
    }

    /// The end of a load that has met an error already.
    pub fn into_error(mut self) -> ConfigError {
        self.check().err().unwrap_or_else(|| ConfigError { message: "invalid configuration".to_owned() })
    }

    pub fn into_warnings(self) -> Vec<Warning> {
        self.warnings
    }
}

/// A path or name of the text, fit for a log line.
pub fn shown(text: &str) -> String {
    let line: String = text.chars().take(MAX_SHOWN).map(|c| if c.is_control() { '?' } else { c }).collect();
    if line.len() < text.len() { line + "…" } else { line }
}

fn without_indices(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|&c| {
            inside = (inside || c == '[') && c != ']';
            !inside || c == '['
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_places_are_named_once() {
        let mut report = Report::new(Positions::default());
        report.warn_once("model_list[0].tpm", "x");
        report.warn_once("model_list[17].tpm", "x");
        report.warn_once("model_list[17].rpm", "x");
        let paths: Vec<_> = report.into_warnings().into_iter().map(|warning| warning.path).collect();
        assert_eq!(paths, ["model_list[0].tpm", "model_list[17].rpm"]);
    }

    #[test]
    fn many_errors_are_counted() {
        let mut report = Report::new(Positions::default());
        for index in 0..25 {
            report.error(&format!("a[{index}]"), "wrong", "");
        }
        let message = report.check().map_err(|error| error.message).err().unwrap_or_default();
        assert_eq!(message.lines().count(), 21);
        assert!(message.ends_with("and 5 more errors"), "{message}");
    }
}
