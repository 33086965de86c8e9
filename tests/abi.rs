//! The C programs of tests/abi, compiled against the staged kit and run, each as a test of its own.

#[path = "tools/sdk.rs"]
mod sdk;

use std::process::Command;
use std::sync::Mutex;

/// How a program is built and run.
#[derive(Clone, Copy)]
enum Under {
    /// Address, leak and undefined-behaviour sanitizers, in the C program alone: they see what it does with the library's memory.
    Sanitizers,
    /// The same without the leak check: what is being freed while it panics is lost.
    SanitizersNoLeaks,
    /// Undefined behaviour only: the address sanitizer's allocator doesn't survive a fork beside running threads, and its
    /// leak check is no use to a process that ends in the midst of things.
    Plain,
    /// The thread sanitizer, in the C program alone: it sees what callbacks and callers do to the same memory.
    Threads,
    /// Sees the library's own memory too.
    Valgrind,
}

struct Program {
    source: &'static str,
    under: Under,
    /// Runs on the kit with faults.
    faults: bool,
    /// What the fake provider plays; its base URL is the program's argument.
    script: Option<&'static str>,
}

const PLAIN: Program = Program { source: "", under: Under::Sanitizers, faults: false, script: None };

/// Some programs count threads and some measure time: one runs at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn check(name: &str, program: &Program) {
    let dist = if program.faults { sdk::dist_faults() } else { sdk::dist() };
    let source = sdk::root().join("tests/abi").join(program.source);
    let binary = sdk::scratch(&format!("abi-{name}")).join(name);
    let flags: &[&str] = match program.under {
        Under::Sanitizers | Under::SanitizersNoLeaks => {
            &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
        }
        Under::Plain => &["-fsanitize=undefined", "-fno-sanitize-recover=all"],
        Under::Threads => &["-fsanitize=thread"],
        Under::Valgrind => &[],
    };
    sdk::compile(&source, &binary, &dist, flags);

    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|failed| failed.into_inner());
    let mut command = match program.under {
        Under::Valgrind => {
            let mut valgrind = Command::new("valgrind");
            valgrind.args([
                "--quiet",
                "--leak-check=full",
                "--show-leak-kinds=definite",
                "--errors-for-leak-kinds=definite",
            ]);
            valgrind.args(["--error-exitcode=9", "--fair-sched=yes"]).arg(&binary);
            valgrind
        }
        _ => Command::new(&binary),
    };
    if matches!(program.under, Under::SanitizersNoLeaks) {
        command.env("ASAN_OPTIONS", "detect_leaks=0");
    }
    if matches!(program.under, Under::Threads) {
        // The library is not instrumented: how its threads wait for each other does not show.
        command.env("TSAN_OPTIONS", "ignore_noninstrumented_modules=1:halt_on_error=1");
    }
    // A key in the developer's environment must not change what a test sees.
    command.env_remove("OPENAI_API_KEY").env_remove("OPENAI_API_BASE").env_remove("OPENAI_BASE_URL");

    let provider = program.script.map(|script| {
        let provider = sdk::Provider::start();
        provider.script(script);
        provider
    });
    if let Some(provider) = &provider {
        command.arg(&provider.base_url);
    }
    println!("{}", sdk::run(&mut command));
}

macro_rules! programs {
    ($($name:ident: $program:expr;)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), &$program);
        })*

        /// Each source in tests/abi is a test here.
        #[test]
        fn every_source_is_run() {
            let run = [$($program.source),*];
            for entry in std::fs::read_dir(sdk::root().join("tests/abi")).expect("tests/abi") {
                let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
                assert!(!name.ends_with(".c") || run.contains(&name.as_str()), "tests/abi/{name} has no line in tests/abi.rs");
            }
        }
    };
}

programs! {
    frozen: Program { source: "frozen.c", ..PLAIN };
    lifecycle: Program { source: "lifecycle.c", ..PLAIN };
    lifecycle_valgrind: Program { source: "lifecycle.c", under: Under::Valgrind, ..PLAIN };
    misuse: Program { source: "misuse.c", ..PLAIN };
    misuse_valgrind: Program { source: "misuse.c", under: Under::Valgrind, ..PLAIN };
    misuse_with_debug_assertions: Program { source: "misuse.c", faults: true, ..PLAIN };
    streams: Program { source: "streams.c", ..PLAIN };
    streams_valgrind: Program { source: "streams.c", under: Under::Valgrind, ..PLAIN };
    stream_cases: Program { source: "stream_cases.c", script: Some("{}"), ..PLAIN };
    reads: Program {
        source: "reads.c",
        script: Some(concat!(
            r#"{"paths": {"/silent": [{"framing": "close", "end": "hang", "chunks": [{"text": "#,
            r#""data: {\"choices\": [{\"index\": 0, \"delta\": {\"content\": \"x\"}}]}\n\n"}]}]}}"#
        )),
        ..PLAIN
    };
    verbs: Program { source: "verbs.c", script: Some("{}"), ..PLAIN };
    verbs_valgrind: Program { source: "verbs.c", under: Under::Valgrind, script: Some("{}"), ..PLAIN };
    verbs_with_debug_assertions: Program { source: "verbs.c", faults: true, script: Some("{}"), ..PLAIN };
    asynchronous: Program { source: "async.c", ..PLAIN };
    sockets: Program {
        source: "sockets.c",
        script: Some(r#"{"paths": {"/slow": [{"delay_ms": 2000}], "/quick": [{"delay_ms": 20}]}}"#),
        ..PLAIN
    };
    free_inflight: Program { source: "free_inflight.c", ..PLAIN };
    free_inflight_with_debug_assertions: Program { source: "free_inflight.c", faults: true, ..PLAIN };
    events: Program { source: "events.c", ..PLAIN };
    events_threads: Program { source: "events.c", under: Under::Threads, ..PLAIN };
    events_inside: Program { source: "events_inside.c", ..PLAIN };
    events_inside_threads: Program { source: "events_inside.c", under: Under::Threads, ..PLAIN };
    exit: Program { source: "exit.c", under: Under::Plain, ..PLAIN };
    fork: Program { source: "fork.c", under: Under::Plain, ..PLAIN };
    panic: Program { source: "panic.c", under: Under::SanitizersNoLeaks, faults: true, ..PLAIN };
    dead_and_live: Program { source: "dead_and_live.c", script: Some("{}"), ..PLAIN };
    canary: Program {
        source: "canary.c",
        script: Some(concat!(
            r#"{"paths": {"/echo": {"replies": [{"status": 400, "echo": "authorization"}, {"status": 401, "echo": "authorization"}, "#,
            r#"{"status": 429, "echo": "authorization"}, {"status": 500, "echo": "request"}], "then": "cycle"}, "#,
            r#""/garbage": {"replies": [{"status": 200, "text": "<html>sk-canary-5f1c9a77e3</html>"}, "#,
            r#"{"status": 200, "json": {"sk-canary-5f1c9a77e3": [1]}}, {"status": 500, "text": "sk-canary-5f1c9a77e3"}, "#,
            r#"{"raw": "HTTP/1.1 sk-canary-5f1c9a77e3\r\n\r\n"}], "then": "cycle"}}}"#
        )),
        ..PLAIN
    };
    canary_store: Program { source: "canary_store.c", ..PLAIN };
    reload: Program { source: "reload.c", ..PLAIN };
    reload_memory: Program { source: "reload.c", under: Under::Plain, ..PLAIN };
    reload_threads: Program { source: "reload.c", under: Under::Threads, ..PLAIN };
    reload_with_debug_assertions: Program { source: "reload.c", faults: true, ..PLAIN };
    signals: Program { source: "signals.c", ..PLAIN };
    metrics: Program { source: "metrics.c", ..PLAIN };
    metrics_valgrind: Program { source: "metrics.c", under: Under::Valgrind, ..PLAIN };
    metrics_threads: Program { source: "metrics.c", under: Under::Threads, ..PLAIN };
}

/// The header is C99 and C++11, and stays so.
mod header_compiles_as {
    use super::*;

    fn check(compiler: &str, standard: &str, more: &[&str]) {
        let language = if compiler == "cc" { "c" } else { "c++" };
        sdk::run(
            Command::new(compiler)
                .arg(format!("-std={standard}"))
                .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"])
                .args(more)
                .args(["-x", language])
                .arg(sdk::dist().join("include/llmrouter.h")),
        );
    }

    macro_rules! standards {
        ($($name:ident: $compiler:literal $standard:literal $more:expr;)*) => {
            $(#[test]
            fn $name() {
                check($compiler, $standard, &$more);
            })*
        };
    }

    standards! {
        c99: "cc" "c99" ["-Wstrict-prototypes"];
        c11: "cc" "c11" ["-Wstrict-prototypes"];
        c17: "cc" "c17" ["-Wstrict-prototypes"];
        cpp11: "c++" "c++11" [];
        cpp17: "c++" "c++17" [];
        cpp20: "c++" "c++20" [];
        cpp23: "c++" "c++2b" [];
    }
}
