//! Memory that processes share, and the few calls of the system that Rust has no safe form of. All unsafe code of the
//! shared state is here.
//!
//! Other processes write to the memory whenever they like, and nobody says that they do it right. So it is seen as
//! atomic words alone: each of its bit patterns is a number, a read while somebody writes is a read of the one or the
//! other, and what the numbers mean is for those to check who read them.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::AsRawFd;
use std::ptr::{NonNull, null_mut};
use std::slice;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The first words of a file, in the memory of all processes that map it. Let go when dropped.
#[derive(Debug)]
pub struct Mapped {
    start: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the memory belongs to this value alone and is seen as atomics only, from any thread.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// The file must be open for reading and writing and at least so long. Whoever makes it shorter afterwards ends
    /// the process at its next look: nobody may.
    pub fn new(file: &File, words: usize) -> Result<Self> {
        let short = || Error::new(ErrorKind::UnexpectedEof, "the file is too short");
        let bytes = words.checked_mul(size_of::<u64>()).filter(|bytes| *bytes > 0).ok_or_else(short)?;
        if file.metadata()?.len() < bytes as u64 {
            return Err(short());
        }
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: the system chooses the place, so nothing that is there is replaced; the file is open.
        let start = unsafe { libc::mmap(null_mut(), bytes, access, kind, file.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(Error::last_os_error)?;
        Ok(Self { start, words })
    }

    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: so many words were mapped, at the beginning of a page and thus aligned, until `self` is dropped.
        // Every bit pattern is an `AtomicU64`, and whoever else writes them does it behind an `UnsafeCell`, as atomics
        // allow.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, with this length; nothing borrows from `self` any more. If it fails, it stays
        // mapped.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.words * size_of::<u64>()) };
    }
}

/// Locks the file against all others that lock it; false if somebody has. The system unlocks it for whoever dies.
pub fn try_lock(file: &File) -> Result<bool> {
    // SAFETY: takes numbers alone; the file is open.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    match Error::last_os_error() {
        error if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
        error => Err(error),
    }
}

pub fn unlock(file: &File) {
    // SAFETY: as above.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_UN) };
}

/// The user whose rights this process has.
pub fn user() -> u32 {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() }
}

/// Whether there is a process of this number, be it only a dead one that nobody has waited for.
pub fn exists(pid: libc::pid_t) -> bool {
    // Zero and less name groups of processes.
    // SAFETY: signal 0 is none: the call only says whether one could be sent.
    pid > 0 && (unsafe { libc::kill(pid, 0) } == 0 || Error::last_os_error().raw_os_error() != Some(libc::ESRCH))
}

/// The time that all processes of the machine read alike: since it was started, without the time it slept.
pub fn monotonic() -> Duration {
    // The clocks that `Instant` goes by.
    #[cfg(target_vendor = "apple")]
    let clock = libc::CLOCK_UPTIME_RAW;
    #[cfg(not(target_vendor = "apple"))]
    let clock = libc::CLOCK_MONOTONIC;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one `timespec`. Where it failed, which it can't with this clock, it would be at the start.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    /// A file of so many bytes that nobody else sees.
    fn file(bytes: u64) -> File {
        let path = std::env::temp_dir().join(format!("llmrouter-mapped-{}-{bytes}", std::process::id()));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        file.set_len(bytes).unwrap();
        file
    }

    #[test]
    fn what_one_writes_the_other_reads() {
        let file = file(8192);
        let (one, other) = (Mapped::new(&file, 1024).unwrap(), Mapped::new(&file, 1024).unwrap());
        assert_eq!(one.words().len(), 1024);
        one.words()[1023].store(7, Ordering::Release);
        drop(one);
        assert_eq!(other.words()[1023].load(Ordering::Acquire), 7);
    }

    #[test]
    fn no_more_is_mapped_than_there_is() {
        let file = file(8191);
        assert!(Mapped::new(&file, 1023).is_ok());
        for words in [0, 1024, usize::MAX] {
            assert_eq!(Mapped::new(&file, words).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn processes_are_seen() {
        assert!(exists(i32::try_from(std::process::id()).unwrap()));
        assert!(exists(1));
        assert!([0, -1, i32::MIN, i32::MAX].iter().all(|pid| !exists(*pid)));
        assert!(monotonic() > Duration::ZERO);
    }
}
