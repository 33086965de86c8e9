//! A cluster: each key's server is asked, all of them at the same time, and redirections are followed.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::{Cmd, Value, cmd};
use tokio::sync::watch;

use crate::clock;
use crate::config::RedisAddress;

use super::dial::{Dialer, Place, refused};
use super::link::{Fault, Link, Target};
use super::servers::{Order, is_read_only};
use super::slots::{Slots, redirect, slot};

/// A key is followed so far; a cluster that is well needs one step, two while a slot moves.
const MAX_ROUNDS: usize = 4;
/// The cluster is asked for its map at most so often.
const BETWEEN_MAPS: Duration = Duration::from_millis(200);

type Outcome = Option<Result<(), String>>;

struct Map {
    slots: Arc<Slots>,
    /// An attempt to read it that runs.
    reading: Option<watch::Receiver<Outcome>>,
    /// Not before then again.
    next: Instant,
    /// Why there is none, as long as there is none.
    why: String,
}

pub struct Cluster {
    dialer: Arc<Dialer>,
    seeds: Vec<RedisAddress>,
    timeout: Duration,
    links: Mutex<HashMap<RedisAddress, Arc<Link>>>,
    map: Mutex<Map>,
}

/// Where a question goes, when it was sent on.
#[derive(Clone)]
enum Way {
    BySlot,
    Moved(RedisAddress),
    Asking(RedisAddress),
}

/// For each server the places of its questions, and which of them follow a slot that is on its way.
type Groups = HashMap<RedisAddress, Vec<(usize, bool)>>;

impl Cluster {
    pub fn new(dialer: &Arc<Dialer>, seeds: &[RedisAddress], timeout: Duration) -> Arc<Self> {
        let map = Map {
            slots: Arc::default(),
            reading: None,
            next: clock::now(),
            why: "no map of the cluster yet".to_owned(),
        };
        Arc::new(Self {
            dialer: Arc::clone(dialer),
            seeds: seeds.to_vec(),
            timeout,
            links: Mutex::default(),
            map: Mutex::new(map),
        })
    }

    pub fn name(&self) -> String {
        let seed = self.seeds.first().map(|seed| Place(seed).to_string()).unwrap_or_default();
        format!("redis cluster of {seed}")
    }

    pub fn has(&self, address: &RedisAddress) -> bool {
        let slots = Arc::clone(&lock(&self.map).slots);
        slots.masters().next().is_none() || slots.masters().any(|master| master == address)
    }

    /// One of the masters, by chance.
    pub async fn any(self: &Arc<Self>, deadline: Instant) -> Result<RedisAddress, String> {
        // A subscription is made when something was lost, so what is known may be old.
        self.read_map();
        let slots = self.slots(deadline).await.map_err(|fault| match fault {
            Fault::Away(why) | Fault::Silent(why) => why,
            Fault::Busy => "too much is asked at once".to_owned(),
        })?;
        let masters: Vec<_> = slots.masters().collect();
        fastrand::choice(masters).cloned().ok_or_else(|| "no master is known".to_owned())
    }

    pub async fn run(self: &Arc<Self>, orders: &[Order], deadline: Instant) -> Result<Vec<Value>, Fault> {
        let mut answers: Vec<Value> = vec![Value::Nil; orders.len()];
        let mut open: Vec<(usize, Way)> = (0..orders.len()).map(|place| (place, Way::BySlot)).collect();
        for _ in 0..MAX_ROUNDS {
            let slots = self.slots(deadline).await?;
            let groups = Self::groups(orders, &open, &slots)?;
            let sent =
                join_all(groups.iter().map(|(address, places)| self.ask(address, places, orders, deadline))).await;
            open.clear();
            for ((address, places), sent) in groups.into_iter().zip(sent) {
                let came = match sent {
                    Ok(came) => came,
                    // Who takes its place is soon known; the next questions go there.
                    Err(fault) => {
                        self.read_map();
                        return Err(fault);
                    }
                };
                for ((place, _), answer) in places.into_iter().zip(came) {
                    match self.way_on(&answer, &address) {
                        Some(way) => open.push((place, way)),
                        None => answers[place] = answer,
                    }
                }
            }
            if open.is_empty() {
                return Ok(answers);
            }
        }
        Err(Fault::Away("its servers send us from one to the next".to_owned()))
    }

    /// Which questions go to which server.
    fn groups(orders: &[Order], open: &[(usize, Way)], slots: &Slots) -> Result<Groups, Fault> {
        let mut groups = Groups::new();
        for (place, way) in open {
            let (address, asking) = match way {
                Way::Moved(address) => (address, false),
                Way::Asking(address) => (address, true),
                Way::BySlot => {
                    let slot = orders.get(*place).map(|order| slot(&order.key)).unwrap_or_default();
                    let owner = slots.of(slot).ok_or_else(|| Fault::Away(format!("nobody has the slot {slot}")))?;
                    (owner, false)
                }
            };
            groups.entry(address.clone()).or_default().push((*place, asking));
        }
        Ok(groups)
    }

    async fn ask(
        &self,
        address: &RedisAddress,
        places: &[(usize, bool)],
        orders: &[Order],
        deadline: Instant,
    ) -> Result<Vec<Value>, Fault> {
        let asking = cmd("ASKING");
        let mut commands: Vec<&Cmd> = Vec::with_capacity(places.len());
        let mut wanted = Vec::with_capacity(places.len());
        for (place, is_asking) in places {
            if *is_asking {
                commands.push(&asking);
            }
            wanted.push(commands.len());
            commands.extend(orders.get(*place).map(|order| &order.cmd));
        }
        let link = self.link(address);
        let again = places.iter().all(|(place, _)| orders.get(*place).is_some_and(|order| order.again));
        let answers = match link.send(&commands, deadline).await {
            Err(Fault::Silent(_)) if again && clock::now() < deadline => link.send(&commands, deadline).await?,
            other => other?,
        };
        Ok(wanted.into_iter().map(|place| answers.get(place).cloned().unwrap_or(Value::Nil)).collect())
    }

    /// Where a question goes that this server did not take.
    fn way_on(self: &Arc<Self>, answer: &Value, from: &RedisAddress) -> Option<Way> {
        let Value::ServerError(error) = answer else { return None };
        match error.code() {
            "MOVED" => {
                self.read_map();
                redirect(error.details(), from).map(Way::Moved)
            }
            "ASK" => redirect(error.details(), from).map(Way::Asking),
            "CLUSTERDOWN" => {
                self.read_map();
                None
            }
            // A master that was replaced a moment ago: the map will say by whom.
            _ if is_read_only(answer) => {
                self.read_map();
                None
            }
            _ => None,
        }
    }

    fn link(&self, address: &RedisAddress) -> Arc<Link> {
        let mut links = lock(&self.links);
        let make = || Link::new(Arc::clone(&self.dialer), Target::Fixed(address.clone()));
        Arc::clone(links.entry(address.clone()).or_insert_with(make))
    }

    /// The map, read first if none is known.
    async fn slots(self: &Arc<Self>, deadline: Instant) -> Result<Arc<Slots>, Fault> {
        let known = Arc::clone(&lock(&self.map).slots);
        if known.masters().next().is_some() {
            return Ok(known);
        }
        let Some(mut reading) = self.read_map() else {
            return Err(self.no_map());
        };
        let left = deadline.saturating_duration_since(clock::now());
        match clock::within(left, pin!(reading.wait_for(Option::is_some))).await {
            Some(Ok(outcome)) => outcome.clone().unwrap_or(Ok(())).map_err(Fault::Away)?,
            Some(Err(_)) => return Err(Fault::Away("the map was not read to its end".to_owned())),
            None => return Err(self.no_map()),
        }
        Ok(Arc::clone(&lock(&self.map).slots))
    }

    fn no_map(&self) -> Fault {
        Fault::Away(lock(&self.map).why.clone())
    }

    /// Reads the map in the background, unless that is done already or was done a moment ago.
    fn read_map(self: &Arc<Self>) -> Option<watch::Receiver<Outcome>> {
        let mut map = lock(&self.map);
        if let Some(reading) = map.reading.as_ref().filter(|reading| reading.has_changed().is_ok()) {
            return Some(reading.clone());
        }
        if clock::now() < map.next {
            return None;
        }
        let (sender, receiver) = watch::channel(None);
        map.reading = Some(receiver.clone());
        let cluster = Arc::clone(self);
        tokio::spawn(async move {
            let read = cluster.ask_for_map().await;
            let mut map = lock(&cluster.map);
            map.reading = None;
            map.next = clock::now() + BETWEEN_MAPS;
            if let Err(why) = &read {
                map.why.clone_from(why);
            }
            let outcome = read.map(|slots| {
                let is_known = |address: &RedisAddress| {
                    slots.masters().any(|master| master == address) || cluster.seeds.contains(address)
                };
                lock(&cluster.links).retain(|address, _| is_known(address));
                map.slots = Arc::new(slots);
            });
            drop(map);
            let _ = sender.send(Some(outcome));
        });
        Some(receiver)
    }

    async fn ask_for_map(&self) -> Result<Slots, String> {
        let known = Arc::clone(&lock(&self.map).slots);
        let mut nodes: Vec<RedisAddress> = known.masters().cloned().collect();
        nodes.dedup();
        // Not always the same: one that was cut off from the others has an old map.
        fastrand::shuffle(&mut nodes);
        nodes.extend(self.seeds.iter().cloned());
        let mut question = cmd("CLUSTER");
        question.arg("SLOTS");
        let mut why = "no server of it is configured".to_owned();
        for node in &nodes {
            match self.link(node).send(&[&question], clock::now() + self.timeout).await {
                Ok(answers) => match answers.first().and_then(|answer| Slots::read(answer, node)) {
                    Some(slots) => return Ok(slots),
                    None => why = format!("{} is no server of a cluster{}", Place(node), said(answers.first())),
                },
                Err(Fault::Away(fault) | Fault::Silent(fault)) => why = format!("{}: {fault}", Place(node)),
                Err(Fault::Busy) => why = format!("{}: too much is asked at once", Place(node)),
            }
        }
        Err(why)
    }
}

/// What a server answered instead of a map.
fn said(answer: Option<&Value>) -> String {
    match answer {
        Some(Value::ServerError(error)) => format!(": {}", refused(error.code(), error.details())),
        _ => String::new(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
