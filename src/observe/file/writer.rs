//! The file itself: made for its owner alone, opened again when it was moved away, and with whole lines in it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::clock;

/// How often it is looked whether the file was moved away, as logrotate does it.
const LOOK: Duration = Duration::from_secs(1);

/// Appends to one file.
pub struct Writer {
    path: PathBuf,
    open: Option<Opened>,
    /// What was written in part, and so many bytes of it.
    begun: Option<(Bytes, usize)>,
}

struct Opened {
    file: File,
    /// Device and inode.
    id: (u64, u64),
    looked: Instant,
}

impl Writer {
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: None, begun: None }
    }

    /// Appends these lines. After an error the same lines are gone on with where they broke off; the error says where and
    /// why.
    pub fn append(&mut self, lines: &Bytes) -> Result<(), String> {
        self.write(lines).map_err(|error| format!("can't write to {}: {}", self.path.display(), cause(&error)))
    }

    fn write(&mut self, lines: &Bytes) -> io::Result<()> {
        let was_moved = self.open.as_mut().is_some_and(|open| open.was_moved(&self.path));
        if was_moved {
            self.open = None;
        }
        let begun = self.begun.take().filter(|(_, at)| *at > 0);
        let mut at = match begun {
            Some((same, at)) if same == *lines => match was_moved {
                false => at,
                // Another file: from the beginning of the line that broke off.
                true => start_of_line(lines, at),
            },
            Some((other, at)) if !was_moved && other.get(at - 1) != Some(&b'\n') => {
                // Those were given up: what is there of their last line stays a line of its own.
                self.file()?.write_all(b"\n").inspect_err(|_| self.begun = Some((other, at)))?;
                0
            }
            _ => 0,
        };
        while let Some(rest) = lines.get(at..).filter(|rest| !rest.is_empty()) {
            match self.file().and_then(|mut file| file.write(rest)) {
                Ok(0) => return Err(self.broke(lines, at, io::ErrorKind::WriteZero.into())),
                Ok(written) => at += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broke(lines, at, error)),
            }
        }
        Ok(())
    }

    fn broke(&mut self, lines: &Bytes, at: usize, error: io::Error) -> io::Error {
        self.begun = Some((lines.clone(), at));
        error
    }

    fn file(&mut self) -> io::Result<&File> {
        if self.open.is_none() {
            self.open = Some(Opened::new(&self.path)?);
        }
        self.open.as_ref().map(|open| &open.file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Opened {
    fn new(path: &Path) -> io::Result<Self> {
        // Without waiting: a pipe that nobody reads would hold up the thread for good.
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)?;
        let about = file.metadata()?;
        Ok(Self { id: (about.dev(), about.ino()), file, looked: clock::now() })
    }

    /// Whether another file, or none, is where this one was; looked up from time to time.
    fn was_moved(&mut self, path: &Path) -> bool {
        let now = clock::now();
        if now.saturating_duration_since(self.looked) < LOOK {
            return false;
        }
        self.looked = now;
        std::fs::metadata(path).map_or(true, |about| (about.dev(), about.ino()) != self.id)
    }
}

/// Where the line begins that the byte `at` is within.
fn start_of_line(lines: &[u8], at: usize) -> usize {
    let before = lines.get(..at).unwrap_or_default();
    before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

/// As a part of a sentence, and without the number.
fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("llmrouter-file-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn lines(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn lines_are_appended_to_a_file_of_the_owners() {
        let folder = folder("append");
        let path = folder.join("events.jsonl");
        let mut writer = Writer::new(path.clone());
        writer.append(&lines("1\n2\n")).unwrap();
        Writer::new(path.clone()).append(&lines("3\n")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n2\n3\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_is_missing_and_a_full_disk_are_told_and_tried_again() {
        let folder = folder("missing");
        let path = folder.join("later/events.jsonl");
        let mut writer = Writer::new(path.clone());
        let why = format!("can't write to {}: no such file or directory", path.display());
        assert_eq!(writer.append(&lines("1\n")), Err(why));
        std::fs::create_dir(folder.join("later")).unwrap();
        writer.append(&lines("1\n")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n");
        let full = Writer::new("/dev/full".into()).append(&lines("1\n"));
        assert_eq!(full, Err("can't write to /dev/full: no space left on device".to_owned()));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_was_moved_away_is_made_anew() {
        let folder = folder("moved");
        let (path, old) = (folder.join("events.jsonl"), folder.join("events.jsonl.1"));
        let mut writer = Writer::new(path.clone());
        writer.append(&lines("1\n")).unwrap();
        std::fs::rename(&path, &old).unwrap();
        writer.append(&lines("2\n")).unwrap();
        tokio::time::advance(LOOK).await;
        writer.append(&lines("3\n")).unwrap();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!((read(&old), read(&path)), ("1\n2\n".to_owned(), "3\n".to_owned()));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_broke_off_is_gone_on_with() {
        let folder = folder("broken");
        let path = folder.join("events.jsonl");
        let broken = |begun: &'static str| {
            std::fs::write(&path, begun).unwrap();
            let mut writer = Writer::new(path.clone());
            writer.begun = Some((lines("first\nsecond\n"), begun.len()));
            writer
        };
        let read = || std::fs::read_to_string(&path).unwrap();
        broken("first\nsec").append(&lines("first\nsecond\n")).unwrap();
        assert_eq!(read(), "first\nsecond\n");
        broken("first\nsec").append(&lines("third\n")).unwrap();
        assert_eq!(read(), "first\nsec\nthird\n");
        broken("first\n").append(&lines("third\n")).unwrap();
        assert_eq!(read(), "first\nthird\n");
        assert_eq!((start_of_line(b"a\nbc\n", 3), start_of_line(b"a\nbc\n", 2), start_of_line(b"a", 1)), (2, 2, 0));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_up_nobody() {
        let folder = folder("pipe");
        let path = folder.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(Writer::new(path).append(&lines("1\n")).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
