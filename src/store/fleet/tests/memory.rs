//! A store in memory that can be slow, failing, frozen, or lose messages; several processes over it in one.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::clock;
use crate::store::{Amounts, Answer, Ask, Cooled, Engine, Event, Grant, Row, Spend, Spent, StoreError, Taken, grant};

const MINUTE: Duration = Duration::from_secs(61);

/// What is kept, for all processes.
#[derive(Default)]
pub struct Memory {
    kept: Mutex<Kept>,
    processes: AtomicUsize,
}

#[derive(Default)]
struct Kept {
    rows: BTreeMap<(Arc<str>, usize), (Row, Instant)>,
    cooled: BTreeMap<Arc<str>, (Instant, String)>,
    budgets: BTreeMap<Arc<str>, (u64, Instant)>,
    minutes: BTreeMap<String, VecDeque<(u64, Instant, Amounts)>>,
    places: u64,
    watchers: Vec<(usize, mpsc::Sender<Event>)>,
}

/// One process's way to it.
pub struct Link {
    memory: Arc<Memory>,
    number: usize,
    /// Nothing comes back, for as long as this is set.
    pub frozen: AtomicBool,
    /// All is refused.
    pub failing: AtomicBool,
    /// Of a thousand messages so many are lost, half of them after they had their effect.
    pub loss: AtomicUsize,
    /// Milliseconds of an answer.
    pub slow: AtomicU64,
    /// It tells nothing by itself.
    pub mute: AtomicBool,
    /// Answers to `share`, and those that the last one asked for.
    pub shares: AtomicUsize,
    pub takes: AtomicUsize,
}

impl Memory {
    pub fn link(self: &Arc<Self>) -> Arc<Link> {
        Arc::new(Link {
            memory: Arc::clone(self),
            number: self.processes.fetch_add(1, Ordering::Relaxed),
            frozen: AtomicBool::default(),
            failing: AtomicBool::default(),
            loss: AtomicUsize::default(),
            slow: AtomicU64::default(),
            mute: AtomicBool::default(),
            shares: AtomicUsize::default(),
            takes: AtomicUsize::default(),
        })
    }

    /// Rows that are kept, of all processes.
    pub fn rows(&self) -> usize {
        self.kept.lock().unwrap().rows.len()
    }

    /// What all processes together may use of a deployment.
    pub fn allowed(&self, id: &str) -> u64 {
        let kept = self.kept.lock().unwrap();
        kept.rows.iter().filter(|((of, _), _)| &**of == id).map(|(_, (row, _))| row.allowed.requests).sum()
    }

    /// Tokens that stand in the store's own minute.
    pub fn taken(&self, id: &str) -> u64 {
        let kept = self.kept.lock().unwrap();
        kept.minutes.get(id).map_or(0, |minute| minute.iter().map(|(_, _, used)| used.tokens).sum())
    }

    pub fn spent(&self, budget: &str) -> u64 {
        self.kept.lock().unwrap().budgets.get(budget).map_or(0, |(total, _)| *total)
    }

    pub fn is_cooled(&self, what: &str) -> bool {
        self.kept.lock().unwrap().cooled.contains_key(what)
    }
}

impl Kept {
    fn tell(&self, but: usize, event: &Event) {
        for (number, watcher) in &self.watchers {
            if *number != but {
                let _ = watcher.try_send(event.clone());
            }
        }
    }
}

impl Link {
    pub fn set(flag: &AtomicBool, to: bool) {
        flag.store(to, Ordering::SeqCst);
    }

    /// An answer, by way of all that may go wrong.
    async fn answer<T>(&self, make: impl FnOnce(&mut Kept) -> T) -> Result<T, StoreError> {
        let slow = self.slow.load(Ordering::SeqCst);
        clock::sleep(Duration::from_millis(slow)).await;
        while self.frozen.load(Ordering::SeqCst) {
            clock::sleep(Duration::from_millis(10)).await;
        }
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError("refused".to_owned()));
        }
        let lost = fastrand::usize(0..1000);
        let loss = self.loss.load(Ordering::SeqCst);
        if lost < loss / 2 {
            return Err(StoreError("lost".to_owned()));
        }
        let made = make(&mut self.memory.kept.lock().unwrap());
        if lost < loss { Err(StoreError("lost".to_owned())) } else { Ok(made) }
    }
}

impl Engine for Link {
    fn share<'a>(&'a self, asks: &'a [Ask]) -> Answer<'a, Vec<Grant>> {
        self.shares.fetch_add(1, Ordering::SeqCst);
        Box::pin(self.answer(move |kept| {
            let now = clock::now();
            let mut grants = Vec::new();
            for ask in asks {
                let of_others = kept.rows.iter().filter(|((id, number), _)| *id == ask.id && *number != self.number);
                let aged = of_others.map(|(_, (row, at))| Row { age: now - *at, ..*row });
                let grant = grant(ask, aged);
                let key = (Arc::clone(&ask.id), self.number);
                if ask.used == Amounts::ZERO && ask.want == Amounts::ZERO {
                    kept.rows.remove(&key);
                } else {
                    let row = Row { allowed: grant.allowed, used: ask.used, seconds: ask.seconds, age: Duration::ZERO };
                    kept.rows.insert(key, (row, now));
                }
                if ask.hungry && grant.allowed != ask.want {
                    kept.tell(self.number, &Event::GiveBack(Arc::clone(&ask.id)));
                }
                grants.push(grant);
            }
            grants
        }))
    }

    fn cool<'a>(&'a self, cooled: &'a [Cooled]) -> Answer<'a, ()> {
        Box::pin(self.answer(move |kept| {
            for one in cooled {
                let until = clock::now() + one.left;
                if kept.cooled.get(&one.what).is_none_or(|(end, _)| *end < until) {
                    kept.cooled.insert(Arc::clone(&one.what), (until, one.cause.clone()));
                    kept.tell(self.number, &Event::Cooled(one.clone()));
                }
            }
        }))
    }

    fn cooled(&self) -> Answer<'_, Vec<Cooled>> {
        Box::pin(self.answer(move |kept| {
            let now = clock::now();
            kept.cooled.retain(|_, (until, _)| *until > now);
            let cooled = |(what, (until, cause)): (&Arc<str>, &(Instant, String))| Cooled {
                what: Arc::clone(what),
                left: *until - now,
                cause: cause.clone(),
            };
            kept.cooled.iter().map(cooled).collect()
        }))
    }

    fn spend<'a>(&'a self, spends: &'a [Spend]) -> Answer<'a, Vec<Spent>> {
        Box::pin(self.answer(move |kept| {
            let now = clock::now();
            let mut spent = Vec::new();
            for spend in spends {
                kept.budgets.retain(|_, (_, until)| *until > now);
                if spend.add > 0 {
                    kept.budgets.entry(Arc::clone(&spend.budget)).or_insert((0, now + spend.period)).0 += spend.add;
                }
                let entry = kept.budgets.get(&spend.budget);
                spent.push(
                    entry.map_or(Spent::default(), |(total, until)| Spent { total: *total, left: Some(*until - now) }),
                );
            }
            spent
        }))
    }

    fn take<'a>(&'a self, id: &'a str, more: Amounts, limits: Amounts) -> Answer<'a, Taken> {
        self.takes.fetch_add(1, Ordering::SeqCst);
        Box::pin(self.answer(move |kept| {
            let now = clock::now();
            kept.places += 1;
            let place = kept.places;
            let minute = kept.minutes.entry(id.to_owned()).or_default();
            minute.retain(|(_, at, _)| now - *at < MINUTE);
            let all = minute.iter().fold(more, |sum, (_, _, used)| sum.with(*used, u64::saturating_add));
            if all.each().into_iter().zip(limits.each()).take(4).any(|(used, limit)| used > limit) {
                return Taken::No(minute.front().map(|(_, at, _)| *at + MINUTE - now));
            }
            minute.push_back((place, now, more));
            Taken::Yes(place)
        }))
    }

    fn settle<'a>(&'a self, id: &'a str, place: u64, _taken: Amounts, real: Amounts) -> Answer<'a, ()> {
        Box::pin(self.answer(move |kept| {
            let minute = kept.minutes.entry(id.to_owned()).or_default();
            if let Some((_, _, used)) = minute.iter_mut().find(|(at, _, _)| *at == place) {
                *used = real;
            }
        }))
    }

    fn leave(&self) -> Answer<'_, ()> {
        Box::pin(self.answer(move |kept| kept.rows.retain(|(_, number), _| *number != self.number)))
    }

    fn watch(&self, events: mpsc::Sender<Event>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if !self.mute.load(Ordering::SeqCst) {
                self.memory.kept.lock().unwrap().watchers.push((self.number, events));
            }
            std::future::pending().await
        })
    }

    fn name(&self) -> String {
        "memory".to_owned()
    }
}
