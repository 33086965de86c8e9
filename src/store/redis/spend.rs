//! Budgets: whole numbers, added by the store.

use std::time::Duration;

use redis::Value;

use crate::store::{Spend, Spent, StoreError};

use super::Redis;
use super::script::{SPEND, millis, odd, text};
use super::servers::Order;

impl Redis {
    pub(super) async fn add_spending(&self, spends: &[Spend]) -> Result<Vec<Spent>, StoreError> {
        let order = |spend: &Spend| {
            let key = self.keys.spent(&spend.budget, spend.period);
            let mut cmd = SPEND.over(&key);
            // The store counts with a sign.
            cmd.arg(spend.add.min(i64::MAX.unsigned_abs())).arg(millis(spend.period).max(1));
            Order { key, cmd, again: spend.add == 0 }
        };
        let orders: Vec<_> = spends.iter().map(order).collect();
        let answers = self.servers.run(&orders).await?;
        let spent = answers.iter().map(|answer| read(answer).ok_or_else(|| odd(&self.servers.name(), "a budget")));
        spent.collect()
    }
}

fn read(answer: &Value) -> Option<Spent> {
    let Value::Array(parts) = answer else { return None };
    let [total, Value::Int(left)] = parts.as_slice() else { return None };
    let left = u64::try_from(*left).ok().map(Duration::from_millis);
    Some(Spent { total: text(total)?.parse().ok()?, left })
}
