//! Which of the candidates answers. Each strategy is a pure function of what is known at the moment of the pick.

mod simple_shuffle;

pub use simple_shuffle::{shares as simple_shuffle_shares, simple_shuffle};

/// What a strategy may know of one candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Candidate {
    /// Its place in the group.
    pub index: usize,
    pub weight: Option<f64>,
    pub rpm: Option<f64>,
    pub tpm: Option<f64>,
}
