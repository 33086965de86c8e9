//! Who shares the file: a table of processes, and how it is known that one is gone.
//!
//! A process is its place in the table and its incarnation, a number by chance that names this one engine for ever.
//! Places are taken under the lock of the file, and freed by whoever finds their owner gone.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::layout::{AT_PROCESSES, Boot, PROCESS, PROCESSES};
use crate::store::mapped;

const INCARNATION: usize = 0;
const PID: usize = 1;
const START: usize = 2;
const NAMESPACE: usize = 3;
const BEAT: usize = 4;

/// Without a sign of life for so long a process is looked for; who watches gives one every 25 ms.
pub const SUSPECT: Duration = Duration::from_millis(100);
/// A process that can't be looked for, since it lives in another namespace, is gone after so long without a sign of
/// life. Its leases end long before; this is for its place in the table.
const LOST: Duration = Duration::from_secs(600);

/// One engine of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Me {
    pub place: usize,
    pub incarnation: u64,
}

/// What a process is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pid: u32,
    /// When it started, in the system's own unit; 0 if not known. Numbers of processes are used again.
    start: u64,
    /// The namespace that the number is of; 0 if the process can't be looked for.
    namespace: u64,
}

impl Identity {
    pub fn own() -> Self {
        let pid = std::process::id();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        if cfg!(target_os = "linux") {
            // A foreign /proc, as in some containers, knows us by another number, and others by the wrong ones.
            let is_ours = stat.split(' ').next() == Some(pid.to_string().as_str());
            let namespace = if is_ours { number_of("/proc/self/ns/pid") } else { 0 };
            return Self { pid, start: parse(&stat).map_or(0, |(_, start)| start), namespace };
        }
        Self { pid, start: 0, namespace: 1 }
    }

    /// Whether it surely is gone, seen from `self`.
    fn knows_gone(&self, other: &Self) -> bool {
        let Some(pid) = i32::try_from(other.pid).ok().filter(|pid| *pid > 0) else { return true };
        if self.namespace == 0 || self.namespace != other.namespace {
            return false;
        }
        if !mapped::exists(pid) {
            return true;
        }
        // It may be dead and only not waited for, or another one of the same number.
        let found = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| parse(&stat));
        found.is_some_and(|(is_dead, start)| is_dead || (other.start != 0 && start != other.start))
    }
}

/// The state and the start of a process, by the text that the system has on it. The name, which comes first, may hold
/// anything.
fn parse(stat: &str) -> Option<(bool, u64)> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X" | "x");
    Some((is_dead, fields.nth(18)?.parse().ok()?))
}

/// The number in a link such as `pid:[4026531836]`; 0 if there is none.
fn number_of(link: &str) -> u64 {
    let target = fs::read_link(link).unwrap_or_default();
    let digits: String = target.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// This run of the machine.
pub fn boot() -> Boot {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let half = |range| digits.get(range).and_then(|half| u64::from_str_radix(half, 16).ok()).unwrap_or(0);
    Boot { boot: [half(0..16), half(16..32)], clock: number_of("/proc/self/ns/time") }
}

/// The table.
#[derive(Clone, Copy)]
pub struct Processes<'a>(pub &'a [AtomicU64]);

impl<'a> Processes<'a> {
    fn word(self, place: usize, word: usize) -> &'a AtomicU64 {
        &self.0[AT_PROCESSES + place * PROCESS + word]
    }

    /// Whether it has its place, so that what it wrote is of one who is not known to be gone.
    pub fn holds(self, me: Me) -> bool {
        me.place < PROCESSES && self.word(me.place, INCARNATION).load(Ordering::SeqCst) == me.incarnation
    }

    /// A sign of life.
    pub fn beat(self, me: Me, now: u64) {
        let beat = self.word(me.place, BEAT);
        if beat.load(Ordering::Relaxed) != now {
            beat.store(now, Ordering::Relaxed);
        }
    }

    /// Takes a place; `None` if there is none. Under the lock of the file.
    pub fn join(self, own: &Identity, now: u64) -> Option<Me> {
        self.bury(own, now);
        let is_free = |place: &usize| self.word(*place, INCARNATION).load(Ordering::SeqCst) == 0;
        let place = (0..PROCESSES).find(is_free)?;
        let incarnation = fastrand::u64(1..);
        self.word(place, PID).store(own.pid.into(), Ordering::Relaxed);
        self.word(place, START).store(own.start, Ordering::Relaxed);
        self.word(place, NAMESPACE).store(own.namespace, Ordering::Relaxed);
        self.word(place, BEAT).store(now, Ordering::Relaxed);
        self.word(place, INCARNATION).store(incarnation, Ordering::SeqCst);
        Some(Me { place, incarnation })
    }

    /// Gives the place back, if it still is this one's.
    pub fn leave(self, me: Me) {
        let word = self.word(me.place, INCARNATION);
        let _ = word.compare_exchange(me.incarnation, 0, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Whether whoever has this place, if anybody, is gone. Costs some calls of the system.
    pub fn is_gone(self, place: usize, own: &Identity, now: u64) -> bool {
        if place >= PROCESSES || self.word(place, INCARNATION).load(Ordering::SeqCst) == 0 {
            return true;
        }
        let read = |word| self.word(place, word).load(Ordering::Relaxed);
        let pid = u32::try_from(read(PID)).unwrap_or(0);
        let other = Identity { pid, start: read(START), namespace: read(NAMESPACE) };
        own.knows_gone(&other) || self.silence(place, now) > LOST
    }

    fn silence(self, place: usize, now: u64) -> Duration {
        age(self.word(place, BEAT).load(Ordering::Relaxed), now).unwrap_or(Duration::MAX)
    }

    /// Frees the places of those that are gone; how many.
    pub fn bury(self, own: &Identity, now: u64) -> usize {
        let mut buried = 0;
        for place in 0..PROCESSES {
            let word = self.word(place, INCARNATION);
            let incarnation = word.load(Ordering::SeqCst);
            if incarnation != 0 && self.silence(place, now) > SUSPECT && self.is_gone(place, own, now) {
                // If somebody else has come there in the meantime, what was read is of both.
                let freed = word.compare_exchange(incarnation, 0, Ordering::SeqCst, Ordering::SeqCst);
                buried += usize::from(freed.is_ok());
            }
        }
        buried
    }
}

/// How far apart two processes may read the shared clock, in milliseconds.
const SKEW: u64 = 1_000;

/// How long ago that was; `None` for what lies in the future, which nobody can have written.
pub fn age(moment: u64, now: u64) -> Option<Duration> {
    (moment <= now.saturating_add(SKEW)).then(|| Duration::from_millis(now.saturating_sub(moment)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn table() -> Vec<AtomicU64> {
        std::iter::repeat_with(AtomicU64::default).take(AT_PROCESSES + PROCESSES * PROCESS).collect()
    }

    #[test]
    fn the_state_of_a_process_is_read() {
        let stat =
            |state: &str| format!("7 (a ) Z (b) {state} 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21");
        assert_eq!(parse(&stat("S")), Some((false, 4711)));
        assert_eq!(parse(&stat("Z")), Some((true, 4711)));
        for text in ["", ")", "7 (a) S", "7 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x"] {
            assert_eq!(parse(text), None);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_known() {
        let own = Identity::own();
        assert!(own.start > 0 && own.namespace > 0);
        assert!(!own.knows_gone(&own));
        assert!(own.knows_gone(&Identity { start: own.start + 1, ..own }));
        assert!(own.knows_gone(&Identity { pid: 0, ..own }) && own.knows_gone(&Identity { pid: u32::MAX, ..own }));
        // Of another namespace nothing is known.
        assert!(!own.knows_gone(&Identity { start: own.start + 1, namespace: 7, ..own }));
        assert_ne!(boot().boot, [0, 0]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_dead_process_is_gone_though_nobody_has_waited_for_it() {
        let mut child = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
        let own = Identity::own();
        let other = Identity { pid: child.id(), start: 0, ..own };
        assert!(!own.knows_gone(&other));
        child.kill().unwrap();
        while !own.knows_gone(&other) {
            std::thread::yield_now();
        }
        assert!(mapped::exists(i32::try_from(child.id()).unwrap()), "a zombie");
        child.wait().unwrap();
        assert!(own.knows_gone(&other));
    }

    #[test]
    fn places_are_taken_and_freed() {
        let (words, own) = (table(), Identity::own());
        let processes = Processes(&words);
        let gone = Identity { start: own.start + 1, ..own };
        let first = processes.join(&own, 1_000).unwrap();
        let second = processes.join(&gone, 1_000).unwrap();
        assert_eq!((first.place, second.place), (0, 1));
        assert!(processes.holds(first) && processes.holds(second) && first.incarnation != second.incarnation);
        assert!(!processes.is_gone(0, &own, 1_000) && processes.is_gone(2, &own, 1_000));
        assert!(processes.is_gone(PROCESSES, &own, 1_000) && processes.is_gone(usize::MAX, &own, 1_000));
        if cfg!(target_os = "linux") {
            // Not looked for as long as it gives signs of life.
            assert_eq!(processes.bury(&own, 1_000), 0);
            processes.beat(first, 2_000);
            assert_eq!((processes.bury(&own, 3_000), processes.holds(second)), (1, false));
        }
        processes.leave(first);
        assert!(!processes.holds(first) && processes.is_gone(0, &own, 3_000));
        let third = processes.join(&own, 3_000).unwrap();
        processes.leave(first);
        assert!(third.place == 0 && processes.holds(third));
    }

    #[test]
    fn who_lives_elsewhere_is_gone_when_nothing_is_heard() {
        let (words, own) = (table(), Identity::own());
        let processes = Processes(&words);
        let elsewhere = Identity { namespace: 7, pid: 1, start: 1 };
        while processes.join(&elsewhere, 1_000).is_some() {}
        assert!(processes.join(&own, 600_000).is_none());
        assert!(processes.join(&own, 603_000).is_some());
    }
}
