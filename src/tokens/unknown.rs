//! Without the feature `exact-tokens` no vocabulary is known, and nothing is kept to be counted.

use crate::chat::Request;

use super::{Preparation, Spent};

/// Nothing is to be made ready.
pub fn preparation<'a>(_models: impl Iterator<Item = &'a str>) -> Option<Preparation> {
    None
}

#[derive(Default)]
pub struct Counts {}

impl Counts {
    #[allow(clippy::unused_self)]
    pub fn of(&self, _request: &Request, _model: &str) -> Option<u64> {
        None
    }
}

pub struct Kept;

#[allow(clippy::unused_self)]
impl Kept {
    pub fn begin(_request: &Request, _model: &str) -> Self {
        Self
    }

    pub fn said(&mut self, _text: &str) {}

    pub fn count(&self) -> Option<Spent> {
        None
    }
}
