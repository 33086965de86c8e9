//! How fast a process has used a deployment lately, and so what it is likely to need next.

use std::time::{Duration, Instant};

use super::super::Amounts;
use super::{IDLE, TICK};

/// What is older than this hardly counts for the pace any more.
const MEMORY: Duration = Duration::from_millis(500);
/// Ticks that a renewal is to last for: the next one may be late by one.
const TICKS: f64 = 2.0;

/// The pace at which one process uses one deployment.
#[derive(Default)]
pub struct Pace {
    looked: Option<Instant>,
    /// All that was ever taken, when it was looked at last.
    taken: Amounts,
    /// In a second, of each amount.
    rates: [f64; 5],
    /// The most slots at one time; falls slowly.
    peak: f64,
    /// The last use that was seen.
    busy: Option<Instant>,
}

impl Pace {
    /// Takes in what was taken since the router began, and how many slots are held now.
    #[allow(clippy::cast_precision_loss)]
    pub fn look(&mut self, now: Instant, taken: Amounts, slots: u64) {
        let Some(before) = self.looked.replace(now) else {
            // The first look may be behind a first use.
            self.taken = taken;
            if taken != Amounts::ZERO || slots > 0 {
                self.busy = Some(now);
            }
            return;
        };
        let time = now.saturating_duration_since(before).as_secs_f64();
        let more = taken.with(self.taken, u64::wrapping_sub);
        if more != Amounts::ZERO || slots > 0 {
            self.busy = Some(now);
        }
        if time <= 0.0 {
            self.looked = Some(before);
            return;
        }
        self.taken = taken;
        let share = 1.0 - (-time / MEMORY.as_secs_f64()).exp();
        for (rate, more) in self.rates.iter_mut().zip(more.each()) {
            *rate += share * (more as f64 / time - *rate);
        }
        self.peak = (slots as f64).max(self.peak * (1.0 - share));
    }

    /// For how long nobody has called; the longest of all times if nobody ever has.
    pub fn idle(&self, now: Instant) -> Duration {
        self.busy.map_or(Duration::MAX, |busy| now.saturating_duration_since(busy))
    }

    pub fn rests(&self, now: Instant) -> bool {
        self.idle(now) > IDLE
    }

    /// What the next two ticks are likely to need, of each amount. Slots: so many more than are held now.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub fn likely(&self, slots: u64) -> Amounts {
        let need = |rate: f64| {
            let mean = rate * TICK.as_secs_f64() * TICKS;
            // What comes by chance comes in bursts: a little more than the mean.
            if mean < 0.01 { 0 } else { (mean + mean.sqrt()).ceil() as u64 }
        };
        let [requests, tokens, input, output, _] = self.rates.map(need);
        // What is left of a peak of long ago is none.
        let below_peak = (self.peak - slots as f64 - 0.1).max(0.0).ceil() as u64;
        Amounts { requests, tokens, input, output, slots: below_peak.max(requests) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(requests: u64) -> Amounts {
        Amounts { requests, tokens: requests * 10, ..Amounts::ZERO }
    }

    #[test]
    fn the_pace_follows_the_traffic() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.look(start, Amounts::ZERO, 0);
        assert_eq!((pace.likely(0), pace.rests(start)), (Amounts::ZERO, true));
        let mut now = start;
        for tick in 1..=50 {
            now = start + TICK * tick;
            pace.look(now, taken(u64::from(tick) * 10), 4);
        }
        // Ten in a tick: two ticks need 20, and a burst some more.
        let likely = pace.likely(4);
        assert!((20..=26).contains(&likely.requests), "{likely:?}");
        assert!((200..=216).contains(&likely.tokens), "{likely:?}");
        assert!(likely.slots >= 20 && !pace.rests(now));
        pace.look(now + IDLE, taken(500), 0);
        assert!(!pace.rests(now + IDLE) && pace.rests(now + IDLE * 2));
        pace.look(now + IDLE * 2, taken(500), 0);
        assert_eq!(pace.likely(0), Amounts::ZERO);
    }

    #[test]
    fn two_looks_at_one_moment_are_one() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.look(start, Amounts::ZERO, 0);
        pace.look(start, taken(5), 0);
        pace.look(start + TICK, taken(5), 0);
        assert!(pace.likely(0).requests > 0);
    }
}
