//! A queue of events with a thread behind it. Whoever is slow loses the oldest, with a count, and holds up nobody.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

use super::event::Event;

/// Events that wait at most: about a second's of a busy process.
const MOST_EVENTS: usize = 16_384;
/// What they may hold in memory together, requests and answers included.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Taken at a time: what is being handed over can't be lost, and is not lost count of.
const BATCH: usize = 64;
/// Events that are kept for others to let go of, and how large such a one is at the most.
const MOST_DONE: usize = 1024;
const LARGE: usize = 8 * 1024;
/// A thread that has just had work looks again by itself, so that those who bring more need not wake it.
const LINGER: Duration = Duration::from_millis(2);
/// How often it does so before it sleeps.
const LOOKS: u32 = 5;
/// For what waits at the end: whoever is slower than that loses the rest, with a count.
const FAREWELL: Duration = Duration::from_secs(1);

/// One queue and the state of its thread.
#[derive(Default)]
pub struct Lane {
    queue: Mutex<Queue>,
    /// For the thread: there is work, or an end.
    work: Condvar,
    /// For those who wait until all is done.
    idle: Condvar,
    lost: AtomicU64,
    /// Until when it hands over, once it was asked to end.
    until: OnceLock<Instant>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<(Arc<Event>, usize)>,
    bytes: usize,
    /// Handed over, for those who bring events to let go of: memory that another thread gives back has to wait for the
    /// allocator's lock, there and here.
    done: Vec<Arc<Event>>,
    asleep: bool,
    /// The thread is at work on what it took.
    busy: bool,
    thread: Thread,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Thread {
    #[default]
    None,
    Runs,
    /// Asked to end.
    Ends,
}

impl Lane {
    /// Takes an event in; the oldest ones go if there is no room. Nothing is kept where no thread runs.
    pub fn push(&self, event: &Arc<Event>) {
        let weight = event.weight();
        let mut queue = self.lock();
        if queue.thread != Thread::Runs {
            return;
        }
        let mut gone = None;
        while queue.events.len() >= MOST_EVENTS || (queue.bytes + weight > MOST_BYTES && !queue.events.is_empty()) {
            if let Some((oldest, weight)) = queue.events.pop_front() {
                queue.bytes -= weight;
                gone = Some(oldest);
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        queue.events.push_back((Arc::clone(event), weight));
        queue.bytes += weight;
        let done = queue.done.pop();
        let wake = std::mem::take(&mut queue.asleep);
        // What is let go of is so without the lock.
        drop(queue);
        drop((gone, done));
        if wake {
            self.work.notify_one();
        }
    }

    /// Events that were lost since the beginning.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Events that wait.
    pub fn waiting(&self) -> usize {
        self.lock().events.len()
    }

    /// Whether a thread is to be started, which then has to [`Lane::run`].
    pub fn claim(&self) -> bool {
        let mut queue = self.lock();
        let free = queue.thread == Thread::None;
        if free {
            queue.thread = Thread::Runs;
        }
        free
    }

    /// Nobody came of a claim.
    pub fn disclaim(&self) {
        self.lock().thread = Thread::None;
    }

    /// Hands events over until the end is asked for.
    pub fn run(&self, mut hand_over: impl FnMut(&Arc<Event>)) {
        let mut looks = 0;
        let mut taken: Vec<(Arc<Event>, usize)> = Vec::with_capacity(BATCH);
        let mut queue = self.lock();
        loop {
            let count = queue.events.len().min(BATCH);
            if count > 0 {
                taken.extend(queue.events.drain(..count));
                queue.bytes -= taken.iter().map(|(_, weight)| weight).sum::<usize>();
                queue.busy = true;
                drop(queue);
                for (event, _) in &taken {
                    if self.is_late() {
                        self.lost.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                    // Whoever panics at one event hears of the next one.
                    if catch_unwind(AssertUnwindSafe(|| hand_over(event))).is_err() {
                        log::error!("an observer panicked at an event");
                    }
                }
                looks = 0;
                queue = self.lock();
                queue.busy = false;
                let room = MOST_DONE.saturating_sub(queue.done.len());
                let small = taken.iter().filter(|(_, weight)| *weight < LARGE).take(room);
                queue.done.extend(small.map(|(event, _)| Arc::clone(event)));
                drop(queue);
                taken.clear();
                queue = self.lock();
                continue;
            }
            self.idle.notify_all();
            if queue.thread == Thread::Ends {
                queue.thread = Thread::None;
                drop(queue);
                self.idle.notify_all();
                return;
            }
            if looks < LOOKS {
                looks += 1;
                queue = self.work.wait_timeout(queue, LINGER).unwrap_or_else(PoisonError::into_inner).0;
            } else {
                queue.asleep = true;
                // Nobody brings anything: nothing is held for them.
                queue.done.clear();
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.asleep = false;
                looks = 0;
            }
        }
    }

    /// Waits until all that has come was handed over. False if that took longer than until then.
    pub fn drained(&self, until: Instant) -> bool {
        self.wait(until, |queue| queue.thread == Thread::None || (queue.events.is_empty() && !queue.busy))
    }

    fn is_late(&self) -> bool {
        self.until.get().is_some_and(|until| clock::now() >= *until)
    }

    /// Has the thread hand over what there is, for a second at most, and end, and waits for that. Not from the thread itself.
    pub fn end(&self) {
        let _ = self.until.set(clock::now() + FAREWELL);
        let mut queue = self.lock();
        if queue.thread == Thread::None {
            return;
        }
        queue.thread = Thread::Ends;
        drop(queue);
        self.work.notify_all();
        let queue = self.lock();
        drop(self.idle.wait_while(queue, |queue| queue.thread != Thread::None));
    }

    /// Forgets what waits.
    pub fn clear(&self) {
        let mut queue = self.lock();
        let (events, done) = (std::mem::take(&mut queue.events), std::mem::take(&mut queue.done));
        queue.bytes = 0;
        drop(queue);
        drop((events, done));
    }

    fn wait(&self, until: Instant, is_done: impl Fn(&Queue) -> bool) -> bool {
        let mut queue = self.lock();
        queue.asleep = false;
        self.work.notify_all();
        while !is_done(&queue) {
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() {
                return false;
            }
            queue = self.idle.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc;
    use std::thread::{JoinHandle, spawn};

    use super::super::event::{CallEnded, Ended};
    use super::*;
    use crate::chat::Request;

    fn event(number: u64) -> Arc<Event> {
        let request = Request::parse(r#"{"model":"m"}"#).unwrap();
        let ended = CallEnded {
            took: Duration::ZERO,
            overhead: None,
            ttft: None,
            records: Vec::new(),
            fallbacks: 0,
            kept: None,
            joined: None,
            missed: false,
            dropped_params: Vec::new(),
        };
        Arc::new(Event::new(
            Arc::new(super::super::event::Call::new(number, &request, false, clock::now(), Arc::default())),
            Ended::Call(Box::new(ended)),
            None,
            None,
        ))
    }

    fn lane(hand_over: impl FnMut(&Arc<Event>) + Send + 'static) -> (Arc<Lane>, JoinHandle<()>) {
        let lane = Arc::new(Lane::default());
        assert!(lane.claim() && !lane.claim());
        let own = Arc::clone(&lane);
        let thread = spawn(move || own.run(hand_over));
        (lane, thread)
    }

    fn soon() -> Instant {
        clock::now() + Duration::from_secs(30)
    }

    #[test]
    fn all_that_comes_is_handed_over_in_order_before_the_end() {
        let (sender, receiver) = mpsc::channel();
        let (lane, thread) = lane(move |event| sender.send(event.call.number).unwrap());
        for number in 0..1000 {
            lane.push(&event(number));
        }
        lane.end();
        thread.join().unwrap();
        assert!(receiver.try_iter().eq(0..1000));
        assert_eq!(lane.lost(), 0);
        lane.push(&event(0));
        assert_eq!(lane.waiting(), 0, "nobody would hear of it");
        lane.end();
    }

    #[test]
    fn who_is_slow_loses_the_oldest_and_holds_up_nobody() {
        let (go, gate) = mpsc::channel::<()>();
        let (sender, receiver) = mpsc::channel();
        let waits = AtomicBool::new(true);
        let (lane, thread) = lane(move |event| {
            if waits.swap(false, Ordering::Relaxed) {
                gate.recv().unwrap();
            }
            sender.send(event.call.number).unwrap();
        });
        let all = MOST_EVENTS as u64 + 1000;
        lane.push(&event(0));
        while lane.waiting() > 0 {
            std::thread::yield_now();
        }
        for number in 1..=all {
            lane.push(&event(number));
        }
        assert_eq!((lane.waiting(), lane.lost()), (MOST_EVENTS, 1000));
        assert!(!lane.drained(clock::now()));
        go.send(()).unwrap();
        assert!(lane.drained(soon()));
        let heard: Vec<_> = receiver.try_iter().collect();
        assert_eq!((heard[0], heard[1], *heard.last().unwrap()), (0, 1001, all));
        lane.end();
        thread.join().unwrap();
    }

    #[test]
    fn a_lane_that_slept_is_woken() {
        let (sender, receiver) = mpsc::channel();
        let (lane, thread) = lane(move |event| sender.send(event.call.number).unwrap());
        for number in 0..3 {
            std::thread::sleep(LINGER * (LOOKS + 3));
            lane.push(&event(number));
            assert_eq!(receiver.recv_timeout(Duration::from_secs(30)), Ok(number));
        }
        lane.end();
        thread.join().unwrap();
    }

    #[test]
    fn who_panics_at_one_event_hears_of_the_next() {
        let (sender, receiver) = mpsc::channel();
        let (lane, thread) = lane(move |event| {
            assert_ne!(event.call.number, 1);
            sender.send(event.call.number).unwrap();
        });
        for number in 0..3 {
            lane.push(&event(number));
        }
        assert!(lane.drained(soon()));
        lane.end();
        thread.join().unwrap();
        assert!(receiver.try_iter().eq([0, 2]));
    }
}
