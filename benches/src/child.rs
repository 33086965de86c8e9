//! The child's side of the protocol that every contender speaks, in whatever language it is written: the task comes in
//! environment variables, the outcome goes out as one JSON line.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::drive::Tally;
use crate::{Result, bare, bare_stream, events, looks, picks, routed, routed_stream, stats};

/// First argument by which this program knows that it is a child.
pub const SUBCOMMAND: &str = "child";

/// How long a child listens to itself doing nothing, to learn what idling costs.
const IDLE: Duration = Duration::from_millis(200);

/// What a child is asked to do.
#[derive(Debug)]
pub struct Task {
    /// Where a bare client sends the request.
    pub url: String,
    /// The router's YAML, whose deployments all lead to the same place.
    pub config: PathBuf,
    /// The request's bytes.
    pub request: Vec<u8>,
    pub in_flight: usize,
    pub calls: usize,
    pub warmup: usize,
    /// The router's shared library.
    pub library: PathBuf,
}

impl Task {
    fn from_env() -> Result<Self> {
        let number = |name| -> Result<usize> { Ok(variable(name)?.parse().map_err(|e| format!("{name}: {e}"))?) };
        let request = variable("BENCH_REQUEST")?;
        Ok(Self {
            url: variable("BENCH_URL")?,
            config: variable("BENCH_CONFIG")?.into(),
            request: std::fs::read(&request).map_err(|e| format!("{request}: {e}"))?,
            in_flight: number("BENCH_IN_FLIGHT")?,
            calls: number("BENCH_CALLS")?,
            warmup: number("BENCH_WARMUP")?,
            library: variable("BENCH_LIB")?.into(),
        })
    }
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|_| format!("{name} is not set: the runner starts this").into())
}

/// What a child reports: its JSON line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    pub calls: usize,
    pub failed: usize,
    /// Why the first failed call failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub wall_us: f64,
    /// Processor time of the whole process within `wall_us`, less what idling costs.
    pub cpu_us: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    /// The most memory that the process has held; 0 from those that do not say it.
    #[serde(default)]
    pub peak_mb: f64,
}

impl Outcome {
    /// Boils a window of calls down.
    pub fn new(mut tally: Tally, wall: Duration, cpu: Duration) -> Self {
        tally.nanos.sort_unstable();
        let micros = |share| stats::percentile(&tally.nanos, share) as f64 / 1e3;
        Self {
            calls: tally.nanos.len(),
            failed: tally.failed,
            wall_us: wall.as_secs_f64() * 1e6,
            cpu_us: cpu.as_secs_f64() * 1e6,
            p50_us: micros(0.50),
            p99_us: micros(0.99),
            peak_mb: peak_kb() as f64 / 1024.0,
            error: tally.error,
        }
    }
}

/// Runs one contender as this process's only work.
pub fn main(arguments: &[String]) -> Result<()> {
    let (contender, more) = arguments.split_first().ok_or("no contender")?;
    if contender == picks::CHILD {
        return picks::measure(more);
    }
    if contender == looks::CHILD {
        return looks::measure();
    }
    if contender == events::CHILD {
        return events::measure();
    }
    let task = Task::from_env()?;
    let outcome = match contender.as_str() {
        "reqwest" => bare::reqwest(&task),
        "reqwest-blocking" => bare::reqwest_blocking(&task),
        "hyper" => bare::hyper(&task),
        "reqwest-stream" => bare_stream::reqwest(&task),
        "router-async" => routed::asynchronous(&task),
        "router-listened" => routed::listened(&task),
        "router-blocking" => routed::blocking(&task),
        "router-load" => routed::load(&task),
        "router-stream" => routed_stream::asynchronous(&task),
        other => Err(format!("no contender {other:?}").into()),
    }?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

/// Warms up (connections, pools, branch predictors), then measures one window of calls.
pub fn measure(task: &Task, mut drive: impl FnMut(usize) -> Result<Tally>) -> Result<Outcome> {
    drive(task.warmup)?;
    let (cpu, start) = (cpu_time(), Instant::now());
    let tally = drive(task.calls)?;
    let (cpu, wall) = (cpu_time() - cpu, start.elapsed());
    let before = cpu_time();
    std::thread::sleep(IDLE);
    let idle = (cpu_time() - before).mul_f64(wall.as_secs_f64() / IDLE.as_secs_f64());
    Ok(Outcome::new(tally, wall, cpu.saturating_sub(idle)))
}

/// Processor time of this process so far, user and system, all threads.
pub fn cpu_time() -> Duration {
    let usage = usage();
    let time = |t: libc::timeval| Duration::from_micros(t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// The most memory that this process has held.
fn peak_kb() -> i64 {
    usage().ru_maxrss
}

fn usage() -> libc::rusage {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is valid for writes, and all zeroes are a valid `rusage` should the call fail.
    unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    }
}
