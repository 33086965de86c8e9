//! `cargo test -p conformance`: every case, each in a process of its own, in both forms.
//!
//! `CASE=word` (or an argument) runs the cases whose file name holds the word, `FORM=blocking|async` one form, `JOBS=n` sets how
//! many run at once.

use std::collections::VecDeque;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use conformance::Form;

/// A case that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(60);
/// What a case's process keeps of our environment: where things are, never settings that the library would read.
const KEPT: [&str; 6] = ["LLMROUTER_LIB", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "RUST_BACKTRACE", "ASAN_OPTIONS"];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, path, form] = &args[..]
        && flag == "--case"
    {
        return one(Path::new(path), form);
    }
    match all(&args) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one case in this process.
fn one(path: &Path, form: &str) -> ExitCode {
    let found = match form.parse() {
        Ok(form) => conformance::run(path, form),
        Err(error) => vec![error],
    };
    for text in &found {
        println!("    {text}");
    }
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs all cases that are asked for and returns how many failed.
fn all(args: &[String]) -> Result<usize, String> {
    let words: Vec<String> =
        args.iter().filter(|arg| !arg.starts_with('-')).cloned().chain(std::env::var("CASE")).collect();
    let forms = match std::env::var("FORM") {
        Ok(form) => vec![form.parse()?],
        Err(_) => Form::ALL.to_vec(),
    };
    let paths = paths(&words)?;
    if args.iter().any(|arg| arg == "--list") {
        paths.iter().for_each(|path| println!("{}: test", name(path)));
        return Ok(0);
    }
    fakeprovider::abi::load()?;
    let queue: VecDeque<(PathBuf, Form)> =
        paths.iter().flat_map(|path| forms.iter().map(|form| (path.clone(), *form))).collect();
    let total = queue.len();
    let jobs = std::env::var("JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(4);
    let (queue, failed) = (Mutex::new(queue), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let Some((path, form)) = queue.lock().expect("no panic").pop_front() else {
                        return;
                    };
                    let start = Instant::now();
                    let complaint = child(&path, form);
                    let (verdict, seconds) =
                        (if complaint.is_none() { "ok  " } else { "FAIL" }, start.elapsed().as_secs_f32());
                    let mut failed = failed.lock().expect("no panic");
                    println!("{verdict} {} [{form}] {seconds:.1} s{}", name(&path), complaint.as_deref().unwrap_or(""));
                    failed.extend(complaint.map(|_| format!("{} [{form}]", name(&path))));
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic");
    println!("\n{} passed, {} failed", total - failed.len(), failed.len());
    failed.iter().for_each(|name| println!("    {name}"));
    Ok(failed.len())
}

fn paths(words: &[String]) -> Result<Vec<PathBuf>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.retain(|path| words.is_empty() || words.iter().any(|word| name(path).contains(word)));
    paths.sort();
    if paths.is_empty() { Err(format!("no case named like {words:?}")) } else { Ok(paths) }
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Runs one case in a process of its own, so that a crash or a hang fails that case alone. Returns what was wrong.
fn child(path: &Path, form: Form) -> Option<String> {
    let program = std::env::current_exe().expect("our own path");
    let kept = KEPT.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value)));
    let mut child = Command::new(program)
        .arg("--case")
        .arg(path)
        .arg(form.to_string())
        .env_clear()
        .envs(kept)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process for the case");
    // Read on threads of their own: a full pipe would stop the case.
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let stdout = std::thread::spawn(move || read(stdout));
    let stderr = std::thread::spawn(move || read(stderr));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("our own child") {
            break Ok(status);
        }
        if start.elapsed() > LONGEST {
            let _ = child.kill();
            let _ = child.wait();
            break Err(format!("hangs: killed after {LONGEST:?}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let output = format!("\n{}{}", stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
    match status {
        Ok(status) if status.success() => None,
        Ok(status) if status.code() == Some(1) => Some(output),
        Ok(status) => Some(format!("{output}    {status}")),
        Err(hang) => Some(format!("{output}    {hang}")),
    }
}

fn read(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
