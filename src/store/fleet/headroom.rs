//! How much more than it uses a process wants to be allowed: the rule of its headroom, as one pure function.

/// Everything that the rule looks at, for one amount of one deployment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Need {
    /// What all processes may use; `u64::MAX` is no limit.
    pub limit: u64,
    /// What this process uses, and what the others do as far as it knows.
    pub used: u64,
    pub others: u64,
    /// Processes that share the limit, this one included.
    pub processes: u32,
    /// What the next two ticks are likely to need, at the pace of the last ones.
    pub likely: u64,
    /// What one call takes.
    pub call: u64,
    /// What calls wait for right now.
    pub waiting: u64,
    /// Nobody has called for some seconds, or somebody else is short.
    pub rests: bool,
}

/// What is wanted beyond what is used. Never more than a fair part of what is left, unless a call waits for it.
pub fn headroom(need: &Need) -> u64 {
    if need.limit == u64::MAX {
        return 0;
    }
    let left = need.limit.saturating_sub(need.used).saturating_sub(need.others);
    let fair = left / u64::from(need.processes.max(1));
    let likely = if need.rests { 0 } else { need.likely.max(need.call) };
    likely.min(fair).max(need.waiting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEED: Need =
        Need { limit: 100, used: 10, others: 20, processes: 2, likely: 8, call: 1, waiting: 0, rests: false };

    #[test]
    fn the_pace_of_late_within_a_fair_part() {
        assert_eq!(headroom(&NEED), 8);
        assert_eq!(headroom(&Need { likely: 0, ..NEED }), 1);
        assert_eq!(headroom(&Need { likely: 90, ..NEED }), 35);
        assert_eq!(headroom(&Need { likely: 90, processes: 0, ..NEED }), 70);
        assert_eq!(headroom(&Need { rests: true, ..NEED }), 0);
        assert_eq!(headroom(&Need { limit: u64::MAX, ..NEED }), 0);
        // The last ones are nobody's fair part, but somebody's who waits.
        assert_eq!(headroom(&Need { others: 89, ..NEED }), 0);
        assert_eq!(headroom(&Need { others: 89, waiting: 1, ..NEED }), 1);
        assert_eq!(headroom(&Need { rests: true, waiting: 3, ..NEED }), 3);
    }

    proptest! {
        /// What processes that see the same want together is no more than what is left.
        #[test]
        fn fair_parts_add_up(limit in 0u64..5000, each in prop::collection::vec((0u64..500, 0u64..3000), 1..12)) {
            let all: u64 = each.iter().map(|(used, _)| used).sum();
            let processes = each.len() as u32;
            let wanted = each.iter().map(|(used, likely)| {
                headroom(&Need { limit, used: *used, others: all - used, processes, likely: *likely, call: 1, ..NEED })
            });
            prop_assert!(wanted.sum::<u64>() <= limit.saturating_sub(all));
        }

        #[test]
        fn who_waits_gets_no_less(limit in 0u64..100, used in 0u64..100, waiting in 0u64..50, rests: bool) {
            let wanted = headroom(&Need { limit, used, waiting, rests, ..NEED });
            prop_assert!(wanted >= waiting);
        }
    }
}
