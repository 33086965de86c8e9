//! What the task hears: events of the store, and cooldowns, which are read again and again.

use std::pin::pin;

use tokio::sync::mpsc;

use crate::clock;

use super::super::{Cooled, Event};
use super::{Fleet, READING, Rests, TICK};

impl Fleet {
    /// Takes in what the store tells by itself.
    pub(super) async fn hear(&self, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.recv().await {
            match event {
                Event::Cooled(cooled) => self.rest(&cooled),
                Event::GiveBack(id) => {
                    let lease = self.registry().leases.get(&id).cloned();
                    if lease.is_some_and(|lease| lease.gives_back(clock::now())) {
                        self.common.wake.notify_one();
                    }
                }
            }
        }
        // Nobody tells anything any more; reading goes on.
        std::future::pending().await
    }

    /// Tells cooldowns as they come, and reads all of them again and again.
    pub(super) async fn cool(&self) {
        let (common, cooling) = (&*self.common, &self.common.cooling);
        loop {
            let asked = clock::now();
            match common.answer(common.engine.cooled()).await {
                Ok(all) => {
                    all.iter().for_each(|cooled| self.rest(cooled));
                    cooling.set_read();
                    self.read_at(asked);
                }
                Err(error) => common.standing.failed(&common.name, &error, asked),
            }
            // The first calls wait for the first reading.
            let mut left = if cooling.is_read() { READING } else { TICK };
            while !left.is_zero() {
                let asked = clock::now();
                let mut pause = left;
                if cooling.pending() > 0
                    && let Err(error) = cooling.flush(common).await
                {
                    common.standing.failed(&common.name, &error, asked);
                    pause = left.min(TICK);
                    clock::sleep(pause).await;
                } else {
                    let woken = clock::within(pause, pin!(cooling.wake.notified())).await;
                    pause = if woken.is_some() { clock::now().saturating_duration_since(asked) } else { pause };
                }
                left = left.saturating_sub(pause);
            }
        }
    }

    fn rest(&self, cooled: &Cooled) {
        let rests = self.registry().benches.get(&cooled.what).cloned();
        match rests {
            Some(Rests::Deployment(lease)) => {
                self.common.cooling.hear(cooled, &lease.member.state.bench, clock::now());
            }
            Some(Rests::Key(bench)) => self.common.cooling.hear(cooled, &bench, clock::now()),
            None => {}
        }
    }
}
