//! The snapshot alone: how long it takes to collect, while calls go on, and to render; and whether a pick waits for it. Inside the
//! library, since through the C ABI all of it is one.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use llmrouter::router::bench::Picker;
use serde_json::{Value, json};

use crate::child::SUBCOMMAND;
use crate::options::Options;
use crate::picks::{self, REQUEST, SIZES};
use crate::stats::{median, percentile};
use crate::{Result, job};

/// How a child is asked for this.
pub const CHILD: &str = "looks";
const SCENARIO: &str = "snapshot";

/// What is measured.
const COLLECTED: &str = "collected";
const AGED: &str = "collected, the minute moved on";
const RESTING: &str = "collected, all of them rest";
const RENDERED: &str = "rendered";
const ALONE: &str = "slowest of 1,000 picks, alone";
const BESIDE: &str = "slowest of 1,000 picks, beside it";
/// What the project allows itself with a thousand deployments.
const BUDGETS: [(&str, f64); 4] = [(COLLECTED, 100.0), (AGED, 100.0), (RESTING, 100.0), (RENDERED, 2_000.0)];

/// One figure is the median of so many looks.
const LOOKS: usize = 99;
/// Seconds in which deployments are used, and of which each runs out.
const MINUTE: u32 = 60;
const PICKS: usize = 20_000;

/// Measures in a process of its own, on all cores, and prints the table. Returns the figures.
pub fn run(options: &Options) -> Result<Vec<Value>> {
    if !options.wants(SCENARIO) {
        return Ok(Vec::new());
    }
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args([SUBCOMMAND, CHILD]);
    let rows: Vec<Value> = serde_json::from_slice(&job::output(command)?)?;
    let budget = |row: &Value| BUDGETS.iter().find(|(name, _)| row["contender"] == *name).map(|(_, most)| *most);
    picks::print("µs of a snapshot of so many deployments", &rows);
    for row in &rows {
        if let (Some(most), Some(name)) = (budget(row), row["contender"].as_str()) {
            println!("  budget with 1,000: {name} {most}");
        }
    }
    Ok(rows)
}

/// The child: one row for each case, as a JSON array.
pub fn measure() -> Result<()> {
    let mut rows = [COLLECTED, RENDERED, ALONE, BESIDE, AGED, RESTING].map(|case| (case, Vec::new()));
    for (deployments, _) in SIZES {
        let picker = Picker::new(&picks::config(deployments, "routing_strategy: latency-based-routing"), REQUEST)?;
        let renders = picker.renders();
        let figures = [
            timed(LOOKS, || black_box(picker.collect(Duration::ZERO))),
            timed(LOOKS, || black_box(renders())),
            slowest(&picker, false),
            slowest(&picker, true),
            // Last, since it leaves the minutes ahead of the time.
            aged(&picker),
            resting(&picker),
        ];
        for ((_, row), micros) in rows.iter_mut().zip(figures) {
            row.push(json!({"deployments": deployments, "us": micros}));
        }
    }
    let rows = rows.map(|(case, figures)| json!({"scenario": SCENARIO, "contender": case, "figures": figures}));
    println!("{}", Value::from_iter(rows));
    Ok(())
}

/// µs of one look.
fn timed(looks: usize, look: impl Fn() -> usize) -> f64 {
    look();
    median((0..looks).map(|_| micros(&look)).collect())
}

/// The same when in each deployment's minute a second has run out since somebody looked, with one after it: the most work there is.
fn aged(picker: &Picker) -> f64 {
    let second = |n: u32| Duration::from_secs(n.into());
    (1..=MINUTE).for_each(|n| picker.use_all(second(n)));
    median((MINUTE..2 * MINUTE).map(|n| micros(|| picker.collect(second(n + 2)))).collect())
}

/// The same in an outage of all, when most people look: each cooldown is copied behind its lock.
fn resting(picker: &Picker) -> f64 {
    picker.rest_all();
    timed(LOOKS, || picker.collect(Duration::ZERO))
}

fn micros(look: impl Fn() -> usize) -> f64 {
    let start = Instant::now();
    black_box(look());
    start.elapsed().as_secs_f64() * 1e6
}

/// How long the slowest of a thousand picks takes, with or without somebody who does nothing but collect snapshots.
fn slowest(picker: &Picker, beside: bool) -> f64 {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        if beside {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    black_box(picker.collect(Duration::ZERO));
                }
            });
        }
        let pick = || {
            let start = Instant::now();
            black_box(picker.pick(1));
            u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
        };
        let mut nanos: Vec<u64> = (0..PICKS).map(|_| pick()).collect();
        is_over.store(true, Ordering::Relaxed);
        nanos.sort_unstable();
        percentile(&nanos, 0.999) as f64 / 1e3
    })
}
