//! Cached answers.

use std::time::Duration;

use redis::{Value, cmd};

use crate::store::StoreError;

use super::Redis;
use super::script::{millis, odd};
use super::servers::{Order, Servers};

impl Redis {
    pub(super) async fn get_values(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let answers = self.servers.run(&questions(&self.servers, keys)).await?;
        read(&answers, keys.len()).ok_or_else(|| odd(&self.servers.name(), "a look for values"))
    }

    pub(super) async fn put_values(&self, entries: &[(String, Vec<u8>, Duration)]) -> Result<(), StoreError> {
        let order = |(key, value, time): &(String, Vec<u8>, Duration)| {
            let mut cmd = cmd("SET");
            cmd.arg(key).arg(value.as_slice()).arg("PX").arg(millis(*time).max(1));
            Order { key: key.clone(), cmd, again: true }
        };
        let orders: Vec<_> = entries.iter().map(order).collect();
        self.servers.run(&orders).await.map(|_| ())
    }
}

/// So many keys in one question: the server answers nobody else meanwhile.
const MOST_KEYS: usize = 500;

/// The values of keys: a few questions, or in a cluster, where keys lie apart, one for each.
pub fn questions(servers: &Servers, keys: &[String]) -> Vec<Order> {
    let (name, most) = if servers.is_cluster() { ("GET", 1) } else { ("MGET", MOST_KEYS) };
    let order = |keys: &[String]| {
        let mut cmd = cmd(name);
        cmd.arg(keys);
        Order { key: keys.first().cloned().unwrap_or_default(), cmd, again: true }
    };
    keys.chunks(most).map(order).collect()
}

/// Reads what [`questions`] bring, for so many keys.
pub fn read(answers: &[Value], count: usize) -> Option<Vec<Option<Vec<u8>>>> {
    let mut values = Vec::with_capacity(count);
    for answer in answers {
        match answer {
            Value::Array(all) => values.extend(all.iter().map(value)),
            one => values.push(value(one)),
        }
    }
    (values.len() == count).then(|| values.into_iter().collect()).flatten()
}

/// `Some(None)` for what is not there; `None` for what is no value.
fn value(value: &Value) -> Option<Option<Vec<u8>>> {
    match value {
        Value::Nil => Some(None),
        Value::BulkString(bytes) => Some(Some(bytes.clone())),
        _ => None,
    }
}
