//! Each test in a process of its own: its environment, its threads, its memory and its log listener are nobody else's.

use std::any::type_name;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A test that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(60);
/// What a test keeps of our environment: where things are, never settings that the library would read.
const KEPT: [&str; 5] = ["LLMROUTER_LIB", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "RUST_BACKTRACE"];
/// Set in the test's own process: its directory.
const PLACE: &str = "NETWORK_TEST_DIRECTORY";

/// Runs a test's body in a process of its own with an environment that is empty but for `variables`. `{dir}` in a value is the
/// test's own directory, which the body gets, too; it is empty at first and removed at the end.
///
/// # Panics
/// If the body fails, crashes or hangs.
pub fn alone<Body: FnOnce(&Path)>(variables: &[(&str, &str)], body: Body) {
    if let Some(place) = std::env::var_os(PLACE) {
        return body(Path::new(&place));
    }
    // The body is a closure within the test, so its type is named after the test: crate::module::test::{{closure}}.
    let path = type_name::<Body>();
    let name = path.split_once("::").map_or(path, |(_, path)| path).trim_end_matches("::{{closure}}");
    let place = Directory::new(name);
    let program = std::env::current_exe().expect("our own path");
    let kept = KEPT.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value)));
    let directory = place.0.to_str().expect("a path in UTF-8");
    let mut child = Command::new(program)
        .args(["--exact", name, "--include-ignored", "--nocapture", "--test-threads=1"])
        .env_clear()
        .envs(kept)
        .envs(variables.iter().map(|(name, value)| (name, value.replace("{dir}", directory))))
        .env(PLACE, &place.0)
        .stdin(Stdio::null())
        .stdout(place.file("stdout"))
        .stderr(place.file("stderr"))
        .spawn()
        .expect("a process for the test");
    let status = wait(&mut child);
    let output = place.read("stdout") + &place.read("stderr");
    match status {
        // A name that matches no test would succeed without running anything.
        Some(status) if status.success() => assert!(output.contains("1 passed"), "no test is named {name}"),
        Some(status) => panic!("{status}\n{output}"),
        None => panic!("hangs: killed after {LONGEST:?}\n{output}"),
    }
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < LONGEST {
        if let Some(status) = child.try_wait().expect("our own child") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// A directory that is removed with its value. The outputs of the child stand beside it.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let name = format!("llmrouter-network-{}-{}", std::process::id(), test.replace("::", "-"));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }

    fn beside(&self, extension: &str) -> PathBuf {
        self.0.with_extension(extension)
    }

    fn file(&self, extension: &str) -> std::fs::File {
        std::fs::File::create(self.beside(extension)).expect("a file for the test's output")
    }

    fn read(&self, extension: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.beside(extension)).unwrap_or_default()).into_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        for extension in ["stdout", "stderr"] {
            let _ = std::fs::remove_file(self.beside(extension));
        }
    }
}

/// The threads of this process that the library made.
pub fn library_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("/proc is mounted");
    let name = |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
    tasks.flatten().filter(|entry| entry.path().exists()).map(name).filter(|name| name.trim() == "llmrouter").count()
}

/// The most memory, in bytes, that this process has held since [`forget_peak`].
pub fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line VmHWM");
    let kilobytes: usize = peak.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kilobytes * 1024
}

/// Makes what is held now the peak.
pub fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak can be reset");
}
