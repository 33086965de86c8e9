//! Keeps the host's signals out of the library's threads.

use std::mem::MaybeUninit;

/// Runs `start`; the threads that it makes are born with every signal blocked, and so are theirs.
pub fn without_signals(start: &mut dyn FnMut()) {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are written before they are read; only this thread's mask changes, and it is restored.
    let blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr()) == 0
            && libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    start();
    if blocked {
        // SAFETY: `before` was filled by the call that blocked.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    }
}
