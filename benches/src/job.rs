//! One row of the table: a contender at a scenario, run once a round as a child process.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::child::Outcome;
use crate::fixtures::Fixtures;
use crate::{Result, cores};

/// Nobody takes this long; who does hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// One row of the table.
#[derive(Debug)]
pub struct Job {
    pub scenario: &'static str,
    pub contender: &'static str,
    /// The program and its arguments: this one, or a host in another language.
    pub command: Vec<PathBuf>,
    pub in_flight: usize,
    pub calls: usize,
    pub warmup: usize,
    /// Where bare clients send it; the configuration leads there too.
    pub url: String,
    pub config: PathBuf,
    pub request: PathBuf,
    pub core: Option<usize>,
}

#[derive(Debug)]
pub struct Row {
    pub job: Job,
    /// One for each round that came through; empty if the contender could not run.
    pub outcomes: Vec<Outcome>,
}

/// Runs all jobs in every round, so that a disturbance of the machine hits neighbours alike. Each round begins with
/// another job, so that none is always the first.
pub fn run(jobs: Vec<Job>, fixtures: &Fixtures, rounds: usize) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = jobs.into_iter().map(|job| Row { job, outcomes: Vec::new() }).collect();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for index in 0..rows.len() {
            let index = (index + round) % rows.len();
            let row = &mut rows[index];
            match row.job.run(fixtures) {
                Ok(outcome) => row.outcomes.push(outcome),
                Err(error) => eprintln!("{}, {}: {error}", row.job.scenario, row.job.contender),
            }
        }
    }
    Ok(rows)
}

impl Job {
    fn run(&self, fixtures: &Fixtures) -> Result<Outcome> {
        let (program, arguments) = self.command.split_first().ok_or("no program")?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("BENCH_URL", &self.url)
            .env("BENCH_CONFIG", &self.config)
            .env("BENCH_REQUEST", &self.request)
            .env("BENCH_IN_FLIGHT", self.in_flight.to_string())
            .env("BENCH_CALLS", self.calls.to_string())
            .env("BENCH_WARMUP", self.warmup.to_string())
            .env("BENCH_LIB", &fixtures.library);
        if let Some(core) = self.core {
            cores::pin(&mut command, core);
        }
        let outcome = serde_json::from_slice(&output(command)?);
        Ok(outcome.map_err(|e| format!("not one JSON line: {e}"))?)
    }
}

/// What a child prints; an error if it fails or hangs.
pub fn output(mut command: Command) -> Result<Vec<u8>> {
    let program = command.get_program().display().to_string();
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = started.map_err(|e| format!("{program}: {e}"))?;
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Err(format!("hangs: killed after {} s", PATIENCE.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("ended with {}", output.status).into());
    }
    Ok(output.stdout)
}
