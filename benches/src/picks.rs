//! The choice of a deployment alone, on one thread: with health, limits and each strategy. Inside the library, since through
//! the C ABI all else of a call stands before it.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use llmrouter::router::bench::Picker;
use serde_json::{Value, json};

use crate::Result;
use crate::child::{self, SUBCOMMAND};
use crate::options::Options;
use crate::stats::median;
use crate::{cores, job};

/// How a child is asked for this.
pub const CHILD: &str = "picks";
const SCENARIO: &str = "pick";

/// Deployments of the group, and the most that a pick may take among them, in µs.
pub const SIZES: [(usize, Option<f64>); 4] = [(10, Some(0.3)), (100, Some(1.0)), (1_000, Some(5.0)), (10_000, None)];

/// What is measured: its name, and what of the configuration makes it.
const CASES: [(&str, &str); 7] = [
    ("simple-shuffle", "routing_strategy: simple-shuffle"),
    ("simple-shuffle, limits", "routing_strategy: simple-shuffle, enable_pre_call_checks: true"),
    ("least-busy", "routing_strategy: least-busy"),
    ("usage-based-routing-v2", "routing_strategy: usage-based-routing-v2"),
    ("latency-based-routing", "routing_strategy: latency-based-routing"),
    (
        "latency-based, buffer 0.5",
        "routing_strategy: latency-based-routing, routing_strategy_args: {lowest_latency_buffer: 0.5}",
    ),
    ("cost-based-routing", "routing_strategy: cost-based-routing"),
];

pub const REQUEST: &str = r#"{"model":"bench","messages":[{"role":"user","content":"Good day."}],"max_tokens":64}"#;
/// One figure is the median of so many stretches of this length.
const STRETCHES: usize = 9;
/// Picks between two looks at the clock.
const AT_ONCE: u32 = 16;
const STRETCH: Duration = Duration::from_millis(20);

/// Measures what was asked for in a process of its own, on one core, and prints the table. Returns the figures.
pub fn run(options: &Options) -> Result<Vec<Value>> {
    let wanted = |case: &str| options.wants(&format!("{SCENARIO} {case}"));
    let cases: Vec<&str> = CASES.iter().map(|(case, _)| *case).filter(|case| wanted(case)).collect();
    if cases.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args([SUBCOMMAND, CHILD]).args(cases);
    if let Some(core) = cores::last() {
        cores::pin(&mut command, core);
    }
    let rows: Vec<Value> = serde_json::from_slice(&job::output(command)?)?;
    print("µs of a pick among so many deployments", &rows);
    line("budget", SIZES.map(|(_, most)| most.map_or(String::new(), |most| format!("{most:.3}"))).into());
    Ok(rows)
}

/// The child: one row for each case that is named, as a JSON array.
pub fn measure(cases: &[String]) -> Result<()> {
    let named = CASES.iter().filter(|(case, _)| cases.iter().any(|name| name == case));
    let rows = named.map(|(case, settings)| {
        let figures = SIZES.map(|(deployments, budget)| {
            let micros = micros(&Picker::new(&config(deployments, settings), REQUEST)?)?;
            Ok(json!({"deployments": deployments, "us": micros, "budget": budget}))
        });
        let figures = figures.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(json!({"scenario": SCENARIO, "contender": case, "figures": figures}))
    });
    println!("{}", Value::from(rows.collect::<Result<Vec<_>>>()?));
    Ok(())
}

/// The time of one pick.
fn micros(picker: &Picker) -> Result<f64> {
    picker.pick(1).ok_or("nobody is picked")?;
    let stretch = || {
        let (start, mut picks) = (Instant::now(), 0u32);
        // A pick waits for nobody: what others take of the core in the meantime does not count.
        let cpu = child::cpu_time();
        while start.elapsed() < STRETCH {
            black_box(picker.pick(AT_ONCE));
            picks += AT_ONCE;
        }
        (child::cpu_time() - cpu).as_secs_f64() * 1e6 / f64::from(picks)
    };
    stretch();
    Ok(median((0..STRETCHES).map(|_| stretch()).collect()))
}

/// Deployments with all that a pick may look at: weights, limits and prices.
pub fn config(deployments: usize, settings: &str) -> String {
    let mut yaml = "model_list:\n".to_owned();
    for n in 0..deployments {
        let (weight, price) = (1 + n % 7, 1 + n % 5);
        let _ = writeln!(
            yaml,
            "- {{model_name: bench, litellm_params: {{model: openai/bench, api_base: \"http://127.0.0.1:9/{n}\", \
             api_key: sk-bench-{n}-456789abcdef, weight: {weight}, rpm: 1000000, tpm: 1000000000, \
             input_cost_per_token: 0.00{price}, output_cost_per_token: 0.00{price}}}}}"
        );
    }
    let _ = writeln!(yaml, "router_settings: {{{settings}}}");
    yaml
}

/// A table of rows, with a column for each number of deployments.
pub fn print(title: &str, rows: &[Value]) {
    println!();
    line(title, SIZES.map(|(deployments, _)| deployments.to_string()).into());
    for row in rows {
        let figures = row["figures"].as_array().into_iter().flatten();
        let micros = figures.map(|figure| format!("{:.3}", figure["us"].as_f64().unwrap_or(f64::NAN)));
        line(row["contender"].as_str().unwrap_or_default(), micros.collect());
    }
}

fn line(name: &str, figures: Vec<String>) {
    let figures: String = figures.into_iter().map(|figure| format!(" {figure:>9}")).collect();
    println!("{name:<41}{figures}");
}
