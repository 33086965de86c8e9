//! What a task puts in and a reader takes out: in order, bounded, and ended exactly once.
//!
//! The task is asynchronous; the reader may be a thread that waits, or a callback that is called when there is
//! something. Neither waits for the other while it holds the lock.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use atomic_waker::AtomicWaker;

use super::lock;

/// Items that wait for a slow reader; then the writer waits, and with it the server that it reads from.
const MOST_ITEMS: usize = 64;
/// Bytes that wait for a slow reader. One item may go beyond.
const MOST_BYTES: usize = 16 * 1024;

pub struct Pipe<T, E> {
    state: Mutex<State<T, E>>,
    ready: Condvar,
    writer: AtomicWaker,
}

struct State<T, E> {
    items: VecDeque<(usize, T)>,
    bytes: usize,
    end: Option<Result<(), E>>,
    /// Threads that wait for something to take.
    waiting: usize,
    /// Called once, when there is something to take.
    alarm: Option<Box<dyn FnOnce() + Send>>,
}

/// What a reader got.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T, E> {
    Items(Vec<T>),
    End(Result<(), E>),
    /// Nothing yet.
    Nothing,
}

impl<T, E> Default for Pipe<T, E> {
    fn default() -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, end: None, waiting: 0, alarm: None };
        Self { state: Mutex::new(state), ready: Condvar::new(), writer: AtomicWaker::new() }
    }
}

impl<T, E: Clone> Pipe<T, E> {
    /// Puts something in that weighs so many bytes. Nothing comes in behind the end.
    pub fn put(&self, item: T, bytes: usize) {
        let mut state = lock(&self.state);
        if state.end.is_some() {
            return;
        }
        state.items.push_back((bytes, item));
        state.bytes += bytes;
        self.tell(state);
    }

    /// Ends it. The first end stays.
    pub fn end(&self, end: Result<(), E>) {
        let mut state = lock(&self.state);
        state.end.get_or_insert(end);
        self.tell(state);
    }

    /// Whether what is put in now is taken at once.
    pub fn is_awaited(&self) -> bool {
        let state = lock(&self.state);
        state.alarm.is_some() || state.waiting > 0
    }

    fn tell(&self, mut state: MutexGuard<'_, State<T, E>>) {
        let (alarm, waiting) = (state.alarm.take(), state.waiting);
        drop(state);
        // A call of the system, whether anybody waits or not.
        if waiting > 0 {
            self.ready.notify_all();
        }
        if let Some(alarm) = alarm {
            alarm();
        }
    }

    /// Waits until there is room for more.
    pub async fn room(&self) {
        let full = || {
            let state = lock(&self.state);
            state.items.len() >= MOST_ITEMS || state.bytes >= MOST_BYTES
        };
        poll_fn(|context| {
            if !full() {
                return Poll::Ready(());
            }
            self.writer.register(context.waker());
            // Emptied between the look and the registration: nobody would wake us.
            if full() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// What has come, at most so many; behind the last the end, again and again.
    pub fn take(&self, most: usize) -> Taken<T, E> {
        let mut state = lock(&self.state);
        let count = state.items.len().min(most.max(1));
        if count == 0 {
            return state.end.clone().map_or(Taken::Nothing, Taken::End);
        }
        let mut taken = Vec::with_capacity(count);
        let mut weight = 0;
        taken.extend(state.items.drain(..count).map(|(bytes, item)| {
            weight += bytes;
            item
        }));
        state.bytes -= weight;
        drop(state);
        self.writer.wake();
        Taken::Items(taken)
    }

    /// Waits on this thread until there is something to take.
    pub fn wait(&self) {
        let empty = |state: &mut State<T, E>| state.items.is_empty() && state.end.is_none();
        let mut state = lock(&self.state);
        state.waiting += 1;
        let mut state = self.ready.wait_while(state, empty).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
    }

    /// Has `alarm` called once there is something to take, by whoever puts it in. Gives it back if that is now.
    pub fn when_ready(&self, alarm: Box<dyn FnOnce() + Send>) -> Option<Box<dyn FnOnce() + Send>> {
        let mut state = lock(&self.state);
        if !state.items.is_empty() || state.end.is_some() {
            return Some(alarm);
        }
        state.alarm = Some(alarm);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn items_come_in_order_and_then_the_end_for_ever() {
        let pipe: Pipe<u32, &str> = Pipe::default();
        assert_eq!(pipe.take(9), Taken::Nothing);
        (0..5).for_each(|item| pipe.put(item, 1));
        pipe.end(Err("broken"));
        pipe.end(Ok(()));
        pipe.put(9, 1);
        assert_eq!(pipe.take(2), Taken::Items(vec![0, 1]));
        assert_eq!(pipe.take(0), Taken::Items(vec![2]), "one at least");
        assert_eq!(pipe.take(9), Taken::Items(vec![3, 4]));
        assert_eq!([pipe.take(9), pipe.take(9)], [Taken::End(Err("broken")), Taken::End(Err("broken"))]);
    }

    #[test]
    fn a_reader_is_told_once_in_whatever_form_it_waits() {
        let pipe: Arc<Pipe<u32, ()>> = Arc::default();
        let (sender, told) = mpsc::channel();
        assert!(!pipe.is_awaited());
        assert!(pipe.when_ready(Box::new(move || sender.send(()).unwrap())).is_none());
        let waiting = std::thread::spawn({
            let pipe = Arc::clone(&pipe);
            move || {
                pipe.wait();
                pipe.take(1)
            }
        });
        assert!(pipe.is_awaited());
        pipe.put(7, 1);
        assert_eq!(told.try_iter().count(), 1);
        assert_eq!(waiting.join().unwrap(), Taken::Items(vec![7]));
        pipe.end(Ok(()));
        assert_eq!(told.try_iter().count(), 0);
        assert!(pipe.when_ready(Box::new(|| ())).is_some(), "there is something already");
    }

    #[tokio::test]
    async fn the_writer_waits_for_a_slow_reader() {
        let pipe: Pipe<u32, ()> = Pipe::default();
        pipe.put(1, MOST_BYTES - 1);
        pipe.room().await;
        pipe.put(2, 1);
        let mut room = pin!(pipe.room());
        assert!(tokio::time::timeout(Duration::from_millis(5), room.as_mut()).await.is_err());
        assert_eq!(pipe.take(1), Taken::Items(vec![1]));
        room.await;
        (0..MOST_ITEMS as u32).for_each(|item| pipe.put(item, 0));
        assert!(tokio::time::timeout(Duration::from_millis(5), pipe.room()).await.is_err());
    }
}
