//! What rests, and until when. The end, the cause and who said so are one word, so that an end moves away in one step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::index::{FOREVER, Index, Key};
use super::layout::{COOLDOWN_TABLE, COOLED};
use super::session::Session;
use crate::error::ErrorKind;
use crate::store::{Cooled, StoreError};

const STATE: usize = 0;
const LENGTH: usize = 1;
const NAME: usize = 2;
/// Bytes of a name that have room.
const MOST: usize = (32 - NAME) * 8;

/// A cause that is none of the library's own classes.
const OTHER: &str = "APIError";

/// What one word says: 40 bits of milliseconds, 16 of the cause, 8 of the place of who said so, and one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    end: u64,
    cause: u16,
    by: usize,
}

impl State {
    fn word(self) -> u64 {
        self.end.min((1 << 40) - 1) << 24 | u64::from(self.cause) << 8 | (self.by as u64 + 1) & 0xff
    }

    /// `None` if there is no cooldown or it is over.
    fn of(word: u64, now: u64) -> Option<Self> {
        let end = word >> 24;
        let by = usize::try_from(word & 0xff).ok()?.checked_sub(1)?;
        let cause = u16::try_from(word >> 8 & 0xffff).ok()?;
        (end > now && end <= now.saturating_add(FOREVER)).then_some(Self { end, cause, by })
    }
}

/// Classes are kept as the numbers that they have in the ABI, which never change.
fn number(class: &str) -> u16 {
    let kind = ErrorKind::NAMED.iter().find(|kind| kind.class() == class);
    kind.and_then(|kind| u16::try_from(kind.code()).ok()).unwrap_or(0)
}

fn class(number: u16) -> &'static str {
    ErrorKind::NAMED.iter().find(|kind| kind.code() == i32::from(number)).map_or(OTHER, |kind| kind.class())
}

pub fn cool(session: &Session, namespace: &str, cooled: &Cooled, now: u64) -> Result<(), StoreError> {
    let name = cooled.what.as_bytes();
    if name.len() > MOST {
        let told = format!("an id of {} bytes can't rest for other processes: at most {MOST}", name.len());
        return Err(StoreError(told));
    }
    let left = u64::try_from(cooled.left.as_millis()).unwrap_or(u64::MAX).min(FOREVER);
    let new = State { end: now + left, cause: number(&cooled.cause), by: session.me.place };
    let entry = session.entry(&COOLDOWN_TABLE, Key::new(namespace, &cooled.what), new.end, now)?;
    let body = session.index(&COOLDOWN_TABLE).body(entry);
    for (word, bytes) in body[NAME..].iter().zip(name.chunks(8)) {
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        word.store(u64::from_le_bytes(padded), Ordering::Relaxed);
    }
    body[LENGTH].store(name.len() as u64, Ordering::Relaxed);
    let later = |word| match State::of(word, now) {
        Some(old) if old.end >= new.end => None,
        _ => Some(new.word()),
    };
    let _ = body[STATE].fetch_update(Ordering::AcqRel, Ordering::Relaxed, later);
    Ok(())
}

/// Lets the others look.
pub fn tell(session: &Session) {
    session.words()[COOLED].fetch_add(1, Ordering::Release);
}

/// One that is in force, as it stands in the file.
pub struct Resting {
    pub entry: usize,
    /// Changes with each change.
    pub word: u64,
    /// The place of the process that said so.
    pub by: usize,
    pub cooled: Cooled,
}

/// All that rests now in a namespace.
pub fn resting(session: &Session, namespace: &str, now: u64) -> Vec<Resting> {
    let index = session.index(&COOLDOWN_TABLE);
    (0..COOLDOWN_TABLE.entries).filter_map(|entry| read(index, entry, namespace, now)).collect()
}

fn read(index: Index<'_>, entry: usize, namespace: &str, now: u64) -> Option<Resting> {
    let key = index.key(entry)?;
    let body = index.body(entry);
    let word = body[STATE].load(Ordering::Acquire);
    let state = State::of(word, now)?;
    let what: Arc<str> = name(body)?.into();
    // Of another namespace, or half written.
    if Key::new(namespace, &what) != key {
        return None;
    }
    let left = Duration::from_millis(state.end - now);
    Some(Resting { entry, word, by: state.by, cooled: Cooled { what, left, cause: class(state.cause).to_owned() } })
}

fn name(body: &[AtomicU64]) -> Option<String> {
    let length = usize::try_from(body[LENGTH].load(Ordering::Relaxed)).ok().filter(|length| *length <= MOST)?;
    let mut bytes: Vec<u8> = body[NAME..].iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
    bytes.truncate(length);
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_all() {
        let state = State { end: 5_000_000_000, cause: 1007, by: 127 };
        assert_eq!(State::of(state.word(), 4_999_999_999), Some(state));
        assert_eq!(State::of(state.word(), 5_000_000_000), None);
        assert_eq!(State::of(0, 0), None);
        assert_eq!(State::of(u64::MAX, 5), None, "further away than anybody can mean");
    }

    #[test]
    fn causes_keep_their_names() {
        for kind in ErrorKind::NAMED {
            assert_eq!(class(number(kind.class())), kind.class());
        }
        assert_eq!((class(number("Strange")), class(u16::MAX)), (OTHER, OTHER));
    }
}
