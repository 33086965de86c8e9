//! `latency-based-routing`: whoever was fastest lately, or hardly slower. Whoever was not measured yet comes first.

use super::Candidate;

pub fn score(candidate: &Candidate) -> f64 {
    candidate.seconds.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::Strategy;
    use super::super::least::tests::assert_even;
    use super::*;

    #[test]
    fn the_fastest_or_hardly_slower() {
        let candidate = |index, seconds| Candidate { index, seconds, ..Candidate::default() };
        let measured = [candidate(0, Some(0.5)), candidate(1, Some(0.1)), candidate(2, Some(0.12))];
        assert_even(Strategy::Latency { buffer: 0.0 }, &measured, &[1]);
        assert_even(Strategy::Latency { buffer: 0.25 }, &measured, &[1, 2]);
        assert_even(Strategy::Latency { buffer: 5.0 }, &measured, &[0, 1, 2]);
        let cold = [candidate(0, Some(0.5)), candidate(1, None), candidate(2, None)];
        assert_even(Strategy::Latency { buffer: 0.5 }, &cold, &[1, 2]);
    }
}
