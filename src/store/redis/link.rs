//! The connection to one server: made when it is first needed, made anew when it broke, and bounded in all it does.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, Value};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

use crate::clock;
use crate::config::RedisAddress;

use super::dial::{Dialer, Place, told};
use super::sentinel::Sentinels;

/// So many questions are out at one time; more wait here. Above this a server only queues them.
pub const MAX_IN_FLIGHT: usize = 256;
/// Nothing was answered for so many questions in a row: the connection leads nowhere (a firewall forgot it, the host
/// is gone), and a new one is tried.
const MAX_SILENT: u32 = 3;
/// After a failed attempt to connect nobody tries again for so long; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why a server gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It can't be reached: nothing was sent.
    Away(String),
    /// Something may have been sent, and may have been done.
    Silent(String),
    /// Too much is asked by this process: nothing was sent, and the server is not to blame.
    Busy,
}

/// Where a link leads.
pub enum Target {
    Fixed(RedisAddress),
    /// To whoever the sentinels say.
    Master(Box<Sentinels>),
}

/// A connection that is open. When the last of its copies goes, so does its task.
#[derive(Clone)]
pub struct Open {
    connection: MultiplexedConnection,
    task: Arc<Task>,
}

struct Task {
    handle: AbortHandle,
    ended: Arc<AtomicBool>,
    answers: AtomicU64,
    silent: AtomicU32,
}

impl Open {
    pub fn new(connection: MultiplexedConnection, driver: impl Future<Output = ()> + Send + 'static) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let at_end = Arc::clone(&ended);
        let handle = tokio::spawn(async move {
            driver.await;
            at_end.store(true, Ordering::Release);
        })
        .abort_handle();
        let task = Task { handle, ended, answers: AtomicU64::new(0), silent: AtomicU32::new(0) };
        Self { connection, task: Arc::new(task) }
    }

    fn is_alive(&self) -> bool {
        !self.task.ended.load(Ordering::Acquire) && !self.task.handle.is_finished()
    }

    /// One answer for each question, errors of the server among them.
    pub async fn ask(&mut self, pipeline: &Pipeline, count: usize) -> Result<Vec<Value>, String> {
        self.connection.req_packed_commands(pipeline, 0, count).await.map_err(|error| told(&error))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

/// What is known of an attempt to connect that runs.
type Outcome = Option<Result<Open, String>>;

enum State {
    Idle,
    Opening(watch::Receiver<Outcome>),
    Open(Open),
    /// Until then nobody tries.
    Shut(Instant, String),
}

struct Inner {
    state: State,
    pause: Duration,
    /// Where the last connection led.
    place: Option<RedisAddress>,
}

pub struct Link {
    dialer: Arc<Dialer>,
    target: Target,
    inner: Mutex<Inner>,
    room: Semaphore,
}

impl Link {
    pub fn new(dialer: Arc<Dialer>, target: Target) -> Arc<Self> {
        let inner = Inner { state: State::Idle, pause: FIRST_PAUSE, place: None };
        Arc::new(Self { dialer, target, inner: Mutex::new(inner), room: Semaphore::new(MAX_IN_FLIGHT) })
    }

    /// Sends all of it at once; an answer for each, in order, until `deadline`.
    pub async fn send(self: &Arc<Self>, commands: &[&Cmd], deadline: Instant) -> Result<Vec<Value>, Fault> {
        let Some(Ok(_permit)) = clock::within(left(deadline), pin!(self.room.acquire())).await else {
            return Err(Fault::Busy);
        };
        let mut open = self.open(deadline).await?;
        let mut pipeline = redis::pipe();
        for command in commands {
            pipeline.add_command((*command).clone());
        }
        let task = Arc::clone(&open.task);
        let before = task.answers.load(Ordering::Relaxed);
        match clock::within(left(deadline), pin!(open.ask(&pipeline, commands.len()))).await {
            Some(Ok(answers)) => {
                task.answers.fetch_add(1, Ordering::Relaxed);
                task.silent.store(0, Ordering::Relaxed);
                Ok(answers)
            }
            Some(Err(why)) => {
                self.drop_connection(&task);
                Err(Fault::Silent(why))
            }
            None => {
                let is_silent = task.answers.load(Ordering::Relaxed) == before;
                if is_silent && task.silent.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_SILENT {
                    self.drop_connection(&task);
                }
                Err(Fault::Silent("no answer in time".to_owned()))
            }
        }
    }

    /// Where the connection leads, or led last.
    pub fn place(&self) -> Option<RedisAddress> {
        match &self.target {
            Target::Fixed(address) => Some(address.clone()),
            Target::Master(_) => self.lock().place.clone(),
        }
    }

    /// The next question looks for the server anew: it is not the master any more.
    pub fn forget(&self) {
        let mut inner = self.lock();
        if let State::Open(_) = inner.state {
            inner.state = State::Idle;
        }
    }

    /// The address to go to now.
    pub async fn find(&self) -> Result<RedisAddress, String> {
        match &self.target {
            Target::Fixed(address) => Ok(address.clone()),
            Target::Master(sentinels) => sentinels.master().await,
        }
    }

    /// As people read it.
    pub fn name(&self) -> String {
        match (&self.target, self.place()) {
            (Target::Master(sentinels), None) => format!("redis {}", sentinels.name()),
            (Target::Master(sentinels), Some(place)) => format!("redis {} ({})", Place(&place), sentinels.name()),
            (Target::Fixed(address), _) => format!("redis {}", Place(address)),
        }
    }

    /// An open connection; one attempt serves all who wait, and goes on when they have gone.
    async fn open(self: &Arc<Self>, deadline: Instant) -> Result<Open, Fault> {
        let mut outcome = match self.now_or_later() {
            Ok(open) => return open.map_err(Fault::Away),
            Err(later) => later,
        };
        let mut came = pin!(outcome.wait_for(Option::is_some));
        match clock::within(left(deadline), came.as_mut()).await {
            Some(Ok(outcome)) => outcome.clone().unwrap_or_else(|| Err(String::new())).map_err(Fault::Away),
            Some(Err(_)) => Err(Fault::Away("the attempt to connect was given up".to_owned())),
            None => Err(Fault::Away("no connection yet".to_owned())),
        }
    }

    fn now_or_later(self: &Arc<Self>) -> Result<Result<Open, String>, watch::Receiver<Outcome>> {
        let mut inner = self.lock();
        match &inner.state {
            State::Open(open) if open.is_alive() => return Ok(Ok(open.clone())),
            State::Shut(until, why) if clock::now() < *until => return Ok(Err(why.clone())),
            // An attempt whose task is gone (the threads were stopped) will never tell.
            State::Opening(outcome) if outcome.has_changed().is_ok() => return Err(outcome.clone()),
            _ => {}
        }
        let (sender, receiver) = watch::channel(None);
        inner.state = State::Opening(receiver.clone());
        let link = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = link.connect().await;
            link.opened(&outcome);
            let _ = sender.send(Some(outcome.map(|(open, _)| open)));
        });
        Err(receiver)
    }

    async fn connect(&self) -> Result<(Open, RedisAddress), String> {
        let address = self.find().await?;
        let mut open = self.dialer.open(&address).await?;
        if let Target::Master(_) = self.target {
            let mut role = redis::pipe();
            role.cmd("ROLE");
            let asked = clock::within(self.dialer.patience(), pin!(open.ask(&role, 1))).await;
            let roles = asked.unwrap_or_else(|| Err("no answer in time".to_owned()))?;
            if !is_master(roles.first()) {
                return Err(format!("{} is not the master yet", Place(&address)));
            }
        }
        Ok((open, address))
    }

    fn opened(&self, outcome: &Result<(Open, RedisAddress), String>) {
        let mut inner = self.lock();
        match outcome {
            Ok((open, address)) => {
                inner.pause = FIRST_PAUSE;
                inner.place = Some(address.clone());
                inner.state = State::Open(open.clone());
            }
            Err(why) => {
                inner.state = State::Shut(clock::now() + inner.pause, why.clone());
                inner.pause = (inner.pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Lets a connection go, unless there is another one already.
    fn drop_connection(&self, task: &Arc<Task>) {
        let mut inner = self.lock();
        if matches!(&inner.state, State::Open(open) if Arc::ptr_eq(&open.task, task)) {
            inner.state = State::Idle;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What remains.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(clock::now())
}

fn is_master(role: Option<&Value>) -> bool {
    let Some(Value::Array(parts)) = role else { return false };
    matches!(parts.first(), Some(Value::BulkString(name)) if name == b"master")
}
