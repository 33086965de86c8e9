//! Which processor cores a child may use.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// The last core that this process may use; another than the one where most interrupts land.
pub fn last() -> Option<usize> {
    // SAFETY: a set of zeroes is valid, and the call writes no more than its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of_val(&set), &raw mut set);
        (0..libc::CPU_SETSIZE as usize).rfind(|core| libc::CPU_ISSET(*core, &set))
    }
}

/// Keeps the program, all its threads included, on one core; where that is forbidden it roams.
pub fn pin(command: &mut Command, core: usize) {
    let keep = move || {
        // SAFETY: as above; both calls are allowed between fork and exec.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(core, &mut set);
            libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
        }
        Ok(())
    };
    // SAFETY: `keep` allocates nothing and takes no lock.
    unsafe { command.pre_exec(keep) };
}
