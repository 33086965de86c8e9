//! Whatever stands in the file, nobody is harmed.

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::super::layout::{self, AT_PROCESSES, HUNGRY, PROCESS, PROCESSES, RESERVED};
use super::*;

/// Writes over what another process could have written, at any place behind the first words.
fn spoil(file: &File, random: &mut fastrand::Rng, whole: bool) {
    let session = file.session.load();
    let words = session.words();
    let mut write = |at: usize| {
        let word = match random.u8(..5) {
            0 => u64::MAX,
            1 => random.u64(..256),
            2 => random.u64(..) >> random.u32(..64),
            3 => words[at].load(Ordering::Relaxed) ^ 1 << random.u32(..64),
            _ => random.u64(..),
        };
        words[at].store(word, Ordering::Relaxed);
    };
    if whole {
        (HUNGRY..AT_PROCESSES + PROCESSES * PROCESS).chain(AT_PROCESSES..RESERVED).for_each(&mut write);
    }
    // The deployments that there are, and whatever else.
    for table in [&layout::DEPLOYMENT_TABLE, &layout::COOLDOWN_TABLE, &layout::BUDGET_TABLE] {
        for name in ["a", "b"] {
            if let Some(entry) = session.index(table).find(Key::new("n", name)) {
                let at = table.at(entry);
                (at..at + table.body).filter(|_| whole || fastrand::u8(..4) == 0).for_each(&mut write);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in the file, no call fails to come back, and none gives out more than it may.
    #[test]
    fn a_file_of_nonsense_harms_nobody(seed: u64, whole: bool) {
        let (folder, mut random) = (Folder::new(), fastrand::Rng::with_seed(seed));
        let quick = StoreConfig { patience: Duration::from_millis(5), ..config("n") };
        let files = [(); 2].map(|()| File::open(&quick, &folder.file()).unwrap());
        let now = |file: &File| drop(watched(file));
        for _ in 0..6 {
            for file in &files {
                let ask = ask(random.u64(1..100), random.u64(..5), random.u64(5..100));
                for id in ["a", "b"] {
                    let ask = Ask { id: id.into(), hungry: true, ..ask.clone() };
                    if let Ok(granted) = file.share_all(std::slice::from_ref(&ask)) {
                        let most = ask.limits.requests.max(ask.used.requests);
                        prop_assert!(granted[0].allowed.each().iter().all(|allowed| *allowed <= most));
                    }
                    let more = Amounts::all(random.u64(..9));
                    if let Ok(Taken::Yes(place)) = file.take_one(id, more, Amounts::all(100)) {
                        let _ = file.settle_one(id, place ^ random.u64(..) >> random.u32(..64), more, Amounts::all(3));
                    }
                    let cooled = Cooled { what: id.into(), left: SECOND, cause: "Timeout".to_owned() };
                    let _ = file.cool_all(&[cooled]);
                    let _ = file.cooled_now();
                    let _ = file.spend_all(&[Spend { budget: id.into(), period: SECOND, add: random.u64(..) }]);
                }
                now(file);
            }
            spoil(&files[0], &mut random, whole);
        }
        // What was spoilt comes back to sense, if not to what it was.
        prop_assert_eq!(files[1].take_one("fresh", Amounts::all(1), Amounts::all(100)).is_ok() || whole, true);
    }

    /// A file that is nonsense from its first byte on is never mapped.
    #[test]
    fn a_foreign_file_is_set_aside(bytes in proptest::collection::vec(any::<u8>(), 1..4096)) {
        let folder = Folder::new();
        std::fs::write(folder.file(), &bytes).unwrap();
        std::fs::set_permissions(folder.file(), std::fs::Permissions::from_mode(0o600)).unwrap();
        let file = folder.open();
        prop_assert_eq!(allowed(&file, ask(10, 0, 10)), 10);
        prop_assert_eq!(folder.names().len(), 2);
    }
}

/// One look of a watcher, with nobody to wait for.
fn watched(file: &File) -> Vec<Event> {
    let (heard, mut events) = mpsc::channel(8_192);
    let waker = std::task::Waker::noop();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut watch = std::pin::pin!(file.watch(heard));
        let _ = watch.as_mut().poll(&mut std::task::Context::from_waker(waker));
    });
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}
