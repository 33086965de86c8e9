//! The exact way: room in the store's own sliding minute.

use std::time::Duration;

use redis::Value;

use crate::store::{Amounts, StoreError, Taken};

use super::Redis;
use super::script::{SETTLE, TAKE, number, odd};
use super::servers::Order;
use super::share::less;

impl Redis {
    pub(super) async fn take_room(&self, id: &str, more: Amounts, limits: Amounts) -> Result<Taken, StoreError> {
        let theirs = self.litellm.as_ref().map(|litellm| litellm.used_by_others_of(id)).unwrap_or_default();
        let key = self.keys.minute(id);
        let mut cmd = TAKE.over(&key);
        for amount in minute(more).chain(minute(limits.with(theirs, less))) {
            cmd.arg(number(amount));
        }
        // Whoever asks waits for less; but what was taken must be known, to be given back.
        let answers = self.servers.run_late(&[Order { key, cmd, again: false }]).await?;
        answers.first().and_then(read).ok_or_else(|| odd(&self.servers.name(), "a taking"))
    }

    pub(super) async fn settle_room(
        &self,
        id: &str,
        place: u64,
        taken: Amounts,
        real: Amounts,
    ) -> Result<(), StoreError> {
        let key = self.keys.minute(id);
        let mut cmd = SETTLE.over(&key);
        cmd.arg(place);
        for amount in minute(taken).chain(minute(real)) {
            cmd.arg(amount);
        }
        self.servers.run(&[Order { key, cmd, again: false }]).await.map(|_| ())
    }
}

/// What counts in any minute: all but the slots.
fn minute(amounts: Amounts) -> impl Iterator<Item = u64> {
    amounts.each().into_iter().take(4)
}

fn read(answer: &Value) -> Option<Taken> {
    let Value::Array(parts) = answer else { return None };
    match parts.as_slice() {
        [Value::Int(1), Value::Int(place)] => Some(Taken::Yes(u64::try_from(*place).ok()?)),
        [Value::Int(0), Value::Int(wait)] => Some(Taken::No(u64::try_from(*wait).ok().map(Duration::from_millis))),
        _ => None,
    }
}
