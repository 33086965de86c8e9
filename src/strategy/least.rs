//! The least of a score, or whoever comes near it; among equals by chance, so that nobody is first by its place in a file.

use fastrand::Rng;

use super::lot::Lot;
use super::{Candidate, Pick};

/// Room for so many who are near the least, before more is asked for.
const NEAR: usize = 64;

/// Picks evenly among those whose score is the least.
pub fn least(
    candidates: impl Iterator<Item = Candidate>,
    score: impl Fn(&Candidate) -> f64,
    random: &mut Rng,
) -> Option<Pick> {
    let (mut lot, mut least, mut among) = (Lot::default(), f64::INFINITY, 0);
    // `for_each` and not `for`: behind it a chain of filters is one loop.
    candidates.for_each(|candidate| {
        among += 1;
        let score = score(&candidate);
        if score < least {
            (lot, least) = (Lot::default(), score);
        }
        // What is no number is picked when nobody else is there.
        if score == least || lot.drawn().is_none() {
            lot.offer(candidate.index, 1.0, random);
        }
    });
    lot.drawn().map(|index| Pick { index, among })
}

/// Picks evenly among those whose score is at most `buffer` (a share) above the least.
pub fn near_least(
    candidates: impl Iterator<Item = Candidate>,
    score: impl Fn(&Candidate) -> f64,
    buffer: f64,
    random: &mut Rng,
) -> Option<Pick> {
    let (mut near, mut least, mut most, mut among) = (Vec::with_capacity(NEAR), f64::INFINITY, f64::INFINITY, 0);
    candidates.for_each(|candidate| {
        among += 1;
        let score = score(&candidate);
        // The bound only ever comes down: whoever is beyond it now is so in the end.
        if !is_within(score, most) {
            return;
        }
        if score < least {
            (least, most) = (score, bound(score, buffer));
        }
        near.push((candidate.index, score));
    });
    near.retain(|(_, score)| is_within(*score, most));
    let (index, _) = random.choice(near)?;
    Some(Pick { index, among })
}

/// The chance of each, in their order.
pub fn even_shares(candidates: &[Candidate], score: fn(&Candidate) -> f64, buffer: f64) -> Vec<f64> {
    let Some(least) = candidates.iter().map(score).min_by(f64::total_cmp) else { return Vec::new() };
    let bound = bound(least, buffer);
    let is_near = |candidate: &&Candidate| score(candidate) <= bound;
    let count = candidates.iter().filter(is_near).count();
    #[allow(clippy::cast_precision_loss)]
    let share = |candidate: &Candidate| if is_near(&candidate) { 1.0 / count as f64 } else { 0.0 };
    candidates.iter().map(share).collect()
}

/// Whether a score is at most `most`; what is no number never is.
fn is_within(score: f64, most: f64) -> bool {
    score <= most
}

/// The most that a score may be.
fn bound(least: f64, buffer: f64) -> f64 {
    least + least.abs() * buffer.max(0.0)
}

#[cfg(test)]
pub mod tests {
    use super::super::Strategy;
    use super::*;
    use fastrand::Rng;
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
                counts[strategy.pick(order.iter().copied(), &mut random).unwrap().index] += 1;
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
        fn a_pick_is_the_least(scores in prop::collection::vec(0u32..5, 0..9), seed: u64, buffer in 0.0..2.0f64) {
            let candidate = |(index, in_flight): (usize, &u32)| Candidate { index, in_flight: *in_flight, ..Candidate::default() };
            let candidates: Vec<_> = scores.iter().enumerate().map(candidate).collect();
            let score: fn(&Candidate) -> f64 = |candidate| f64::from(candidate.in_flight);
            let picked = near_least(candidates.iter().copied(), score, buffer, &mut Rng::with_seed(seed));
            prop_assert_eq!(picked.is_some(), !candidates.is_empty());
            if let Some(Pick { index, among }) = picked {
                prop_assert_eq!(among, candidates.len());
                let least = f64::from(*scores.iter().min().unwrap());
                prop_assert!(f64::from(scores[index]) <= least * (1.0 + buffer));
            }
        }
    }
}
