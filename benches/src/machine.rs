//! What the numbers depend on.

use std::process::Command;

use crate::abi::Abi;
use crate::fixtures::Fixtures;

/// Names and values, for people.
pub fn facts(fixtures: &Fixtures) -> Vec<(&'static str, String)> {
    let file = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = file("/proc/cpuinfo");
    let mut names = cpu.lines().filter(|line| line.starts_with("model name"));
    let (_, name) = names.next().and_then(|line| line.split_once(": ")).unwrap_or_default();
    let kernel = file("/proc/sys/kernel/osrelease");
    let loads = file("/proc/loadavg");
    let loads: Vec<&str> = loads.split_whitespace().take(3).collect();
    let library = Abi::open(&fixtures.library).map(|abi| abi.version());
    vec![
        ("machine", format!("{cores} cores, {name}, Linux {}", kernel.trim())),
        ("load", format!("{} (1, 5, 15 minutes)", loads.join(" "))),
        (
            "compilers",
            format!("{}; {}; {}", said("rustc", "--version"), said("g++", "--version"), said("go", "version")),
        ),
        ("node", said("node", "--version")),
        ("llmrouter", library.unwrap_or_else(|_| "not there".into())),
    ]
}

/// The first line of what a program says of itself.
fn said(program: &str, flag: &str) -> String {
    let output = Command::new(program).arg(flag).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().map_or_else(|| format!("no {program}"), str::to_owned)
}
