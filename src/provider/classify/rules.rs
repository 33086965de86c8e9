//! The table of what is known about errors: rules of the configuration, then those of `data/errors.json`.

use std::time::Duration;

use once_cell::race::OnceBox;
use serde::Deserialize;

use crate::config::{ErrorRule, Phrase, Warning};
use crate::error::{ErrorKind, Scope};
use crate::transport::HeaderMap;

use super::super::table;
use super::body::Said;

/// The statuses of a rule that names none. A server's own fault is never explained away: only a rule that names such a
/// status touches it.
const CALLERS_FAULTS: std::ops::Range<u16> = 400..500;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    rules: Vec<ErrorRule>,
}

fn file() -> Result<File, serde_json::Error> {
    serde_json::from_str(include_str!("../../../data/errors.json"))
}

/// Part of the library and read by a test, so it can't fail here; an empty table leaves all to the status.
static BUILT_IN: OnceBox<Vec<Rule>> = OnceBox::new();

/// Made without waiting for anybody: a process that was forked meanwhile would wait for ever.
fn known() -> &'static [Rule] {
    BUILT_IN.get_or_init(|| Box::new(file().map(|file| file.rules.iter().map(Rule::new).collect()).unwrap_or_default()))
}

/// All rules of a router.
#[derive(Debug, Default)]
pub struct ErrorRules {
    own: Vec<Rule>,
}

/// An answer, as rules look at it.
pub struct Facts<'a> {
    pub provider: &'a str,
    pub status: u16,
    pub headers: &'a HeaderMap,
    pub said: &'a Said,
    /// Whether it says when to come again.
    pub timed: bool,
}

/// A rule, ready to be compared. Texts are in lower case.
#[derive(Debug)]
pub struct Rule {
    pub kind: Option<ErrorKind>,
    pub scope: Option<Scope>,
    pub retryable: Option<bool>,
    pub wait: Option<Duration>,
    providers: Vec<String>,
    statuses: Vec<u16>,
    codes: Vec<String>,
    headers: Vec<(String, Option<String>)>,
    text: Vec<Vec<String>>,
    not_text: Vec<Vec<String>>,
    timed: Option<bool>,
}

impl ErrorRules {
    /// The configuration's rules, before the built-in ones. A provider that nobody knows is worth a warning.
    pub fn new(rules: &[ErrorRule], warnings: &mut Vec<Warning>) -> Self {
        for rule in rules {
            for name in rule.provider.iter().filter(|name| table::by_name(name).is_none()) {
                let name = name.escape_debug();
                let message =
                    format!("no provider is known by the name \"{name}\"; only custom_llm_provider can mean it");
                warnings.push(Warning { path: rule.path.clone(), line: rule.line, column: 0, message });
            }
        }
        Self { own: rules.iter().map(Rule::new).collect() }
    }

    /// The first rule that is for this answer.
    pub fn find(&self, facts: &Facts<'_>) -> Option<&Rule> {
        self.own.iter().chain(known().iter()).find(|rule| rule.matches(facts))
    }
}

impl Rule {
    fn new(rule: &ErrorRule) -> Self {
        let lower = |texts: &[String]| texts.iter().map(|text| text.to_lowercase()).collect::<Vec<_>>();
        let phrases = |phrases: &[Phrase]| phrases.iter().map(|phrase| lower(phrase.parts())).collect();
        let headers = rule.header.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
        Self {
            kind: rule.class.as_deref().and_then(kind),
            scope: rule.scope.as_deref().and_then(scope),
            retryable: rule.retryable,
            wait: rule.wait.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            providers: rule.provider.clone(),
            statuses: rule.status.clone(),
            codes: lower(&rule.code),
            headers: headers.collect(),
            text: phrases(&rule.text),
            not_text: phrases(&rule.not_text),
            timed: rule.timed,
        }
    }

    fn matches(&self, facts: &Facts<'_>) -> bool {
        let Facts { provider, status, headers, said, timed } = facts;
        let behind = !self.accuses_the_key();
        let phrased = |phrases: &[Vec<String>]| {
            let said =
                |phrase: &Vec<String>| said.words(behind).any(|words| phrase.iter().all(|part| words.contains(part)));
            phrases.iter().any(said)
        };
        let has_header = |(name, value): &(String, Option<String>)| {
            let found = headers.get(name).and_then(|found| found.to_str().ok());
            found.is_some_and(|found| value.as_ref().is_none_or(|value| found.trim().eq_ignore_ascii_case(value)))
        };
        (if self.statuses.is_empty() { CALLERS_FAULTS.contains(status) } else { self.statuses.contains(status) })
            && (self.providers.is_empty() || self.providers.iter().any(|name| name == provider))
            && (self.codes.is_empty() || self.codes.iter().any(|code| said.has_code(code, behind)))
            && self.headers.iter().all(has_header)
            && (self.text.is_empty() || phrased(&self.text))
            && !phrased(&self.not_text)
            && self.timed.is_none_or(|wanted| wanted == *timed)
    }

    /// What a provider behind a gateway says about keys is about the gateway's, not about ours.
    fn accuses_the_key(&self) -> bool {
        self.scope.or(self.kind.map(ErrorKind::scope)) == Some(Scope::Key)
    }
}

/// The kind of this class that a provider's answer can have.
fn kind(class: &str) -> Option<ErrorKind> {
    ErrorKind::NAMED.into_iter().find(|kind| kind.code() >= 400 && kind.class() == class)
}

fn scope(name: &str) -> Option<Scope> {
    match name {
        "request" => Some(Scope::Request),
        "key" => Some(Scope::Key),
        // Health is kept for deployments; one that shares a host with others is judged by its own calls.
        "deployment" | "host" => Some(Scope::Deployment),
        _ => None,
    }
}

#[cfg(test)]
pub mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::{ERROR_CLASSES, ERROR_SCOPES};

    /// What each built-in rule is about.
    pub fn built_in() -> Vec<String> {
        file().unwrap().rules.into_iter().map(|rule| rule.about).collect()
    }

    /// Which built-in rule this is.
    pub fn place(rule: &Rule) -> Option<usize> {
        known().iter().position(|known| std::ptr::eq(known, rule))
    }

    #[test]
    fn every_name_that_a_configuration_may_use_is_understood() {
        for class in ERROR_CLASSES {
            assert_eq!(kind(class).map(ErrorKind::class), Some(*class));
        }
        for name in ERROR_SCOPES {
            assert!(scope(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_built_in_table_keeps_its_own_rules() {
        let rules = file().unwrap().rules;
        assert_eq!(rules.len(), known().len());
        let mut seen = HashSet::new();
        let mut worded = false;
        for (rule, compiled) in rules.iter().zip(known().iter()) {
            let about = &rule.about;
            assert!(!about.is_empty() && seen.insert(about), "{about}: names a rule, and only one");
            assert_eq!(rule.class.is_some(), compiled.kind.is_some(), "{about}: unknown class");
            assert_eq!(rule.scope.is_some(), compiled.scope.is_some(), "{about}: unknown scope");
            assert!(rule.provider.iter().all(|name| table::by_name(name).is_some()), "{about}: unknown provider");
            assert!(!rule.status.is_empty(), "{about}: says for which statuses it is");
            assert!(
                rule.status.iter().all(|status| CALLERS_FAULTS.contains(status)),
                "{about}: a server's fault stays one"
            );
            let phrases = || rule.text.iter().chain(&rule.not_text).flat_map(Phrase::parts);
            assert!(phrases().all(|part| *part == part.to_lowercase() && !part.is_empty()), "{about}: lower case");
            if rule.status.contains(&429) && rule.retryable == Some(false) {
                assert!(!rule.code.is_empty(), "{about}: plain text never makes a 429 terminal");
            }
            let allowed: &[u16] = match compiled.kind {
                Some(ErrorKind::ContextWindowExceeded) => &[400, 413, 422],
                Some(ErrorKind::ContentPolicyViolation) => &[400, 403, 422],
                _ => &rule.status,
            };
            assert!(rule.status.iter().all(|status| allowed.contains(status)), "{about}: statuses");
            worded |= rule.code.is_empty() && !rule.text.is_empty();
            assert!(!worded || rule.code.is_empty() || !rule.text.is_empty(), "{about}: a code after the phrases");
        }
    }
}
