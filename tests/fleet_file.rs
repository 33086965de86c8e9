//! State shared through a file, by real processes: this program runs itself again as each of them, and kills some.

#![cfg(target_os = "linux")]

use std::fs::{self, File as Plain, OpenOptions};
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use llmrouter::config::StoreConfig;
use llmrouter::store::file::File;
use llmrouter::store::{Amounts, Ask, Cooled, Engine, Event, Spend, StoreError, Taken};

/// What a process is to do, and in which folder; unset for the tests themselves.
const ROLE: &str = "LLMROUTER_FLEET_ROLE";
const FOLDER: &str = "LLMROUTER_FLEET_FOLDER";

const MS: Duration = Duration::from_millis(1);

/// A folder for one test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("llmrouter-fleet-{name}-{}", std::process::id()));
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn start(&self, role: &str) -> Running {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "one_process", "--ignored", "--nocapture"]).env(ROLE, role).env(FOLDER, &self.0);
        Running(command.stdout(Stdio::null()).spawn().expect("a process"))
    }
}

/// The bytes that all processes have written to the files of a name, `name-…`.
fn written(folder: &Path, name: &str) -> Vec<u8> {
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
    entries.filter(is_it).flat_map(|path| fs::read(path).expect("a file")).collect()
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Killed when dropped, whatever has become of the test.
struct Running(Child);

impl Running {
    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.0.id()).expect("a process id");
        // SAFETY: our own child, which nobody has waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    fn ends_well(mut self) {
        assert!(self.0.wait().expect("an end").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn open(folder: &Path) -> Arc<File> {
    let config = StoreConfig { namespace: "fleet".into(), patience: 500 * MS, ..StoreConfig::default() };
    File::open(&config, &folder.join("state")).expect("the file")
}

fn append(folder: &Path, name: &str) -> Plain {
    let path = folder.join(format!("{name}-{}", std::process::id()));
    OpenOptions::new().create(true).append(true).open(path).expect("a file")
}

/// Every answer of the engine is there at once.
fn now<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the engine waits"),
    }
}

fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    u64::try_from(since.as_nanos()).expect("a time before 2500")
}

/// What a process of a test does.
#[test]
#[ignore = "started by the other tests"]
fn one_process() {
    let (Ok(role), Ok(folder)) = (std::env::var(ROLE), std::env::var(FOLDER)) else { return };
    let folder = Path::new(&folder);
    match role.as_str() {
        "hammer" => hammer(folder),
        "listen" => listen(folder),
        "hold" => hold(folder),
        "fork" => prefork(folder),
        role => panic!("no role {role}"),
    }
}

const LEASED: u64 = 200_000;
const EXACT: u64 = 20_000;
const SLOTS: u64 = 50;
const RUN: Duration = Duration::from_secs(10);
/// Before this nothing leaves the minute.
const MINUTE: Duration = Duration::from_secs(50);

fn ask(used: u64, want: u64, slots: u64) -> Ask {
    let requests = |requests, slots| Amounts { requests, slots, ..Amounts::ZERO };
    let limits = Amounts { requests: LEASED, slots: SLOTS, ..Amounts::UNLIMITED };
    let (used, want) = (requests(used, 0), requests(want, slots));
    Ask { id: "leased".into(), limits, used, want, hungry: true, seconds: Some(1.0) }
}

/// Uses all that it gets, as fast as it can, and writes a byte before each use.
fn hammer(folder: &Path) {
    let file = open(folder);
    let [mut leased, mut exact, mut slow, mut busy] =
        ["leased", "exact", "slow", "busy"].map(|name| append(folder, name));
    let one = Amounts { requests: 1, ..Amounts::ZERO };
    let limits = Amounts { requests: EXACT, ..Amounts::UNLIMITED };
    let (mut used, mut random) = (0, fastrand::Rng::new());
    let write = |to: &mut Plain| to.write_all(b".").expect("room for a byte");
    let mut count = |answer: Result<(), StoreError>| match answer {
        Ok(()) => {}
        Err(error) if error.0.contains("busy") || error.0.contains("locked") => write(&mut busy),
        Err(error) => panic!("{}", error.0),
    };
    loop {
        let start = Instant::now();
        match now(file.share(&[ask(used, used + random.u64(..20), random.u64(..SLOTS))])) {
            Ok(grants) => {
                let allowed = grants[0].allowed.requests;
                leased.write_all(&vec![b'.'; usize::try_from(allowed - used).expect("few")]).expect("room");
                used = allowed;
            }
            Err(error) => count(Err(error)),
        }
        match now(file.take("exact", one, limits)) {
            Ok(Taken::Yes(_)) => exact.write_all(b".").expect("room for a byte"),
            answer => count(answer.map(|_| ())),
        }
        let what = format!("resting {}", random.u8(..50)).into();
        count(now(file.cool(&[Cooled { what, left: 10 * MS, cause: "Timeout".into() }])));
        count(now(file.cooled()).map(|_| ()));
        count(now(file.spend(&[Spend { budget: "all".into(), period: RUN * 9, add: 1 }])).map(|_| ()));
        // Beside all that the machine has to do: a lock that nobody frees would take as long each time.
        if start.elapsed() > 2_000 * MS {
            slow.write_all(b".").expect("room for a byte");
        }
    }
}

#[test]
fn limits_hold_though_processes_are_killed_and_stopped() {
    let folder = Folder::new("kills");
    let mut running: Vec<_> = (0..6).map(|_| folder.start("hammer")).collect();
    let (start, mut kills, mut random) = (Instant::now(), 0, fastrand::Rng::new());
    let sizes = || ["leased", "exact"].map(|name| written(&folder.0, name).len() as u64);
    let mut used_up = None;
    while start.elapsed() < RUN || (used_up.is_none() && start.elapsed() < MINUTE) {
        // One is stopped in the midst of whatever it does, and goes on later as if nothing had been.
        let stopped = random.usize(4..6);
        running[stopped].signal(libc::SIGSTOP);
        sleep(MS * random.u32(10..120));
        running[stopped].signal(libc::SIGCONT);
        let place = random.usize(..4);
        running[place] = folder.start("hammer");
        kills += 1;
        let [leased, exact] = sizes();
        if used_up.is_none() && exact + kills >= EXACT && leased + 20 * kills >= LEASED {
            used_up = Some(start.elapsed());
        }
    }
    // Two have lived through it all, and go on.
    assert!(running.iter_mut().all(|process| process.0.try_wait().expect("a state").is_none()));
    let ([leased, exact], [slow, busy]) = (sizes(), ["slow", "busy"].map(|name| written(&folder.0, name).len()));
    println!(
        "{kills} kills: {leased} of {LEASED} leased, {exact} of {EXACT} exactly, after {used_up:?}; {slow} slow, {busy} busy"
    );
    assert!(leased <= LEASED && exact <= EXACT, "{leased} {exact}");
    // What was taken and not written down is at most one for each kill; of leases it is what one asks for at a time.
    assert!(used_up.is_some(), "{leased} {exact}");
    assert!(slow == 0 && busy == 0, "{slow} {busy}");
    // Only a killed process leaves locks behind, and only for moments.
    drop(running);
    let file = open(&folder.0);
    let start = Instant::now();
    let spent = now(file.spend(&[Spend { budget: "all".into(), period: RUN * 9, add: 0 }])).expect("a sum");
    assert!(spent[0].total > 0 && spent[0].left.is_some());
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let got = now(file.share(&[ask(0, 10, SLOTS)])).expect("a grant").remove(0);
        if got.allowed.slots == SLOTS {
            assert!(got.allowed.requests + leased <= LEASED && got.processes == 1, "{got:?}");
            break;
        }
        assert!(Instant::now() < deadline, "the dead still hold slots: {got:?}");
        sleep(10 * MS);
    }
    println!("the slots of the dead were free after {:?}", start.elapsed());
}

const RESTS: u64 = 100;

/// Writes down when it hears of what.
fn listen(folder: &Path) {
    let file = open(folder);
    let (heard, mut events) = tokio::sync::mpsc::channel(64);
    let mut log = append(folder, "heard");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let write = async {
            append(folder, "ready").write_all(b".").expect("room for a byte");
            let mut heard = 0;
            while let Some(event) = events.recv().await {
                if let Event::Cooled(cooled) = event {
                    let number: u64 = cooled.what.parse().expect("a number");
                    log.write_all(&[number.to_ne_bytes(), nanos().to_ne_bytes()].concat()).expect("room");
                    heard += 1;
                    if heard == RESTS {
                        break;
                    }
                }
            }
        };
        tokio::select! { () = file.watch(heard) => {}, () = write => {} }
    });
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(MS);
    }
}

#[test]
fn rests_are_heard_by_other_processes() {
    let folder = Folder::new("rests");
    let file = open(&folder.0);
    let listeners: Vec<_> = (0..3).map(|_| folder.start("listen")).collect();
    wait_for("listeners", || written(&folder.0, "ready").len() == listeners.len());
    let mut told = Vec::new();
    for number in 0..RESTS {
        sleep(MS * fastrand::u32(5..30));
        told.push(nanos());
        let cooled = Cooled { what: number.to_string().into(), left: MS * 5_000, cause: "RateLimitError".into() };
        now(file.cool(&[cooled])).expect("it rests");
    }
    listeners.into_iter().for_each(Running::ends_well);
    let heard = written(&folder.0, "heard");
    let word = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("8 bytes"));
    let after = |pair: &[u8]| word(&pair[8..]).saturating_sub(told[usize::try_from(word(&pair[..8])).expect("small")]);
    let mut waits: Vec<_> = heard.chunks(16).map(|pair| Duration::from_nanos(after(pair))).collect();
    waits.sort();
    assert_eq!(waits.len() as u64, RESTS * 3, "each hears all, once");
    let at = |part: usize| waits[(waits.len() - 1) * part / 100];
    println!("a rest is heard after: p50 {:?}, p99 {:?}, at most {:?}", at(50), at(99), at(100));
    assert!(at(50) < 50 * MS && at(99) < 1_000 * MS);
}

/// Holds a row until it is killed.
fn hold(folder: &Path) {
    let file = open(folder);
    let got = now(file.share(&[ask(1, 100, 5)])).expect("a grant");
    assert_eq!(got[0].allowed.requests, 100);
    append(folder, "ready").write_all(b".").expect("room for a byte");
    loop {
        now(file.share(&[ask(1, 100, 5)])).expect("a grant");
        sleep(MS * 500);
    }
}

#[test]
fn a_killed_process_holds_its_lease_and_no_slots() {
    let folder = Folder::new("hold");
    let file = open(&folder.0);
    let holders: Vec<_> = (0..7).map(|_| folder.start("hold")).collect();
    wait_for("holders", || written(&folder.0, "ready").len() == holders.len());
    let got = now(file.share(&[ask(0, LEASED, SLOTS)])).expect("a grant").remove(0);
    assert_eq!((got.processes, got.allowed.requests, got.allowed.slots), (8, LEASED - 700, SLOTS - 35));
    assert_eq!(got.others.requests, 7);

    let (ask, rounds) = ([ask(0, 100, 5)], 20_000);
    let start = Instant::now();
    for _ in 0..rounds {
        now(file.share(&ask)).expect("a grant");
    }
    println!("one share beside 7 other processes: {:?}", start.elapsed() / rounds);

    drop(holders);
    wait_for("slots", || {
        let got = now(file.share(&[self::ask(0, LEASED, SLOTS)])).expect("a grant").remove(0);
        assert_eq!(got.allowed.requests, LEASED - 700);
        got.allowed.slots == SLOTS
    });
}

/// Forks as a server does that has opened the file before: what it opened is not its children's.
fn prefork(folder: &Path) {
    let file = open(folder);
    assert_eq!(now(file.share(&[ask(0, 10, 1)])).expect("a grant")[0].allowed.requests, 10);
    for _ in 0..4 {
        // SAFETY: the child opens a file, writes a byte and ends; no other thread of this process holds a lock it
        // needs.
        match unsafe { libc::fork() } {
            0 => {
                let is_refused = now(file.share(&[ask(0, 10, 1)])).is_err_and(|error| error.0.contains("fork"));
                drop(file);
                let own = open(folder);
                let got = now(own.share(&[ask(0, 10, 1)])).map_or(0, |grants| grants[0].allowed.requests);
                let byte = if is_refused && got == 10 { b"." } else { b"x" };
                let _ = append(folder, "forked").write_all(byte);
                // As if it were killed: nothing is given back.
                // SAFETY: ends the process.
                unsafe { libc::_exit(0) };
            }
            child => assert!(child > 0),
        }
    }
    wait_for("children", || written(folder, "forked").len() == 4);
    // The place of the parent is still its own.
    let got = now(file.share(&[ask(0, LEASED, SLOTS)])).expect("a grant").remove(0);
    assert_eq!(got.allowed.requests, LEASED - 40);
}

#[test]
fn children_of_a_fork_open_their_own() {
    let folder = Folder::new("fork");
    folder.start("fork").ends_well();
    assert_eq!(written(&folder.0, "forked"), b"....");
}
