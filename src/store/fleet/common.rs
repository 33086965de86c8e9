//! What every lease, purse and task of a fleet holds together.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock;
use crate::config::StoreConfig;

use super::super::{Engine, StoreError};
use super::cooling::Cooling;
use super::exact::Settlements;
use super::standing::Standing;

/// An engine bounds its answers itself; this is for one that does not.
const BOUND: Duration = Duration::from_secs(1);

pub struct Common {
    pub engine: Arc<dyn Engine>,
    pub name: String,
    pub config: StoreConfig,
    pub standing: Standing,
    /// A call waits for a renewal, or the end has come.
    pub wake: Notify,
    pub cooling: Cooling,
    pub settlements: Settlements,
    ending: AtomicBool,
}

impl Common {
    pub fn new(engine: Arc<dyn Engine>, config: StoreConfig) -> Self {
        Self {
            name: engine.name(),
            engine,
            standing: Standing::new(config.on_failure),
            config,
            wake: Notify::new(),
            cooling: Cooling::default(),
            settlements: Settlements::default(),
            ending: AtomicBool::new(false),
        }
    }

    /// Waits for an answer in the background; none within the bound is an error, too.
    pub async fn answer<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let late = || Err(StoreError(format!("no answer within {} s", BOUND.as_secs())));
        clock::within(BOUND, pin!(answer)).await.unwrap_or_else(late)
    }

    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }
}
