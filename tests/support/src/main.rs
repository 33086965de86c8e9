//! `fakeprovider [--port N] [--script FILE] [--no-log] [--threads N] [--no-stdin] [--collector]`
//!
//! Prints `listening http://127.0.0.1:PORT` and serves until stdin ends, so that it never outlives the test that started
//! it, or until SIGTERM or SIGINT.

use std::io::{self, Write};
use std::process::ExitCode;

use fakeprovider::{FakeProvider, Script};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

const USAGE: &str =
    "usage: fakeprovider [--port N] [--script FILE] [--no-log] [--threads N] [--no-stdin] [--collector]";

/// Takes whatever is posted.
const COLLECTOR: &[u8] = br#"{"paths": {"/": [{"json": {}}]}}"#;

struct Options {
    port: u16,
    script: Script,
    log: bool,
    threads: usize,
    stdin: bool,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(|options| run(options).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fakeprovider: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { port: 0, script: Script::default(), log: true, threads: 2, stdin: true };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value\n{USAGE}"));
        let number = |text: String| text.parse::<u16>().map_err(|_| format!("{text} is not a number from 0 to 65535"));
        match arg.as_str() {
            "--port" => options.port = number(value()?)?,
            "--threads" => options.threads = usize::from(number(value()?)?).max(1),
            "--script" => {
                let path = value()?;
                let text = std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
                options.script = Script::parse(&text).map_err(|error| format!("{path}: {error}"))?;
            }
            "--collector" => options.script = Script::parse(COLLECTOR).map_err(|error| error.to_string())?,
            "--no-log" => options.log = false,
            "--no-stdin" => options.stdin = false,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(options)
}

fn run(options: Options) -> io::Result<()> {
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(options.threads).enable_all().build()?;
    runtime.block_on(async {
        let server = FakeProvider::builder().port(options.port).log(options.log).script(options.script).start().await?;
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut stdout = io::stdout();
        writeln!(stdout, "listening {}", server.base_url())?;
        stdout.flush()?;
        tokio::select! {
            () = stdin_ended(options.stdin) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}

async fn stdin_ended(watched: bool) {
    let (sender, ended) = oneshot::channel();
    if watched {
        // A thread of its own: a blocked read must not hold up the runtime's end.
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            let _ = sender.send(());
        });
        let _ = ended.await;
    } else {
        std::future::pending().await
    }
}

/// Thousands of connections need thousands of file descriptors.
fn raise_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get a valid, exclusive pointer to a live `rlimit`.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
