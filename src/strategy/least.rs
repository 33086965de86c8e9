//! The least of a score, or whoever comes near it; among equals by chance, so that nobody is first by its place in a file.

use super::Candidate;

/// Picks evenly among those whose score is at most `buffer` (a share) above the least.
pub fn least(candidates: &[Candidate], score: fn(&Candidate) -> f64, buffer: f64, random: f64) -> Option<usize> {
    let bound = bound(candidates, score, buffer)?;
    let near = || candidates.iter().filter(|candidate| score(candidate) <= bound);
    let count = near().count();
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let place = (random * count as f64) as usize;
    near().nth(place.min(count.saturating_sub(1))).map(|candidate| candidate.index)
}

/// The chance of each, in their order.
pub fn even_shares(candidates: &[Candidate], score: fn(&Candidate) -> f64, buffer: f64) -> Vec<f64> {
    let Some(bound) = bound(candidates, score, buffer) else { return Vec::new() };
    let is_near = |candidate: &&Candidate| score(candidate) <= bound;
    let count = candidates.iter().filter(is_near).count();
    #[allow(clippy::cast_precision_loss)]
    let share = |candidate: &Candidate| if is_near(&candidate) { 1.0 / count as f64 } else { 0.0 };
    candidates.iter().map(share).collect()
}

fn bound(candidates: &[Candidate], score: fn(&Candidate) -> f64, buffer: f64) -> Option<f64> {
    let least = candidates.iter().map(score).min_by(f64::total_cmp)?;
    Some(least + least.abs() * buffer.max(0.0))
}

#[cfg(test)]
pub mod tests {
    use super::super::Strategy;
    use super::*;
    use proptest::prelude::*;

    const PICKS: usize = 100_000;

    /// Whether the frequencies of many picks lie within three sigma of the shares, which are these; in every order of
    /// the candidates and with any one of them missing.
    pub fn assert_even(strategy: Strategy, candidates: &[Candidate], chosen: &[usize]) {
        let mut random = fastrand::Rng::with_seed(11);
        let mut orders = vec![candidates.to_vec(), candidates.iter().rev().copied().collect()];
        let mut shuffled = candidates.to_vec();
        random.shuffle(&mut shuffled);
        orders.push(shuffled);
        for order in orders {
            let mut counts = vec![0usize; candidates.len()];
            for _ in 0..PICKS {
                counts[strategy.pick(&order, random.f64()).unwrap()] += 1;
            }
            for (index, count) in counts.iter().enumerate() {
                let share = if chosen.contains(&index) { 1.0 / chosen.len() as f64 } else { 0.0 };
                let (expected, sigma) = (share * PICKS as f64, (PICKS as f64 * share * (1.0 - share)).sqrt());
                assert!((*count as f64 - expected).abs() <= 3.0 * sigma, "{strategy:?}: {counts:?}, not {chosen:?}");
            }
            let shares = strategy.shares(&order);
            for (candidate, share) in order.iter().zip(&shares) {
                assert_eq!(*share > 0.0, chosen.contains(&candidate.index));
            }
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }

    proptest! {
        #[test]
        fn a_pick_is_the_least(scores in prop::collection::vec(0u32..5, 0..9), random in 0.0..1.0f64, buffer in 0.0..2.0f64) {
            let candidate = |(index, in_flight): (usize, &u32)| Candidate { index, in_flight: *in_flight, ..Candidate::default() };
            let candidates: Vec<_> = scores.iter().enumerate().map(candidate).collect();
            let score = |candidate: &Candidate| f64::from(candidate.in_flight);
            let picked = least(&candidates, score, buffer, random);
            prop_assert_eq!(picked.is_some(), !candidates.is_empty());
            if let Some(index) = picked {
                let least = f64::from(*scores.iter().min().unwrap());
                prop_assert!(f64::from(scores[index]) <= least * (1.0 + buffer));
            }
        }
    }
}
