//! The machine, the table, and everything as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Result;
use crate::child::Outcome;
use crate::fixtures::{Fixtures, SIZE};
use crate::job::Row;
use crate::options::Options;
use crate::stats::median;
use crate::{machine, observed, ratios};

pub type Measure = fn(&Outcome) -> f64;

pub const P50: Measure = |o| o.p50_us;
const P99: Measure = |o| o.p99_us;
pub const CPU: Measure = |o| o.cpu_us / o.calls as f64;
pub const RATE: Measure = |o| o.calls as f64 / o.wall_us * 1e6;

pub fn report(options: &Options, fixtures: &Fixtures, rows: &[Row], picks: &[Value]) -> Result<()> {
    let facts = machine::facts(fixtures);
    println!();
    for (name, value) in &facts {
        println!("{name:<10} {value}");
    }
    println!("{:<10} {SIZE} B request, {SIZE} B answer; median of {} rounds\n", "each call", options.rounds);
    table(rows);
    let ratios = ratios::print(rows);
    observed::print(rows);
    let path = fixtures.folder.join("latest.json");
    let all = json!({
        "facts": facts.iter().cloned().collect::<BTreeMap<_, _>>(),
        "calls": options.calls,
        "rounds": options.rounds,
        "rows": rows.iter().map(row_json).collect::<Vec<_>>(),
        "ratios": ratios,
        "picks": picks,
    });
    std::fs::write(&path, format!("{all:#}\n")).map_err(|e| format!("{}: {e}", path.display()))?;
    println!("\n{}", path.display());
    Ok(())
}

fn table(rows: &[Row]) {
    let [a, b] = ["scenario", "contender"];
    let [c, d, e, f, g] = ["p50 µs", "p99 µs", "calls/s", "CPU µs/call", "failed"];
    println!("{a:<13} {b:<27} {c:>10} {d:>10} {e:>9} {f:>12} {g:>7}");
    let mut before = "";
    for Row { job, outcomes } in rows {
        let same = std::mem::replace(&mut before, job.scenario) == job.scenario;
        let scenario = if same { "" } else { job.scenario };
        print!("{scenario:<13} {:<27}", job.contender);
        if outcomes.is_empty() {
            println!(" {:>10}", "not run");
            continue;
        }
        let failed: usize = outcomes.iter().map(|o| o.failed).sum();
        let [p50, p99, rate, cpu] = [P50, P99, RATE, CPU].map(|measure| over_rounds(outcomes, measure));
        println!(" {p50:>10.1} {p99:>10.1} {rate:>9.0} {cpu:>12.2} {failed:>7}");
        if let Some(error) = outcomes.iter().find_map(|o| o.error.as_deref()) {
            println!("{:<13} └ {error}", "");
        }
    }
}

fn over_rounds(outcomes: &[Outcome], measure: Measure) -> f64 {
    median(outcomes.iter().map(measure).collect())
}

fn row_json(row: &Row) -> Value {
    let (job, outcomes) = (&row.job, &row.outcomes);
    let of = |measure| (!outcomes.is_empty()).then(|| over_rounds(outcomes, measure));
    json!({
        "scenario": job.scenario, "contender": job.contender,
        "p50_us": of(P50), "p99_us": of(P99), "calls_per_s": of(RATE), "cpu_us_per_call": of(CPU),
        "rounds": outcomes,
    })
}
