//! Starting processes of a fleet, and what they print.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use fakeprovider::{Entry, FakeProvider, Script};
use fleet::Folder;
use serde_json::Value;
use tokio::runtime::Runtime;

/// How long processes have to make their routers before they all begin.
const LEAD: Duration = Duration::from_secs(2);

/// One test has the machine at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Callers of each process, where many are meant.
pub fn callers() -> usize {
    std::env::var("FLEET_CALLERS").ok().map_or(125, |text| text.parse().expect("FLEET_CALLERS is a number"))
}

/// The provider that all processes call.
pub struct Provider {
    provider: FakeProvider,
    _runtime: Runtime,
}

impl Provider {
    pub fn start(script: Value) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let script = Script::from_json(script).expect("a script");
        let provider = runtime.block_on(FakeProvider::start(script)).expect("a provider");
        Self { provider, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        self.provider.base_url()
    }

    /// The requests below a path, in the order of their arrival.
    pub fn log(&self, below: &str) -> Vec<Entry> {
        let mut log = self.provider.log();
        log.retain(|entry| entry.path.strip_prefix(below).is_some_and(|rest| rest.starts_with('/')));
        assert_eq!(self.provider.stats().log_dropped, 0, "the provider's log is too short for the test");
        log
    }

    /// When they arrived, in ms.
    pub fn times(&self, below: &str) -> Vec<u64> {
        self.log(below).iter().map(|entry| entry.at_ms).collect()
    }
}

/// The callers of one group in one process.
pub struct Callers<'a> {
    pub group: &'a str,
    pub count: usize,
    /// Milliseconds between a refusal, or an answer, and the next call.
    pub after_refusal: u64,
    pub after_answer: u64,
}

/// Processes that run. Whoever is left when they are dropped is ended.
pub struct Running(Vec<Child>);

/// Starts processes that begin together and call for so long.
pub fn start(folder: &Folder, config: &str, names: &[String], time: Duration, callers: &[Callers<'_>]) -> Running {
    let config = folder.write("fleet.yaml", config);
    let start = (monotonic() + LEAD).as_millis().to_string();
    let groups: Vec<String> = callers
        .iter()
        .map(|callers| {
            format!("{}:{}:{}:{}", callers.group, callers.count, callers.after_refusal, callers.after_answer)
        })
        .collect();
    let spawn = |name: &String| {
        let mut command = Command::new(program());
        command.arg(name).arg(&config).args([&start, &time.as_secs().to_string()]).args(&groups);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command.spawn().expect("a process")
    };
    Running(names.iter().map(spawn).collect())
}

impl Running {
    /// What each printed at its end.
    pub fn wait(mut self) -> Vec<Value> {
        let children = std::mem::take(&mut self.0);
        let outputs = children.into_iter().map(|child| child.wait_with_output().expect("an output"));
        outputs
            .map(|output| {
                assert!(output.status.success(), "a process ended with {}", output.status);
                serde_json::from_slice(&output.stdout).expect("a line of JSON")
            })
            .collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("p{number}")).collect()
}

/// A figure of a group, summed up over all processes.
pub fn sum(ends: &[Value], group: &str, figure: &str) -> u64 {
    ends.iter().map(|end| end["groups"][group][figure].as_u64().expect("a figure")).sum()
}

/// The clock that the processes go by.
pub fn monotonic() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place to write to is ours.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) }, 0);
    Duration::new(u64::try_from(time.tv_sec).expect("a time"), u32::try_from(time.tv_nsec).expect("nanoseconds"))
}

/// The C program, compiled once against the library under test.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<(Folder, PathBuf)> = OnceLock::new();
    let (_, program) = PROGRAM.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let library = fakeprovider::abi::library_path();
        let library = library.canonicalize().unwrap_or_else(|_| panic!("no {}: run `make sdk`", library.display()));
        let place = library.parent().expect("a folder");
        let folder = Folder::new();
        // Found by its soname, whatever the file is called.
        std::os::unix::fs::symlink(&library, folder.path().join("libllmrouter.so.1")).expect("a link");
        let program = folder.path().join("process");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let status = Command::new(compiler)
            .args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
            .arg(&program)
            .arg(here.join("process.c"))
            .arg("-I")
            .arg(here.join("../../include"))
            .arg(&library)
            .arg(format!("-Wl,-rpath,{}:{}", folder.path().display(), place.display()))
            .status();
        assert!(status.expect("a compiler").success(), "process.c does not compile");
        (folder, program)
    });
    program
}

/// A call that is let in arrives later, by what a machine with thousands of callers takes; so an arrival proves its moment only to
/// within this, or more on a machine that has much else to do.
pub const WAY: u64 = 2_000;

/// The longest that a call of a group was under way, in ms, but not less than [`WAY`].
pub fn longest_way(ends: &[Value], group: &str) -> u64 {
    let slowest = |end: &Value| end["groups"][group]["slowest_us"].as_u64().expect("a figure").div_ceil(1000);
    ends.iter().map(slowest).max().unwrap_or_default().max(WAY)
}

/// The most that arrived within any minute, less the time of the way there: all of them were let in within a minute.
pub fn fullest_minute(times: &[u64], way: u64) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, time) in times.iter().enumerate() {
        while times[first] + 60_000_u64.saturating_sub(way) <= *time && first < last {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}
