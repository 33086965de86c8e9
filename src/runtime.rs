//! The only place that makes threads: the worker threads, the calls that run on them, and how both end.
//!
//! Nothing starts before the first call. A [`Ticket`] is one call that is owed an outcome: whoever delivers the
//! outcome holds it until that is done, so [`Runtime::stop`] knows when nobody is waiting any more.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle};

/// Threads for name look-ups, which block; more would only queue at the resolver.
const MAX_BLOCKING_THREADS: usize = 4;
/// How long a look-up that nobody waits for may hold up [`Runtime::stop`].
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Locks for the table of running calls, so that starting and ending calls do not meet.
const SHARDS: usize = 16;

/// The name of every thread made here.
const THREAD_NAME: &str = "llmrouter";

/// Whether the current thread was made here.
pub fn is_own_thread() -> bool {
    std::thread::current().name() == Some(THREAD_NAME)
}

/// Runs the closure that makes threads. The C boundary hands one down that keeps the host's signals out of them.
pub type AroundStart = fn(&mut dyn FnMut());

/// Why a call was ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Cancelled,
    ShutDown,
}

/// Worker threads and the calls on them.
pub struct Runtime {
    worker_threads: usize,
    around_start: AroundStart,
    handle: OnceCell<Handle>,
    owner: Mutex<Option<tokio::runtime::Runtime>>,
    calls: Arc<Calls>,
}

impl Runtime {
    /// Starts nothing yet.
    pub fn new(worker_threads: usize, around_start: AroundStart) -> Self {
        Self {
            worker_threads,
            around_start,
            handle: OnceCell::new(),
            owner: Mutex::new(None),
            calls: Arc::new(Calls::default()),
        }
    }

    /// Lets a call in, unless the router is shutting down.
    pub fn admit(&self) -> Result<Ticket, Ending> {
        Calls::admit(&self.calls)
    }

    /// The worker threads; they are started by the first call.
    pub fn threads(&self) -> io::Result<Threads> {
        self.handle.get_or_try_init(|| self.start()).cloned().map(Threads)
    }

    fn start(&self) -> io::Result<Handle> {
        let mut built = None;
        (self.around_start)(&mut || {
            built = Some(
                Builder::new_multi_thread()
                    .worker_threads(self.worker_threads)
                    .max_blocking_threads(MAX_BLOCKING_THREADS)
                    .thread_name(THREAD_NAME)
                    .enable_io()
                    .enable_time()
                    .build(),
            );
        });
        let runtime = built.unwrap_or_else(|| Err(io::Error::other("the start hook ran nothing")))?;
        let handle = runtime.handle().clone();
        *lock(&self.owner) = Some(runtime);
        Ok(handle)
    }

    /// Asks one call to end. A number that is not running is ignored.
    pub fn cancel(&self, call: u64) {
        self.calls.end(call, Ending::Cancelled);
    }

    /// Refuses new calls and waits until all have ended or `time` is over. Returns whether all have.
    pub fn drain(&self, time: Duration) -> bool {
        self.calls.refuse();
        self.calls.wait(Some(time))
    }

    /// [`Runtime::stop`] on a thread of its own, for whoever may not wait.
    pub fn stop_elsewhere(self: Arc<Self>) {
        (self.around_start)(&mut || {
            let runtime = Arc::clone(&self);
            let thread = std::thread::Builder::new().name(THREAD_NAME.to_owned());
            // Without a thread the calls are ended all the same, and the workers stay.
            if thread.spawn(move || runtime.stop()).is_err() {
                self.calls.refuse();
                self.calls.end_all();
            }
        });
    }

    /// Ends every call, waits until every outcome was delivered, then ends the threads. Not from one of them.
    pub fn stop(&self) {
        self.calls.refuse();
        self.calls.end_all();
        self.calls.wait(None);
        if let Some(runtime) = lock(&self.owner).take() {
            runtime.shutdown_timeout(STOP_GRACE);
        }
    }
}

/// Worker threads that run. Does not borrow the runtime: a call may end, and the router be freed, while it is being
/// started.
pub struct Threads(Handle);

impl Threads {
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(future);
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Reached without `stop` only by a Rust user who drops a router; waiting here could deadlock.
        if let Some(runtime) = lock(&self.owner).take() {
            runtime.shutdown_background();
        }
    }
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

/// The calls that run.
#[derive(Default)]
struct Calls {
    last_number: AtomicU64,
    shards: [Shard; SHARDS],
    owed: AtomicUsize,
    refusing: AtomicU8,
    idle: Mutex<()>,
    became_idle: Condvar,
}

impl Calls {
    fn admit(this: &Arc<Self>) -> Result<Ticket, Ending> {
        let number = this.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        let signal = Arc::new(Signal::default());
        this.owed.fetch_add(1, Ordering::SeqCst);
        lock(this.shard(number)).insert(number, Arc::clone(&signal));
        let ticket = Ticket { number, signal, calls: Arc::clone(this) };
        // Looked at after the entry was made: whoever refuses from now on will find it and end it.
        if this.refusing.load(Ordering::SeqCst) == 0 { Ok(ticket) } else { Err(Ending::ShutDown) }
    }

    fn shard(&self, number: u64) -> &Shard {
        let [first, rest @ ..] = &self.shards;
        match number as usize % SHARDS {
            0 => first,
            other => rest.get(other - 1).unwrap_or(first),
        }
    }

    fn leave(&self) {
        if self.owed.fetch_sub(1, Ordering::SeqCst) == 1 && self.refusing.load(Ordering::SeqCst) != 0 {
            let _held = lock(&self.idle);
            self.became_idle.notify_all();
        }
    }

    fn refuse(&self) {
        self.refusing.store(1, Ordering::SeqCst);
    }

    fn end(&self, number: u64, ending: Ending) {
        let signal = lock(self.shard(number)).get(&number).cloned();
        if let Some(signal) = signal {
            signal.set(ending);
        }
    }

    fn end_all(&self) {
        for shard in &self.shards {
            let signals: Vec<_> = lock(shard).values().cloned().collect();
            for signal in signals {
                signal.set(Ending::ShutDown);
            }
        }
    }

    /// Waits until nothing is owed; only after `refuse`. Returns whether that was reached in time.
    fn wait(&self, time: Option<Duration>) -> bool {
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

/// A panic elsewhere never makes a lock of ours unusable: what they guard is whole between statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    fn plain(start: &mut dyn FnMut()) {
        start();
    }

    #[test]
    fn a_cancelled_call_ends_and_its_number_is_forgotten() {
        let runtime = Runtime::new(1, plain);
        let ticket = runtime.admit().unwrap();
        let number = ticket.number();
        let (sender, receiver) = std::sync::mpsc::channel();
        let signal = ticket.signal();
        runtime.threads().unwrap().spawn(async move {
            let outcome = signal.guard(pin!(std::future::pending::<()>())).await;
            sender.send(outcome).unwrap();
            drop(ticket);
        });
        runtime.cancel(number);
        assert_eq!(receiver.recv().unwrap(), Err(Ending::Cancelled));
        runtime.cancel(number);
        runtime.stop();
        assert!(runtime.admit().is_err());
    }

    #[test]
    fn stop_waits_for_what_is_owed() {
        let runtime = Arc::new(Runtime::new(1, plain));
        let tickets: Vec<_> = (0..100).map(|_| runtime.admit().unwrap()).collect();
        let delivered = Arc::new(AtomicUsize::new(0));
        for ticket in tickets {
            let delivered = Arc::clone(&delivered);
            runtime.threads().unwrap().spawn(async move {
                let ended = ticket.signal().guard(pin!(std::future::pending::<()>())).await;
                assert_eq!(ended, Err(Ending::ShutDown));
                delivered.fetch_add(1, Ordering::SeqCst);
                drop(ticket);
            });
        }
        runtime.stop();
        assert_eq!(delivered.load(Ordering::SeqCst), 100);
    }

    #[test]
    fn drain_says_whether_all_ended() {
        let runtime = Runtime::new(1, plain);
        assert!(runtime.drain(Duration::ZERO));
        let runtime = Runtime::new(1, plain);
        let ticket = runtime.admit().unwrap();
        assert!(!runtime.drain(Duration::from_millis(1)));
        drop(ticket);
        assert!(runtime.drain(Duration::ZERO));
    }
}
