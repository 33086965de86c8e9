//! Every known key, misspelt by one letter in each possible way, is refused with the right suggestion.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::config::keys::{self, Section, Unknown, is_own};
use crate::config::position::Positions;
use crate::config::report::Report;
use crate::config::section;

const SECTIONS: &[Section] = &[
    keys::TOP,
    keys::ROUTER_SETTINGS,
    keys::LITELLM_SETTINGS,
    keys::GENERAL_SETTINGS,
    keys::LLMROUTER_SETTINGS,
    keys::DEPLOYMENT,
    keys::LITELLM_PARAMS,
    keys::MODEL_INFO,
    keys::CACHE_PARAMS,
    keys::RETRY_POLICY,
    keys::MAX_RETRIES,
    keys::ALLOWED_FAILS_POLICY,
    keys::STRATEGY_ARGS,
    keys::ROUTING_GROUP,
    keys::BUDGET,
    keys::ALIAS,
    keys::ERROR_RULE,
    keys::LANGFUSE_SETTINGS,
    keys::OTEL_SETTINGS,
    keys::WEBHOOK_SETTINGS,
    keys::FILE_SETTINGS,
    keys::METRICS,
    keys::METRICS_GROUP,
];

/// The words one edit away; one letter stands for all that may be put in at a place.
fn mutations(word: &str) -> BTreeSet<String> {
    let letters: Vec<char> = word.chars().collect();
    let mut all = BTreeSet::new();
    for at in 0..=letters.len() {
        let (before, after) = letters.split_at(at);
        let glue = |middle: &[char], after: &[char]| [before, middle, after].concat().iter().collect::<String>();
        all.insert(glue(&['_'], after));
        if let [_, rest @ ..] = after {
            all.insert(glue(&['e'], rest));
            all.insert(glue(&[], rest));
        }
        if let [first, second, rest @ ..] = after {
            all.insert(glue(&[*second, *first], rest));
        }
    }
    all
}

/// What a load says about one key of a section: error or warning, as text.
fn said(section: &'static Section, key: &str) -> (String, String) {
    let mut report = Report::new(Positions::default());
    let map = Map::from_iter([(key.to_owned(), Value::Null)]);
    section::check(section, Value::Object(map), "s", &mut report);
    let error = report.check().err().map(|error| error.message).unwrap_or_default();
    (error, report.into_warnings().iter().map(ToString::to_string).collect())
}

#[test]
fn one_letter_is_enough() {
    let mut checked = 0;
    for section in SECTIONS {
        let known: BTreeSet<&str> = section.keys().map(|key| key.name).collect();
        for name in &known {
            for word in mutations(name).into_iter().filter(|word| !known.contains(word.as_str()) && !is_own(word)) {
                let (error, warning) = said(section, &word);
                let message = if section.unknown == Unknown::Forwarded { &warning } else { &error };
                let names_it = |text: &str| text.split([' ', '?']).any(|part| part == *name);
                let elsewhere = message.contains("its place is");
                assert!(message.contains("unknown key"), "{} {word}: {error}{warning}", section.name);
                assert!(names_it(message) || elsewhere, "{} {word} for {name}: {message}", section.name);
                checked += 1;
            }
        }
    }
    assert!(checked > 50_000, "{checked}");
}

#[test]
fn no_key_stands_twice_in_a_section() {
    for section in SECTIONS {
        let mut seen = BTreeSet::new();
        for key in section.keys() {
            assert!(seen.insert(key.name), "{} {}", section.name, key.name);
        }
    }
}

#[test]
fn what_is_far_from_every_key() {
    let (error, _) = said(&SECTIONS[1], "completely_unrelated_setting_name");
    assert!(error.contains("unknown key"), "{error}");
    let (error, warning) = said(&SECTIONS[2], "completely_unrelated_setting_name");
    assert_eq!(error, "");
    assert!(warning.contains("unknown key, ignored"), "{warning}");
    assert_eq!(said(&SECTIONS[6], "completely_unrelated_setting_name"), Default::default());
    assert_eq!(said(&SECTIONS[7], "completely_unrelated_setting_name"), Default::default());
}

#[test]
fn own_keys_are_free_everywhere() {
    for section in SECTIONS {
        assert_eq!(said(section, "x-anything"), Default::default(), "{}", section.name);
        assert_eq!(said(section, "x_anything"), Default::default(), "{}", section.name);
    }
}

#[test]
fn a_key_of_another_section_is_told_where_it_belongs() {
    let (error, _) = said(&SECTIONS[1], "drop_params");
    assert!(error.contains("its place is litellm_params or litellm_settings"), "{error}");
    let (error, _) = said(&SECTIONS[1], "health_check_interval");
    assert!(error.contains("its place is general_settings"), "{error}");
    let (error, _) = said(&SECTIONS[5], "api_key");
    assert!(error.contains("its place is litellm_params"), "{error}");
}
