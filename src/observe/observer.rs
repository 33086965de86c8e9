//! The observers of a router: its event listener and its sinks. They outlive a reload.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::{ObserveConfig, TransportConfig};
use crate::error::{Error, ErrorKind};
use crate::runtime::{Beside, Runtime};

use super::connect::{Connect, Connected};
use super::event::Event;
use super::lane::Lane;
use super::prices::Prices;
use super::shown::{Showing, Shown};
use super::sink::Sink;
use super::status::SinkStatus;

/// Hears of each event: its level (1 error, 2 warning, 3 information) and its payload, JSON.
pub type Listener = Box<dyn Fn(i32, &str) + Send + Sync>;

/// What a sink that a reload has replaced may still take.
const FAREWELL: Duration = Duration::from_secs(5);
/// For what was taken for a listener that is gone: nobody hears it, so it takes no time.
const SETTLING: Duration = Duration::from_secs(1);

/// Bits of what is on.
const LISTENER: u8 = 1;
const SINKS: u8 = 2;

/// Those who hear of what happens in one router. Nobody of them holds up a call.
#[derive(Default)]
pub struct Observer {
    on: AtomicU8,
    showing: Arc<Showing>,
    /// Somebody sees prompts and answers.
    wants_content: AtomicBool,
    is_closing: AtomicBool,
    /// Nobody else notes what deployments cost.
    keeps_spend: AtomicBool,
    /// What callers say of their keys is told to nobody.
    hides_key_info: AtomicBool,
    /// Calls may not ask that nobody be told of them.
    ignores_no_log: AtomicBool,
    listener: RwLock<Option<Listener>>,
    sinks: RwLock<Arc<[Connected]>>,
    /// The router's own metrics, once somebody wants them.
    counts: RwLock<Option<Arc<dyn Sink>>>,
    /// Those that a reload has replaced, as long as they send what they have.
    leaving: Mutex<Vec<Arc<dyn Sink>>>,
    /// The listener has a thread of its own: a slow one keeps nothing from the sinks.
    for_listener: Arc<Lane>,
    for_sinks: Arc<Lane>,
    prices: Arc<Prices>,
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

    pub fn shows_key_info(&self) -> bool {
        !self.hides_key_info.load(Ordering::Relaxed)
    }

    /// The payload of an event, as listener, webhook and file have it.
    pub fn payload(&self, event: &Event) -> Arc<str> {
        self.showing.payload(event)
    }

    /// Whether what attempts cost is noted at their deployments: not where budgets do that.
    pub fn keep_spend(&self, wanted: bool) {
        self.keeps_spend.store(wanted, Ordering::Relaxed);
    }

    /// Notes what an attempt has cost, once, whoever comes first.
    fn account(&self, event: &Event) {
        if self.keeps_spend.load(Ordering::Relaxed) {
            event.account();
        }
    }

    /// Whether listener and sinks may hear of it; the metrics always count.
    fn may_tell(&self, event: &Event) -> bool {
        !event.call.request.options().no_log || self.ignores_no_log.load(Ordering::Relaxed)
    }

    pub fn prices(&self) -> &Arc<Prices> {
        &self.prices
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
            // What came for the one before is for nobody after it: neither what waits nor what was taken already.
            self.for_listener.clear();
            self.for_listener.drained(clock::now() + SETTLING);
        }
        Ok(())
    }

    /// Replaces the sinks by those of a configuration. Those that are not among them go on with what they have for a while
    /// and end. An error says what to change; then nothing is changed.
    pub fn watch(
        self: &Arc<Self>,
        observe: &ObserveConfig,
        transport: &TransportConfig,
        runtime: &Runtime,
    ) -> Result<(), String> {
        let _one = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        self.prices.clear();
        let before = self.sinks();
        let connected = match observe.sinks.is_empty() {
            true => Vec::new(),
            false => {
                let cant = |error| format!("can't start the callbacks' threads: {error}");
                let threads = runtime.threads().map_err(cant)?;
                self.start_sinks(runtime).map_err(cant)?;
                Connect { observe, transport, threads: &threads, runtime, showing: &self.showing }.sinks(&before)?
            }
        };
        self.showing.set(Shown { content: observe.log_content, without: observe.excluded_fields.clone() });
        self.hides_key_info.store(observe.redact_user_api_key_info, Ordering::Relaxed);
        self.ignores_no_log.store(observe.ignores_no_log, Ordering::Relaxed);
        let wants = observe.log_content || connected.iter().any(|connected| connected.sink.wants_content());
        self.wants_content.store(wants, Ordering::Relaxed);
        let stays = |old: &Connected| connected.iter().any(|new| Arc::ptr_eq(&new.sink, &old.sink));
        let gone: Vec<_> = before.iter().filter(|old| !stays(old)).map(|old| Arc::clone(&old.sink)).collect();
        let is_on = !connected.is_empty() || self.counting().is_some();
        *self.sinks.write().unwrap_or_else(PoisonError::into_inner) = connected.into();
        self.switch(SINKS, is_on);
        if !gone.is_empty() {
            self.leaving().extend(gone.iter().cloned());
            let observer = Arc::downgrade(self);
            runtime.aside(move || {
                let until = clock::now() + FAREWELL;
                for sink in &gone {
                    sink.hurry();
                }
                for sink in &gone {
                    sink.flush(until);
                    sink.end();
                }
                if let Some(observer) = observer.upgrade() {
                    observer.leaving().retain(|left| !gone.iter().any(|sink| Arc::ptr_eq(sink, left)));
                }
            });
        }
        Ok(())
    }

    /// Has `counts` count every event from now on, in the place of what counted before: the router's own metrics, which no
    /// callback is asked for.
    pub fn count(self: &Arc<Self>, counts: Arc<dyn Sink>, runtime: &Runtime) -> std::io::Result<()> {
        let _one = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        self.start_sinks(runtime)?;
        *self.counts.write().unwrap_or_else(PoisonError::into_inner) = Some(counts);
        self.switch(SINKS, true);
        Ok(())
    }

    fn start_sinks(self: &Arc<Self>, runtime: &Runtime) -> std::io::Result<()> {
        self.start(&self.for_sinks, runtime, |observer, event| {
            observer.account(event);
            if let Some(counts) = &*observer.counts.read().unwrap_or_else(PoisonError::into_inner) {
                counts.take(event);
            }
            if observer.may_tell(event) {
                for Connected { sink, .. } in observer.sinks().iter() {
                    sink.take(event);
                }
            }
        })
    }

    /// What counts, if anything does.
    fn counting(&self) -> Option<Arc<dyn Sink>> {
        self.counts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The sinks at work.
    pub fn sinks(&self) -> Arc<[Connected]> {
        Arc::clone(&self.sinks.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the sinks have taken in all that has happened, but not for long.
    pub fn settle(&self, time: Duration) -> bool {
        self.for_sinks.drained(clock::now() + time)
    }

    /// Waits until all that has happened was heard and sent, or gives up then.
    pub fn flush_until(&self, until: Instant) {
        self.for_listener.drained(until);
        self.for_sinks.drained(until);
        let sinks = self.sinks();
        // All of them begin before one is waited for.
        for Connected { sink, .. } in sinks.iter() {
            sink.hurry();
        }
        for Connected { sink, .. } in sinks.iter() {
            sink.flush(until);
        }
    }

    /// Events that the listener and the sinks were too slow for.
    pub fn lost(&self) -> (u64, u64) {
        (self.for_listener.lost(), self.for_sinks.lost())
    }

    /// Events that wait for the listener.
    pub fn listening(&self) -> usize {
        self.for_listener.waiting()
    }

    /// How each of them is: the listener, the callbacks at work, and those that are off, in file order.
    pub fn callbacks(&self, observe: &ObserveConfig) -> Vec<SinkStatus> {
        let (lost, too_fast) = self.lost();
        let is_on = self.on.load(Ordering::Relaxed) & LISTENER != 0;
        let listener = is_on.then(|| SinkStatus {
            name: "listener".to_owned(),
            state: "on",
            lost,
            waiting: self.listening() as u64,
            ..SinkStatus::default()
        });
        let sinks = self.sinks();
        // What the sinks' queue has lost, each of them has.
        let status = |connected: &Connected| {
            let own = connected.sink.status();
            SinkStatus { name: connected.config.name.clone(), lost: own.lost + too_fast, ..own }
        };
        let off = observe.off.iter().map(|off| SinkStatus {
            name: off.name.clone(),
            state: "off",
            last_error: Some(off.why.clone()),
            ..SinkStatus::default()
        });
        let counting = self.counting().map(|counts| SinkStatus { lost: too_fast, ..counts.status() });
        listener.into_iter().chain(counting).chain(sinks.iter().map(status)).chain(off).collect()
    }

    /// What a call ends with that nobody ended.
    pub fn ending(&self) -> Error {
        match self.is_closing.load(Ordering::Acquire) {
            true => Error::new(ErrorKind::ShutDown, "the router is shutting down"),
            false => Error::new(ErrorKind::Cancelled, "the call was cancelled"),
        }
    }

    fn hand_over(&self, event: &Event) {
        self.account(event);
        let listener = self.listener.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = &*listener
            && self.may_tell(event)
        {
            listener(event.level(), &self.payload(event));
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

    fn leaving(&self) -> MutexGuard<'_, Vec<Arc<dyn Sink>>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn flush(&self, time: Duration) {
        self.flush_until(clock::now() + time);
    }

    fn end(&self) {
        self.on.store(0, Ordering::Relaxed);
        self.for_listener.end();
        self.for_sinks.end();
        let leaving = std::mem::take(&mut *self.leaving());
        let sinks = self.sinks();
        for sink in sinks.iter().map(|connected| &connected.sink).chain(&leaving) {
            sink.end();
        }
    }
}
