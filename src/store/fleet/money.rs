//! What the task tells the store of money spent, and of takings settled.

use std::time::Duration;

use crate::clock;
use crate::config::SharedLimits;

use super::super::StoreError;
use super::{Fleet, HEARTBEAT, TICK};

impl Fleet {
    /// Tells each tick, for ever.
    pub(super) async fn pay(&self) {
        let common = &*self.common;
        loop {
            let asked = clock::now();
            let told = match self.tell_money(HEARTBEAT).await {
                Ok(()) => common.settlements.flush(common).await,
                failed => failed,
            };
            if let Err(error) = told {
                common.standing.failed(&common.name, &error, asked);
                clock::sleep(HEARTBEAT).await;
            } else {
                let has_none = self.registry().purses.is_empty() && common.config.limits == SharedLimits::Leases;
                clock::sleep(if has_none { HEARTBEAT } else { TICK }).await;
            }
        }
    }

    /// Tells what was spent, and asks for budgets that nobody has asked for in `every`. What the store does not take in is told
    /// again.
    pub(super) async fn tell_money(&self, every: Duration) -> Result<(), StoreError> {
        let (common, now) = (&*self.common, clock::now());
        let purses = self.registry().purses.clone();
        let due = purses.iter().filter_map(|purse| Some((purse, purse.due(now, every)?)));
        let (purses, spends): (Vec<_>, Vec<_>) = due.unzip();
        if spends.is_empty() {
            return Ok(());
        }
        let spent = common.answer(common.engine.spend(&spends)).await?;
        let now = clock::now();
        for ((purse, spend), spent) in purses.into_iter().zip(&spends).zip(&spent) {
            purse.told(spend.add, spent, now);
        }
        Ok(())
    }
}
