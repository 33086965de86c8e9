//! `cost-based-routing`: whoever is cheapest, a token of the prompt and one of the completion taken together. A price that
//! nobody knows is dear.

use super::Candidate;

pub fn score(candidate: &Candidate) -> f64 {
    candidate.cost.unwrap_or(f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::Strategy;
    use super::super::least::tests::assert_even;
    use super::*;

    #[test]
    fn the_cheapest_and_the_unknown_last() {
        let candidate = |index, cost| Candidate { index, cost, ..Candidate::default() };
        assert_even(Strategy::Cost, &[candidate(0, Some(3e-5)), candidate(1, Some(1e-6)), candidate(2, None)], &[1]);
        assert_even(Strategy::Cost, &[candidate(0, Some(0.0)), candidate(1, Some(1e-9))], &[0]);
        assert_even(Strategy::Cost, &[candidate(0, None), candidate(1, None)], &[0, 1]);
    }
}
