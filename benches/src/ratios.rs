//! What is set against what, and the most that the project allows itself. Nothing fails here: it is only shown.

use serde_json::{Value, json};

use crate::job::Row;
use crate::observed::{self, HANGING, LISTENER, NOBODY, REFUSED};
use crate::plan::{ALONE, AT_ONCE, LOADED, PACED};
use crate::plan::{CURL_EASY, CURL_MULTI, HYPER, NET_HTTP, REQWEST, REQWEST_BLOCKING, UNDICI};
use crate::plan::{ROUTER_ASYNC, ROUTER_BLOCKING, ROUTER_CPP, ROUTER_GO, ROUTER_NODE};
use crate::plan::{ROUTER_LATENCY, ROUTER_ONE, ROUTER_USAGE};
use crate::report::{CPU, Measure, P50, RATE};
use crate::stats::median;

struct Ratio {
    scenario: &'static str,
    ours: &'static str,
    theirs: &'static str,
    how: How,
    budget: Option<f64>,
}

/// How two figures of one round are set against each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Ratio,
    /// What ours adds, where theirs is mostly the kernel's time.
    Difference,
}

/// Alone a caller waits, so latency counts; under load the machine's time does.
const RATIOS: [Ratio; 22] = [
    ratio(LOADED, ROUTER_ASYNC, REQWEST, Some(1.15)),
    ratio(LOADED, ROUTER_ASYNC, HYPER, Some(1.5)),
    ratio(LOADED, ROUTER_ASYNC, CURL_MULTI, None),
    ratio(LOADED, ROUTER_BLOCKING, REQWEST_BLOCKING, None),
    ratio(LOADED, ROUTER_LATENCY, ROUTER_ONE, None),
    ratio(LOADED, ROUTER_USAGE, ROUTER_ONE, None),
    ratio(LOADED, ROUTER_CPP, ROUTER_ASYNC, None),
    ratio(LOADED, ROUTER_GO, NET_HTTP, None),
    ratio(LOADED, ROUTER_NODE, UNDICI, None),
    ratio(observed::SCENARIO, LISTENER, NOBODY, None),
    ratio(observed::SCENARIO, REFUSED, NOBODY, Some(0.95)),
    ratio(observed::SCENARIO, HANGING, NOBODY, Some(0.95)),
    ratio(PACED, ROUTER_ASYNC, REQWEST, None),
    difference(PACED, ROUTER_ASYNC, REQWEST, Some(2.0)),
    ratio(AT_ONCE, ROUTER_ASYNC, REQWEST, None),
    difference(AT_ONCE, ROUTER_ASYNC, REQWEST, Some(2.0)),
    ratio(ALONE, ROUTER_ASYNC, REQWEST, Some(1.10)),
    ratio(ALONE, ROUTER_BLOCKING, REQWEST_BLOCKING, Some(1.10)),
    ratio(ALONE, ROUTER_BLOCKING, CURL_EASY, None),
    ratio(ALONE, ROUTER_CPP, ROUTER_ASYNC, None),
    ratio(ALONE, ROUTER_GO, NET_HTTP, None),
    ratio(ALONE, ROUTER_NODE, UNDICI, None),
];

const fn ratio(scenario: &'static str, ours: &'static str, theirs: &'static str, budget: Option<f64>) -> Ratio {
    Ratio { scenario, ours, theirs, how: How::Ratio, budget }
}

const fn difference(scenario: &'static str, ours: &'static str, theirs: &'static str, budget: Option<f64>) -> Ratio {
    Ratio { scenario, ours, theirs, how: How::Difference, budget }
}

/// Prints the ratios that both sides ran for. Each is the median of the rounds' own ratios: the two sides of one round
/// ran within seconds of each other.
pub fn print(rows: &[Row]) -> Vec<Value> {
    let find = |scenario, contender| {
        let wanted = |row: &&Row| row.job.scenario == scenario && row.job.contender == contender;
        rows.iter().find(wanted).filter(|row| !row.outcomes.is_empty())
    };
    let mut found = Vec::new();
    for Ratio { scenario, ours, theirs, how, budget } in RATIOS {
        let (Some(our), Some(their)) = (find(scenario, ours), find(scenario, theirs)) else {
            continue;
        };
        let (what, measure): (_, Measure) = match (scenario, how) {
            (ALONE, _) => ("p50", P50),
            // Here the budget is the least.
            (observed::SCENARIO, _) => ("calls/s", RATE),
            (PACED | AT_ONCE, How::Ratio) => ("CPU per chunk", CPU),
            (_, How::Ratio) => ("CPU per call", CPU),
            (_, How::Difference) => ("CPU µs per chunk", CPU),
        };
        let (sign, against): (_, fn(f64, f64) -> f64) = match how {
            How::Ratio => ("/", |a, b| a / b),
            How::Difference => ("over", |a, b| a - b),
        };
        let pairs = our.outcomes.iter().zip(&their.outcomes);
        let rounds: Vec<f64> = pairs.map(|(a, b)| against(measure(a), measure(b))).collect();
        let least = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ratio = median(rounds);
        if found.is_empty() {
            println!("\n{:<80} {:>6}   least to most   budget", "ratio", "median");
        }
        let label = format!("{what}, {scenario}: {ours} {sign} {theirs}");
        let most_allowed = budget.map_or(String::new(), |most| format!("{most:>6.2}"));
        println!("{label:<80} {ratio:>6.2}    {least:.2} to {most:.2}   {most_allowed}");
        found.push(json!({
            "what": what, "scenario": scenario, "ours": ours, "theirs": theirs,
            if how == How::Ratio { "ratio" } else { "difference" }: ratio, "least": least, "most": most, "budget": budget,
        }));
    }
    found
}
