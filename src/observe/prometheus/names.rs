//! Names of models in labels. Callers may ask for any name, so only so many are shown.

use std::collections::HashSet;
use std::sync::Arc;

use crate::policy::{Wildcard, maker_of};

use super::labels::OTHER;

/// What nobody serves.
pub const UNKNOWN: &str = "unknown";
/// Names behind wildcards that are shown at most.
const MOST_BEHIND_WILDCARDS: usize = 1000;

/// What the configuration knows.
#[derive(Default)]
pub struct Names {
    known: HashSet<Arc<str>>,
    wildcards: Vec<Wildcard>,
    /// Names that a wildcard took, as they came.
    behind: HashSet<Arc<str>>,
}

impl Names {
    /// Takes the names of a configuration in; those with a `*` stand for many. Names that were shown stay.
    pub fn know(&mut self, names: impl Iterator<Item = String>) {
        self.known.clear();
        self.wildcards.clear();
        for name in names {
            self.wildcards.extend(Wildcard::new(&name));
            self.known.insert(name.into());
        }
    }

    /// The name as it is shown.
    pub fn shown<'n>(&mut self, name: &'n str) -> &'n str {
        if name.is_empty() || self.known.contains(name) || self.behind.contains(name) {
            return name;
        }
        let is_taken = |name: &str| self.wildcards.iter().any(|wildcard| wildcard.captures(name).is_some());
        // A name alone may mean that of its maker.
        if !is_taken(name) && !maker_of(name).is_some_and(|maker| is_taken(&format!("{maker}/{name}"))) {
            return UNKNOWN;
        }
        if self.behind.len() >= MOST_BEHIND_WILDCARDS {
            return OTHER;
        }
        self.behind.insert(name.into());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_names_are_shown() {
        let mut names = Names::default();
        names.know(["gpt", "openai/*"].map(str::to_owned).into_iter());
        assert_eq!((names.shown("gpt"), names.shown("gtp"), names.shown("")), ("gpt", UNKNOWN, ""));
        assert_eq!((names.shown("openai/o1"), names.shown("gpt-4o")), ("openai/o1", "gpt-4o"));
        let shown: HashSet<String> =
            (0..9999).map(|n| format!("openai/{n}")).map(|name| names.shown(&name).to_owned()).collect();
        assert_eq!(shown.len(), MOST_BEHIND_WILDCARDS - 2 + 1);
        assert!(shown.contains(OTHER) && names.shown("openai/o1") == "openai/o1");
        names.know(["new"].map(str::to_owned).into_iter());
        assert_eq!((names.shown("new"), names.shown("gpt")), ("new", UNKNOWN));
    }
}
