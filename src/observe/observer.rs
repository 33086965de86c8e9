//! The observers of a router: its event listener and its sinks. They outlive a reload.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::runtime::{Beside, Runtime};

use super::event::Event;
use super::lane::Lane;
use super::payload;
use super::sink::Sink;

/// Hears of each event: its level (1 error, 2 warning, 3 information) and its payload, JSON.
pub type Listener = Box<dyn Fn(i32, &str) + Send + Sync>;

/// Bits of what is on.
const LISTENER: u8 = 1;
const SINKS: u8 = 2;

/// Those who hear of what happens in one router. Nobody of them holds up a call.
#[derive(Default)]
pub struct Observer {
    on: AtomicU8,
    /// The listener, or a sink that shows it, is to see prompts and answers.
    log_content: AtomicBool,
    /// Somebody sees prompts and answers.
    wants_content: AtomicBool,
    is_closing: AtomicBool,
    listener: RwLock<Option<Listener>>,
    sinks: RwLock<Arc<[Arc<dyn Sink>]>>,
    /// The listener has a thread of its own: a slow one keeps nothing from the sinks.
    for_listener: Arc<Lane>,
    for_sinks: Arc<Lane>,
    /// One change of the listener at a time.
    changing: Mutex<()>,
    /// One change of the sinks at a time: a listener that runs may ask for one while another listener waits for its end.
    watching: Mutex<()>,
}

impl Observer {
    /// Whether anybody hears of events: what is asked on the way of a call.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed) != 0
    }

    pub fn wants_content(&self) -> bool {
        self.wants_content.load(Ordering::Relaxed)
    }

    /// Whether payloads show prompts and answers.
    pub fn log_content(&self) -> bool {
        self.log_content.load(Ordering::Relaxed)
    }

    /// Takes an event in. Waits for nobody.
    pub fn tell(&self, event: &Arc<Event>) {
        let on = self.on.load(Ordering::Relaxed);
        if on & LISTENER != 0 {
            self.for_listener.push(event);
        }
        if on & SINKS != 0 {
            self.for_sinks.push(event);
        }
    }

    /// Replaces the listener. On return the one before is not running and hears nothing more. Not from within it.
    pub fn listen(self: &Arc<Self>, listener: Option<Listener>, runtime: &Runtime) -> std::io::Result<()> {
        let _one = self.change();
        let is_on = listener.is_some();
        if is_on {
            self.start(&self.for_listener, runtime, |observer, event| observer.hand_over(event))?;
        }
        self.switch(LISTENER, is_on);
        // Having the lock for writing means that the former one is not running.
        *self.listener.write().unwrap_or_else(PoisonError::into_inner) = listener;
        if !is_on {
            // What came for the one before is for nobody after it.
            self.for_listener.clear();
        }
        Ok(())
    }

    /// Replaces the sinks; those that are not among the new ones were to be ended before. `log_content`: payloads show
    /// prompts and answers.
    pub fn watch(
        self: &Arc<Self>,
        sinks: Vec<Arc<dyn Sink>>,
        log_content: bool,
        runtime: &Runtime,
    ) -> std::io::Result<()> {
        let _one = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        self.set_sinks(sinks, log_content, runtime)
    }

    fn set_sinks(
        self: &Arc<Self>,
        sinks: Vec<Arc<dyn Sink>>,
        log_content: bool,
        runtime: &Runtime,
    ) -> std::io::Result<()> {
        self.log_content.store(log_content, Ordering::Relaxed);
        let wants = log_content || sinks.iter().any(|sink| sink.wants_content());
        self.wants_content.store(wants, Ordering::Relaxed);
        let is_on = !sinks.is_empty();
        if is_on {
            self.start(&self.for_sinks, runtime, |observer, event| {
                for sink in observer.sinks().iter() {
                    sink.take(event);
                }
            })?;
        }
        *self.sinks.write().unwrap_or_else(PoisonError::into_inner) = sinks.into();
        self.switch(SINKS, is_on);
        Ok(())
    }

    /// Adds a sink to those at work, in the place of the one of its name.
    pub fn add(self: &Arc<Self>, sink: Arc<dyn Sink>, runtime: &Runtime) -> std::io::Result<()> {
        let _one = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sinks = self.sinks().to_vec();
        match sinks.iter_mut().find(|own| own.name() == sink.name()) {
            Some(own) => *own = sink,
            None => sinks.push(sink),
        }
        self.set_sinks(sinks, self.log_content(), runtime)
    }

    /// The sinks at work.
    pub fn sinks(&self) -> Arc<[Arc<dyn Sink>]> {
        Arc::clone(&self.sinks.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the sinks have taken in all that has happened, but not for long.
    pub fn settle(&self, time: Duration) -> bool {
        self.for_sinks.drained(clock::now() + time)
    }

    /// Events that the listener and the sinks were too slow for.
    pub fn lost(&self) -> (u64, u64) {
        (self.for_listener.lost(), self.for_sinks.lost())
    }

    /// Whether a listener is set, and the events that wait for it.
    pub fn listening(&self) -> Option<usize> {
        (self.on.load(Ordering::Relaxed) & LISTENER != 0).then(|| self.for_listener.waiting())
    }

    /// What a call ends with that nobody ended.
    pub fn ending(&self) -> Error {
        match self.is_closing.load(Ordering::Acquire) {
            true => Error::new(ErrorKind::ShutDown, "the router is shutting down"),
            false => Error::new(ErrorKind::Cancelled, "the call was cancelled"),
        }
    }

    fn hand_over(&self, event: &Event) {
        let listener = self.listener.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = &*listener {
            listener(event.level(), &event.payload(|| payload::render(event, self.log_content())));
        }
    }

    fn start(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        runtime: &Runtime,
        hand_over: fn(&Self, &Arc<Event>),
    ) -> std::io::Result<()> {
        if !lane.claim() {
            return Ok(());
        }
        let (own, observer) = (Arc::clone(lane), Arc::downgrade(self));
        let started = runtime.thread(move || {
            own.run(|event| {
                if let Some(observer) = observer.upgrade() {
                    hand_over(&observer, event);
                }
            });
        });
        started.inspect_err(|_| lane.disclaim())
    }

    fn switch(&self, bit: u8, on: bool) {
        match on {
            true => self.on.fetch_or(bit, Ordering::Relaxed),
            false => self.on.fetch_and(!bit, Ordering::Relaxed),
        };
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends with the runtime: behind the last call, before its threads.
impl Beside for Observer {
    fn closing(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    fn flush(&self, until: Instant) {
        self.for_listener.drained(until);
        self.for_sinks.drained(until);
        for sink in self.sinks().iter() {
            sink.flush(until);
        }
    }

    fn end(&self) {
        self.on.store(0, Ordering::Relaxed);
        self.for_listener.end();
        self.for_sinks.end();
        for sink in self.sinks().iter() {
            sink.end();
        }
    }
}
