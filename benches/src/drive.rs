//! Keeps a number of calls in flight and times each of them: as tasks of a runtime, or as threads that wait.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::runtime::Runtime;

use crate::Result;

/// What became of the calls that one worker made.
#[derive(Debug, Default)]
pub struct Tally {
    pub nanos: Vec<u64>,
    pub failed: usize,
    pub error: Option<String>,
}

impl Tally {
    /// Room for every call, so that no measured call pays for growth.
    pub fn with_room(calls: usize) -> Self {
        Self { nanos: Vec::with_capacity(calls), ..Self::default() }
    }

    pub fn record(&mut self, start: Instant, outcome: std::result::Result<(), String>) {
        self.nanos.push(start.elapsed().as_nanos() as u64);
        if let Err(message) = outcome {
            self.failed += 1;
            self.error.get_or_insert(message);
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.nanos.extend(other.nanos);
        self.failed += other.failed;
        self.error = self.error.take().or(other.error);
    }
}

/// Hands out a number of calls to whoever comes.
#[derive(Debug)]
pub struct Tickets {
    given: AtomicUsize,
    calls: usize,
}

impl Tickets {
    pub fn new(calls: usize) -> Self {
        Self { given: AtomicUsize::new(0), calls }
    }

    /// Takes one; false when all are given out.
    pub fn take(&self) -> bool {
        self.given.fetch_add(1, Ordering::Relaxed) < self.calls
    }
}

/// `in_flight` tasks on the runtime's workers, each making one call after the other.
pub fn tasks<Call, Answer>(runtime: &Runtime, in_flight: usize, calls: usize, call: &Call) -> Result<Tally>
where
    Call: Fn() -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = std::result::Result<(), String>> + Send,
{
    let tickets = Arc::new(Tickets::new(calls));
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (tickets, call) = (tickets.clone(), call.clone());
            runtime.spawn(async move {
                let mut tally = Tally::with_room(calls);
                while tickets.take() {
                    let start = Instant::now();
                    let outcome = call().await;
                    tally.record(start, outcome);
                }
                tally
            })
        })
        .collect();
    let mut all = Tally::with_room(calls);
    for task in tasks {
        all.merge(runtime.block_on(task)?);
    }
    Ok(all)
}

/// `in_flight` threads, each making one blocking call after the other.
pub fn threads<Call>(in_flight: usize, calls: usize, call: Call) -> Result<Tally>
where
    Call: Fn() -> std::result::Result<(), String> + Sync,
{
    let tickets = Tickets::new(calls);
    std::thread::scope(|scope| {
        let work = || {
            let mut tally = Tally::with_room(calls);
            while tickets.take() {
                let start = Instant::now();
                tally.record(start, call());
            }
            tally
        };
        let threads: Vec<_> = (0..in_flight).map(|_| scope.spawn(work)).collect();
        let mut all = Tally::with_room(calls);
        for thread in threads {
            all.merge(thread.join().map_err(|_| "a thread of the benchmark panicked")?);
        }
        Ok(all)
    })
}
