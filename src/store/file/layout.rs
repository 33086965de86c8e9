//! What stands where in the file, in words of 64 bits and the machine's byte order. Another layout is another
//! [`VERSION`].
//!
//! ```text
//! header      magic, version, byte order, sizes, the boot it belongs to; counters of changes
//! processes   for each: incarnation, pid, its start, its namespace, heartbeat
//! indexes     for each table, entry by entry: hash (2 words), how long it is kept, nothing
//! bodies      cooldowns and budgets; then, each on pages of its own, the deployments
//! ```
//!
//! A deployment's body: lock, hunger, which rows are in use; the exact minute; a row for each process, and the rows of
//! those that are gone.

use crate::store::StoreError;

pub const MAGIC: u64 = u64::from_be_bytes(*b"llmroute");
pub const VERSION: u64 = 1;
/// Reads as something else on a machine of another byte order.
pub const ORDER: u64 = 0x0102_0304_0506_0708;

/// The most processes at one time.
pub const PROCESSES: usize = 128;
/// The most deployments, of all namespaces.
pub const DEPLOYMENTS: usize = 1024;
/// The most things that rest at one time.
pub const COOLDOWNS: usize = 2048;
/// The most budgets, of all namespaces.
pub const BUDGETS: usize = 512;

/// Words of the header, and where in it stands what changes.
const HEADER: usize = 64;
/// How often something was let rest, by anybody.
pub const COOLED: usize = 16;
/// How often somebody was short of something.
pub const HUNGRY: usize = 24;

pub const PROCESS: usize = 8;
pub const AT_PROCESSES: usize = HEADER;
pub const INDEX: usize = 4;

/// Buckets of a second: the minute, and the running second.
pub const BUCKETS: usize = 61;
/// Amounts that a bucket counts.
pub const COUNTED: usize = 4;
/// Rows for those that are gone, each for [`EPOCH`] seconds of last renewals; so many that none is reused while it
/// counts.
pub const ESTATES: usize = 10;
pub const EPOCH: u64 = 8_000;
pub const ROWS: usize = PROCESSES + ESTATES;
pub const ROW: usize = 16;

/// Within a deployment's body.
pub const LOCK: usize = 0;
pub const HUNGER: usize = 1;
pub const IN_USE: usize = 2;
pub const AT_MINUTE: usize = 8;
pub const AT_ROWS: usize = 256;

/// A table: entries are found by hash, within [`Table::PROBES`] places from where the hash says.
#[derive(Debug)]
pub struct Table {
    /// What it holds, for people.
    pub of: &'static str,
    pub entries: usize,
    /// Words into the file.
    pub index: usize,
    pub bodies: usize,
    /// Words of a body.
    pub body: usize,
}

impl Table {
    pub const PROBES: usize = 64;

    const fn after(self, of: &'static str, entries: usize, body: usize) -> Self {
        let (index, bodies) = (self.index + self.entries * INDEX, self.bodies + self.entries * self.body);
        Self { of, entries, index, bodies, body }
    }

    pub const fn at(&self, entry: usize) -> usize {
        self.bodies + entry * self.body
    }
}

const ENTRIES: usize = COOLDOWNS + BUDGETS + DEPLOYMENTS;
const AT_INDEXES: usize = AT_PROCESSES + PROCESSES * PROCESS;
const AT_BODIES: usize = AT_INDEXES + ENTRIES * INDEX;
/// Words of a page of 4096 bytes.
const PAGE: usize = 512;
const DEPLOYMENT: usize = (AT_ROWS + ROWS * ROW).next_multiple_of(PAGE);

const NOTHING: Table = Table { of: "", entries: 0, index: AT_INDEXES, bodies: AT_BODIES, body: 0 };
pub static COOLDOWN_TABLE: Table = NOTHING.after("things that rest", COOLDOWNS, 32);
pub static BUDGET_TABLE: Table = NOTHING.after("", COOLDOWNS, 32).after("budgets", BUDGETS, 8);
pub static DEPLOYMENT_TABLE: Table = {
    let before = NOTHING.after("", COOLDOWNS, 32).after("", BUDGETS, 8);
    let mut table = before.after("deployments", DEPLOYMENTS, DEPLOYMENT);
    table.bodies = table.bodies.next_multiple_of(PAGE);
    table
};

/// What is there from the beginning; the deployments' bodies are made one by one.
pub const RESERVED: usize = (AT_BODIES + COOLDOWNS * 32 + BUDGETS * 8).next_multiple_of(PAGE);
pub const WORDS: usize = RESERVED + DEPLOYMENTS * DEPLOYMENT;

const _: () = assert!(AT_MINUTE + BUCKETS * COUNTED <= AT_ROWS && ROWS <= 3 * 64);
const _: () = assert!(ESTATES as u64 * EPOCH >= crate::store::KEPT.as_millis() as u64 + 2 * EPOCH);

/// What the machine was when a file was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot {
    /// A number of this run of the machine; 0 where the system tells none.
    pub boot: [u64; 2],
    /// The namespace of the clock; 0 where there are none.
    pub clock: u64,
}

/// The first words of a file.
pub type Header = [u64; 11];

pub fn header(boot: Boot) -> Header {
    let [processes, deployments, cooldowns, budgets, words] =
        [PROCESSES, DEPLOYMENTS, COOLDOWNS, BUDGETS, WORDS].map(|size| size as u64);
    let [one, two] = boot.boot;
    [MAGIC, VERSION, ORDER, words, processes, deployments, cooldowns, budgets, one, two, boot.clock]
}

/// What a file is, by its first words.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Ours, and of now.
    Good,
    /// Ours, from before the machine was started: all that it says is over.
    Over,
    /// Something else; why it can't be used.
    Bad(String),
}

/// `Err` where the file is in use by others in a way that we can't join.
pub fn judge(found: &Header, boot: Boot) -> Result<Found, StoreError> {
    let own = header(boot);
    Ok(if found[0] != MAGIC {
        Found::Bad("it was not made by this library, or not to its end".to_owned())
    } else if found[1] != VERSION {
        Found::Bad(format!("its layout is version {}, not {VERSION}", found[1]))
    } else if found[..8] != own[..8] {
        Found::Bad("its sizes are not those of this library".to_owned())
    } else if found[8..10] != own[8..10] {
        Found::Over
    } else if found[10] != own[10] {
        let told = "the file of shared state belongs to processes with another clock (a time namespace): name another";
        return Err(StoreError(told.to_owned()));
    } else {
        Found::Good
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Boot = Boot { boot: [1, 2], clock: 3 };

    #[test]
    fn parts_do_not_overlap() {
        let tables = [&COOLDOWN_TABLE, &BUDGET_TABLE, &DEPLOYMENT_TABLE];
        let mut at = AT_INDEXES;
        for table in tables {
            assert_eq!(table.index, at);
            at += table.entries * INDEX;
        }
        for table in tables {
            assert!(table.bodies >= at && table.bodies - at < PAGE, "{}", table.of);
            at = table.at(table.entries);
        }
        assert_eq!((DEPLOYMENT_TABLE.bodies, at), (RESERVED, WORDS));
        // As docs/fleet-file.md says.
        assert_eq!((RESERVED * 8 / 1024, DEPLOYMENT * 8 / 1024, WORDS * 8 / 1024), (668, 20, 21148));
    }

    /// A file of this version must be laid out so for ever: a change here is a new version.
    #[test]
    fn version_1_stays_as_it_is() {
        assert_eq!(header(NOW), [MAGIC, 1, ORDER, 2_706_944, 128, 1024, 2048, 512, 1, 2, 3]);
        assert_eq!((DEPLOYMENT_TABLE.index, DEPLOYMENT_TABLE.bodies, DEPLOYMENT_TABLE.body), (11_328, 85_504, 2_560));
    }

    #[test]
    fn a_file_is_judged_by_its_first_words() {
        let good = header(NOW);
        let changed = |place: usize| {
            let mut found = good;
            found[place] = found[place].swap_bytes();
            judge(&found, NOW)
        };
        assert_eq!(judge(&good, NOW), Ok(Found::Good));
        assert_eq!(judge(&good.map(u64::swap_bytes), NOW), changed(0));
        for (place, why) in [(0, "not made"), (1, "version"), (2, "sizes"), (3, "sizes"), (7, "sizes")] {
            let Ok(Found::Bad(told)) = changed(place) else { panic!("{place}") };
            assert!(told.contains(why), "{told}");
        }
        assert_eq!((changed(8), changed(9)), (Ok(Found::Over), Ok(Found::Over)));
        assert!(changed(10).unwrap_err().0.contains("another clock"));
    }
}
