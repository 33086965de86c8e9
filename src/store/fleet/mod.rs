//! One process in its fleet: it holds a part of each limit, tells and hears cooldowns, and adds to budgets, over an [`Engine`].
//!
//! `terms` (by what limits go) · `lease` (what a process may use of a deployment) · `waiting` (a call whose part is used up) ·
//! `headroom` and `pace` (how large a part it wants) · `renewing`, `hearing`, `money`: what the task does · `cooling`, `purse`, `exact` (what it
//! tells the store) ·
//! `standing` (whether the store is there).

mod common;
mod cooling;
mod exact;
mod headroom;
mod hearing;
mod lease;
mod money;
mod pace;
mod purse;
mod renewing;
mod standing;
mod terms;
mod waiting;

#[cfg(test)]
pub mod tests;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use crate::clock;
use crate::config::StoreConfig;
use crate::deployment::KeyBench;

use super::{Engine, Known};

use common::Common;

pub use exact::Took;
pub use lease::{Lease, Member};
pub use purse::Purse;
pub use standing::Status;
pub use terms::Terms;
pub use waiting::Demand;

/// While calls come, leases are renewed so often.
const TICK: Duration = Duration::from_millis(100);
/// So often what is held without calls is renewed, and what is only read is read.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Without a call for so long, a process holds nothing beyond what it has used.
const IDLE: Duration = Duration::from_secs(3);
/// So often all cooldowns are read, whatever was heard of them.
const READING: Duration = Duration::from_millis(500);
/// The first calls wait for the first reading so long after the load, and no longer.
const FIRST_READING: Duration = Duration::from_millis(100);
/// A call whose part is still too small asks again after this.
const RETRY: Duration = Duration::from_millis(1);
/// So long the end may take: rows given back, the last spendings told.
const FAREWELL: Duration = Duration::from_millis(100);
/// Events that wait to be looked at; reading makes up for those that are lost.
const EVENTS: usize = 256;

/// The handle that a router holds, kept by its reloads for as long as the settings of the store stay.
pub struct Fleet {
    common: Arc<Common>,
    registry: Mutex<Registry>,
    /// When the first calls need not wait for the first reading any more.
    patient_until: Instant,
    is_running: AtomicBool,
    is_over: AtomicBool,
    over: Notify,
}

#[derive(Default)]
struct Registry {
    leases: HashMap<Arc<str>, Arc<Lease>>,
    /// By what rests.
    benches: HashMap<Arc<str>, Rests>,
    purses: Vec<Arc<Purse>>,
}

/// What a cooldown of the fleet benches.
#[derive(Clone)]
enum Rests {
    Deployment(Arc<Lease>),
    Key(Arc<KeyBench>),
}

impl Fleet {
    /// Tells and asks nobody before [`Fleet::run`].
    pub fn new(engine: Arc<dyn Engine>, config: StoreConfig) -> Self {
        Self {
            common: Arc::new(Common::new(engine, config)),
            registry: Mutex::default(),
            patient_until: clock::now() + FIRST_READING,
            is_running: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            over: Notify::new(),
        }
    }

    pub fn config(&self) -> &StoreConfig {
        &self.common.config
    }

    /// What this process holds of a deployment: as before if it was known by the same limits. It is renewed only once it was
    /// [adopted](Fleet::adopt).
    pub fn lease(&self, member: Member) -> Arc<Lease> {
        let known = self.registry().leases.get(&member.id).cloned();
        let is_same = |lease: &Arc<Lease>| {
            Arc::ptr_eq(&lease.member.state, &member.state)
                && lease.member.limits == member.limits
                && lease.member.key == member.key
                // Without a key nobody hears of the bench.
                && (member.key.is_none() || Arc::ptr_eq(&lease.member.key_bench, &member.key_bench))
        };
        known.filter(is_same).unwrap_or_else(|| Arc::new(Lease::new(member, Arc::clone(&self.common))))
    }

    /// Tells the engine of all deployments that there are.
    pub fn know(&self, deployments: impl Iterator<Item = Known>) {
        self.common.engine.know(&deployments.collect::<Vec<_>>());
    }

    /// Goes on with these deployments, and no others.
    pub fn adopt(&self, leases: impl Iterator<Item = Arc<Lease>>) {
        let leases: HashMap<_, _> = leases.map(|lease| (Arc::clone(&lease.member.id), lease)).collect();
        let mut benches: HashMap<_, _> =
            leases.iter().map(|(id, lease)| (Arc::clone(id), Rests::Deployment(Arc::clone(lease)))).collect();
        for lease in leases.values() {
            if let Some(key) = &lease.member.key {
                benches.insert(Arc::clone(key), Rests::Key(Arc::clone(&lease.member.key_bench)));
            }
        }
        let mut registry = self.registry();
        for (id, old) in std::mem::replace(&mut registry.leases, leases) {
            if registry.leases.get(&id).is_none_or(|lease| !Arc::ptr_eq(lease, &old)) {
                old.lapse();
            }
        }
        registry.benches = benches;
        registry.purses.retain(|purse| Arc::strong_count(purse) > 1 || purse.has_untold());
        drop(registry);
        // Who is new may rest already.
        self.common.cooling.wake.notify_one();
    }

    /// The budget of this name, as it was if it is known.
    pub fn purse(&self, name: &str, period: Duration) -> Arc<Purse> {
        let mut registry = self.registry();
        let known = registry.purses.iter().find(|purse| &*purse.name == name && purse.period == period).cloned();
        known.unwrap_or_else(|| {
            let purse = Arc::new(Purse::new(name, period));
            registry.purses.push(Arc::clone(&purse));
            purse
        })
    }

    /// Waits until the cooldowns of the fleet are known, but not long after the load.
    pub async fn ready(&self) {
        let cooling = &self.common.cooling;
        let left = self.patient_until.saturating_duration_since(clock::now());
        if cooling.is_read() || left.is_zero() {
            return;
        }
        let read = pin!(cooling.read.notified());
        if !cooling.is_read() {
            clock::within(left, read).await;
        }
    }

    /// Whether a call need not wait before it picks.
    pub fn is_ready(&self) -> bool {
        self.common.cooling.is_read()
    }

    pub fn status(&self) -> Status {
        let untold = self.registry().purses.iter().filter(|purse| purse.has_untold()).count();
        let pending = untold + self.common.cooling.pending() + self.common.settlements.len();
        self.common.standing.status(self.common.name.clone(), pending)
    }

    /// Renews, tells and hears, until the [end](Fleet::end). Runs once.
    pub async fn run(self: Arc<Self>) {
        if self.is_running.swap(true, Ordering::AcqRel) {
            return;
        }
        let _served = Served::begin(&self.common);
        let (sender, receiver) = mpsc::channel(EVENTS);
        {
            let mut renewing = pin!(self.renew());
            let mut watching = pin!(self.common.engine.watch(sender));
            let mut is_watching = true;
            let mut beside = [
                Box::pin(self.hear(receiver)) as std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>>,
                Box::pin(self.cool()),
                Box::pin(self.pay()),
            ];
            std::future::poll_fn(|context| {
                // An engine that has nothing to tell may end its watch.
                is_watching = is_watching && watching.as_mut().poll(context).is_pending();
                for other in &mut beside {
                    // None of them ends.
                    let _ = other.as_mut().poll(context);
                }
                match renewing.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(()),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await;
        }
        let farewell = pin!(async {
            let _ = self.tell_money(Duration::MAX).await;
            let _ = self.common.cooling.flush(&self.common).await;
            let _ = self.common.engine.leave().await;
        });
        clock::within(FAREWELL, farewell).await;
        self.is_over.store(true, Ordering::Release);
        self.over.notify_waiters();
    }

    /// Ends the task, which gives back what this process holds.
    pub fn end(&self) {
        self.common.end();
    }

    /// The same, and waits for it.
    pub async fn ended(&self) {
        self.end();
        if !self.is_running.load(Ordering::Acquire) {
            return;
        }
        let over = self.over.notified();
        if !self.is_over.load(Ordering::Acquire) {
            over.await;
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> Vec<Arc<Lease>> {
        self.registry().leases.values().cloned().collect()
    }
}

/// Says that the task runs, until it ends in whatever way.
struct Served<'a>(&'a Common);

impl<'a> Served<'a> {
    fn begin(common: &'a Common) -> Self {
        common.standing.serve(true);
        Self(common)
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        self.0.standing.serve(false);
    }
}
