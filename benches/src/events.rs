//! What an event costs on the way of a request: the processor time of the thread that makes the call, with and without
//! somebody who hears of it. What is done with the event elsewhere is not in it.

use std::sync::Arc;
use std::time::Duration;

use llmrouter::chat::Request;
use llmrouter::config;
use llmrouter::router::Router;
use llmrouter::runtime::Runtime;
use serde_json::{Value, json};

use crate::child::SUBCOMMAND;
use crate::job;
use crate::options::Options;
use crate::stats::median;
use crate::{Result, bare};

/// Second argument of the child.
pub const CHILD: &str = "events";
const SCENARIO: &str = "event";
const KEEPS_UP: &str = "the observers keep up";
const OVERRUN: &str = "the observers are overrun";
/// Nanoseconds that the project allows itself.
const BUDGET: f64 = 1000.0;

/// An attempt and a call.
const EVENTS: f64 = 2.0;
const CALLS: u32 = 4000;
const STRETCHES: usize = 15;
const REQUEST: &str = r#"{"model":"bench","messages":[{"role":"user","content":"Good day."}],"max_tokens":64}"#;
const PLAIN: &str =
    "model_list: [{model_name: bench, litellm_params: {model: openai/bench, mock_response: Good day.}}]\n";
/// One who is told of failures: what succeeds is handed to it, and that is all.
const TOLD: &str = "litellm_settings: {failure_callback: [sentry]}\n\
                    environment_variables: {SENTRY_DSN: \"http://public@127.0.0.1:1/7\"}\n";

/// Measures what was asked for in a process of its own, and prints it.
pub fn run(options: &Options) -> Result<Vec<Value>> {
    if ![KEEPS_UP, OVERRUN].iter().any(|name| options.wants(&format!("{SCENARIO} {name}"))) {
        return Ok(Vec::new());
    }
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args([SUBCOMMAND, CHILD]);
    let rows: Vec<Value> = serde_json::from_slice(&job::output(command)?)?;
    println!("\n{:<41} {:>9} {:>9}", "ns of an event on the way of a request", "median", "budget");
    for row in &rows {
        let (name, ns) = (row["contender"].as_str().unwrap_or_default(), row["ns"].as_f64().unwrap_or(f64::NAN));
        println!("{name:<41} {ns:>9.0} {BUDGET:>9.0}");
    }
    Ok(rows)
}

/// The child: its rows as a JSON array.
pub fn measure() -> Result<()> {
    let runtime = Arc::new(Runtime::new(1, |start| start()));
    let [off, on] = [PLAIN.to_owned(), format!("{PLAIN}{TOLD}")].map(|yaml| router(&yaml, &runtime));
    let (off, on) = (off?, on?);
    let caller = bare::runtime()?;
    let request = Request::parse(REQUEST).map_err(|error| error.to_string())?;
    let stretch = |router: &Router| -> Result<f64> {
        let start = thread_time();
        for number in 0..CALLS {
            caller.block_on(router.answer(&request, number.into())).map_err(|_| "a call failed")?;
        }
        Ok((thread_time() - start).as_secs_f64() * 1e9 / f64::from(CALLS))
    };
    let mut rows = Vec::new();
    for (name, keeps_up) in [(KEEPS_UP, true), (OVERRUN, false)] {
        let mut costs = Vec::new();
        for _ in 0..STRETCHES {
            let without = stretch(&off)?;
            let with = stretch(&on)?;
            costs.push((with - without) / EVENTS);
            if keeps_up {
                on.observer().settle(Duration::from_secs(10));
            }
        }
        rows.push(
            json!({"scenario": SCENARIO, "contender": name, "ns": median(costs), "lost": on.observer().lost().1}),
        );
    }
    println!("{}", Value::from(rows));
    runtime.stop();
    Ok(())
}

fn router(yaml: &str, runtime: &Runtime) -> Result<Router> {
    let config = config::load(yaml, |_| None).map_err(|error| error.message)?;
    let router = Router::new(config).map_err(|error| error.message)?;
    router.observe(runtime)?;
    Ok(router)
}

/// Processor time of this thread so far.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
