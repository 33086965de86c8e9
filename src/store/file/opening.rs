//! Opening the file: made if it isn't there, set aside if it can't be used, refused if it is somebody else's.
//!
//! All of it happens under a lock of the system on the file, which ends with the process; so of two that come first,
//! one makes the file and the other one finds it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::layout::{Boot, Found, Header, RESERVED, WORDS, header, judge};
use crate::clock;
use crate::store::StoreError;
use crate::store::mapped::{self, Mapped};

/// How often another process may have exchanged the file while we opened it.
const ATTEMPTS: usize = 8;
/// How often one looks whether others have done with it.
const WAIT: Duration = Duration::from_millis(2);
const SIZE: u64 = WORDS as u64 * 8;

/// The file and its memory. `patience` is how long others may be at it.
pub fn open(path: &Path, boot: Boot, patience: Duration) -> Result<(File, Mapped), StoreError> {
    let wrong = |error: io::Error| StoreError(format!("{}: {error}", about(path)));
    for _ in 0..ATTEMPTS {
        let file = reach(path)?;
        lock(&file, path, patience)?;
        // The lock goes with the file at the end of the round.
        if is_at(&file, path) {
            if file.metadata().map_err(wrong)?.len() == 0 {
                make(&file, boot).map_err(wrong)?;
            }
            match examine(&file, boot)? {
                Found::Good => {
                    let words = Mapped::new(&file, WORDS).map_err(wrong)?;
                    mapped::unlock(&file);
                    return Ok((file, words));
                }
                Found::Over => fs::remove_file(path).map_err(wrong)?,
                Found::Bad(why) => set_aside(path, &why).map_err(wrong)?,
            }
        }
    }
    Err(StoreError(format!("{}: other processes exchange it again and again", about(path))))
}

fn about(path: &Path) -> String {
    format!("the file of shared state {} can't be used", path.display())
}

/// Opens the file, or makes an empty one, if it is ours alone.
fn reach(path: &Path) -> Result<File, StoreError> {
    let wrong = |why: &str| StoreError(format!("{}: {why}", about(path)));
    let mut how = OpenOptions::new();
    how.read(true).write(true).create(true).truncate(false).mode(0o600);
    how.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
    let file = how.open(path).map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => wrong("it is a symbolic link: name the file itself"),
        Some(libc::ENOENT) => wrong("its folder is not there: make it, or name another file"),
        _ => wrong(&error.to_string()),
    })?;
    let about = file.metadata().map_err(|error| wrong(&error.to_string()))?;
    if !about.is_file() {
        return Err(wrong("it is no plain file"));
    }
    if about.uid() != mapped::user() {
        return Err(wrong("it belongs to another user: name a file of your own"));
    }
    if about.mode() & 0o022 != 0 {
        return Err(wrong("other users may write to it: take that right away (chmod 600), or remove it"));
    }
    Ok(file)
}

fn lock(file: &File, path: &Path, patience: Duration) -> Result<(), StoreError> {
    for _ in 0..=patience.as_millis() / WAIT.as_millis() {
        match mapped::try_lock(file) {
            Ok(true) => return Ok(()),
            Ok(false) => thread::sleep(WAIT),
            Err(error) => return Err(StoreError(format!("{}: {error}", about(path)))),
        }
    }
    Err(StoreError(format!("{}: another process has locked it", about(path))))
}

/// Whether the open file still is the one at the path.
pub fn is_at(file: &File, path: &Path) -> bool {
    let same = |one: &fs::Metadata, other: &fs::Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
    matches!((file.metadata(), fs::symlink_metadata(path)), (Ok(file), Ok(there)) if same(&file, &there))
}

/// Fills an empty file. The first word comes last: without it the file is not whole.
fn make(file: &File, boot: Boot) -> io::Result<()> {
    file.set_len(SIZE)?;
    clear(file, 0, RESERVED)?;
    let words = header(boot);
    for (place, word) in words.iter().enumerate().rev() {
        file.write_all_at(&word.to_ne_bytes(), place as u64 * 8)?;
    }
    Ok(())
}

/// Writes zeros through the system and not through the memory: where the folder has no room for them, that is an error,
/// while memory without room behind it ends the process.
pub fn clear(file: &File, at: usize, words: usize) -> io::Result<()> {
    let zeros = vec![0_u8; words * 8];
    file.write_all_at(&zeros, at as u64 * 8)
}

fn examine(file: &File, boot: Boot) -> Result<Found, StoreError> {
    let mut found = Header::default();
    for (place, word) in found.iter_mut().enumerate() {
        let mut bytes = [0; 8];
        if file.read_exact_at(&mut bytes, place as u64 * 8).is_err() {
            return Ok(Found::Bad("it is too short".to_owned()));
        }
        *word = u64::from_ne_bytes(bytes);
    }
    let judged = judge(&found, boot)?;
    let has_size = file.metadata().is_ok_and(|about| about.len() == SIZE);
    Ok(match judged {
        Found::Good if !has_size => Found::Bad("its length is not what it should be".to_owned()),
        judged => judged,
    })
}

fn set_aside(path: &Path, why: &str) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".aside-{}", clock::unix_ms()));
    fs::rename(path, &aside)?;
    let (path, aside) = (path.display(), aside.to_string_lossy());
    log::warn!("the file of shared state {path} can't be used: {why}; it is now {aside}, and a new one is made");
    Ok(())
}
