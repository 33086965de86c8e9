//! State shared by the processes of one machine through a file in memory; docs/fleet-file.md says what it takes.
//!
//! `layout` says what stands where; `opening` makes and opens the file; `session` is a stay in it, with a place in the
//! table of `process`es; `index` finds things, `lock` keeps processes apart; `rows`, `minute`, `cooldowns` and
//! `budgets` are what is shared, `watch` what the others are told.

mod budgets;
mod cooldowns;
mod index;
mod layout;
mod lock;
mod minute;
mod opening;
mod process;
mod rows;
mod session;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::HashMap;
use std::future::{Future, ready};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use self::index::Key;
use self::layout::DEPLOYMENT_TABLE;
use self::session::Session;
use super::{Amounts, Answer, Ask, Cooled, Engine, Event, Grant, Spend, Spent, StoreError, Taken, mapped};
use crate::clock;
use crate::config::StoreConfig;

/// How long others may make or exchange the file while it is opened.
const OPENS: Duration = Duration::from_secs(2);

/// The engine: what this process knows of the file. Everything is done at once, without waiting for more than a lock of
/// some nanoseconds, and for that no longer than the configuration's patience.
pub struct File {
    path: PathBuf,
    namespace: String,
    patience: Duration,
    clock: clock::Shared,
    session: ArcSwap<Session>,
    /// What this process has rows for. One at a time shares, since a row has one writer.
    known: Mutex<HashMap<Arc<str>, Known>>,
    has_left: AtomicBool,
}

/// A deployment that this process shares.
struct Known {
    key: Key,
    /// The last hunger that was seen.
    hunger: u64,
}

impl File {
    /// Opens the file, makes it if there is none, and takes a place among the processes. Blocks for moments, and for
    /// [`OPENS`] at most while others make or exchange the file.
    ///
    /// # Errors
    ///
    /// The file is another user's, or a link, or can't be written; or it has no place for one more process.
    pub fn open(config: &StoreConfig, path: &Path) -> Result<Arc<Self>, StoreError> {
        Self::with_clock(config, path, clock::Shared::new(mapped::monotonic))
    }

    fn with_clock(config: &StoreConfig, path: &Path, clock: clock::Shared) -> Result<Arc<Self>, StoreError> {
        let session = Session::new(path, &clock, OPENS, config.patience)?;
        Ok(Arc::new(Self {
            path: path.to_owned(),
            namespace: config.namespace.clone(),
            patience: config.patience,
            clock,
            session: ArcSwap::from_pointee(session),
            known: Mutex::default(),
            has_left: AtomicBool::new(false),
        }))
    }

    /// The stay in the file, begun anew if the place in it was lost.
    fn session(&self) -> Result<Arc<Session>, StoreError> {
        let session = self.session.load_full();
        if self.has_left.load(Ordering::Acquire) {
            return Err(StoreError("this process has left the shared state".to_owned()));
        }
        if !session.is_own_process() {
            return Err(StoreError("the shared state was opened before a fork: open it in the child".to_owned()));
        }
        if session.is_ours() {
            session.processes().beat(session.me, self.clock.ms());
            return Ok(session);
        }
        self.renew_session()
    }

    fn renew_session(&self) -> Result<Arc<Session>, StoreError> {
        let session = Arc::new(Session::new(&self.path, &self.clock, self.patience, self.patience)?);
        self.session.store(session.clone());
        Ok(session)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the body of a deployment; once more if the deployment or this process lost its place
    /// meanwhile.
    fn within<T>(
        &self,
        key: Key,
        act: impl Fn(&Session, &[AtomicU64], u64) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        for _ in 0..2 {
            let (session, now) = (self.session()?, self.clock.ms());
            let until = now.saturating_add(u64::try_from(rows::IDLE.as_millis()).unwrap_or(0));
            let entry = session.entry(&DEPLOYMENT_TABLE, key, until, now)?;
            let index = session.index(&DEPLOYMENT_TABLE);
            let done = act(&session, index.body(entry), now)?;
            if index.find(key) == Some(entry) && session.processes().holds(session.me) {
                return Ok(done);
            }
        }
        Err(StoreError("the file of shared state changes too fast".to_owned()))
    }

    fn share_all(&self, asks: &[Ask]) -> Result<Vec<Grant>, StoreError> {
        // Before the lock, which in a forked child may be held for ever by a thread that is not there.
        self.session()?;
        let mut known = self.known();
        let share = |ask: &Ask| {
            let own = known.entry(ask.id.clone());
            let is_new = matches!(own, std::collections::hash_map::Entry::Vacant(_));
            let own = own.or_insert_with(|| Known { key: Key::new(&self.namespace, &ask.id), hunger: 0 });
            let (got, hunger) = self.within(own.key, |session, body, now| {
                let hunger = rows::hunger(body);
                Ok((rows::share(session, body, ask, now)?, hunger))
            })?;
            if is_new {
                own.hunger = hunger;
            }
            if got.allowed == Amounts::ZERO && ask.want == Amounts::ZERO {
                known.remove(&ask.id);
            }
            Ok(got)
        };
        asks.iter().map(share).collect()
    }

    fn take_one(&self, id: &str, more: Amounts, limits: Amounts) -> Result<Taken, StoreError> {
        let key = Key::new(&self.namespace, id);
        self.within(key, |session, body, _| minute::take(session, body, more, limits, &|| self.clock.ms()))
    }

    fn settle_one(&self, id: &str, place: u64, taken: Amounts, real: Amounts) -> Result<(), StoreError> {
        let session = self.session()?;
        let index = session.index(&DEPLOYMENT_TABLE);
        // A deployment that is not there any more has nothing to be settled.
        if let Some(entry) = index.find(Key::new(&self.namespace, id)) {
            minute::settle(index.body(entry), place, taken, real, &|| self.clock.ms());
        }
        Ok(())
    }

    fn cool_all(&self, cooled: &[Cooled]) -> Result<(), StoreError> {
        let (session, now) = (self.session()?, self.clock.ms());
        // One that can't rest keeps none of the others from it.
        let all = cooled.iter().map(|cooled| cooldowns::cool(&session, &self.namespace, cooled, now));
        let done = all.fold(Ok(()), Result::and);
        cooldowns::tell(&session);
        done
    }

    fn cooled_now(&self) -> Result<Vec<Cooled>, StoreError> {
        let session = self.session()?;
        let resting = cooldowns::resting(&session, &self.namespace, self.clock.ms());
        Ok(resting.into_iter().map(|resting| resting.cooled).collect())
    }

    fn spend_all(&self, spends: &[Spend]) -> Result<Vec<Spent>, StoreError> {
        let (session, now) = (self.session()?, self.clock.ms());
        spends.iter().map(|spend| budgets::spend(&session, &self.namespace, spend, now)).collect()
    }
}

impl Engine for File {
    fn share<'a>(&'a self, asks: &'a [Ask]) -> Answer<'a, Vec<Grant>> {
        Box::pin(ready(self.share_all(asks)))
    }

    fn cool<'a>(&'a self, cooled: &'a [Cooled]) -> Answer<'a, ()> {
        Box::pin(ready(self.cool_all(cooled)))
    }

    fn cooled(&self) -> Answer<'_, Vec<Cooled>> {
        Box::pin(ready(self.cooled_now()))
    }

    fn spend<'a>(&'a self, spends: &'a [Spend]) -> Answer<'a, Vec<Spent>> {
        Box::pin(ready(self.spend_all(spends)))
    }

    fn take<'a>(&'a self, id: &'a str, more: Amounts, limits: Amounts) -> Answer<'a, Taken> {
        Box::pin(ready(self.take_one(id, more, limits)))
    }

    fn settle<'a>(&'a self, id: &'a str, place: u64, taken: Amounts, real: Amounts) -> Answer<'a, ()> {
        Box::pin(ready(self.settle_one(id, place, taken, real)))
    }

    /// The place is free and so are the slots; what was allowed counts until it is over, since it may have been used.
    /// Whoever ends with time to spare asks for no more than it has used before.
    fn leave(&self) -> Answer<'_, ()> {
        self.has_left.store(true, Ordering::Release);
        let session = self.session.load();
        if session.is_own_process() {
            session.processes().leave(session.me);
        }
        Box::pin(ready(Ok(())))
    }

    fn watch(&self, events: mpsc::Sender<Event>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(watch::watch(self, events))
    }

    fn name(&self) -> String {
        format!("file {}", self.path.display())
    }
}
