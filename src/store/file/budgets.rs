//! Money that all processes have spent in the running period of a budget.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::index::{FOREVER, Key};
use super::layout::BUDGET_TABLE;
use super::rows::IDLE;
use super::session::Session;
use crate::store::{Spend, Spent, StoreError};

const LOCK: usize = 0;
const TOTAL: usize = 1;
const END: usize = 2;

pub fn spend(session: &Session, namespace: &str, spend: &Spend, now: u64) -> Result<Spent, StoreError> {
    let (key, index) = (Key::new(namespace, &spend.budget), session.index(&BUDGET_TABLE));
    let period = millis(spend.period).min(FOREVER);
    if spend.add == 0 {
        return Ok(index.find(key).map_or_else(Spent::default, |entry| read(index.body(entry), now)));
    }
    let entry = session.entry(&BUDGET_TABLE, key, now + period + millis(IDLE), now)?;
    let body = index.body(entry);
    let _held = session.lock(&body[LOCK], now)?;
    if read(body, now).left.is_none() {
        // In this order: whoever dies in between leaves no old money in the new period.
        body[TOTAL].store(0, Ordering::Relaxed);
        body[END].store(now + period, Ordering::Release);
    }
    let add = |total: u64| Some(total.saturating_add(spend.add));
    let _ = body[TOTAL].fetch_update(Ordering::AcqRel, Ordering::Relaxed, add);
    Ok(read(body, now))
}

fn read(body: &[AtomicU64], now: u64) -> Spent {
    let end = body[END].load(Ordering::Acquire);
    if end <= now || end > now.saturating_add(FOREVER) {
        return Spent::default();
    }
    Spent { total: body[TOTAL].load(Ordering::Relaxed), left: Some(Duration::from_millis(end - now)) }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
