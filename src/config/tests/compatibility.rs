//! `docs/litellm-compatibility.md` names every key and option there is, each with a status that is true.

use std::collections::{BTreeMap, BTreeSet};

use super::{config, warnings};
use crate::chat::Request;
use crate::config::keys::{Key, Kind, ROUTER_SETTINGS, Section, State, TOP};

const DOCUMENT: &str = include_str!("../../../docs/litellm-compatibility.md");
/// Where a request's options are named.
const OPTIONS: &str = include_str!("../../chat/options.rs");
const HEADER: &str = include_str!("../../../include/llmrouter.h");

/// The tables that are about something else than keys of a section.
const OPTIONS_TITLE: &str = "options of a request";
const STRATEGIES_TITLE: &str = "routing strategies";
const METHODS_TITLE: &str = "methods";

const WORKS: [&str; 2] = ["same", "better"];

/// A line of the document: names of which one thing is said.
struct Line {
    /// What the heading above names: the sections that the table is of.
    titles: Vec<String>,
    names: Vec<String>,
    status: String,
    note: String,
}

/// Every line of the tables of keys.
fn lines() -> Vec<Line> {
    let (mut lines, mut titles, mut in_table) = (Vec::new(), Vec::new(), false);
    for text in DOCUMENT.lines() {
        if let Some(heading) = text.strip_prefix('#') {
            let names = heading.trim_start_matches('#').split(':').next().unwrap_or_default();
            titles = names.split(", ").map(title).collect();
        }
        in_table = text == "| key | status | note |" || (in_table && text.starts_with('|'));
        if !in_table || !text.starts_with("| `") {
            continue;
        }
        let cells: Vec<_> = text.split('|').map(str::trim).collect();
        let [_, names, status, note, ""] = cells[..] else { panic!("not three cells: {text}") };
        let (names, status, note) = (quoted(names), status.to_owned(), note.to_owned());
        lines.push(Line { titles: titles.clone(), names, status, note });
    }
    lines
}

/// "a `model_list` entry" and "`model_list` entry" are one.
fn title(name: &str) -> String {
    let name = name.replace('`', "").trim().to_lowercase();
    let bare = ["a ", "an ", "the "].iter().find_map(|article| name.strip_prefix(article));
    bare.map_or(name.clone(), str::to_owned)
}

fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The statuses by name of the tables under one title. A name that stands there twice is a fault.
fn table(wanted: &str, faults: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut table = BTreeMap::new();
    for line in lines().into_iter().filter(|line| line.titles.iter().any(|title| title == wanted)) {
        for name in line.names {
            if table.insert(name.clone(), line.status.clone()).is_some() {
                faults.push(format!("`{name}` stands twice in the tables of {wanted}"));
            }
        }
    }
    table
}

/// Compares what is so with what the document says.
fn compare<'a>(
    wanted: &str,
    truth: impl Iterator<Item = (&'a str, Vec<&'static str>)>,
    optional: impl Fn(&str) -> bool,
    faults: &mut Vec<String>,
) {
    let table = table(wanted, faults);
    let mut known = BTreeSet::new();
    for (name, permitted) in truth {
        known.insert(name);
        match table.get(name) {
            None if optional(name) => {}
            None => faults.push(format!("`{name}` is missing from the tables of {wanted}: {}", permitted.join(" or "))),
            Some(status) if permitted.contains(&status.as_str()) => {}
            Some(status) => {
                faults.push(format!("`{name}` of {wanted} is \"{status}\": it is {}", permitted.join(" or ")));
            }
        }
    }
    let unknown = table.keys().filter(|name| !known.contains(name.as_str()));
    faults.extend(unknown.map(|name| format!("`{name}` is unknown to {wanted}")));
}

/// Every section that a file can have, and whether anything in it can be in force: a section below a planned key is
/// as planned as that key.
fn sections() -> BTreeMap<&'static str, (&'static Section, bool)> {
    let mut found = BTreeMap::new();
    visit(&TOP, true, &mut found);
    found
}

fn visit(section: &'static Section, works: bool, found: &mut BTreeMap<&'static str, (&'static Section, bool)>) {
    match found.get(section.name) {
        Some((_, known)) if *known >= works => return,
        _ => drop(found.insert(section.name, (section, works))),
    }
    for key in section.keys() {
        visit_kind(&key.kind, works && state_works(key.state), found);
    }
}

fn visit_kind(kind: &'static Kind, works: bool, found: &mut BTreeMap<&'static str, (&'static Section, bool)>) {
    match kind {
        Kind::Section(section) => visit(section, works, found),
        Kind::MapOf(kind) | Kind::ListOf(kind) => visit_kind(kind, works, found),
        Kind::Either(one, other) => [one, other].into_iter().for_each(|kind| visit_kind(kind, works, found)),
        _ => {}
    }
}

fn state_works(state: State) -> bool {
    matches!(state, State::InForce | State::Forwarded)
}

fn permitted(key: &Key, section_works: bool) -> Vec<&'static str> {
    match key.state {
        State::InForce | State::Forwarded if section_works => WORKS.to_vec(),
        State::InForce | State::Forwarded | State::Planned => vec!["open"],
        State::ProxyOnly => vec!["n/a"],
        State::Quiet => vec!["n/a", "same"],
    }
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "docs/litellm-compatibility.md:\n{}", faults.join("\n"));
}

#[test]
fn every_key_stands_in_the_table_of_its_section() {
    let mut faults = Vec::new();
    for (name, (section, works)) in sections() {
        let keys = section.keys().map(|key| (key.name, permitted(key, works)));
        // The router's names are read at the top level, too, which one sentence says there.
        let elsewhere = |key: &str| name == TOP.name && ROUTER_SETTINGS.find(key).is_some();
        compare(&title(name), keys, elsewhere, &mut faults);
    }
    report(&faults);
}

#[test]
fn every_table_is_of_something_that_is_there() {
    let known: Vec<_> = sections().keys().map(|name| title(name)).collect();
    let others = [OPTIONS_TITLE, STRATEGIES_TITLE, METHODS_TITLE];
    let mut faults = Vec::new();
    for line in lines() {
        let unknown = line.titles.iter().filter(|title| !known.contains(title) && !others.contains(&title.as_str()));
        faults.extend(unknown.map(|title| format!("no section is named \"{title}\"")));
        if line.names.is_empty() || !["same", "better", "open", "n/a"].contains(&line.status.as_str()) {
            faults.push(format!("\"{}\" is no status, of {:?}", line.status, line.names));
        }
    }
    report(&faults);
}

/// The names that the reader of a request's members mentions.
fn option_names() -> BTreeSet<&'static str> {
    let reader = OPTIONS.split("fn value_of").next().unwrap_or_default();
    let is_name = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b"_-".contains(&b));
    reader.split('"').filter(is_name).collect()
}

#[test]
fn every_option_of_a_request_is_there() {
    let names = option_names();
    assert!(names.len() > 50 && names.contains("deadline") && names.contains("stream"), "{names:?}");
    let truth = names.into_iter().map(|name| {
        let without_effect = |request: Request| request.options().without_effect.contains(&name);
        let parsed = Request::parse(&format!(r#"{{"model":"m","{name}":null}}"#));
        let open = parsed.is_ok_and(without_effect);
        (name, if open { vec!["open"] } else { vec!["same", "better", "n/a"] })
    });
    let mut faults = Vec::new();
    compare(OPTIONS_TITLE, truth, |_| false, &mut faults);
    report(&faults);
}

#[test]
fn every_strategy_is_there() {
    let kind = ROUTER_SETTINGS.find("routing_strategy").map(|key| &key.kind);
    let Some(Kind::Choice(strategies)) = kind else { panic!("routing_strategy is a choice") };
    let truth = strategies.iter().map(|name| {
        let loaded = config(&format!("model_list: []\nrouting_strategy: {name}"));
        (*name, if warnings(&loaded).contains("not in force") { vec!["open"] } else { WORKS.to_vec() })
    });
    let mut faults = Vec::new();
    compare(STRATEGIES_TITLE, truth, |_| false, &mut faults);
    report(&faults);
}

/// A method is open for as long as the header has none of the functions that its line names.
#[test]
fn methods_are_what_the_header_has() {
    let mut faults = Vec::new();
    table(METHODS_TITLE, &mut faults);
    for line in lines().into_iter().filter(|line| line.titles.iter().any(|title| title == METHODS_TITLE)) {
        for function in quoted(&line.note).iter().filter(|name| name.starts_with("router_")) {
            let there = HEADER.contains(&format!("{function}("));
            if there != (line.status != "open") {
                let what = if there { "has" } else { "lacks" };
                faults.push(format!("{:?} is \"{}\": the header {what} {function}", line.names, line.status));
            }
        }
    }
    report(&faults);
}
