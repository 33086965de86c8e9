//! One Redis for LiteLLM's routers and ours: cooldowns and use are also written, and read, as LiteLLM does.

mod cooldown;
mod literal;
mod usage;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use redis::Value;

use crate::clock;
use crate::store::{Amounts, Ask, Cooled, Known};

use super::keys::Keys;
use super::lock;
use super::servers::{Order, Servers};
use super::shelf;

use cooldown::Seen;
use usage::Usage;

/// LiteLLM's keys are read at most so often; its own routers look as seldom.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// All that there are, by their ids.
type Deployments = HashMap<Arc<str>, Known>;

pub struct LiteLlm {
    servers: Arc<Servers>,
    keys: Keys,
    known: RwLock<Arc<Deployments>>,
    seen: Mutex<Seen>,
    usage: Mutex<Usage>,
}

impl LiteLlm {
    pub fn new(servers: &Arc<Servers>, keys: &Keys) -> Arc<Self> {
        Arc::new(Self {
            servers: Arc::clone(servers),
            keys: keys.clone(),
            known: RwLock::default(),
            seen: Mutex::default(),
            usage: Mutex::default(),
        })
    }

    pub fn know(&self, deployments: &[Known]) {
        let known = deployments.iter().map(|known| (Arc::clone(&known.id), known.clone()));
        let known: Arc<Deployments> = Arc::new(known.collect());
        lock(&self.usage).keep(|id| known.contains_key(id));
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn known(&self) -> Arc<Deployments> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes the cooldowns of deployments; a key rests under a name that LiteLLM does not know.
    pub fn cooldowns(&self, cooled: &[Cooled]) -> Vec<Order> {
        let known = self.known();
        let of_deployments = cooled.iter().filter(|cooled| known.contains_key(&cooled.what));
        of_deployments.filter_map(cooldown::written).collect()
    }

    /// Looks for cooldowns, if that was not done a moment ago: of which deployments, and the questions.
    pub fn cooldown_questions(&self) -> (Vec<Arc<str>>, Vec<Order>) {
        if !lock(&self.seen).is_old(BETWEEN_LOOKS) {
            return (Vec::new(), Vec::new());
        }
        let ids: Vec<_> = self.known().keys().map(Arc::clone).collect();
        let keys: Vec<_> = ids.iter().map(|id| cooldown::key(id)).collect();
        let questions = shelf::questions(&self.servers, &keys);
        (ids, questions)
    }

    /// Takes in what the questions brought, if there were any, and adds what LiteLLM lets rest.
    pub fn add_cooled(&self, ids: &[Arc<str>], answers: &[Value], all: &mut Vec<Cooled>) {
        let mut seen = lock(&self.seen);
        if !ids.is_empty() {
            seen.take_in(ids, answers);
        }
        seen.add_to(all);
    }

    /// What LiteLLM's routers used of these deployments in the last minute, as it was seen last; and, in the background,
    /// what is new of ours is written and theirs is read.
    pub fn used_by_others(self: &Arc<Self>, asks: &[Ask]) -> Vec<Amounts> {
        let now = clock::now();
        let known = self.known();
        let mut usage = lock(&self.usage);
        for ask in asks {
            if let Some(known) = known.get(&ask.id) {
                usage.note(known, ask.used, now);
            }
        }
        if usage.begin_exchange(now, BETWEEN_LOOKS) {
            let litellm = Arc::clone(self);
            tokio::spawn(async move { litellm.exchange().await });
        }
        asks.iter().map(|ask| usage.of_others(&ask.id, now)).collect()
    }

    pub fn used_by_others_of(&self, id: &str) -> Amounts {
        lock(&self.usage).of_others(id, clock::now())
    }

    async fn exchange(&self) {
        let moment = usage::Moment::now();
        let (adds, ids, reads) = {
            let mut usage = lock(&self.usage);
            let (ids, reads) = usage.reads(&self.keys, &moment);
            (usage.adds(&self.keys, &moment), ids, reads)
        };
        // What was added, and not answered, is not added again: too little is told rather than too much.
        let added = self.servers.run(&adds).await;
        let read = self.servers.run(&shelf::questions(&self.servers, &reads)).await;
        let mut usage = lock(&self.usage);
        let outcome = added.and(read).map(|answers| {
            if let Some(values) = shelf::read(&answers, reads.len()) {
                usage.take_in(&ids, &values, &moment, clock::now());
            }
        });
        if let Some(why) = usage.end_exchange(outcome.err()) {
            log::warn!("usage is not shared with LiteLLM: {why}");
        }
    }
}
