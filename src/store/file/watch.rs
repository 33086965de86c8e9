//! What the others are told: one look at two counters tells whether there is anything.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;

use super::layout::{COOLED, DEPLOYMENT_TABLE, HUNGRY};
use super::session::Session;
use super::{File, cooldowns, rows};
use crate::clock;
use crate::store::{Event, StoreError};

/// How often the counters are looked at: what is told is heard within 50 ms.
const LOOK: Duration = Duration::from_millis(25);
/// Looks until the dead are looked for, and until the file itself is.
const LOOKS_FOR_DEAD: u32 = 10;
const LOOKS_FOR_FILE: u32 = 40;

/// What has been told already.
#[derive(Default)]
struct Told {
    /// The counters when they were looked at last; `None` before.
    cooled: Option<u64>,
    hungry: Option<u64>,
    /// The last word of each thing that rests.
    resting: HashMap<usize, u64>,
}

pub async fn watch(file: &File, events: mpsc::Sender<Event>) {
    let mut told = Told::default();
    let mut current: Option<Arc<Session>> = None;
    let mut looks: u32 = 0;
    let mut is_away = false;
    while !events.is_closed() && !file.has_left.load(Ordering::Acquire) {
        looks = looks.wrapping_add(1);
        match look(file, &mut told, &mut current, looks) {
            Ok(new) => {
                is_away = false;
                for event in new {
                    if events.send(event).await.is_err() {
                        return;
                    }
                }
            }
            // Told once, not forty times a second.
            Err(error) if !std::mem::replace(&mut is_away, true) => log::warn!("{}", error.0),
            Err(_) => {}
        }
        clock::sleep(LOOK).await;
    }
}

fn look(
    file: &File,
    told: &mut Told,
    current: &mut Option<Arc<Session>>,
    looks: u32,
) -> Result<Vec<Event>, StoreError> {
    let mut session = file.session()?;
    if looks.is_multiple_of(LOOKS_FOR_FILE) && !session.is_at(&file.path) {
        let path = file.path.display();
        log::warn!("the file of shared state {path} was removed or exchanged: what it held is lost");
        session = file.renew_session()?;
    }
    if looks.is_multiple_of(LOOKS_FOR_DEAD) {
        session.bury(file.clock.ms());
    }
    if current.as_ref().is_none_or(|current| !Arc::ptr_eq(current, &session)) {
        *told = Told::default();
        *current = Some(session.clone());
    }
    let mut events = Vec::new();
    // The counters before what they count: what changes in between is seen twice, and never missed.
    let counter = |at: usize| Some(session.words()[at].load(Ordering::Acquire));
    let (cooled_now, hungry_now) = (counter(COOLED), counter(HUNGRY));
    if told.cooled != cooled_now {
        told.cooled = cooled_now;
        cooled(file, &session, &mut told.resting, &mut events);
    }
    if told.hungry != hungry_now {
        told.hungry = hungry_now;
        hungry(file, &session, &mut events);
    }
    Ok(events)
}

fn cooled(file: &File, session: &Session, told: &mut HashMap<usize, u64>, events: &mut Vec<Event>) {
    let resting = cooldowns::resting(session, &file.namespace, file.clock.ms());
    for resting in &resting {
        let is_new = told.get(&resting.entry) != Some(&resting.word);
        if is_new && resting.by != session.me.place {
            events.push(Event::Cooled(resting.cooled.clone()));
        }
    }
    *told = resting.iter().map(|resting| (resting.entry, resting.word)).collect();
}

fn hungry(file: &File, session: &Session, events: &mut Vec<Event>) {
    let index = session.index(&DEPLOYMENT_TABLE);
    for (id, known) in file.known().iter_mut() {
        let Some(entry) = index.find(known.key) else { continue };
        let hunger = rows::hunger(index.body(entry));
        if rows::is_new_hunger(known.hunger, hunger, session.me) {
            events.push(Event::GiveBack(id.clone()));
        }
        known.hunger = hunger;
    }
}
