//! The calls that run, and how one is ended from outside.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::{BuildHasherDefault, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;

use super::lock;

/// Locks for the table of running calls, so that starting and ending calls do not meet.
const SHARDS: usize = 16;

/// Why a call was ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Cancelled,
    ShutDown,
}

/// One admitted call. Dropped when its outcome was delivered.
pub struct Ticket {
    number: u64,
    signal: Arc<Signal>,
    calls: Arc<Calls>,
}

impl Ticket {
    /// The number to cancel it by; never used twice.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What ends the call from outside.
    pub fn signal(&self) -> Arc<Signal> {
        Arc::clone(&self.signal)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(self.calls.shard(self.number)).remove(&self.number);
        self.calls.leave();
    }
}

/// Set once, from any thread, to end a call.
#[derive(Default)]
pub struct Signal {
    ending: AtomicU8,
    waker: AtomicWaker,
}

const RUNNING: u8 = 0;
const CANCELLED: u8 = 1;
const SHUT_DOWN: u8 = 2;

impl Signal {
    /// Asks for an early end.
    pub fn cancel(&self) {
        self.set(Ending::Cancelled);
    }

    /// Runs `future` until it is done or the call is ended; what is left of it then is the caller's to drop.
    ///
    /// Pinned by the caller: a future handed over by value would be stored twice.
    pub fn guard<F: Future>(&self, mut future: Pin<&mut F>) -> impl Future<Output = Result<F::Output, Ending>> {
        poll_fn(move |context| match self.poll(context) {
            Poll::Ready(ending) => Poll::Ready(Err(ending)),
            Poll::Pending => future.as_mut().poll(context).map(Ok),
        })
    }

    fn set(&self, ending: Ending) {
        let value = match ending {
            Ending::Cancelled => CANCELLED,
            Ending::ShutDown => SHUT_DOWN,
        };
        // The first reason stays.
        let _ = self.ending.compare_exchange(RUNNING, value, Ordering::AcqRel, Ordering::Acquire);
        self.waker.wake();
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Ending> {
        if let Some(ending) = self.get() {
            return Poll::Ready(ending);
        }
        self.waker.register(context.waker());
        // Set between the look and the registration: nobody would wake us.
        self.get().map_or(Poll::Pending, Poll::Ready)
    }

    fn get(&self) -> Option<Ending> {
        match self.ending.load(Ordering::Acquire) {
            CANCELLED => Some(Ending::Cancelled),
            SHUT_DOWN => Some(Ending::ShutDown),
            _ => None,
        }
    }
}

type Shard = Mutex<HashMap<u64, Arc<Signal>, BuildHasherDefault<ByNumber>>>;

/// Call numbers are spread already; hashing them would cost more than the look-up.
#[derive(Default)]
struct ByNumber(u64);

impl Hasher for ByNumber {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The map takes its tag from the high bits.
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// An answer that is owed, such as that of one read of a stream. Dropped when it was delivered.
pub struct Debt {
    calls: Arc<Calls>,
}

impl Drop for Debt {
    fn drop(&mut self) {
        self.calls.leave();
    }
}

const OPEN: u8 = 0;
const REFUSING: u8 = 1;
const STOPPED: u8 = 2;

/// The calls that run.
#[derive(Default)]
pub(super) struct Calls {
    last_number: AtomicU64,
    shards: [Shard; SHARDS],
    owed: AtomicUsize,
    refusing: AtomicU8,
    idle: Mutex<()>,
    became_idle: Condvar,
}

impl Calls {
    pub(super) fn admit(this: &Arc<Self>) -> Result<Ticket, Ending> {
        let number = this.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        let signal = Arc::new(Signal::default());
        this.owed.fetch_add(1, Ordering::SeqCst);
        lock(this.shard(number)).insert(number, Arc::clone(&signal));
        let ticket = Ticket { number, signal, calls: Arc::clone(this) };
        // Looked at after the entry was made: whoever refuses from now on will find it and end it.
        if this.refusing.load(Ordering::SeqCst) == OPEN { Ok(ticket) } else { Err(Ending::ShutDown) }
    }

    /// Owes an answer that belongs to a call which was admitted before, and so may come while new calls are refused.
    pub(super) fn owe(this: &Arc<Self>) -> Result<Debt, Ending> {
        this.owed.fetch_add(1, Ordering::SeqCst);
        let debt = Debt { calls: Arc::clone(this) };
        if this.refusing.load(Ordering::SeqCst) == STOPPED { Err(Ending::ShutDown) } else { Ok(debt) }
    }

    /// Nothing runs any more.
    pub(super) fn stopped(&self) {
        self.refusing.store(STOPPED, Ordering::SeqCst);
    }

    fn shard(&self, number: u64) -> &Shard {
        let [first, rest @ ..] = &self.shards;
        match number as usize % SHARDS {
            0 => first,
            other => rest.get(other - 1).unwrap_or(first),
        }
    }

    fn leave(&self) {
        if self.owed.fetch_sub(1, Ordering::SeqCst) == 1 && self.refusing.load(Ordering::SeqCst) != OPEN {
            let _held = lock(&self.idle);
            self.became_idle.notify_all();
        }
    }

    pub(super) fn refuse(&self) {
        let _ = self.refusing.compare_exchange(OPEN, REFUSING, Ordering::SeqCst, Ordering::SeqCst);
    }

    pub(super) fn end(&self, number: u64, ending: Ending) {
        let signal = lock(self.shard(number)).get(&number).cloned();
        if let Some(signal) = signal {
            signal.set(ending);
        }
    }

    pub(super) fn end_all(&self) {
        for shard in &self.shards {
            let signals: Vec<_> = lock(shard).values().cloned().collect();
            for signal in signals {
                signal.set(Ending::ShutDown);
            }
        }
    }

    /// Waits until nothing is owed; only after `refuse`. Returns whether that was reached in time.
    pub(super) fn wait(&self, time: Option<Duration>) -> bool {
        let guard = lock(&self.idle);
        let busy = |(): &mut ()| self.owed.load(Ordering::SeqCst) != 0;
        match time {
            None => {
                let _done = self.became_idle.wait_while(guard, busy);
                true
            }
            Some(time) => {
                let _done = self.became_idle.wait_timeout_while(guard, time, busy);
                self.owed.load(Ordering::SeqCst) == 0
            }
        }
    }
}
