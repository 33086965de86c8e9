//! The only place that makes threads: the worker threads, the calls that run on them, and how both end.
//!
//! Nothing starts before the first call, unless a task is started at load. A [`Ticket`] is one call that is owed an outcome: whoever delivers the
//! outcome holds it until that is done, so [`Runtime::stop`] knows when nobody is waiting any more.

mod calls;
mod pipe;

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle};

pub use calls::{Debt, Ending, Signal, Ticket};
pub use pipe::{Pipe, Taken};

use calls::Calls;

/// Threads for name look-ups, which block; more would only queue at the resolver.
const MAX_BLOCKING_THREADS: usize = 4;
/// How long a look-up that nobody waits for may hold up [`Runtime::stop`].
const STOP_GRACE: Duration = Duration::from_secs(1);

/// How long a task that runs beside the calls may take for its end.
const FAREWELL: Duration = Duration::from_millis(250);

/// The name of every thread made here.
const THREAD_NAME: &str = "llmrouter";

/// Whether the current thread was made here.
pub fn is_own_thread() -> bool {
    std::thread::current().name() == Some(THREAD_NAME)
}

/// Runs the closure that makes threads. The C boundary hands one down that keeps the host's signals out of them.
pub type AroundStart = fn(&mut dyn FnMut());

/// Worker threads and the calls on them.
pub struct Runtime {
    worker_threads: usize,
    around_start: AroundStart,
    handle: OnceCell<Handle>,
    owner: Mutex<Option<tokio::runtime::Runtime>>,
    calls: Arc<Calls>,
    farewell: Mutex<Option<Farewell>>,
    beside: Mutex<Vec<Arc<dyn Beside>>>,
}

/// What is at work beside the calls, on threads of its own.
pub trait Beside: Send + Sync {
    /// No further call is let in.
    fn closing(&self);
    /// The last call has ended: finishes what it has to do, or gives up when so much time is over.
    fn flush(&self, time: Duration);
    /// Ends, and its threads with it.
    fn end(&self);
}

/// Ends the task that runs beside the calls.
type Farewell = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Runtime {
    /// Starts nothing yet.
    pub fn new(worker_threads: usize, around_start: AroundStart) -> Self {
        Self {
            worker_threads,
            around_start,
            handle: OnceCell::new(),
            owner: Mutex::new(None),
            calls: Arc::new(Calls::default()),
            farewell: Mutex::new(None),
            beside: Mutex::default(),
        }
    }

    /// Lets a call in, unless the router is shutting down.
    pub fn admit(&self) -> Result<Ticket, Ending> {
        Calls::admit(&self.calls)
    }

    /// Owes an answer of a call that was let in before. Refused only when the threads are gone.
    pub fn owe(&self) -> Result<Debt, Ending> {
        Calls::owe(&self.calls)
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

    /// Does something on a thread of its own that nobody waits for. Without a thread it is left undone.
    pub fn aside(&self, work: impl FnOnce() + Send + 'static) {
        let mut work = Some(work);
        (self.around_start)(&mut || {
            if let Some(work) = work.take()
                && let Err(error) = std::thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(work)
            {
                log::warn!("a thread can't be started: {error}");
            }
        });
    }

    /// Does something on a thread of its own for as long as it takes; whoever asks for it sees to its end.
    pub fn thread(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut work = Some(work);
        let mut started = Err(io::Error::other("the start hook ran nothing"));
        (self.around_start)(&mut || {
            if let Some(work) = work.take() {
                started = std::thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(work).map(drop);
            }
        });
        started
    }

    /// Ends `beside` when the runtime ends.
    pub fn keep(&self, beside: Arc<dyn Beside>) {
        lock(&self.beside).push(beside);
    }

    /// Asks one call to end. A number that is not running is ignored.
    pub fn cancel(&self, call: u64) {
        self.calls.end(call, Ending::Cancelled);
    }

    /// Refuses new calls and waits until all have ended or `time` is over. Returns whether all have.
    pub fn drain(&self, time: Duration) -> bool {
        self.calls.refuse();
        let all = self.calls.wait(Some(time));
        if all {
            self.part();
        }
        all
    }

    /// Has what is at work beside the calls finish what it has to do, each within `time`.
    pub fn flush(&self, time: Duration) {
        let all_beside = lock(&self.beside).clone();
        for beside in &all_beside {
            beside.flush(time);
        }
    }

    /// Runs `farewell` when the last call has ended and before the threads do, in the place of the one it was given before. It has
    /// a quarter of a second.
    pub fn before_end(&self, farewell: impl Future<Output = ()> + Send + 'static) {
        *lock(&self.farewell) = Some(Box::pin(farewell));
    }

    /// Nobody calls any more: ends what ran beside the calls.
    fn part(&self) {
        let farewell = lock(&self.farewell).take();
        if let (Some(farewell), Some(handle)) = (farewell, self.handle.get()) {
            let (sender, receiver) = mpsc::sync_channel(1);
            handle.spawn(async move {
                farewell.await;
                let _ = sender.send(());
            });
            // Late or not, the threads end now.
            let _ = receiver.recv_timeout(FAREWELL);
        }
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
        let all_beside = lock(&self.beside).clone();
        self.calls.refuse();
        for beside in &all_beside {
            beside.closing();
        }
        self.calls.end_all();
        self.calls.wait(None);
        self.flush(FAREWELL);
        for beside in &all_beside {
            beside.end();
        }
        self.part();
        self.calls.stopped();
        if let Some(runtime) = lock(&self.owner).take() {
            runtime.shutdown_timeout(STOP_GRACE);
        }
    }
}

/// Worker threads that run. Does not borrow the runtime: a call may end, and the router be freed, while it is being
/// started.
#[derive(Clone)]
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

/// A panic elsewhere never makes a lock of ours unusable: what they guard is whole between statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

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
    fn what_runs_beside_the_calls_is_ended_behind_the_last_of_them() {
        let runtime = Runtime::new(1, plain);
        let ended = Arc::new(AtomicUsize::new(0));
        let ends = |more: usize| {
            let ended = Arc::clone(&ended);
            async move {
                ended.fetch_add(more, Ordering::SeqCst);
            }
        };
        runtime.threads().unwrap();
        runtime.before_end(ends(10));
        runtime.before_end(ends(1));
        let ticket = runtime.admit().unwrap();
        assert!(!runtime.drain(Duration::from_millis(1)));
        assert_eq!(ended.load(Ordering::SeqCst), 0);
        drop(ticket);
        assert!(runtime.drain(Duration::ZERO));
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        // One that never ends does not hold anybody up for long.
        runtime.before_end(std::future::pending());
        runtime.stop();
        assert_eq!(ended.load(Ordering::SeqCst), 1);
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
