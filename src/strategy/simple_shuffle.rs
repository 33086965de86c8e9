//! `simple-shuffle`: at random, in proportion to `weight`, else `rpm`, else `tpm`, else evenly.

use super::Candidate;

/// Picks one; `None` only if there is none. `random` is from 0 up to, but not including, 1.
///
/// The first measure that any candidate has decides alone, and a candidate without it counts as 0 there: the shares
/// are the same in whatever order the candidates come.
pub fn simple_shuffle(candidates: &[Candidate], random: f64) -> Option<usize> {
    match measure(candidates) {
        Some((measure, total)) => pick(candidates, |candidate| part(measure, candidate), random * total),
        None => pick(candidates, |_| 1.0, random * candidates.len() as f64),
    }
}

/// The chance of each candidate, in their order.
pub fn shares(candidates: &[Candidate]) -> Vec<f64> {
    match measure(candidates) {
        Some((measure, total)) => candidates.iter().map(|candidate| part(measure, candidate) / total).collect(),
        None => candidates.iter().map(|_| 1.0 / candidates.len() as f64).collect(),
    }
}

type Measure = fn(&Candidate) -> Option<f64>;

/// The measure that decides, and the sum of it; `None` if all are alike.
fn measure(candidates: &[Candidate]) -> Option<(Measure, f64)> {
    let measures: [Measure; 3] = [|c| c.weight, |c| c.rpm, |c| c.tpm];
    let totals = measures.into_iter().map(|measure| {
        let total: f64 = candidates.iter().map(|candidate| part(measure, candidate)).sum();
        (measure, total)
    });
    totals.into_iter().find(|(_, total)| *total > 0.0 && total.is_finite())
}

fn part(measure: Measure, candidate: &Candidate) -> f64 {
    measure(candidate).unwrap_or(0.0).max(0.0)
}

/// The candidate at `point` when their shares are laid end to end.
fn pick(candidates: &[Candidate], share: impl Fn(&Candidate) -> f64, mut point: f64) -> Option<usize> {
    let mut last = None;
    for candidate in candidates {
        let share = share(candidate);
        if share > 0.0 {
            if point < share {
                return Some(candidate.index);
            }
            point -= share;
            last = Some(candidate.index);
        }
    }
    // Rounding may leave the point a hair behind the last share.
    last
}

#[cfg(test)]
mod tests {
    use super::*;
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
            counts[simple_shuffle(candidates, random.f64()).unwrap()] += 1;
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
        fn a_pick_is_a_candidate(weights in prop::collection::vec(prop::option::of(-1.0..1e12f64), 0..8), random in 0.0..1.0f64) {
            let candidates = weighted(&weights);
            let picked = simple_shuffle(&candidates, random);
            prop_assert_eq!(picked.is_some(), !candidates.is_empty());
            if let Some(index) = picked {
                prop_assert!(index < weights.len());
            }
        }
    }
}
