//! `least-busy`: whoever is at work on the fewest calls.

use super::Candidate;

pub fn score(candidate: &Candidate) -> f64 {
    f64::from(candidate.in_flight)
}

#[cfg(test)]
mod tests {
    use super::super::Strategy;
    use super::super::least::tests::assert_even;
    use super::*;

    #[test]
    fn the_fewest_and_among_equals_by_chance() {
        let candidate = |index, in_flight| Candidate { index, in_flight, ..Candidate::default() };
        assert_even(Strategy::LeastBusy, &[candidate(0, 0), candidate(1, 0), candidate(2, 0)], &[0, 1, 2]);
        assert_even(Strategy::LeastBusy, &[candidate(0, 2), candidate(1, 1), candidate(2, 1)], &[1, 2]);
        assert_even(Strategy::LeastBusy, &[candidate(0, 0), candidate(1, 9)], &[0]);
    }
}
