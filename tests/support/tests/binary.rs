//! The binary: it says where it listens, plays its script, and never outlives the program that started it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn start(args: &[&str]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fakeprovider"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("listening http://").expect(&line).trim().to_owned();
    (child, address)
}

fn ended(child: &mut Child) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    false
}

#[test]
fn it_plays_a_script_file_until_stdin_ends() {
    let path = std::env::temp_dir().join(format!("fakeprovider-{}.json", std::process::id()));
    std::fs::write(&path, r#"{"paths": {"/": [{"text": "scripted", "keep_alive": false}]}}"#).unwrap();
    let (mut child, address) = start(&["--threads", "1", "--script", path.to_str().unwrap()]);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("scripted"), "{answer}");
    drop(child.stdin.take());
    assert!(ended(&mut child), "it ends well with its stdin");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn it_ends_on_sigterm_and_not_with_stdin_when_told_so() {
    let (mut child, _) = start(&["--no-stdin", "--no-log"]);
    drop(child.stdin.take());
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none(), "still running");
    let pid = i32::try_from(child.id()).unwrap();
    // SAFETY: sends a signal to a child that has not been waited for, so the number is still its own.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
    assert!(ended(&mut child));
}

#[test]
fn a_wrong_option_or_script_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_fakeprovider")).arg("--prot").output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("usage:"));
    let output = Command::new(env!("CARGO_BIN_EXE_fakeprovider")).args(["--script", "/nowhere.json"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere.json"));
}
