//! The engine over Redis or Valkey: one server, one that sentinels know, or a cluster.
//!
//! Every step that must be one is a script, sent by its text: proxies that know no `EVALSHA` serve it as well. A script has
//! one key, so it runs in a cluster, and tells time by the server's clock alone. Nothing is connected, and no task begun,
//! before the first question.

mod cluster;
mod dial;
mod keys;
mod link;
mod litellm;
mod minute;
mod redact;
mod rest;
mod script;
mod sentinel;
mod servers;
mod share;
mod shelf;
mod slots;
mod spend;
mod watch;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::config::{RedisConfig, StoreConfig};

use super::{Amounts, Answer, Ask, Cooled, Engine, Event, Grant, Known, Shelf, Spend, Spent, Taken};

use keys::Keys;
use litellm::LiteLlm;
use servers::Servers;
use share::Held;

/// What a Redis keeps for all processes. Made without a connection; mends what breaks.
pub struct Redis {
    servers: Arc<Servers>,
    keys: Keys,
    /// Which process this is, among those of its namespace.
    process: String,
    /// The deployments that have a row of this process, and what it says.
    held: Mutex<HashMap<Arc<str>, Held>>,
    litellm: Option<Arc<LiteLlm>>,
}

impl Redis {
    pub fn new(redis: &RedisConfig, store: &StoreConfig) -> Arc<Self> {
        let servers = Arc::new(Servers::new(redis));
        let keys = Keys::new(&store.namespace);
        let litellm = store.litellm_keys.then(|| LiteLlm::new(&servers, &keys));
        let process = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        Arc::new(Self { servers, keys, process, held: Mutex::default(), litellm })
    }
}

impl Engine for Redis {
    fn share<'a>(&'a self, asks: &'a [Ask]) -> Answer<'a, Vec<Grant>> {
        Box::pin(self.share_rows(asks))
    }

    fn cool<'a>(&'a self, cooled: &'a [Cooled]) -> Answer<'a, ()> {
        Box::pin(self.let_rest(cooled))
    }

    fn cooled(&self) -> Answer<'_, Vec<Cooled>> {
        Box::pin(self.resting())
    }

    fn spend<'a>(&'a self, spends: &'a [Spend]) -> Answer<'a, Vec<Spent>> {
        Box::pin(self.add_spending(spends))
    }

    fn take<'a>(&'a self, id: &'a str, more: Amounts, limits: Amounts) -> Answer<'a, Taken> {
        Box::pin(self.take_room(id, more, limits))
    }

    fn settle<'a>(&'a self, id: &'a str, place: u64, taken: Amounts, real: Amounts) -> Answer<'a, ()> {
        Box::pin(self.settle_room(id, place, taken, real))
    }

    fn leave(&self) -> Answer<'_, ()> {
        Box::pin(self.leave_rows())
    }

    fn know(&self, deployments: &[Known]) {
        if let Some(litellm) = &self.litellm {
            litellm.know(deployments);
        }
    }

    fn watch(&self, events: mpsc::Sender<Event>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.watch_all(events))
    }

    fn name(&self) -> String {
        self.servers.name()
    }
}

impl Shelf for Redis {
    fn get<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Vec<Option<Vec<u8>>>> {
        Box::pin(self.get_values(keys))
    }

    fn put<'a>(&'a self, entries: &'a [(String, Vec<u8>, std::time::Duration)]) -> Answer<'a, ()> {
        Box::pin(self.put_values(entries))
    }

    fn name(&self) -> String {
        self.servers.name()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
