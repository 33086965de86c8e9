//! State that processes share: through Redis, or through a file on one machine. What is kept is the same; only an [`Engine`]
//! knows how.
//!
//! **Limits are leases.** For each deployment and process the store keeps a row: what the process used in the last minute,
//! and what it is allowed. The sum of all that is allowed never exceeds the limit, and each process holds its own sliding
//! minute below what it is allowed; so no minute of the fleet holds more than the limit, whatever the clocks say. A process
//! that wants more asks in the background, before it runs dry; what it does not need it gives back.

pub mod file;
mod fleet;
mod grant;
mod mapped;
pub mod redis;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

pub use fleet::{Demand, Fleet, Lease, Member, Purse, Status, Terms, Took};
pub use grant::{Row, grant};

#[cfg(test)]
pub use fleet::tests::memory;

use crate::config::{self, RedisConfig, StoreConfig};

/// What a configuration names to share state through; `None` if it names nothing. Opens no connection; a file is opened.
pub fn connect(config: &StoreConfig) -> Result<Option<Arc<dyn Engine>>, StoreError> {
    Ok(match &config.engine {
        config::Engine::Alone => None,
        config::Engine::Redis(redis) => Some(redis::Redis::new(redis, config)),
        config::Engine::File(path) => Some(file::File::open(config, path)?),
    })
}

/// Where cached answers are kept for all. A connection of its own: large values hold up nobody who renews a lease.
pub fn shelf(redis: &RedisConfig, config: &StoreConfig) -> Arc<dyn Shelf> {
    redis::Redis::new(redis, config)
}

/// A row without renewal for so long is gone: the lease is not used any more after [`TRUSTED`], and what it was used for
/// has left every minute.
pub const KEPT: Duration = Duration::from_secs(64);
/// For so long after its last renewal a process goes by its lease; then the store is away.
pub const TRUSTED: Duration = Duration::from_secs(2);
/// A row without renewal for so long belongs to nobody who is alive: its slots are free, and it counts as no process.
pub const ALIVE: Duration = Duration::from_secs(5);

/// Why the store gave no answer. Text for people, without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl StoreError {
    /// What an error ends with that is no fault of the store.
    pub const BUSY: &str = "this process asks too much at once";

    /// Whether this process asked for more than it lets out at one time: nothing was sent, and the store may be well.
    pub fn is_busy(&self) -> bool {
        self.0.ends_with(Self::BUSY)
    }
}

pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// So much of all that a deployment has limits on. As a limit, `u64::MAX` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// In any 60 s.
    pub requests: u64,
    pub tokens: u64,
    pub input: u64,
    pub output: u64,
    /// At one time.
    pub slots: u64,
}

/// What one process says and wants of one deployment.
#[derive(Clone, Debug)]
pub struct Ask {
    pub id: Arc<str>,
    pub limits: Amounts,
    /// What it used in its last minute, and the slots that it holds.
    pub used: Amounts,
    /// What it wants to be allowed: at least `used`.
    pub want: Amounts,
    /// A call waits for it: if there is too little, whoever has more than it uses is asked to give back.
    pub hungry: bool,
    /// What it measured lately: seconds of an answer, if that is shared.
    pub seconds: Option<f64>,
}

/// What it got.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grant {
    /// For each amount: at least what it has used, and at most what the others' leases leave of the limit.
    pub allowed: Amounts,
    /// What it could have been allowed: the limit without the others' leases.
    pub most: Amounts,
    /// What the others have used, and the slots that they hold.
    pub others: Amounts,
    /// The mean of the others, if they told one.
    pub seconds: Option<f64>,
    /// Processes alive that know the deployment, this one included.
    pub processes: u32,
    /// The store has lost rows a moment ago: who has not told its own again can't be seen, and nobody gets more than it had.
    pub has_forgotten: bool,
}

/// Something that rests: a deployment by its id, or a key by a hash of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cooled {
    pub what: Arc<str>,
    /// From now, by the store's clock.
    pub left: Duration,
    /// The class of the error.
    pub cause: String,
}

/// Money spent against one budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spend {
    /// What the budget is of, such as "provider:openai".
    pub budget: Arc<str>,
    pub period: Duration,
    /// Billionths of a dollar: whole numbers, since sums of fractions drift. 0 only asks.
    pub add: u64,
}

/// What all processes have spent in the running period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub total: u64,
    /// Until the period ends; `None` if none has begun.
    pub left: Option<Duration>,
}

/// The answer of the exact way: the store was asked before an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Taken; the number says where, for [`Engine::settle`].
    Yes(u64),
    /// There is no room for so long; `None` if there never is.
    No(Option<Duration>),
}

/// What the store tells by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Cooled(Cooled),
    /// Somebody is short of this deployment: whoever holds more than it uses gives back.
    GiveBack(Arc<str>),
}

/// A deployment as others know it, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub id: Arc<str>,
    /// Its `litellm_params.model`.
    pub model: Arc<str>,
}

/// What keeps the shared state. Every answer has a bound in time of its own and says when there is none.
pub trait Engine: Send + Sync + 'static {
    /// Renews the rows of this process, all at once; grants in the order of the asks. An ask that uses and wants nothing
    /// removes the row.
    fn share<'a>(&'a self, asks: &'a [Ask]) -> Answer<'a, Vec<Grant>>;

    /// Lets things rest, and tells the others. An end only ever moves away.
    fn cool<'a>(&'a self, cooled: &'a [Cooled]) -> Answer<'a, ()>;

    /// All that rests now.
    fn cooled(&self) -> Answer<'_, Vec<Cooled>>;

    /// Adds to budgets; what was spent by all, in the order of the asks. A period begins with the first spending in it.
    fn spend<'a>(&'a self, spends: &'a [Spend]) -> Answer<'a, Vec<Spent>>;

    /// Takes room in the store's own sliding minute (`slots` are not looked at), all of it or nothing, exactly.
    fn take<'a>(&'a self, id: &'a str, more: Amounts, limits: Amounts) -> Answer<'a, Taken>;

    /// Puts what was really used in the place of what was taken at `place`.
    fn settle<'a>(&'a self, id: &'a str, place: u64, taken: Amounts, real: Amounts) -> Answer<'a, ()>;

    /// Gives the rows of this process back, at its end.
    fn leave(&self) -> Answer<'_, ()>;

    /// All deployments that there are, when a configuration is taken: for an engine that shares with routers of another make.
    fn know(&self, _deployments: &[Known]) {}

    /// Hands on what the store tells, for as long as it is polled; mends its connection by itself.
    fn watch(&self, events: mpsc::Sender<Event>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// What it is and where, for people, without credentials: `redis 10.0.0.1:6379`.
    fn name(&self) -> String;
}

impl Amounts {
    pub const ZERO: Self = Self { requests: 0, tokens: 0, input: 0, output: 0, slots: 0 };
    pub const UNLIMITED: Self = Self::all(u64::MAX);

    pub const fn all(each: u64) -> Self {
        Self { requests: each, tokens: each, input: each, output: each, slots: each }
    }

    pub const fn each(self) -> [u64; 5] {
        [self.requests, self.tokens, self.input, self.output, self.slots]
    }

    pub const fn of(each: [u64; 5]) -> Self {
        let [requests, tokens, input, output, slots] = each;
        Self { requests, tokens, input, output, slots }
    }

    /// Pairwise.
    pub fn with(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        let (own, other) = (self.each(), other.each());
        Self::of(std::array::from_fn(|place| join(own[place], other[place])))
    }
}

/// What keeps cached answers for all processes.
pub trait Shelf: Send + Sync + 'static {
    /// The values of these keys, in their order; within the patience of the configuration or not at all.
    fn get<'a>(&'a self, keys: &'a [String]) -> Answer<'a, Vec<Option<Vec<u8>>>>;

    /// Keeps values for so long. Never on the way of a request.
    fn put<'a>(&'a self, entries: &'a [(String, Vec<u8>, Duration)]) -> Answer<'a, ()>;

    /// As [`Engine::name`].
    fn name(&self) -> String;
}
