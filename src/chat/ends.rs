//! Which choices of a stream have begun, and which have said why they ended.

/// Choices by their index; those beyond the sixty-fourth are taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    begun: u64,
    ended: u64,
}

impl Ends {
    pub fn begins(&mut self, index: usize) {
        self.begun |= bit(index);
    }

    pub fn ends(&mut self, index: usize) {
        self.begins(index);
        self.ended |= bit(index);
    }

    pub fn add(&mut self, other: Self) {
        self.begun |= other.begun;
        self.ended |= other.ended;
    }

    /// Whether all that have begun have ended, and so many have.
    pub fn are_whole(self, choices: u32) -> bool {
        self.ended == self.begun && self.ended.count_ones() >= choices.clamp(1, u64::BITS)
    }
}

fn bit(index: usize) -> u64 {
    1 << index.min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_choices_have_to_end() {
        let mut ends = Ends::default();
        assert!(!ends.are_whole(1));
        ends.ends(0);
        assert!(ends.are_whole(1) && !ends.are_whole(2));
        ends.begins(1);
        assert!(!ends.are_whole(1));
        let mut other = Ends::default();
        other.ends(1);
        ends.add(other);
        assert!(ends.are_whole(2) && ends.are_whole(0));
        ends.ends(900);
        assert!(ends.are_whole(3));
    }
}
