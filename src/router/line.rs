//! Where calls wait for somebody to return: the most urgent first, among equals in the order of arrival.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// One group's line.
#[derive(Default)]
pub struct Line {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Somebody is at the head.
    taken: bool,
    arrived: u64,
    /// By priority (0 is the most urgent) and arrival.
    waiting: BTreeMap<(i64, u64), oneshot::Sender<()>>,
}

/// The head of the line, until it is dropped.
pub struct Turn<'a>(&'a Line);

/// A place in the line, given up when it is dropped.
struct Place<'a> {
    line: &'a Line,
    key: (i64, u64),
}

impl Line {
    /// Waits for the head of the line.
    pub async fn turn(&self, priority: i64) -> Turn<'_> {
        let (sender, receiver) = oneshot::channel();
        let place = {
            let mut state = self.lock();
            if !state.taken {
                state.taken = true;
                return Turn(self);
            }
            state.arrived += 1;
            let key = (priority, state.arrived);
            state.waiting.insert(key, sender);
            Place { line: self, key }
        };
        // Whoever leaves hands the head on; the sender is dropped with the line only.
        let _ = receiver.await;
        std::mem::forget(place);
        Turn(self)
    }

    /// Calls that wait, the one at the head included.
    pub fn waiting(&self) -> usize {
        let state = self.lock();
        state.waiting.len() + usize::from(state.taken)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands the head on to the next who still waits.
    fn next(&self) {
        let mut state = self.lock();
        while let Some((_, sender)) = state.waiting.pop_first() {
            if sender.send(()).is_ok() {
                return;
            }
        }
        state.taken = false;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.next();
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // If it is not in the line any more, the head was handed to it at this very moment: on with it.
        if self.line.lock().waiting.remove(&self.key).is_none() {
            self.line.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_urgent_go_first_and_then_who_came_first() {
        let line = Arc::new(Line::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        let head = line.turn(0).await;
        let mut waiting = Vec::new();
        for (name, priority) in [("a", 5), ("b", 1), ("c", 5), ("d", 0), ("gone", 0)] {
            let (line, order) = (Arc::clone(&line), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let _turn = line.turn(priority).await;
                order.lock().unwrap().push(name);
            }));
            tokio::task::yield_now().await;
        }
        waiting.pop().unwrap().abort();
        tokio::task::yield_now().await;
        drop(head);
        for waiting in waiting {
            waiting.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["d", "b", "a", "c"]);
        drop(line.turn(9).await);
    }
}
