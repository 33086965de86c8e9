//! The choice of a deployment by itself, for the benchmarks: what a call does of it through the C ABI is lost in all else.

use std::hint::black_box;
use std::time::Duration;

use crate::chat::Request;
use crate::clock::{self, Wall};
use crate::config;
use crate::deployment::{Limits, Used};

use super::Router;
use super::candidates::{Choice, Round, choose};
use super::retry::{Retries, Rules};
use super::snapshot::{Collected, render};
use super::view::View;

/// How many deployments there are for each one that cools down.
const HEALTHY: usize = 10;

/// A router whose deployments have a past, and a request for its first group.
pub struct Picker {
    router: Router,
    request: Request,
}

impl Picker {
    /// Gives each deployment samples and tokens of its own, and benches some.
    pub fn new(yaml: &str, request: &str) -> Result<Self, String> {
        let config = config::load(yaml, |_| None).map_err(|error| error.message)?;
        let router = Router::new(config).map_err(|error| error.message)?;
        let request = Request::parse(request).map_err(|error| error.to_string())?;
        let now = clock::now();
        let mut random = fastrand::Rng::with_seed(3);
        for member in router.names.groups().flat_map(|group| group.usable()) {
            let state = &member.deployment().state;
            state.latency.add(0.1 + random.f64(), now);
            let used = Used { requests: 1, input: random.u64(1..9999), output: 0 };
            state.window.reserve(used, &Limits::default(), now);
            if member.index % HEALTHY == HEALTHY - 1 {
                state.bench.start(now, Duration::from_secs(3600), "Timeout");
            }
        }
        Ok(Self { router, request })
    }

    /// Collects a snapshot, as if so much time had passed. How many groups it has.
    pub fn collect(&self, later: Duration) -> usize {
        let look = Wall::look();
        let wall = Wall { now: look.now + later, ..look };
        black_box(Collected::at(&self.router, wall)).groups.len()
    }

    /// A snapshot that can be rendered as often as one likes: its length in bytes.
    pub fn renders(&self) -> impl Fn() -> usize {
        let collected = Collected::of(&self.router);
        move || black_box(render(black_box(&collected), &[])).len()
    }

    /// Uses each deployment once more, as if so much time had passed.
    pub fn use_all(&self, later: Duration) {
        let now = clock::now() + later;
        for member in self.router.names.groups().flat_map(|group| group.usable()) {
            let used = Used { requests: 1, input: 9, output: 0 };
            member.deployment().state.window.reserve(used, &Limits::default(), now);
        }
    }

    /// Benches all of them.
    pub fn rest_all(&self) {
        let now = clock::now();
        for member in self.router.names.groups().flat_map(|group| group.usable()) {
            member.deployment().state.bench.start(now, Duration::from_secs(3600), "Timeout");
        }
    }

    /// Chooses whom a call asks first, so many times. The last one's number, if there is one.
    pub fn pick(&self, times: u32) -> Option<usize> {
        let group = self.router.names.groups().next()?;
        let names = [self.request.model(), &*group.name];
        let retries = Retries::new(Rules::new(&self.router.config.retry, &self.request, names), 0);
        let view = View::new(&self.router, group, &self.request, false);
        let round = Round { order: None, excluded: Vec::new(), view, call_start: clock::now() };
        let mut last = None;
        for _ in 0..times {
            last = match black_box(choose(group, black_box(&round), &retries)) {
                Choice::Member { member, .. } => Some(member.index),
                Choice::Nobody => None,
            };
        }
        last
    }
}
