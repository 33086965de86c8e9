//! What the tests share: engines, asks, and waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llmrouter::config::{RedisConfig, StoreConfig};
use llmrouter::store::redis::Redis;
use llmrouter::store::{Amounts, Ask, Cooled, Engine, Event};
use tokio::sync::mpsc;

/// A process of the namespace `fleet`.
pub fn engine(redis: &RedisConfig) -> Arc<Redis> {
    Redis::new(redis, &StoreConfig { namespace: "fleet".to_owned(), ..StoreConfig::default() })
}

/// The same limit, use and wish for all amounts.
pub fn ask(id: &str, limit: u64, used: u64, want: u64) -> Ask {
    let all = Amounts::all;
    Ask { id: id.into(), limits: all(limit), used: all(used), want: all(want), hungry: false, seconds: None }
}

pub fn cooled(what: &str, millis: u64) -> Cooled {
    Cooled { what: what.into(), left: Duration::from_millis(millis), cause: "RateLimitError".to_owned() }
}

/// Listens, and has begun to: a first message has come through.
pub async fn listen(engine: &Arc<Redis>, other: &Arc<Redis>) -> mpsc::Receiver<Event> {
    let (sender, mut events) = mpsc::channel(1000);
    let watching = Arc::clone(engine);
    tokio::spawn(async move { watching.watch(sender).await });
    hear(&mut events, other, Duration::from_secs(10)).await;
    events
}

/// Waits until what `other` tells is heard.
pub async fn hear(events: &mut mpsc::Receiver<Event>, other: &Arc<Redis>, most: Duration) {
    let start = Instant::now();
    let mut number = fastrand::u32(..);
    let mut told = Ok(());
    loop {
        assert!(start.elapsed() < most, "nothing is heard within {most:?}: {told:?}");
        number = number.wrapping_add(1);
        let what = format!("call {number}");
        // Not reached, or not told, as long as the servers are not well.
        told = other.cool(&[cooled(&what, 1000)]).await;
        let until = tokio::time::Instant::now() + Duration::from_millis(100);
        while let Ok(Some(event)) = tokio::time::timeout_at(until, events.recv()).await {
            if told.is_ok() && matches!(&event, Event::Cooled(cooled) if *cooled.what == *what) {
                return;
            }
        }
    }
}

/// The next event that is not the end of something told before.
pub async fn next(events: &mut mpsc::Receiver<Event>) -> Event {
    let is_call = |event: &Event| matches!(event, Event::Cooled(cooled) if cooled.what.starts_with("call "));
    loop {
        let event = tokio::time::timeout(Duration::from_secs(5), events.recv()).await;
        let event = event.expect("an event in time").expect("somebody who tells");
        if !is_call(&event) {
            return event;
        }
    }
}

/// Asks again until it works; how long that took.
pub async fn until_well<T, E: std::fmt::Debug>(
    most: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> (T, Duration) {
    let start = Instant::now();
    loop {
        match attempt().await {
            Ok(value) => return (value, start.elapsed()),
            Err(error) => assert!(start.elapsed() < most, "not well within {most:?}: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
