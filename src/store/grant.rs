//! The rule of a grant, for engines that are written in Rust; `redis/share.lua` is the same rule.

use std::time::Duration;

use super::{ALIVE, Amounts, Ask, Grant, KEPT};

/// What the store knows of another process and one deployment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    pub allowed: Amounts,
    pub used: Amounts,
    pub seconds: Option<f64>,
    /// Since its last renewal.
    pub age: Duration,
}

impl Row {
    /// Whether it still counts at all.
    pub fn is_kept(&self) -> bool {
        self.age < KEPT
    }

    fn is_alive(&self) -> bool {
        self.age < ALIVE
    }

    /// What counts of an amount: slots only of those that are alive.
    fn counted(&self, amounts: Amounts) -> Amounts {
        if self.is_alive() { amounts } else { Amounts { slots: 0, ..amounts } }
    }
}

/// What a process gets, beside the rows of the others.
pub fn grant(ask: &Ask, others: impl Iterator<Item = Row>) -> Grant {
    let (mut held, mut used, mut processes) = (Amounts::ZERO, Amounts::ZERO, 1);
    let (mut seconds, mut told) = (0.0, 0_u32);
    for row in others.filter(Row::is_kept) {
        held = held.with(row.counted(row.allowed), u64::saturating_add);
        used = used.with(row.counted(row.used), u64::saturating_add);
        processes += u32::from(row.is_alive());
        if let Some(own) = row.seconds.filter(|_| row.is_alive()) {
            seconds += own;
            told += 1;
        }
    }
    let most = ask.limits.with(held, |limit, held| if limit == u64::MAX { limit } else { limit.saturating_sub(held) });
    let allowed = ask.want.with(most, u64::min).with(ask.used, u64::max);
    let seconds = (told > 0).then(|| seconds / f64::from(told));
    Grant { allowed, most, others: used, seconds, processes, has_forgotten: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(limit: u64, used: u64, want: u64) -> Ask {
        let all = Amounts::all;
        Ask { id: "a".into(), limits: all(limit), used: all(used), want: all(want), hungry: false, seconds: None }
    }

    fn row(allowed: u64, used: u64, age: u64) -> Row {
        Row {
            allowed: Amounts::all(allowed),
            used: Amounts::all(used),
            seconds: Some(2.0),
            age: Duration::from_secs(age),
        }
    }

    #[test]
    fn the_sum_of_all_leases_is_at_most_the_limit() {
        let got = grant(&ask(10, 2, 9), [row(4, 1, 0), row(3, 3, 1)].into_iter());
        assert_eq!((got.allowed, got.others, got.processes), (Amounts::all(3), Amounts::all(4), 3));
        assert_eq!(got.seconds, Some(2.0));
        // What was used was used, even where it is too much.
        assert_eq!(grant(&ask(10, 8, 9), [row(9, 9, 0)].into_iter()).allowed, Amounts::all(8));
        assert_eq!(grant(&ask(u64::MAX, 8, 9), [row(9, 9, 0)].into_iter()).allowed, Amounts::all(9));
    }

    #[test]
    fn who_is_gone_holds_no_slots_and_later_nothing() {
        let got = grant(&ask(10, 0, 10), [row(6, 6, 5)].into_iter());
        assert_eq!((got.allowed, got.processes), (Amounts { slots: 10, ..Amounts::all(4) }, 1));
        assert_eq!(grant(&ask(10, 0, 10), [row(6, 6, 64)].into_iter()).allowed, Amounts::all(10));
    }
}
