//! Scripts, and numbers as they stand in them.

use std::time::Duration;

use once_cell::sync::Lazy;
use redis::{Cmd, Value, cmd};

use crate::store::StoreError;

/// A script without what only people read: its text goes out with every question.
pub struct Script(Lazy<String>);

/// Renews a row.
pub static SHARE: Script = Script::new(|| compact(include_str!("lua/share.lua")));
pub static REST: Script = Script::new(|| compact(include_str!("lua/rest.lua")));
pub static RESTING: Script = Script::new(|| compact(include_str!("lua/resting.lua")));
pub static SPEND: Script = Script::new(|| compact(include_str!("lua/spend.lua")));
pub static TAKE: Script = Script::new(|| compact(include_str!("lua/take.lua")));
pub static SETTLE: Script = Script::new(|| compact(include_str!("lua/settle.lua")));
/// Writes a cooldown for LiteLLM.
pub static LITELLM_COOLDOWN: Script = Script::new(|| compact(include_str!("lua/litellm_cooldown.lua")));

impl Script {
    const fn new(text: fn() -> String) -> Self {
        Self(Lazy::new(text))
    }

    /// Its run over one key; arguments are added.
    pub fn over(&self, key: &str) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(self.0.as_str()).arg(1).arg(key);
        command
    }
}

fn compact(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Lua's numbers are whole up to here; above it nothing is a limit any more.
const ENDLESS: u64 = 1 << 53;

pub fn number(value: u64) -> String {
    if value >= ENDLESS { "*".to_owned() } else { value.to_string() }
}

pub fn read_number(text: &str) -> Option<u64> {
    if text == "*" { Some(u64::MAX) } else { text.parse().ok() }
}

/// Milliseconds, none of them lost: a part is a whole one.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(ENDLESS).min(ENDLESS - 1)
}

/// An answer that is not as its script gives it: somebody else's script, or somebody else's key.
pub fn odd(name: &str, what: &str) -> StoreError {
    StoreError(format!("{name}: it answers something else to {what}"))
}

/// The text of a value, if it is one.
pub fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_large_ones_are_endless() {
        for value in [0, 7, ENDLESS - 1, u64::MAX] {
            assert_eq!(read_number(&number(value)), Some(value));
        }
        assert_eq!((number(ENDLESS), read_number("-1"), read_number("1.5")), ("*".to_owned(), None, None));
        assert_eq!((millis(Duration::from_nanos(1)), millis(Duration::from_millis(5))), (1, 5));
        assert_eq!(compact("-- why\n  a = 1\n\n\tb = 2 -- here\n"), "a = 1\nb = 2 -- here");
    }
}
