//! The file itself: whose it is, and what becomes of one that can't be used.

use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};

use super::super::layout::{PROCESSES, RESERVED, WORDS};
use super::*;

#[test]
fn the_file_is_ours_alone() {
    let folder = Folder::new();
    let (file, path) = (folder.open(), folder.file());
    let about = std::fs::metadata(&path).unwrap();
    assert_eq!((about.mode() & 0o777, about.len()), (0o600, WORDS as u64 * 8));
    assert!(about.blocks() * 512 <= RESERVED as u64 * 8 + 65_536, "{} blocks", about.blocks());
    assert_eq!(file.name(), format!("file {}", path.display()));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o620)).unwrap();
    assert!(folder.error().contains("other users may write to it"));
    std::fs::rename(&path, folder.0.join("elsewhere")).unwrap();
    symlink(folder.0.join("elsewhere"), &path).unwrap();
    assert!(folder.error().contains("symbolic link"));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(folder.error().contains("can't be used"));
    std::fs::remove_dir(&path).unwrap();
    assert!(std::os::unix::net::UnixListener::bind(&path).is_ok());
    assert!(folder.error().contains("can't be used"));
    drop(folder);
    let missing = File::open(&config("n"), Path::new("/nowhere/at/all")).map(|_| ()).unwrap_err();
    assert!(missing.0.contains("its folder is not there"), "{missing:?}");
}

/// Where the tests run as root, another user's file can be made.
#[test]
fn another_users_file_is_refused() {
    let folder = Folder::new();
    drop(folder.open());
    if std::os::unix::fs::chown(folder.file(), Some(65_534), None).is_ok() {
        assert!(folder.error().contains("belongs to another user"), "{}", folder.error());
    }
}

#[test]
fn what_can_not_be_used_is_set_aside() {
    let write = |at: u64, bytes: &'static [u8]| {
        move |path: &Path| std::fs::File::options().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap()
    };
    let shorten = |length: u64| {
        move |path: &Path| std::fs::File::options().write(true).open(path).unwrap().set_len(length).unwrap()
    };
    type Damage = Box<dyn Fn(&Path)>;
    let damages: [Damage; 5] = [
        Box::new(write(0, b"hello")),
        Box::new(write(8, b"\x07")),
        Box::new(write(40, b"\x07")),
        Box::new(shorten(50)),
        Box::new(shorten(WORDS as u64 * 8 - 1)),
    ];
    for (place, damage) in damages.iter().enumerate() {
        let folder = Folder::new();
        drop(folder.open());
        damage(&folder.file());
        let damaged = std::fs::metadata(folder.file()).unwrap().len();
        let file = folder.open();
        assert_eq!(allowed(&file, ask(10, 0, 10)), 10);
        let names = folder.names();
        let aside = names.iter().find(|name| name.starts_with("state.aside-")).unwrap_or_else(|| panic!("{place}"));
        assert_eq!(std::fs::metadata(folder.0.join(aside)).unwrap().len(), damaged);
        assert_eq!(names.len(), 2);
    }
    // From before the machine was started: nobody needs it.
    let folder = Folder::new();
    drop(folder.open());
    write(64, b"\x01\x02\x03\x04")(&folder.file());
    folder.open();
    assert_eq!(folder.names(), ["state"]);
    write(80, b"\x01\x02\x03\x04")(&folder.file());
    assert!(folder.error().contains("another clock"));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_removed_is_made_anew() {
    let folder = Folder::new();
    let one = folder.open();
    allowed(&one, ask(10, 0, 10));
    std::fs::remove_file(folder.file()).unwrap();
    let two = folder.open();
    let (heard, _events) = mpsc::channel(16);
    tokio::select! {
        () = one.watch(heard) => panic!(),
        () = clock::sleep(SECOND * 2) => {}
    }
    assert_eq!(allowed(&one, ask(10, 4, 4)), 4);
    assert_eq!(share(&two, ask(10, 0, 10)).allowed.requests, 6);
}

#[test]
fn places_for_processes_end() {
    let folder = Folder::new();
    let mut files: Vec<_> = (0..PROCESSES).map(|_| folder.open()).collect();
    assert!(folder.error().contains("128 processes use"), "{}", folder.error());
    files.pop();
    folder.open();
}

#[test]
fn two_first_ones_make_one_file() {
    for _ in 0..20 {
        let folder = Folder::new();
        std::thread::scope(|scope| {
            let open = || folder.open();
            let opened: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            let files: Vec<_> = opened.into_iter().map(|file| file.join().unwrap()).collect();
            assert!(files.iter().all(|file| file.session.load().is_at(&folder.file())));
        });
        assert_eq!(folder.names(), ["state"]);
    }
}
