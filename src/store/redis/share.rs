//! Leases: the rows of this process, renewed by a script for each deployment.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Value, cmd};
use serde_json::json;

use crate::clock;
use crate::store::{ALIVE, Amounts, Ask, Grant, KEPT, StoreError, TRUSTED};

use super::script::{SHARE, millis, number, odd, read_number, text};
use super::servers::Order;
use super::{Redis, lock};

/// The store keeps a row for longer than this: one that is gone before was lost with others.
const SURE: Duration = Duration::from_secs(60);

/// What a row of this process says.
pub struct Held {
    renewed: Instant,
    allowed: Amounts,
    most: Amounts,
    processes: u32,
    /// When the store had lost it. Until all processes have written theirs again nobody gets more than it had: the
    /// leases of before fit into the limit, and those that are not written yet can't be seen.
    lost: Option<Instant>,
}

impl Redis {
    pub(super) async fn share_rows(&self, asks: &[Ask]) -> Result<Vec<Grant>, StoreError> {
        let theirs: Vec<Amounts> = match &self.litellm {
            Some(litellm) => litellm.used_by_others(asks),
            None => Vec::new(),
        };
        let theirs_of = |place: usize| theirs.get(place).copied().unwrap_or_default();
        let orders: Vec<_> = asks.iter().enumerate().map(|(place, ask)| self.renewal(ask, theirs_of(place))).collect();
        let answers = self.servers.run(&orders).await?;
        let mut held = lock(&self.held);
        let grants = asks.iter().zip(&answers).enumerate().map(|(place, (ask, answer))| {
            let (mut grant, was_known) = read(answer).ok_or_else(|| odd(&self.servers.name(), "a renewal"))?;
            grant.others = grant.others.with(theirs_of(place), u64::saturating_add);
            hold(&mut held, ask, &mut grant, was_known);
            Ok(grant)
        });
        grants.collect()
    }

    /// Renewing twice is renewing once, so a renewal may be repeated.
    fn renewal(&self, ask: &Ask, theirs: Amounts) -> Order {
        let key = self.keys.rows(&ask.id);
        let mut cmd = SHARE.over(&key);
        cmd.arg(&self.process).arg(millis(KEPT)).arg(millis(ALIVE)).arg(self.keys.events());
        cmd.arg(if ask.hungry { json!({"from": self.process, "give": &*ask.id}).to_string() } else { String::new() });
        cmd.arg(
            ask.seconds.filter(|seconds| seconds.is_finite()).map(|seconds| seconds.to_string()).unwrap_or_default(),
        );
        let limits = ask.limits.with(theirs, less);
        let want = match lock(&self.held).get(&ask.id) {
            Some(held) if held.is_lost() => ask.want.with(held.allowed, u64::min).with(ask.used, u64::max),
            _ => ask.want,
        };
        for amount in [limits, ask.used, want].into_iter().flat_map(Amounts::each) {
            cmd.arg(number(amount));
        }
        Order { key, cmd, again: true }
    }

    pub(super) async fn leave_rows(&self) -> Result<(), StoreError> {
        let ids: Vec<Arc<str>> = lock(&self.held).keys().map(Arc::clone).collect();
        let order = |id: &Arc<str>| {
            let key = self.keys.rows(id);
            let mut cmd = cmd("HDEL");
            cmd.arg(&key).arg(&self.process);
            Order { key, cmd, again: true }
        };
        let orders: Vec<_> = ids.iter().map(order).collect();
        self.servers.run(&orders).await?;
        lock(&self.held).clear();
        Ok(())
    }
}

impl Held {
    fn is_lost(&self) -> bool {
        self.lost.is_some_and(is_recent)
    }
}

fn is_recent(lost: Instant) -> bool {
    clock::now().saturating_duration_since(lost) < TRUSTED
}

/// Remembers what was granted; what the store forgot in between is no reason for more.
fn hold(all: &mut HashMap<Arc<str>, Held>, ask: &Ask, grant: &mut Grant, was_known: bool) {
    if ask.used == Amounts::ZERO && ask.want == Amounts::ZERO {
        all.remove(&ask.id);
        return;
    }
    let now = clock::now();
    let mut lost = None;
    if let Some(held) = all.get(&ask.id) {
        let is_gone = !was_known && now.saturating_duration_since(held.renewed) < SURE;
        lost = if is_gone { Some(now) } else { held.lost };
        if is_gone {
            grant.allowed = grant.allowed.with(held.allowed, u64::min).with(ask.used, u64::max);
        }
    }
    if let (Some(held), true) = (all.get(&ask.id), lost.is_some_and(is_recent)) {
        // What was left to all is what was left before, and so are those who share it.
        grant.most = grant.most.with(held.most, u64::min).with(grant.allowed, u64::max);
        grant.processes = grant.processes.max(held.processes);
    }
    let Grant { allowed, most, processes, .. } = *grant;
    let now_held = Held { renewed: now, allowed, most, processes, lost };
    grant.has_forgotten = now_held.is_lost();
    all.insert(Arc::clone(&ask.id), now_held);
}

/// What is left of a limit; of no limit, none is taken.
pub fn less(limit: u64, used: u64) -> u64 {
    if limit == u64::MAX { limit } else { limit.saturating_sub(used) }
}

/// The grant, and whether there was a row of this process.
fn read(answer: &Value) -> Option<(Grant, bool)> {
    let words: Vec<_> = text(answer)?.split(' ').collect();
    let [all @ .., processes, seconds, was_known] = words.as_slice() else { return None };
    let all = all.iter().map(|word| read_number(word)).collect::<Option<Vec<_>>>()?;
    let (allowed, rest) = all.split_at_checked(5)?;
    let (others, most) = rest.split_at_checked(5)?;
    let grant = Grant {
        allowed: Amounts::of(allowed.try_into().ok()?),
        most: Amounts::of(most.try_into().ok()?),
        others: Amounts::of(others.try_into().ok()?),
        seconds: seconds.parse().ok(),
        processes: processes.parse().ok()?,
        has_forgotten: false,
    };
    Some((grant, *was_known == "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let answer = |text: &str| read(&Value::BulkString(text.into()));
        let (grant, was_known) = answer("1 2 3 4 * 6 7 8 9 0 2 3 4 5 * 3 0.25 1").unwrap();
        assert_eq!(grant.allowed, Amounts::of([1, 2, 3, 4, u64::MAX]));
        assert_eq!(grant.most, Amounts::of([2, 3, 4, 5, u64::MAX]));
        assert_eq!((grant.others, grant.processes, grant.seconds), (Amounts::of([6, 7, 8, 9, 0]), 3, Some(0.25)));
        assert!(was_known);
        let (grant, was_known) = answer("1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 1 - 0").unwrap();
        assert_eq!((grant.seconds, was_known), (None, false));
        for odd in [
            "",
            "1 2 3",
            "1 2 3 4 5 6 7 8 9 0 1 - 0",
            "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 1 - 0",
            "a 2 3 4 5 6 7 8 9 0 1 2 3 4 5 1 - 0",
        ] {
            assert_eq!(answer(odd), None, "{odd}");
        }
    }

    fn share(all: &mut HashMap<Arc<str>, Held>, used: u64, granted: u64, was_known: bool) -> u64 {
        let amounts = Amounts::all;
        let (limits, want) = (amounts(100), amounts(100));
        let ask = Ask { id: "d".into(), limits, used: amounts(used), want, hungry: false, seconds: None };
        let mut grant = Grant { allowed: amounts(granted), ..Grant::default() };
        hold(all, &ask, &mut grant, was_known);
        assert_eq!(grant.has_forgotten, all["d"].is_lost());
        grant.allowed.requests
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_store_is_no_reason_for_more() {
        let mut all = HashMap::new();
        assert_eq!(share(&mut all, 0, 60, false), 60);
        assert_eq!(share(&mut all, 10, 70, true), 70);
        assert!(!all["d"].is_lost());
        // The row is gone: what was held is kept, and for a while it does not grow.
        assert_eq!(share(&mut all, 10, 100, false), 70);
        assert!(all["d"].is_lost());
        assert_eq!(share(&mut all, 90, 100, false), 90);
        tokio::time::advance(TRUSTED).await;
        assert!(!all["d"].is_lost());
        assert_eq!(share(&mut all, 10, 100, true), 100);
        // A row that ended by its own time was not lost.
        tokio::time::advance(KEPT).await;
        assert_eq!(share(&mut all, 0, 100, false), 100);
        assert!(!all["d"].is_lost());
    }
}
