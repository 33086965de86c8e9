//! What the integration tests share: where the staged kit is, how C is compiled, the fake provider.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The staged kit: what `make sdk` made.
pub fn dist() -> PathBuf {
    staged(root().join("dist"), "make sdk")
}

/// The second kit, with debug assertions and panics on demand.
pub fn dist_faults() -> PathBuf {
    staged(target_dir().join("dist-faults"), "make sdk-faults")
}

fn staged(dist: PathBuf, command: &str) -> PathBuf {
    assert!(dist.join("lib/libllmrouter.so").exists(), "{} holds no kit: run `{command}` first", dist.display());
    dist
}

/// Cargo's target folder: tests have a folder of their own just below it.
pub fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the folder above the tests' own").to_path_buf()
}

/// An empty folder for one test.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

pub fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The version that Cargo.toml gives.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs a command that must succeed; returns what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; run `make setup` first"));
    let text = both(&output);
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    text
}

pub fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// pkg-config's answer for a kit, as arguments for the compiler.
pub fn pkg_config(dist: &Path, arguments: &[&str]) -> Vec<String> {
    run(Command::new("pkg-config").env("PKG_CONFIG_PATH", dist.join("lib/pkgconfig")).args(arguments).arg("llmrouter"))
        .split_whitespace()
        .map(String::from)
        .collect()
}

/// Compiles one C program against a kit's shared library, found again at run time where it lies.
pub fn compile(source: &Path, program: &Path, dist: &Path, flags: &[&str]) {
    run(Command::new("cc")
        .args(["-std=gnu99", "-g", "-O1", "-Wall", "-Wextra", "-Werror"])
        .args(flags)
        .arg(source)
        .arg("-o")
        .arg(program)
        .args(pkg_config(dist, &["--cflags", "--libs"]))
        .arg(format!("-Wl,-rpath,{}", dist.join("lib").display()))
        .arg("-pthread"));
}

/// The fake provider, running until it is dropped.
pub struct Provider {
    process: Child,
    pub base_url: String,
}

impl Provider {
    pub fn start() -> Self {
        let program = target_dir().join("debug/fakeprovider");
        if !program.exists() {
            run(Command::new(env!("CARGO")).current_dir(root()).args(["build", "--package", "fakeprovider", "--bins"]));
        }
        // Through a shell, because it needs as many sockets as the programs that it serves.
        let mut process = Command::new("sh")
            .args(["-c", r#"ulimit -n "$(ulimit -Hn)"; exec "$0""#])
            .arg(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the fake provider starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("its first line");
        let base_url = line.trim().strip_prefix("listening ").expect("`listening URL`").to_string();
        Self { process, base_url }
    }

    /// Replaces what it plays.
    pub fn script(&self, script: &str) {
        let address = self.base_url.strip_prefix("http://").expect("an http URL");
        let mut stream = TcpStream::connect(address).expect("the fake provider listens");
        let len = script.len();
        write!(
            stream,
            "PUT /_control/script HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: {len}\r\nconnection: close\r\n\r\n{script}"
        )
        .expect("the script is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 2"), "the script was refused: {answer}");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.process.stdin.take()); // the end of its input ends it
        let _ = self.process.wait();
    }
}
