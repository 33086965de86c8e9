//! LiteLLM's counters of use: one for each deployment, kind and minute of UTC.
//!
//! Every router adds what it used to the same counters. What routers of ours added they also add to a counter of their own,
//! so the difference is what LiteLLM's used.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::cmd;

use crate::clock;
use crate::store::{Amounts, Known, StoreError};

use super::super::keys::Keys;
use super::super::servers::Order;

const MINUTE: Duration = Duration::from_secs(60);
/// What was noted is forgotten after so long, if its leaving was not seen before: later than it leaves any window of a
/// minute, since what is forgotten too early would be told twice.
const FORGOTTEN: Duration = Duration::from_secs(62);
/// Notes of so long are one.
const NOTE: Duration = Duration::from_secs(1);
/// As LiteLLM's counters live, from the last addition on.
const LIFE: u64 = 60;
/// Ours live longer than theirs: a difference is never taken from what is gone.
const OWN_LIFE: u64 = 180;
/// What a counter counts.
type Count = fn(&Amounts) -> u64;

/// The counters' names and what they count. Those of all strategies, then those of usage-based-routing-v2.
const KINDS: [(&str, Count); 4] =
    [("rpm", |all| all.requests), ("tpm", |all| all.tokens), ("itpm", |all| all.input), ("otpm", |all| all.output)];
const V2_KINDS: usize = 2;
/// Keys that are read for a deployment and a minute: of all strategies, our part of them, and v2's.
const READ: usize = 2 * KINDS.len() + V2_KINDS;

/// The running minute, its last one, and how much of the last one still lies within sixty seconds.
pub struct Moment {
    minutes: [String; 2],
    weight: f64,
}

impl Moment {
    pub fn now() -> Self {
        Self::at(clock::unix_ms())
    }

    #[allow(clippy::cast_precision_loss)]
    fn at(unix_ms: u64) -> Self {
        let name = |minute: u64| format!("{:02}-{:02}", minute / 60 % 24, minute % 60);
        let minute = unix_ms / 60_000;
        Self {
            minutes: [name(minute), name(minute.saturating_sub(1))],
            weight: 1.0 - (unix_ms % 60_000) as f64 / 60_000.0,
        }
    }
}

fn names(known: &Known, minute: &str) -> impl Iterator<Item = String> {
    let Known { id, model } = known;
    KINDS.map(|(kind, _)| format!("global_router:{id}:{model}:{kind}:{minute}")).into_iter()
}

fn v2_names(known: &Known, minute: &str) -> impl Iterator<Item = String> {
    let Known { id, model } = known;
    KINDS.map(|(kind, _)| format!("{id}:{model}:{kind}:{minute}")).into_iter().take(V2_KINDS)
}

struct Entry {
    known: Known,
    /// What this process used within the last minute, as it was noted: from when until when, and what.
    noted: VecDeque<(Instant, Instant, Amounts)>,
    unsent: Amounts,
    theirs: Amounts,
    seen: Option<Instant>,
}

#[derive(Default)]
pub struct Usage {
    entries: HashMap<Arc<str>, Entry>,
    last: Option<Instant>,
    is_running: bool,
    is_failing: bool,
}

impl Usage {
    /// Finds out what is new, from what was used in the last minute.
    pub fn note(&mut self, known: &Known, used: Amounts, now: Instant) {
        let entry = self.entries.entry(Arc::clone(&known.id)).or_insert_with(|| Entry {
            known: known.clone(),
            noted: VecDeque::new(),
            unsent: Amounts::ZERO,
            theirs: Amounts::ZERO,
            seen: None,
        });
        entry.known = known.clone();
        entry.note(Amounts { slots: 0, ..used }, now);
    }

    /// Whether it is time to write and read; then nobody else does until the end.
    pub fn begin_exchange(&mut self, now: Instant, between: Duration) -> bool {
        let is_time = self.last.is_none_or(|last| now.saturating_duration_since(last) >= between);
        if self.is_running || !is_time || self.entries.is_empty() {
            return false;
        }
        self.is_running = true;
        self.last = Some(now);
        true
    }

    /// The failure, if people have not been told yet.
    pub fn end_exchange(&mut self, failure: Option<StoreError>) -> Option<String> {
        self.is_running = false;
        let was_failing = std::mem::replace(&mut self.is_failing, failure.is_some());
        failure.filter(|_| !was_failing).map(|error| error.0)
    }

    /// Additions of what is new. Our own part first: whoever reads in between sees too little of LiteLLM's, not too much.
    pub fn adds(&mut self, keys: &Keys, moment: &Moment) -> Vec<Order> {
        let [minute, _] = &moment.minutes;
        let mut orders = Vec::new();
        let mut add = |key: String, count: u64, life: u64| {
            let (mut adding, mut ending) = (cmd("INCRBYFLOAT"), cmd("EXPIRE"));
            adding.arg(&key).arg(count);
            ending.arg(&key).arg(life);
            orders.push(Order { key: key.clone(), cmd: adding, again: false });
            orders.push(Order { key, cmd: ending, again: true });
        };
        for entry in self.entries.values_mut() {
            let new = std::mem::take(&mut entry.unsent);
            let counts = KINDS.map(|(_, count)| count(&new));
            for (name, count) in names(&entry.known, minute).zip(counts).filter(|(_, count)| *count > 0) {
                add(keys.own_part(&name), count, OWN_LIFE);
                add(name, count, LIFE);
            }
            for (name, count) in v2_names(&entry.known, minute).zip(counts).filter(|(_, count)| *count > 0) {
                add(name, count, LIFE);
            }
        }
        orders
    }

    /// The deployments to look at, and [`READ`] keys for each of them and each minute.
    pub fn reads(&self, keys: &Keys, moment: &Moment) -> (Vec<Arc<str>>, Vec<String>) {
        let mut names = Vec::with_capacity(self.entries.len() * moment.minutes.len() * READ);
        for entry in self.entries.values() {
            for minute in &moment.minutes {
                names.extend(self::names(&entry.known, minute));
                names.extend(self::names(&entry.known, minute).map(|name| keys.own_part(&name)));
                names.extend(v2_names(&entry.known, minute));
            }
        }
        (self.entries.keys().map(Arc::clone).collect(), names)
    }

    pub fn take_in(&mut self, ids: &[Arc<str>], values: &[Option<Vec<u8>>], moment: &Moment, now: Instant) {
        for (id, values) in ids.iter().zip(values.chunks(moment.minutes.len() * READ)) {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.theirs = theirs(values, moment);
                entry.seen = Some(now);
            }
        }
    }

    /// Forgets all other deployments.
    pub fn keep(&mut self, is_known: impl Fn(&str) -> bool) {
        self.entries.retain(|id, _| is_known(id));
    }

    /// What others used; what was seen more than a minute ago is no more.
    pub fn of_others(&self, id: &str, now: Instant) -> Amounts {
        let entry = self.entries.get(id);
        let fresh = entry.filter(|entry| entry.seen.is_some_and(|seen| now.saturating_duration_since(seen) < MINUTE));
        fresh.map(|entry| entry.theirs).unwrap_or_default()
    }
}

impl Entry {
    fn note(&mut self, used: Amounts, now: Instant) {
        let age = |at: Instant| now.saturating_duration_since(at);
        while self.noted.front().is_some_and(|(_, last, _)| age(*last) > FORGOTTEN) {
            self.noted.pop_front();
        }
        let known = self.noted.iter().fold(Amounts::ZERO, |sum, (.., each)| sum.with(*each, u64::saturating_add));
        let new = used.with(known, u64::saturating_sub);
        if new != Amounts::ZERO {
            self.unsent = self.unsent.with(new, u64::saturating_add);
            match self.noted.back_mut().filter(|(first, ..)| age(*first) < NOTE) {
                Some((_, last, each)) => (*last, *each) = (now, each.with(new, u64::saturating_add)),
                None => self.noted.push_back((now, now, new)),
            }
        }
        // Less than was noted: the oldest has left the minute. What came at the same time is told when the rest is forgotten.
        let mut gone = known.with(used, u64::saturating_sub);
        for (.., each) in &mut self.noted {
            let taken = each.with(gone, u64::min);
            *each = each.with(taken, u64::saturating_sub);
            gone = gone.with(taken, u64::saturating_sub);
        }
    }
}

/// What LiteLLM's routers used in sixty seconds: of the running minute all, of the last one the part that still counts.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn theirs(values: &[Option<Vec<u8>>], moment: &Moment) -> Amounts {
    let number = |value: &Option<Vec<u8>>| {
        let text = std::str::from_utf8(value.as_deref()?).ok()?;
        text.parse::<f64>().ok().filter(|number| number.is_finite())
    };
    let mut sums = [0.0; KINDS.len()];
    for (values, weight) in values.chunks(READ).zip([1.0, moment.weight]) {
        let at = |place: usize| values.get(place).and_then(number).unwrap_or(0.0);
        for (kind, sum) in sums.iter_mut().enumerate() {
            let own = at(KINDS.len() + kind);
            let v2 = if kind < V2_KINDS { at(2 * KINDS.len() + kind) } else { 0.0 };
            *sum += (at(kind).max(v2) - own).max(0.0) * weight;
        }
    }
    let [requests, tokens, input, output] = sums.map(|sum: f64| sum.ceil() as u64);
    Amounts { requests, tokens, input, output, slots: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known { id: "d".into(), model: "openai/gpt-4o".into() }
    }

    fn requests(count: u64) -> Amounts {
        Amounts { requests: count, ..Amounts::ZERO }
    }

    #[test]
    fn minutes_are_those_of_utc() {
        let moment = Moment::at((23 * 60 + 59) * 60_000 + 15_000);
        assert_eq!(moment.minutes, ["23-59", "23-58"].map(str::to_owned));
        assert!((moment.weight - 0.75).abs() < 1e-9);
        assert_eq!(Moment::at(24 * 60 * 60_000).minutes, ["00-00", "23-59"].map(str::to_owned));
    }

    #[test]
    fn everything_used_is_told_once() {
        let mut usage = Usage::default();
        let start = clock::now();
        let mut told = 0;
        // Three a second for two minutes: from the sixtieth second on the window holds 180.
        for second in 0..120_u64 {
            usage.note(&known(), requests(3 * (second + 1).min(60)), start + Duration::from_secs(second));
            told += usage.entries.values_mut().map(|entry| std::mem::take(&mut entry.unsent).requests).sum::<u64>();
        }
        // What comes as something else leaves is told a little later.
        assert!((3 * 116..=3 * 120).contains(&told), "{told}");
    }

    #[test]
    fn what_is_given_back_is_not_told_again() {
        let mut usage = Usage::default();
        let start = clock::now();
        for used in [5, 3, 3, 4] {
            usage.note(&known(), requests(used), start);
        }
        assert_eq!(usage.entries["d"].unsent, requests(6));
        let keys = Keys::new("n");
        let orders = usage.adds(&keys, &Moment::at(0));
        let names: Vec<_> = orders.iter().step_by(2).map(|order| order.key.as_str()).collect();
        let global = "global_router:d:openai/gpt-4o:rpm:00-00";
        assert_eq!(names, [format!("llmrouter:n:litellm:{global}").as_str(), global, "d:openai/gpt-4o:rpm:00-00"]);
        assert!(usage.adds(&keys, &Moment::at(0)).is_empty());
    }

    #[test]
    fn theirs_is_the_difference() {
        let moment = Moment::at(30_000);
        let value = |number: &str| Some(number.as_bytes().to_vec());
        let mut values = vec![None; 2 * READ];
        // This minute: 10 of all, 4 of them ours; v2 has not all of it.
        (values[0], values[4], values[8]) = (value("10"), value("4"), value("8"));
        // Tokens of v2 alone; and the last minute, of which half still counts.
        values[9] = value("123.5");
        values[READ] = value("7");
        let expected = Amounts { requests: 10, tokens: 124, ..Amounts::ZERO };
        assert_eq!(theirs(&values, &moment), expected);
        let mut usage = Usage::default();
        let now = clock::now();
        usage.note(&known(), requests(1), now);
        let (ids, names) = usage.reads(&Keys::new("n"), &moment);
        assert_eq!(names.len(), 2 * READ);
        usage.take_in(&ids, &values, &moment, now);
        assert_eq!(usage.of_others("d", now), expected);
        assert_eq!(usage.of_others("d", now + MINUTE), Amounts::ZERO);
        usage.keep(|_| false);
        assert_eq!(usage.of_others("d", now), Amounts::ZERO);
    }
}
