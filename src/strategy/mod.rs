//! Which of the candidates answers. Each strategy is a pure function of what is known at the moment of the pick.

mod cost;
mod latency;
mod least;
mod least_busy;
mod lot;
mod simple_shuffle;
#[cfg(test)]
mod tests;
mod usage;

use fastrand::Rng;
use least::{even_shares, least, near_least};

/// What a strategy may know of one candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Candidate {
    /// Its place in the group.
    pub index: usize,
    pub weight: Option<f64>,
    /// Requests and tokens a minute that it is configured with.
    pub rpm: Option<f64>,
    pub tpm: Option<f64>,
    /// Calls that it is at work on.
    pub in_flight: u32,
    /// Tokens of the last minute.
    pub tokens: u64,
    /// Seconds, of whatever the request is measured by; `None` if nobody has measured it.
    pub seconds: Option<f64>,
    /// Dollars for a token of the prompt and one of the completion; `None` if no price is known.
    pub cost: Option<f64>,
}

/// The candidate that was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Its place in the group.
    pub index: usize,
    /// How many there were to pick from.
    pub among: usize,
}

/// How the next deployment is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Strategy {
    #[default]
    SimpleShuffle,
    LeastBusy,
    Usage,
    Latency {
        /// How much slower than the fastest is as good, as a share of it.
        buffer: f64,
    },
    Cost,
}

impl Strategy {
    /// LiteLLM's name.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::SimpleShuffle => "simple-shuffle",
            Strategy::LeastBusy => "least-busy",
            Strategy::Usage => "usage-based-routing-v2",
            Strategy::Latency { .. } => "latency-based-routing",
            Strategy::Cost => "cost-based-routing",
        }
    }

    /// Whether it holds deployments to their `rpm` and `tpm` by itself.
    pub fn enforces_limits(self) -> bool {
        matches!(self, Strategy::Usage | Strategy::Latency { .. } | Strategy::Cost)
    }

    /// Picks one; `None` only if there is none. Each is looked at once.
    pub fn pick(self, candidates: impl Iterator<Item = Candidate>, random: &mut Rng) -> Option<Pick> {
        match self {
            Strategy::SimpleShuffle => simple_shuffle::simple_shuffle(candidates, random),
            Strategy::LeastBusy => least(candidates, least_busy::score, random),
            Strategy::Usage => least(candidates, usage::score, random),
            Strategy::Latency { buffer } if buffer > 0.0 => near_least(candidates, latency::score, buffer, random),
            Strategy::Latency { .. } => least(candidates, latency::score, random),
            Strategy::Cost => least(candidates, cost::score, random),
        }
    }

    /// The chance of each candidate, in their order.
    pub fn shares(self, candidates: &[Candidate]) -> Vec<f64> {
        match self {
            Strategy::SimpleShuffle => simple_shuffle::shares(candidates),
            Strategy::LeastBusy => even_shares(candidates, least_busy::score, 0.0),
            Strategy::Usage => even_shares(candidates, usage::score, 0.0),
            Strategy::Latency { buffer } => even_shares(candidates, latency::score, buffer),
            Strategy::Cost => even_shares(candidates, cost::score, 0.0),
        }
    }

    /// What a candidate is judged by, for whoever wants to know why; `None` if by chance alone.
    pub fn score(self, candidate: &Candidate) -> Option<f64> {
        let score = match self {
            Strategy::SimpleShuffle => return candidate.weight.or(candidate.rpm).or(candidate.tpm),
            Strategy::LeastBusy => least_busy::score(candidate),
            Strategy::Usage => usage::score(candidate),
            Strategy::Latency { .. } => return candidate.seconds,
            Strategy::Cost => return candidate.cost,
        };
        Some(score)
    }
}
