//! Several engines on one file: to each other they are processes of their own, though one may not outlive the test.

mod counted;
mod leases;
mod nonsense;
mod opened;
mod told;

use super::*;

/// A folder for one test, removed with it.
struct Folder(PathBuf, clock::Shared);

impl Folder {
    fn new() -> Self {
        let name = format!("llmrouter-file-{}-{}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        // One for all: the clock of the machine goes on between two looks, even where time is turned by hand.
        Self(path, clock::Shared::new(mapped::monotonic))
    }

    fn file(&self) -> PathBuf {
        self.0.join("state")
    }

    fn open(&self) -> Arc<File> {
        File::with_clock(&config("n"), &self.file(), self.1).unwrap()
    }

    fn error(&self) -> String {
        File::open(&config("n"), &self.file()).map(|_| ()).unwrap_err().0
    }

    /// What is in it, by name.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn config(namespace: &str) -> StoreConfig {
    // Tests may have to wait for each other's processor.
    StoreConfig { namespace: namespace.to_owned(), patience: Duration::from_secs(2), ..StoreConfig::default() }
}

fn ask(limit: u64, used: u64, want: u64) -> Ask {
    let all = Amounts::all;
    Ask { id: "a".into(), limits: all(limit), used: all(used), want: all(want), hungry: false, seconds: None }
}

fn share(file: &File, ask: Ask) -> Grant {
    file.share_all(&[ask]).unwrap().remove(0)
}

fn allowed(file: &File, ask: Ask) -> u64 {
    let grant = share(file, ask);
    assert_eq!(grant.allowed, Amounts::all(grant.allowed.requests));
    grant.allowed.requests
}

const SECOND: Duration = Duration::from_secs(1);

async fn advance(time: Duration) {
    tokio::time::advance(time).await;
}

/// Frees the lock of a deployment again and again while all act, as if each owner were always taken for stopped.
fn without_locks(folder: &Folder, id: &str, act: &[&(dyn Fn() + Sync)]) {
    let (end, file) = (AtomicBool::new(false), folder.open());
    let session = file.session().unwrap();
    let entry = session.entry(&DEPLOYMENT_TABLE, Key::new("n", id), u64::MAX, file.clock.ms()).unwrap();
    let lock = &session.index(&DEPLOYMENT_TABLE).body(entry)[layout::LOCK];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                lock.fetch_and(!0xffff, Ordering::Relaxed);
            }
        });
        let all: Vec<_> = act.iter().map(|act| scope.spawn(act)).collect();
        let all: Vec<_> = all.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        end.store(true, Ordering::Relaxed);
        assert!(all.iter().all(Result::is_ok));
    });
}
