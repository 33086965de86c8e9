//! The one place that knows the keys of a configuration: their names, what they hold, and what becomes of them.
//!
//! The names are LiteLLM's, with those of `llmrouter_settings`. A new key is a line in a table of this folder.

mod callbacks;
mod deployment;
mod general;
mod litellm;
mod llmrouter;
mod nested;
mod params;
mod prices;
mod router;
mod top;

pub use callbacks::{CALLBACK_SETTINGS, MOST_EVENTS_AT_ONCE, WEBHOOK_SETTINGS};
pub use deployment::DEPLOYMENT;
pub use general::GENERAL_SETTINGS;
pub use litellm::LITELLM_SETTINGS;
pub use params::LITELLM_PARAMS;
pub use router::ROUTER_SETTINGS;
pub use top::TOP;

#[cfg(test)]
pub use {
    callbacks::{FILE_SETTINGS, LANGFUSE_SETTINGS, METRICS, METRICS_GROUP, OTEL_SETTINGS},
    deployment::MODEL_INFO,
    litellm::CACHE_PARAMS,
    llmrouter::{ERROR_RULE, LLMROUTER_SETTINGS},
    nested::{ALIAS, ALLOWED_FAILS_POLICY, BUDGET, MAX_RETRIES, RETRY_POLICY, ROUTING_GROUP, STRATEGY_ARGS},
};

/// A map of the configuration, with every key that it may have.
pub struct Section {
    /// As messages call it.
    pub name: &'static str,
    pub tables: &'static [&'static [Key]],
    pub unknown: Unknown,
}

/// One key of a section.
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub state: State,
}

/// What a key holds. A null is as good as no key.
pub enum Kind {
    Any,
    /// Also yes/no, on/off, y/n, as YAML 1.1 has them.
    Bool,
    /// A `Bool`, or another text (`ssl_verify`: a path).
    BoolOrText,
    /// A number is taken as its text.
    Text,
    /// A text; a null is kept, and means any text.
    TextOrAny,
    /// A whole number of things, from 0.
    Count,
    /// A whole number in these bounds, both included.
    Between(u64, u64),
    /// Any whole number.
    Integer,
    /// Finite, not negative.
    Number,
    /// Finite.
    Signed,
    /// A time: seconds, not negative, at most ten years.
    Seconds,
    /// Seconds, where 0 is as good as no key, as with LiteLLM.
    Timeout,
    Choice(&'static [&'static str]),
    List,
    /// A list of texts; a text alone is a list of one.
    Texts,
    Map,
    /// Names, such as model groups, each with a value of one kind.
    MapOf(&'static Kind),
    ListOf(&'static Kind),
    Section(&'static Section),
    /// The first if it is neither a map nor a list, else the second.
    Either(&'static Kind, &'static Kind),
    /// Model groups, each with the groups that answer in its stead.
    Fallbacks,
}

/// What becomes of a key that is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works. Inside a section that is planned: it is as far as the section is.
    InForce,
    /// Sent to the provider with every call.
    Forwarded,
    /// Read and checked, but without effect yet, which a warning says.
    Planned,
    /// Only LiteLLM's proxy uses it, which a warning says.
    ProxyOnly,
    /// Without meaning here, and nothing that anyone would miss.
    Quiet,
}

/// What becomes of a key that isn't in the section's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// An error.
    Refused,
    /// An error within two edits of a known key, else ignored with a warning.
    Ignored,
    /// Passed on to the provider; a warning within two edits of a known key.
    Forwarded,
    /// Anybody's own data; an error within one edit of a known key.
    Free,
}

impl Section {
    pub fn find(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }

    pub fn keys(&self) -> impl Iterator<Item = &'static Key> + Clone + use<> {
        let tables: &'static [&'static [Key]] = self.tables;
        tables.iter().flat_map(|table| table.iter())
    }
}

/// `x-…` keys are the writer's own, everywhere.
pub fn is_own(name: &str) -> bool {
    name.starts_with("x-") || name.starts_with("x_")
}

/// The sections that a misplaced key may belong to, for the hint.
pub const PLACES: [&Section; 5] =
    [&LITELLM_PARAMS, &ROUTER_SETTINGS, &LITELLM_SETTINGS, &GENERAL_SETTINGS, &DEPLOYMENT];

const fn key(name: &'static str, kind: Kind, state: State) -> Key {
    Key { name, kind, state }
}

const fn now(name: &'static str, kind: Kind) -> Key {
    key(name, kind, State::InForce)
}

const fn sent(name: &'static str, kind: Kind) -> Key {
    key(name, kind, State::Forwarded)
}

const fn planned(name: &'static str, kind: Kind) -> Key {
    key(name, kind, State::Planned)
}

const fn proxy(name: &'static str) -> Key {
    key(name, Kind::Any, State::ProxyOnly)
}

const fn quiet(name: &'static str) -> Key {
    key(name, Kind::Any, State::Quiet)
}
