//! How long the steps of an exchange took: the name looked up, the connection made, the headers awaited.
//!
//! The HTTP client tells nothing of that. But it opens a connection within the task, and within the poll, of the request
//! that asks for one; so what is being timed is known to that task alone.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tower_layer::Layer;
use tower_service::Service;

use crate::clock;

tokio::task_local! {
    static TIMED: Arc<Steps>;
}

/// The steps of one exchange, as far as it has come.
#[derive(Debug, Default)]
pub struct Steps {
    /// Nanoseconds; 0 for what was not needed.
    resolve: AtomicU64,
    /// With the look-up.
    connect: AtomicU64,
    /// From the beginning.
    headers: AtomicU64,
}

/// What each step took. All of them, with what came after, are the time of the attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    pub resolve: Duration,
    /// TCP and TLS; 0 on a connection that was there.
    pub connect: Duration,
    /// From there to the answer's headers.
    pub headers: Duration,
    /// From there to the first content of a stream, or to the end of a whole answer.
    pub first_content: Duration,
    /// The rest of a stream.
    pub stream: Duration,
}

impl Phases {
    /// What the attempt took.
    pub fn total(&self) -> Duration {
        self.resolve + self.connect + self.headers + self.first_content + self.stream
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            resolve: self.resolve + other.resolve,
            connect: self.connect + other.connect,
            headers: self.headers + other.headers,
            first_content: self.first_content + other.first_content,
            stream: self.stream + other.stream,
        }
    }
}

impl Steps {
    /// Times what `future` does of an exchange.
    pub async fn during<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        TIMED.scope(Arc::clone(self), future).await
    }

    /// The headers have come.
    pub fn headers_came(&self, start: Instant) {
        self.headers.store(nanos(since(start)), Ordering::Relaxed);
    }

    /// The phases of an attempt that took so long; `first_content` of a stream, from its beginning.
    pub fn phases(&self, took: Duration, first_content: Option<Duration>) -> Phases {
        let read = |step: &AtomicU64| Duration::from_nanos(step.load(Ordering::Relaxed));
        let headers = read(&self.headers);
        // A connection that was made for this exchange may have been left to another one that needed it first.
        let before = if headers.is_zero() { took } else { headers.min(took) };
        let connected = read(&self.connect).min(before);
        let resolve = read(&self.resolve).min(connected);
        let after = took - before;
        let content = first_content.map_or(after, |first| first.saturating_sub(before).min(after));
        Phases {
            resolve,
            connect: connected - resolve,
            headers: before - connected,
            first_content: content,
            stream: after - content,
        }
    }
}

/// Times a look-up that the running exchange waits for.
pub(super) fn resolved(steps: Option<&Arc<Steps>>, start: Instant) {
    if let Some(steps) = steps {
        steps.resolve.store(nanos(since(start)), Ordering::Relaxed);
    }
}

/// The exchange that is being timed, if one is.
pub(super) fn timed() -> Option<Arc<Steps>> {
    TIMED.try_with(Arc::clone).ok()
}

fn since(start: Instant) -> Duration {
    clock::now().saturating_duration_since(start)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1)
}

/// Wraps the client's connector, to time it.
#[derive(Clone, Copy)]
pub(super) struct Timed;

#[derive(Clone)]
pub(super) struct TimedConnector<S>(S);

impl<S> Layer<S> for Timed {
    type Service = TimedConnector<S>;

    fn layer(&self, connector: S) -> Self::Service {
        TimedConnector(connector)
    }
}

impl<S, T> Service<T> for TimedConnector<S>
where
    S: Service<T>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let (steps, start, connecting) = (timed(), clock::now(), self.0.call(target));
        Box::pin(async move {
            let connected = connecting.await;
            if let Some(steps) = steps {
                steps.connect.store(nanos(since(start)), Ordering::Relaxed);
            }
            connected
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps(resolve: u64, connect: u64, headers: u64) -> Steps {
        Steps { resolve: resolve.into(), connect: connect.into(), headers: headers.into() }
    }

    fn nanoseconds(phases: Phases) -> [u128; 5] {
        let Phases { resolve, connect, headers, first_content, stream } = phases;
        [resolve, connect, headers, first_content, stream].map(|phase| phase.as_nanos())
    }

    #[test]
    fn each_phase_is_what_its_step_took() {
        let took = Duration::from_nanos(1000);
        assert_eq!(nanoseconds(steps(10, 30, 100).phases(took, None)), [10, 20, 70, 900, 0]);
        let first = Some(Duration::from_nanos(400));
        assert_eq!(nanoseconds(steps(0, 0, 100).phases(took, first)), [0, 0, 100, 300, 600]);
        assert_eq!(nanoseconds(steps(10, 30, 0).phases(took, None)), [10, 20, 970, 0, 0]);
    }

    proptest! {
        #[test]
        fn all_phases_are_the_whole(resolve: u32, connect: u32, headers: u32, took: u32, first: Option<u32>) {
            let first = first.map(|first| Duration::from_nanos(first.into()));
            let took = Duration::from_nanos(took.into());
            let phases = steps(resolve.into(), connect.into(), headers.into()).phases(took, first);
            prop_assert_eq!(nanoseconds(phases).iter().sum::<u128>(), took.as_nanos());
        }
    }
}
