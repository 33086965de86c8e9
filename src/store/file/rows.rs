//! Leases: a row for each process and deployment, and the rule of `grant.rs` over them.
//!
//! Whoever asks writes into its row what it would like to be allowed, then looks at the other rows, and lowers its own
//! to what they leave. Of two who do so at once each sees the other's wish or what the other got, so together they
//! never get more than there is; the lock only sees to it that they do not both get less. A row is written by its
//! process alone, and what a process was about to write when it died is too much at worst, and over when the row is.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use super::layout::{AT_ROWS, EPOCH, ESTATES, HUNGER, HUNGRY, IN_USE, LOCK, PROCESSES, ROW, ROWS};
use super::process::{Me, Processes, age};
use super::session::Session;
use crate::store::{ALIVE, Amounts, Ask, Grant, Row, StoreError, grant};

const OWNER: usize = 0;
const RENEWED: usize = 1;
const ALLOWED: usize = 2;
const USED: usize = 7;
const SECONDS: usize = 12;

/// No answer takes longer: what says so is nonsense.
const MAX_SECONDS: f64 = 1e6;

/// Renews the row of this process in a deployment's body.
pub fn share(session: &Session, body: &[AtomicU64], ask: &Ask, now: u64) -> Result<Grant, StoreError> {
    let got = renew(session, body, ask, now)?;
    if !is_short(ask, &got) {
        return Ok(got);
    }
    // What the dead hold is free, once they are known to be dead.
    let got = if session.bury(now) > 0 { renew(session, body, ask, now)? } else { got };
    if ask.hungry && is_short(ask, &got) {
        ask_all(session, body);
    }
    Ok(got)
}

fn is_short(ask: &Ask, got: &Grant) -> bool {
    ask.want.each().iter().zip(got.allowed.each()).any(|(want, allowed)| allowed < *want)
}

fn renew(session: &Session, body: &[AtomicU64], ask: &Ask, now: u64) -> Result<Grant, StoreError> {
    let _held = session.lock(&body[LOCK], now)?;
    let (me, rows) = (session.me, Rows { body, processes: session.processes(), now });
    let own = rows.row(me.place);
    rows.keep_of_another(me);
    if ask.used == Amounts::ZERO && ask.want == Amounts::ZERO {
        rows.remove(me.place);
        return Ok(Grant { allowed: Amounts::ZERO, ..grant(ask, rows.others(me)) });
    }
    own[RENEWED].store(now, Ordering::Relaxed);
    write(own, ALLOWED, ask.want.with(ask.used, u64::max));
    write(own, USED, ask.used);
    own[SECONDS].store(ask.seconds.unwrap_or(f64::NAN).to_bits(), Ordering::Relaxed);
    own[OWNER].store(me.incarnation, Ordering::Relaxed);
    rows.mark(me.place);
    // The wish is there for all before anything of the others is read.
    fence(Ordering::SeqCst);
    let got = grant(ask, rows.others(me));
    write(own, ALLOWED, got.allowed);
    Ok(got)
}

/// Tells all that this deployment is wanted: a number that changes, and who was last.
fn ask_all(session: &Session, body: &[AtomicU64]) {
    let before = body[HUNGER].load(Ordering::Relaxed);
    let word = (before & !0xffff).wrapping_add(0x1_0000) | (session.me.place as u64 + 1);
    body[HUNGER].store(word, Ordering::Release);
    session.words()[HUNGRY].fetch_add(1, Ordering::Release);
}

/// Whether a hunger that was seen has been told anew, by another than this process.
pub fn is_new_hunger(seen: u64, word: u64, me: Me) -> bool {
    seen != word && word & 0xffff != me.place as u64 + 1
}

pub fn hunger(body: &[AtomicU64]) -> u64 {
    body[HUNGER].load(Ordering::Acquire)
}

/// All rows of a deployment.
struct Rows<'a> {
    body: &'a [AtomicU64],
    processes: Processes<'a>,
    now: u64,
}

impl<'a> Rows<'a> {
    fn row(&self, place: usize) -> &'a [AtomicU64] {
        let at = AT_ROWS + place * ROW;
        &self.body[at..at + ROW]
    }

    fn mark(&self, place: usize) {
        let (word, bit) = (&self.body[IN_USE + place / 64], 1 << (place % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::SeqCst);
        }
    }

    fn remove(&self, place: usize) {
        let own = self.row(place);
        write(own, ALLOWED, Amounts::ZERO);
        own[OWNER].store(0, Ordering::Release);
        self.body[IN_USE + place / 64].fetch_and(!(1 << (place % 64)), Ordering::SeqCst);
    }

    /// What each row but this process's own says.
    fn others(&self, me: Me) -> impl Iterator<Item = Row> {
        let marked = (0..ROWS.div_ceil(64)).flat_map(|word| {
            let mut left = self.body[IN_USE + word].load(Ordering::Relaxed);
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                left &= left.wrapping_sub(1);
                (bit < 64).then_some(word * 64 + bit)
            })
        });
        marked.filter(move |place| *place != me.place && *place < ROWS).filter_map(|place| self.read(place))
    }

    fn read(&self, place: usize) -> Option<Row> {
        let row = self.row(place);
        let owner = row[OWNER].load(Ordering::Relaxed);
        let age = age(row[RENEWED].load(Ordering::Relaxed), self.now).filter(|_| owner != 0)?;
        // An owner that has left its place uses nothing any more, but what it was allowed it may have used.
        let is_here = place < PROCESSES && self.processes.holds(Me { place, incarnation: owner });
        let seconds = f64::from_bits(row[SECONDS].load(Ordering::Relaxed));
        Some(Row {
            allowed: read(row, ALLOWED),
            used: read(row, USED),
            seconds: (0.0..=MAX_SECONDS).contains(&seconds).then_some(seconds),
            age: if is_here { age } else { age.max(ALIVE) },
        })
    }

    /// Before the row of a place is written anew: what its last owner was allowed goes on to count until it is over.
    fn keep_of_another(&self, me: Me) {
        let own = self.row(me.place);
        let owner = own[OWNER].load(Ordering::Relaxed);
        if owner == me.incarnation {
            return;
        }
        if let Some(gone) = self.read(me.place).filter(Row::is_kept) {
            self.inherit(&gone, own[RENEWED].load(Ordering::Relaxed));
        }
        write(own, ALLOWED, Amounts::ZERO);
        own[OWNER].store(0, Ordering::Relaxed);
    }

    /// Adds to the row of those that were renewed last in the same few seconds.
    fn inherit(&self, gone: &Row, renewed: u64) {
        let epoch = renewed / EPOCH;
        let place = PROCESSES + usize::try_from(epoch % ESTATES as u64).unwrap_or(0);
        let row = self.row(place);
        if row[OWNER].load(Ordering::Relaxed) != epoch + 1 {
            write(row, ALLOWED, Amounts::ZERO);
            write(row, USED, Amounts::ZERO);
            row[SECONDS].store(f64::NAN.to_bits(), Ordering::Relaxed);
            row[RENEWED].store(renewed, Ordering::Relaxed);
            row[OWNER].store(epoch + 1, Ordering::Relaxed);
        }
        // All of them count until the last of them is over.
        row[RENEWED].fetch_max(renewed, Ordering::Relaxed);
        for (at, more) in [(ALLOWED, gone.allowed), (USED, gone.used)] {
            write(row, at, read(row, at).with(Amounts { slots: 0, ..more }, u64::saturating_add));
        }
        self.mark(place);
    }
}

fn read(row: &[AtomicU64], at: usize) -> Amounts {
    Amounts::of(std::array::from_fn(|place| row[at + place].load(Ordering::Relaxed)))
}

fn write(row: &[AtomicU64], at: usize, amounts: Amounts) {
    for (place, amount) in amounts.each().into_iter().enumerate() {
        row[at + place].store(amount, Ordering::Relaxed);
    }
}

/// How long a deployment that nobody asks for keeps its place: more than any row or bucket of it counts.
pub const IDLE: Duration = Duration::from_secs(3_600);
