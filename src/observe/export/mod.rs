//! Sending over HTTP in the background: bounded, in batches, tried again, and with every loss counted.
//!
//! A sink renders what it takes to items and puts them into its exporter's queue; a task of the router's sends them.

mod queue;
mod reply;

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::clock;
use crate::runtime::Threads;
use crate::transport::{HeaderName, HeaderValue, Target};

use super::status::SinkStatus;
pub use crate::config::{FIRST_WAIT, TRIES};
use queue::Queue;
pub use reply::{Reply, Verdict};

/// How much at a time, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Items of one request at the most.
    pub batch: usize,
    /// Bytes of their items: a receiver may refuse more.
    pub batch_bytes: usize,
    /// The first item of a batch waits no longer.
    pub interval: Duration,
    /// For one request and its answer.
    pub timeout: Duration,
    /// How often a batch is sent before it is lost.
    pub tries: u32,
    /// The wait behind the first try; each further one is twice as long.
    pub first_wait: Duration,
}

/// Items that wait at the most: a minute's of a busy process, while a receiver is away.
pub const MOST_ITEMS: usize = 32_768;
/// Their bytes.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;
/// The longest wait, whatever a receiver asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The status of a receiver that takes no request of that size.
const TOO_LARGE: u16 = 413;
/// The longest time for which a receiver can have nothing sent.
const LONGEST_QUIET: Duration = Duration::from_secs(24 * 60 * 60);
const QUIET: &str = "the receiver takes nothing for a while, as it asked for";

/// How items become a request, and what an answer means.
pub trait Wire: Send + Sync {
    /// One request's body, and headers that go with this very body.
    fn body(&self, items: &[Bytes]) -> (Bytes, Vec<(HeaderName, HeaderValue)>);

    fn judge(&self, reply: &Reply) -> Verdict {
        Verdict::of_status(reply)
    }

    /// For how long the receiver wants nothing more at all, whatever became of this request: what comes until then is lost.
    fn quiet(&self, _reply: &Reply) -> Option<Duration> {
        None
    }
}

/// One request out, one answer back; the error says why there is none.
pub type Post = Box<
    dyn Fn(Bytes, Vec<(HeaderName, HeaderValue)>) -> Pin<Box<dyn Future<Output = Result<Reply, String>> + Send>>
        + Send
        + Sync,
>;

/// Sends requests to a target, each within `timeout`.
pub fn post(target: Target, timeout: Duration) -> Post {
    Box::new(move |body, headers| {
        let target = target.clone();
        Box::pin(async move {
            let asked = std::pin::pin!(async {
                let mut exchange = target.post(&headers, body).await.map_err(|fault| fault.message)?;
                let (status, headers) = (exchange.status, exchange.take_headers());
                // What counts is the status; a body that breaks does not change it.
                let body = exchange.read().await.unwrap_or_default();
                Ok(Reply { status, headers, body })
            });
            let late = || Err(format!("no answer within {} s", timeout.as_secs_f64()));
            clock::within(timeout, asked).await.unwrap_or_else(late)
        })
    })
}

/// A queue of items and the task that sends them.
pub struct Exporter {
    name: String,
    limits: Limits,
    queue: Queue,
}

impl Exporter {
    /// Starts its task.
    pub fn start(name: &str, limits: Limits, wire: Box<dyn Wire>, post: Post, threads: &Threads) -> Arc<Self> {
        let exporter = Arc::new(Self { name: name.to_owned(), limits, queue: Queue::default() });
        threads.spawn(Arc::clone(&exporter).run(wire, post));
        exporter
    }

    /// Whether an item would be taken: what is not need not be rendered. One that would not is counted as lost.
    pub fn has_room(&self) -> bool {
        self.queue.has_room()
    }

    /// Takes an item in; without room it is lost, and counted.
    pub fn put(&self, item: impl Into<Bytes>) {
        self.queue.put(item.into(), &self.limits);
    }

    /// What waits goes out now.
    pub fn hurry(&self) {
        self.queue.hurry();
    }

    /// Waits, on a thread that may, until all has gone out, or gives up then.
    pub fn flush(&self, until: Instant) {
        self.queue.flush(until);
    }

    /// Nothing comes any more; what is left is lost.
    pub fn end(&self) {
        self.queue.end();
    }

    pub fn status(&self) -> SinkStatus {
        SinkStatus { name: self.name.clone(), ..self.queue.status() }
    }

    async fn run(self: Arc<Self>, wire: Box<dyn Wire>, post: Post) {
        while let Some(items) = self.queue.batch(&self.limits).await {
            let outcome = match self.queue.is_quiet() {
                true => Outcome { lost: items.len(), why: Some(QUIET.to_owned()) },
                false => self.deliver(&items, &*wire, &post).await,
            };
            if let Some(change) = self.queue.delivered(items.len(), outcome) {
                match change {
                    Ok(()) => log::info!(callback = self.name.as_str(); "the callback works again"),
                    Err(why) => log::warn!(callback = self.name.as_str(); "the callback can't deliver: {why}"),
                }
            }
        }
    }

    /// Sends one batch, in halves where it is too large for the receiver.
    async fn deliver(&self, items: &[Bytes], wire: &dyn Wire, post: &Post) -> Outcome {
        let mut outcome = Outcome::default();
        let mut parts = vec![items];
        while let Some(part) = parts.pop() {
            match self.send(part, wire, post).await {
                Ok(refused) => outcome.lost += refused,
                Err(Unsent::TooLarge) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                // The others of its batch may be small enough.
                Err(Unsent::TooLarge) => {
                    outcome.lose(1, format!("an event is too large for the receiver ({TOO_LARGE})"))
                }
                Err(Unsent::Lost(why)) => {
                    outcome.lose(part.len() + parts.drain(..).map(<[_]>::len).sum::<usize>(), why);
                }
            }
        }
        outcome
    }

    /// Sends some items together, as often as that makes sense. How many of them were refused, or why all are.
    async fn send(&self, items: &[Bytes], wire: &dyn Wire, post: &Post) -> Result<usize, Unsent> {
        let mut tries = 1;
        loop {
            let (body, headers) = wire.body(items);
            let (why, asked) = match post(body, headers).await {
                Ok(reply) if reply.status == TOO_LARGE => return Err(Unsent::TooLarge),
                Ok(reply) => {
                    if let Some(wait) = wire.quiet(&reply) {
                        self.queue.quiet(wait.min(LONGEST_QUIET));
                    }
                    match wire.judge(&reply) {
                        Verdict::Delivered { refused } => return Ok(refused),
                        Verdict::Refused(why) => return Err(Unsent::Lost(why)),
                        Verdict::Again { why, after } => (why, after),
                    }
                }
                Err(why) => (why, None),
            };
            if tries >= self.limits.tries || self.queue.has_ended() {
                return Err(Unsent::Lost(why));
            }
            self.queue.note(&why);
            let own = self.limits.first_wait.saturating_mul(2_u32.saturating_pow(tries - 1)).min(LONGEST_WAIT);
            // Processes that were refused together do not come back together.
            let own = own.mul_f64(1.0 + fastrand::f64() / 4.0);
            let wait = asked.map_or(own, |asked| asked.max(own)).min(LONGEST_WAIT);
            self.queue.pause(wait).await;
            tries += 1;
        }
    }
}

/// Why items were not taken, none of them.
enum Unsent {
    /// Fewer at a time may be.
    TooLarge,
    Lost(String),
}

/// What became of a batch.
#[derive(Default)]
struct Outcome {
    /// Items that were refused, or that could not be sent.
    lost: usize,
    /// Why, if that is not the receiver's own choice of items.
    why: Option<String>,
}

impl Outcome {
    fn lose(&mut self, items: usize, why: String) {
        self.lost += items;
        self.why = Some(why);
    }
}
