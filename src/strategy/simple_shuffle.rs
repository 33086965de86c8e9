//! `simple-shuffle`: at random, in proportion to `weight`, else `rpm`, else `tpm`, else evenly.

use fastrand::Rng;

use super::lot::Lot;
use super::{Candidate, Pick};

/// No share is larger, so that no sum of shares is infinite.
const MOST: f64 = 1e300;

/// Picks one; `None` only if there is none.
///
/// The first measure that any candidate has decides alone, and a candidate without it counts as 0 there: the shares
/// are the same in whatever order the candidates come.
pub fn simple_shuffle(candidates: impl Iterator<Item = Candidate>, random: &mut Rng) -> Option<Pick> {
    let (mut lot, mut decides, mut among) = (Lot::default(), Measure::Even, 0);
    // `for_each` and not `for`: behind it a chain of filters is one loop.
    candidates.for_each(|candidate| {
        among += 1;
        let (measure, share) = share(&candidate);
        if measure < decides {
            // All before it have nothing of this measure.
            (lot, decides) = (Lot::default(), measure);
        }
        if measure == decides {
            lot.offer(candidate.index, share, random);
        }
    });
    lot.drawn().map(|index| Pick { index, among })
}

/// The chance of each candidate, in their order.
pub fn shares(candidates: &[Candidate]) -> Vec<f64> {
    let decides = candidates.iter().map(|candidate| share(candidate).0).min();
    let part = |candidate: &Candidate| match share(candidate) {
        (measure, share) if Some(measure) == decides => share,
        _ => 0.0,
    };
    let total: f64 = candidates.iter().map(part).sum();
    candidates.iter().map(|candidate| part(candidate) / total).collect()
}

/// What shares go by: the first that anyone has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Measure {
    Weight,
    Rpm,
    Tpm,
    Even,
}

/// The first measure that a candidate has, and how much of it.
fn share(candidate: &Candidate) -> (Measure, f64) {
    let measures = [(Measure::Weight, candidate.weight), (Measure::Rpm, candidate.rpm), (Measure::Tpm, candidate.tpm)];
    for (measure, share) in measures {
        if let Some(share) = share
            && share > 0.0
        {
            return (measure, share.min(MOST));
        }
    }
    (Measure::Even, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;
    use proptest::prelude::*;

    const PICKS: usize = 100_000;

    fn weighted(weights: &[Option<f64>]) -> Vec<Candidate> {
        let candidate =
            |(index, weight): (usize, &Option<f64>)| Candidate { index, weight: *weight, ..Candidate::default() };
        weights.iter().enumerate().map(candidate).collect()
    }

    /// Whether the frequencies of many picks lie within three sigma of the shares.
    fn assert_shares(candidates: &[Candidate], shares: &[f64]) {
        let mut random = fastrand::Rng::with_seed(7);
        let mut counts = vec![0usize; shares.len()];
        for _ in 0..PICKS {
            counts[simple_shuffle(candidates.iter().copied(), &mut random).unwrap().index] += 1;
        }
        for (count, share) in counts.iter().zip(shares) {
            let expected = share * PICKS as f64;
            let sigma = (PICKS as f64 * share * (1.0 - share)).sqrt();
            assert!((*count as f64 - expected).abs() <= 3.0 * sigma, "{counts:?} for {shares:?}");
        }
    }

    #[test]
    fn shares_hold_in_every_order_and_subset() {
        let weights = [None, Some(1.0), Some(3.0), Some(6.0)];
        let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]];
        for order in orders {
            for benched in 0..4 {
                let kept: Vec<_> = weighted(&weights);
                let kept: Vec<_> = order.iter().filter(|i| **i != benched).map(|i| kept[*i]).collect();
                let total: f64 = kept.iter().filter_map(|c| c.weight).sum();
                let share = |index: usize| if index == benched { 0.0 } else { weights[index].unwrap_or(0.0) / total };
                assert_shares(&kept, &[share(0), share(1), share(2), share(3)]);
            }
        }
    }

    #[test]
    fn the_first_measure_that_anyone_has_decides() {
        let candidate = |index, weight, rpm, tpm| Candidate { index, weight, rpm, tpm, ..Candidate::default() };
        let by_weight = [candidate(0, Some(3.0), Some(1.0), None), candidate(1, Some(1.0), Some(900.0), None)];
        assert_shares(&by_weight, &[0.75, 0.25]);
        let by_rpm = [candidate(0, Some(0.0), Some(900.0), Some(1.0)), candidate(1, None, Some(100.0), Some(9.0))];
        assert_shares(&by_rpm, &[0.9, 0.1]);
        let by_tpm = [candidate(0, None, None, Some(1.0)), candidate(1, None, None, Some(1.0))];
        assert_shares(&by_tpm, &[0.5, 0.5]);
        assert_shares(&weighted(&[None, None, None, None]), &[0.25; 4]);
        assert_shares(&weighted(&[Some(0.0), Some(0.0)]), &[0.5; 2]);
    }

    proptest! {
        #[test]
        fn a_pick_is_a_candidate(weights in prop::collection::vec(prop::option::of(-1.0..1e12f64), 0..8), seed: u64) {
            let candidates = weighted(&weights);
            let picked = simple_shuffle(candidates.iter().copied(), &mut Rng::with_seed(seed));
            prop_assert_eq!(picked.is_some(), !candidates.is_empty());
            if let Some(Pick { index, among }) = picked {
                prop_assert_eq!(among, candidates.len());
                prop_assert!(shares(&candidates)[index] > 0.0);
            }
        }
    }
}
