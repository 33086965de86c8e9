//! Every strategy, in every order of the candidates and whoever of them is missing: the shares are those of its rule.

use super::{Candidate, Strategy};

const PICKS: usize = 100_000;
const SEED: u64 = 3;
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Counts many picks for each order and each subset; the chances are the same in every run. `shares` says what is expected of those who are left.
fn assert_shares(strategy: Strategy, candidates: [Candidate; 3], shares: impl Fn(&[usize]) -> [f64; 3]) {
    let mut random = fastrand::Rng::with_seed(SEED);
    for order in ORDERS {
        for left in 1..8usize {
            let kept: Vec<usize> = order.into_iter().filter(|index| left & (1 << index) != 0).collect();
            let list: Vec<_> = kept.iter().map(|index| Candidate { index: *index, ..candidates[*index] }).collect();
            let mut counts = [0usize; 3];
            for _ in 0..PICKS {
                counts[strategy.pick(list.iter().copied(), &mut random).unwrap().index] += 1;
            }
            let expected = shares(&kept);
            for (index, count) in counts.into_iter().enumerate() {
                let share = expected[index];
                let sigma = (PICKS as f64 * share * (1.0 - share)).sqrt();
                let off = (count as f64 - share * PICKS as f64).abs();
                assert!(off <= 3.0 * sigma + 1.0, "{strategy:?} {kept:?}: {counts:?}, not {expected:?}");
            }
            let told = strategy.shares(&list);
            let agrees = |(index, told): (&usize, &f64)| (told - expected[*index]).abs() < 1e-9;
            assert!(kept.iter().zip(&told).all(agrees), "{strategy:?} {kept:?}: {told:?}");
        }
    }
}

/// Evenly among the first of these sets of which somebody is left.
fn evenly(ranks: &'static [&'static [usize]]) -> impl Fn(&[usize]) -> [f64; 3] {
    move |kept| {
        let left = |rank: &&[usize]| rank.iter().copied().filter(|index| kept.contains(index)).collect::<Vec<_>>();
        let first = ranks.iter().map(left).find(|left| !left.is_empty()).unwrap();
        let mut shares = [0.0; 3];
        first.iter().for_each(|index| shares[*index] = 1.0 / first.len() as f64);
        shares
    }
}

/// In proportion; evenly if nobody who is left has a part.
fn by_parts(parts: [f64; 3]) -> impl Fn(&[usize]) -> [f64; 3] {
    move |kept| {
        let total: f64 = kept.iter().map(|index| parts[*index]).sum();
        let mut shares = [0.0; 3];
        for index in kept {
            shares[*index] = if total > 0.0 { parts[*index] / total } else { 1.0 / kept.len() as f64 };
        }
        shares
    }
}

fn three(set: impl Fn(usize, &mut Candidate)) -> [Candidate; 3] {
    [0, 1, 2].map(|index| {
        let mut candidate = Candidate { index, ..Candidate::default() };
        set(index, &mut candidate);
        candidate
    })
}

#[test]
fn simple_shuffle_keeps_its_proportions() {
    let weights = [Some(2.0), Some(7.0), None];
    let weighted = three(|index, candidate| candidate.weight = weights[index]);
    assert_shares(Strategy::SimpleShuffle, weighted, by_parts([2.0, 7.0, 0.0]));
    let rpms = three(|index, candidate| candidate.rpm = Some([900.0, 90.0, 10.0][index]));
    assert_shares(Strategy::SimpleShuffle, rpms, by_parts([900.0, 90.0, 10.0]));
    assert_shares(Strategy::SimpleShuffle, three(|_, _| {}), by_parts([1.0; 3]));
}

#[test]
fn least_busy_takes_the_fewest() {
    let busy = three(|index, candidate| candidate.in_flight = [1, 1, 0][index]);
    assert_shares(Strategy::LeastBusy, busy, evenly(&[&[2], &[0, 1]]));
}

#[test]
fn usage_takes_the_least_used() {
    let used = three(|index, candidate| candidate.tokens = [50, 7, 50][index]);
    assert_shares(Strategy::Usage, used, evenly(&[&[1], &[0, 2]]));
}

#[test]
fn latency_takes_the_fastest_and_who_is_near() {
    let measured = three(|index, candidate| candidate.seconds = [Some(0.12), Some(0.1), Some(0.9)][index]);
    assert_shares(Strategy::Latency { buffer: 0.25 }, measured, evenly(&[&[0, 1], &[2]]));
    assert_shares(Strategy::Latency { buffer: 0.0 }, measured, evenly(&[&[1], &[0], &[2]]));
    let cold = three(|index, candidate| candidate.seconds = [Some(0.12), None, Some(0.12)][index]);
    assert_shares(Strategy::Latency { buffer: 0.5 }, cold, evenly(&[&[1], &[0, 2]]));
}

#[test]
fn cost_takes_the_cheapest() {
    let priced = three(|index, candidate| candidate.cost = [Some(3e-6), None, Some(3e-6)][index]);
    assert_shares(Strategy::Cost, priced, evenly(&[&[0, 2], &[1]]));
}

/// Many at once see the same: with nothing known of anybody, nobody gets more than twice a fair share.
#[test]
fn a_herd_spreads() {
    const HERD: usize = 1000;
    let mut random = fastrand::Rng::with_seed(13);
    let all = [
        Strategy::SimpleShuffle,
        Strategy::LeastBusy,
        Strategy::Usage,
        Strategy::Latency { buffer: 0.0 },
        Strategy::Cost,
    ];
    for strategy in all {
        for members in [2, 5, 20] {
            let list: Vec<_> = (0..members).map(|index| Candidate { index, ..Candidate::default() }).collect();
            let mut counts = vec![0usize; members];
            (0..HERD).for_each(|_| counts[strategy.pick(list.iter().copied(), &mut random).unwrap().index] += 1);
            let most = counts.iter().max().unwrap();
            assert!(*most <= 2 * HERD / members, "{strategy:?}: {counts:?}");
        }
    }
}
