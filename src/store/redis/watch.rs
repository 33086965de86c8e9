//! What the store tells by itself: a subscription on a connection of its own, renewed for ever.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::clock;
use crate::store::Event;

use super::Redis;
use super::rest::event;

/// When nothing came for so long, the server is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(1);
/// After a failure the next attempt waits for so long, twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How a subscription ended.
enum End {
    /// Nobody listens any more.
    Unheard,
    /// It held for a while.
    Broken(String),
    Refused(String),
}

impl Redis {
    pub(super) async fn watch_all(&self, events: mpsc::Sender<Event>) {
        let mut pause = FIRST_PAUSE;
        // Whether people know that nothing is heard.
        let mut is_known = false;
        loop {
            let (why, next) = match self.listen(&events, &mut is_known).await {
                End::Unheard => return,
                End::Broken(why) => (why, FIRST_PAUSE),
                End::Refused(why) => (why, (pause * 2).min(LONGEST_PAUSE)),
            };
            // Once for each time that it is lost.
            if !is_known {
                log::warn!("what other processes tell is not heard: {}", self.servers.clean(why));
                is_known = true;
            }
            // Not all processes at the same moment.
            clock::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            pause = next;
        }
    }

    async fn listen(&self, events: &mpsc::Sender<Event>, is_known: &mut bool) -> End {
        let (address, mut connection) = match self.servers.subscriber().await {
            Ok(subscriber) => subscriber,
            Err(why) => return End::Refused(why),
        };
        let patience = self.servers.patience();
        match clock::within(patience, pin!(connection.subscribe(self.keys.events()))).await {
            Some(Ok(())) => {}
            Some(Err(error)) => return End::Refused(super::dial::told(&error)),
            None => return End::Refused("no answer in time".to_owned()),
        }
        let since = clock::now();
        // What was told before the subscription was heard by nobody here.
        for cooled in self.resting().await.unwrap_or_default() {
            if events.send(Event::Cooled(cooled)).await.is_err() {
                return End::Unheard;
            }
        }
        loop {
            let next = clock::within(QUIET, pin!(connection.on_message().next())).await;
            if events.is_closed() {
                return End::Unheard;
            }
            // One that breaks at once is no change: it would be told with each attempt.
            if *is_known && clock::now().saturating_duration_since(since) >= QUIET {
                *is_known = false;
                log::info!("what other processes tell is heard again");
            }
            match next {
                Some(Some(message)) => {
                    if let Some(event) = event(message.get_payload_bytes(), &self.process)
                        && events.send(event).await.is_err()
                    {
                        return End::Unheard;
                    }
                }
                Some(None) => return End::Broken("the connection broke".to_owned()),
                None => match clock::within(patience, pin!(connection.ping::<redis::Value>())).await {
                    Some(Ok(_)) if self.servers.is_current(&address) => {}
                    Some(Ok(_)) => return End::Broken("another server is the master".to_owned()),
                    Some(Err(error)) => return End::Broken(super::dial::told(&error)),
                    None => return End::Broken("no answer in time".to_owned()),
                },
            }
        }
    }
}
