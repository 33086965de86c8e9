//! Who the master is, asked of the sentinels.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::{FromRedisValue, Value};

use crate::clock;
use crate::config::{RedisAddress, RedisConfig, Secret};

use super::dial::{Dialer, Place};

pub struct Sentinels {
    dialer: Dialer,
    nodes: Vec<RedisAddress>,
    service: String,
    /// Who answered last is asked first.
    first: AtomicUsize,
}

impl Sentinels {
    pub fn new(config: &RedisConfig, nodes: &[RedisAddress], service: &str, password: Option<Secret>) -> Self {
        let dialer = Dialer::of_sentinels(config, password);
        Self { dialer, nodes: nodes.to_vec(), service: service.to_owned(), first: AtomicUsize::new(0) }
    }

    pub fn name(&self) -> String {
        format!("master {}", self.service)
    }

    /// The master's address, from the first sentinel that knows it.
    pub async fn master(&self) -> Result<RedisAddress, String> {
        let mut why = "no sentinel is configured".to_owned();
        let first = self.first.load(Ordering::Relaxed);
        for turn in 0..self.nodes.len() {
            let place = (first + turn) % self.nodes.len();
            let Some(node) = self.nodes.get(place) else { continue };
            match self.ask(node).await {
                Ok(address) => {
                    self.first.store(place, Ordering::Relaxed);
                    return Ok(address);
                }
                Err(fault) => why = format!("sentinel {}: {fault}", Place(node)),
            }
        }
        Err(why)
    }

    async fn ask(&self, node: &RedisAddress) -> Result<RedisAddress, String> {
        let mut open = self.dialer.open(node).await?;
        let mut question = redis::pipe();
        question.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let asked = clock::within(self.dialer.patience(), pin!(open.ask(&question, 1))).await;
        let answers = asked.unwrap_or_else(|| Err("no answer in time".to_owned()))?;
        match answers.into_iter().next() {
            Some(Value::Nil) | None => Err(format!("it knows no master {}", self.service)),
            Some(Value::ServerError(error)) => Err(super::dial::refused(error.code(), error.details())),
            Some(value) => {
                let (host, port) = <(String, u16)>::from_redis_value(value).map_err(|error| error.to_string())?;
                Ok(RedisAddress::Tcp(host, port))
            }
        }
    }
}
