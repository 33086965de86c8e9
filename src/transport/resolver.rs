//! Name look-up by the system's resolver, once for all who ask at the same time.
//!
//! Each look-up holds a thread. A burst of new connections to one host would otherwise ask thousands of times, and
//! one dead name server would hold up the look-ups of every other host.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::OnceCell;

use super::steps;
use crate::clock;

/// Long enough for a burst, short enough that a failover by DNS is seen.
const KEEP: Duration = Duration::from_secs(5);
/// A name that can't be resolved is asked for again soon.
const KEEP_FAILURE: Duration = Duration::from_secs(1);

type Addresses = Result<Vec<SocketAddr>, String>;

/// One look-up and its result, shared by all who wait for it.
#[derive(Default)]
struct Lookup(OnceCell<(Addresses, Instant)>);

impl Lookup {
    /// A running look-up is fresh.
    fn is_fresh(&self, now: Instant) -> bool {
        self.0.get().is_none_or(|(addresses, at)| {
            let keep = if addresses.is_ok() { KEEP } else { KEEP_FAILURE };
            now.saturating_duration_since(*at) < keep
        })
    }

    async fn addresses(&self, host: String) -> Addresses {
        let look_up = async move || (look_up(&host).await, clock::now());
        self.0.get_or_init(look_up).await.0.clone()
    }
}

async fn look_up(host: &str) -> Addresses {
    let found = tokio::net::lookup_host((host, 0)).await;
    found.map(Iterator::collect).map_err(|error| format!("can't resolve {host}: {error}"))
}

/// The resolver of one router.
#[derive(Default)]
pub struct Resolver {
    lookups: Mutex<HashMap<String, Arc<Lookup>>>,
}

impl Resolver {
    fn lookup(&self, host: &str) -> Arc<Lookup> {
        let now = clock::now();
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        // The names come from the configuration, so the map stays as small as that.
        match lookups.get(host) {
            Some(lookup) if lookup.is_fresh(now) => Arc::clone(lookup),
            _ => {
                let lookup = Arc::<Lookup>::default();
                lookups.insert(host.to_owned(), Arc::clone(&lookup));
                lookup
            }
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let lookup = self.lookup(&host);
        let (timed, start) = (steps::timed(), clock::now());
        Box::pin(async move {
            let addresses = lookup.addresses(host).await;
            steps::resolved(timed.as_ref(), start);
            let addresses = addresses?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_ask_at_once_share_one_lookup() {
        let resolver = Resolver::default();
        let first = resolver.lookup("localhost");
        assert!(Arc::ptr_eq(&first, &resolver.lookup("localhost")));
        assert!(!Arc::ptr_eq(&first, &resolver.lookup("other.invalid")));
        let found = first.addresses("localhost".to_owned()).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()) && !found.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_lookup_is_made_again() {
        let resolver = Resolver::default();
        let first = resolver.lookup("h");
        first.0.set((Ok(vec![]), clock::now())).unwrap();
        tokio::time::advance(KEEP - Duration::from_millis(1)).await;
        assert!(Arc::ptr_eq(&first, &resolver.lookup("h")));
        tokio::time::advance(Duration::from_millis(2)).await;
        assert!(!Arc::ptr_eq(&first, &resolver.lookup("h")));
    }
}
