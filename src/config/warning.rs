//! What a person should know of a configuration: warnings, and why it can't be used.

use std::fmt;

/// Something that a person should know about the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Such as `router_settings.fallbacks[0].gpt-4`; empty for the whole file.
    pub path: String,
    /// 1-based; 0 where no line can be named.
    pub line: usize,
    /// 1-based; 0 where no line can be named.
    pub column: usize,
    /// Without path and line; `Display` shows all three.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.path.is_empty(), self.line) {
            (true, _) => f.write_str(&self.message),
            (false, 0) => write!(f, "{}: {}", self.path, self.message),
            (false, line) => write!(f, "{} at line {line} column {}: {}", self.path, self.column, self.message),
        }
    }
}

/// Why a configuration can't be used: all that is wrong with one cause, with path, line, column and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}
