//! One server, one that sentinels know, or a cluster: questions go to the right one, and come back as one answer each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::PubSub;
use redis::{Cmd, Value};

use crate::clock;
use crate::config::{RedisAddress, RedisConfig, RedisNodes};
use crate::store::{StoreError, TRUSTED};

use super::cluster::Cluster;
use super::dial::{Dialer, Place, refused};
use super::link::{Fault, Link, Target};
use super::redact::Redactor;
use super::sentinel::Sentinels;

/// One question.
pub struct Order {
    /// The one key it is about.
    pub key: String,
    pub cmd: Cmd,
    /// Whether it does no harm when it is done twice. What adds is never repeated once it may have been sent.
    pub again: bool,
}

pub struct Servers {
    kind: Kind,
    dialer: Arc<Dialer>,
    redactor: Redactor,
    timeout: Duration,
}

enum Kind {
    One(Arc<Link>),
    Cluster(Arc<Cluster>),
}

impl Servers {
    pub fn new(config: &RedisConfig) -> Self {
        let dialer = Arc::new(Dialer::new(config));
        let link = |target| Kind::One(Link::new(Arc::clone(&dialer), target));
        let kind = match &config.nodes {
            RedisNodes::One(address) => link(Target::Fixed(address.clone())),
            RedisNodes::Sentinel { nodes, service, password } => {
                let sentinels = Sentinels::new(config, nodes, service, password.clone());
                link(Target::Master(Box::new(sentinels)))
            }
            RedisNodes::Cluster(seeds) => Kind::Cluster(Cluster::new(&dialer, seeds, config.timeout)),
        };
        Self { kind, dialer, redactor: Redactor::new(config), timeout: config.timeout }
    }

    pub fn name(&self) -> String {
        match &self.kind {
            Kind::One(link) => link.name(),
            Kind::Cluster(cluster) => cluster.name(),
        }
    }

    pub fn is_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster(_))
    }

    /// The answers in the order of the questions. One that is refused fails them all.
    pub async fn run(&self, orders: &[Order]) -> Result<Vec<Value>, StoreError> {
        self.run_within(orders, self.timeout).await
    }

    /// The same where a late answer is worth hearing.
    pub async fn run_late(&self, orders: &[Order]) -> Result<Vec<Value>, StoreError> {
        self.run_within(orders, self.timeout.max(TRUSTED)).await
    }

    async fn run_within(&self, orders: &[Order], time: Duration) -> Result<Vec<Value>, StoreError> {
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        let deadline = clock::now() + time;
        let answers = match &self.kind {
            Kind::One(link) => of_one(link, orders, deadline).await,
            Kind::Cluster(cluster) => cluster.run(orders, deadline).await,
        };
        let answers = answers.map_err(|fault| self.error(fault))?;
        match answers.iter().find_map(as_error) {
            Some(why) => Err(StoreError(format!("{}: {}", self.name(), self.clean(why)))),
            None => Ok(answers),
        }
    }

    fn error(&self, fault: Fault) -> StoreError {
        let why = match fault {
            Fault::Away(why) | Fault::Silent(why) => why,
            Fault::Busy => StoreError::BUSY.to_owned(),
        };
        StoreError(format!("{}: {}", self.name(), self.clean(why)))
    }

    /// Why something failed, as it may be shown.
    pub fn clean(&self, why: String) -> String {
        self.redactor.clean(why)
    }

    /// A connection for subscriptions, and where it leads.
    pub async fn subscriber(&self) -> Result<(RedisAddress, PubSub), String> {
        let address = match &self.kind {
            Kind::One(link) => link.find().await?,
            Kind::Cluster(cluster) => cluster.any(clock::now() + self.dialer.patience()).await?,
        };
        let connected = self.dialer.subscriber(&address).await;
        Ok((address.clone(), connected.map_err(|why| format!("redis {}: {why}", Place(&address)))?))
    }

    /// Whether what happens is still told there.
    pub fn is_current(&self, address: &RedisAddress) -> bool {
        match &self.kind {
            Kind::One(link) => link.place().is_none_or(|place| place == *address),
            Kind::Cluster(cluster) => cluster.has(address),
        }
    }

    /// For a step of keeping a connection.
    pub fn patience(&self) -> Duration {
        self.dialer.patience()
    }
}

async fn of_one(link: &Arc<Link>, orders: &[Order], deadline: Instant) -> Result<Vec<Value>, Fault> {
    let all: Vec<&Cmd> = orders.iter().map(|order| &order.cmd).collect();
    let mut answers = match link.send(&all, deadline).await {
        // The connection broke, and time is left: what does no harm twice is asked on a new one.
        Err(Fault::Silent(_)) if clock::now() < deadline && orders.iter().all(|order| order.again) => {
            link.send(&all, deadline).await?
        }
        other => other?,
    };
    // The server is not the master any more, and has done nothing: the one that is, is asked.
    let refused: Vec<usize> =
        (0..answers.len()).filter(|place| answers.get(*place).is_some_and(is_read_only)).collect();
    if !refused.is_empty() {
        link.forget();
        let again: Vec<&Cmd> = refused.iter().filter_map(|place| all.get(*place).copied()).collect();
        for (place, answer) in refused.into_iter().zip(link.send(&again, deadline).await?) {
            if let Some(old) = answers.get_mut(place) {
                *old = answer;
            }
        }
    }
    Ok(answers)
}

/// Refused since the server is a replica; inside a script older servers give it no code of its own.
pub fn is_read_only(answer: &Value) -> bool {
    match answer {
        Value::ServerError(error) => {
            error.code() == "READONLY" || error.details().is_some_and(|text| text.contains("READONLY"))
        }
        _ => false,
    }
}

fn as_error(answer: &Value) -> Option<String> {
    match answer {
        Value::ServerError(error) => Some(refused(error.code(), error.details())),
        _ => None,
    }
}
