//! The programs in other languages, each over the router's binding there: what they need, how they are built, how they
//! are started. A host that can't be built is an error: a row that silently isn't there would pass for one that is fine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::fixtures::{self, Fixtures};
use crate::plan::{NET_HTTP, ROUTER_CPP, ROUTER_GO, ROUTER_NODE, UNDICI};

const MISSING: &str = "run `make bindings` first";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    Cpp,
    Go,
    Node,
}

impl Host {
    pub const ALL: [Self; 3] = [Self::Cpp, Self::Go, Self::Node];

    /// The host that a contender lives in; none for the others.
    pub fn of(contender: &str) -> Option<Self> {
        match contender {
            ROUTER_CPP => Some(Self::Cpp),
            ROUTER_GO | NET_HTTP => Some(Self::Go),
            ROUTER_NODE | UNDICI => Some(Self::Node),
            _ => None,
        }
    }

    /// The program and its arguments. `contender` is the host's own name for what it shall measure.
    pub fn command(self, files: &Fixtures, contender: &str) -> Vec<PathBuf> {
        match self {
            Self::Cpp => vec![files.folder.join("cpp-host")],
            Self::Go => vec![files.folder.join("go-host"), contender.into()],
            Self::Node => vec!["node".into(), folder("node").join("host.mjs"), contender.into()],
        }
    }

    pub fn build(self, files: &Fixtures) -> Result<()> {
        match self {
            Self::Cpp => cpp(files),
            Self::Go => go(files),
            Self::Node => node(),
        }
    }
}

/// Links the very file that the C ABI's rows open.
fn cpp(files: &Fixtures) -> Result<()> {
    let kit = fixtures::root()?.join("dist/include");
    present(&kit.join("llmrouter.hpp"))?;
    present(&files.library)?;
    let library = files.library.canonicalize()?;
    let beside = library.parent().ok_or("the library is in no folder")?;
    let mut command = Command::new(std::env::var_os("CXX").unwrap_or_else(|| "g++".into()));
    command.args(["-std=c++17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-pthread", "-I"]).arg(kit);
    command.arg("-o").arg(files.folder.join("cpp-host")).arg(folder("cpp").join("host.cpp")).arg(&library);
    command.arg(format!("-Wl,-rpath,{}", beside.display()));
    run(&mut command, "benches/hosts/cpp does not build")
}

/// Links the archive that is staged in bindings/go.
fn go(files: &Fixtures) -> Result<()> {
    let staged = fixtures::root()?.join("bindings/go/staged.h");
    present(&staged)?;
    let sums = std::fs::read_to_string(&staged)?;
    let output = Command::new("sha256sum").arg(archive()?).output().map_err(|e| format!("sha256sum: {e}"))?;
    let sum = String::from_utf8_lossy(&output.stdout);
    if !sum.split_whitespace().next().is_some_and(|sum| sums.contains(sum)) {
        return Err(format!("bindings/go holds another library than dist/: {MISSING}").into());
    }
    let mut command = Command::new("go");
    // Without this a missing C compiler would turn cgo off, and the complaint be about the binding's files.
    command.env("CGO_ENABLED", "1").current_dir(folder("go"));
    command.args(["build", "-o"]).arg(files.folder.join("go-host")).arg(".");
    run(&mut command, "benches/hosts/go does not build")
}

/// Nothing to compile: the addon of bindings/node has to load, and undici to be there.
fn node() -> Result<()> {
    let binding = fixtures::root()?.join("bindings/node");
    let mut load = Command::new("node");
    load.args(["--eval", "require(process.argv[1])"]).arg(&binding).stderr(Stdio::null());
    run(&mut load, &format!("{} does not load: {MISSING}", binding.display()))?;
    // The library is inside the addon, so time is all there is to go by.
    let modified = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified());
    let library = modified(&archive()?)?;
    for folder in std::fs::read_dir(binding.join("prebuilds"))? {
        let addon = folder?.path().join("llmrouter.node");
        if modified(&addon).is_ok_and(|built| built < library) {
            return Err(format!("{} is older than dist/: {MISSING}", addon.display()).into());
        }
    }
    let here = folder("node");
    if here.join("node_modules/.package-lock.json").exists() {
        return Ok(());
    }
    let mut install = Command::new("npm");
    install.current_dir(&here).args(["ci", "--no-audit", "--no-fund", "--silent"]);
    run(&mut install, "benches/hosts/node: `npm ci` failed")
}

/// What Go's and Node's packages link. An older one in them would be measured as if it were this one.
fn archive() -> Result<PathBuf> {
    let path = fixtures::root()?.join("dist/lib/libllmrouter.a");
    present(&path)?;
    Ok(path)
}

fn folder(language: &str) -> PathBuf {
    fixtures::folder().join("hosts").join(language)
}

fn present(path: &Path) -> Result<()> {
    if path.exists() { Ok(()) } else { Err(format!("{} is not there: {MISSING}", path.display()).into()) }
}

/// Waits for a program that has its own words for what goes wrong.
fn run(command: &mut Command, failure: &str) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.map_err(|error| format!("{failure}: {program}: {error}"))?;
    if status.success() { Ok(()) } else { Err(failure.into()) }
}
