//! One of many by chance, in one pass over them: whoever comes takes the place of the one before with the chance that is its due.

use fastrand::Rng;

/// Draws one of all that were offered, in proportion to their weights.
#[derive(Default)]
pub struct Lot {
    drawn: Option<usize>,
    total: f64,
}

impl Lot {
    pub fn offer(&mut self, index: usize, weight: f64, random: &mut Rng) {
        self.total += weight;
        if self.drawn.is_none() || random.f64_inclusive() * self.total < weight {
            self.drawn = Some(index);
        }
    }

    pub fn drawn(&self) -> Option<usize> {
        self.drawn
    }
}
