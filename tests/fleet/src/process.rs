//! A server's process: it dies with its owner, and can be stopped and continued.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::wait_until;

const READY: Duration = Duration::from_secs(20);

pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program and waits until its log says `ready`. A program that is missing fails the test.
    pub fn start(program: &str, arguments: &[String], folder: &Path, ready: &str) -> Self {
        let log = folder.join("log");
        let out = File::create(&log).expect("a log");
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null());
        command.stdout(out.try_clone().expect("the log again")).stderr(out);
        let parent = std::process::id();
        // SAFETY: both functions may be called between fork and exec.
        unsafe {
            command.pre_exec(move || {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                // The parent may have ended before that was in force.
                if u32::try_from(libc::getppid()) == Ok(parent) { Ok(()) } else { Err(std::io::Error::other("orphan")) }
            });
        }
        let child =
            command.spawn().unwrap_or_else(|error| panic!("can't run {program}: {error}; `make setup` installs it"));
        let mut process = Self { child };
        wait_until(program, READY, || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if let Ok(Some(status)) = process.child.try_wait() {
                panic!("{program} ended with {status}:\n{text}");
            }
            text.contains(ready)
        });
        process
    }

    /// At once, as a crash does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("a process number");
        // SAFETY: the process is a child that was not waited for yet, so the number is still its own.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "a signal that arrives");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody had a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}
