//! The policy: which group, which deployment, how often, when to give up. [`call::run`] is the whole of it.

mod call;
mod candidates;
mod cooldown;
mod fallback;
mod groups;
mod ledger;
mod report;
mod retry;
mod snapshot;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use ledger::{Attempt, Trail};
pub use report::{error_json, metadata_json};

use crate::chat::Request;
use crate::config::{Config, ConfigError, TimeoutConfig, Warning};
use crate::deployment::Deployment;
use crate::error::{Error, ErrorKind};
use crate::provider::{self, Answer};

use call::Whole;
use groups::Groups;

/// LiteLLM's wait for an answer where nothing says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(6000);

/// A configuration at work. Shared by all threads; holds no lock while a call waits.
pub struct Router {
    groups: Groups,
    config: Config,
    warnings: Vec<Warning>,
}

/// A call that was answered.
pub struct Completed {
    pub answer: Answer,
    pub trail: Trail,
}

/// A call that was not.
pub struct Failed {
    pub error: Error,
    pub trail: Trail,
}

impl Router {
    /// Makes deployments and their endpoints; opens no connection and starts no thread.
    pub fn new(mut config: Config) -> Result<Self, ConfigError> {
        let mut warnings = std::mem::take(&mut config.warnings);
        let groups = Groups::new(&mut config, &mut warnings)?;
        for warning in &warnings {
            log::warn!(path = warning.path.as_str(), line = warning.line; "{}", warning.message);
        }
        Ok(Self { groups, config, warnings })
    }

    pub fn worker_threads(&self) -> usize {
        self.config.worker_threads
    }

    /// Answers a chat completion, whole.
    pub async fn completion(&self, request: &Request, call_id: u64) -> Result<Completed, Failed> {
        let mut trail = Trail::new(call_id);
        let outcome = match check(request) {
            Ok(()) => call::run(self, request, &Whole, &mut trail).await,
            Err(error) => Err(error),
        };
        trail.end(request);
        match outcome {
            Ok(answer) => Ok(Completed { answer, trail }),
            Err(error) => Err(Failed { error, trail }),
        }
    }

    /// The state of every group and deployment, as JSON.
    pub fn snapshot(&self) -> String {
        snapshot::render(&self.groups, &self.warnings)
    }
}

/// What is wrong with the request itself, whoever would answer it, ends the call before it begins.
fn check(request: &Request) -> Result<(), Error> {
    if request.options().stream {
        let message = "\"stream\": true does not fit this function, which gives a whole answer";
        return Err(Error::bad_parameter("stream", message));
    }
    provider::extra_headers(request).map(|_| ())
}

/// How long one attempt may take: what stands nearest to it decides.
fn attempt_timeout(request: &Request, deployment: &Deployment, router: &TimeoutConfig) -> Duration {
    let own = &deployment.config;
    let nearest = request.options().timeout.or(own.timeout).or(own.request_timeout);
    nearest.or(router.request_timeout).or(router.timeout).or(router.default).unwrap_or(DEFAULT_TIMEOUT)
}

impl Failed {
    /// A call that ended before it began.
    pub fn before(error: Error) -> Self {
        Self { error, trail: Trail::new(0) }
    }

    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }
}
