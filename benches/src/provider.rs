//! The fake provider, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::fixtures::{self, SIZE};
use crate::options::Options;
use crate::{Result, bare, cores, streams};

/// The part of its script that answers as a whole.
pub const WHOLE: &str = "/x";

/// Ends with this process: its standard input closes.
#[derive(Debug)]
pub struct Provider {
    child: Child,
    origin: String,
    /// The core that it keeps to, and its callers with it.
    pub core: Option<usize>,
}

impl Provider {
    /// Starts one whose answers have `SIZE` bytes, on one core or on any.
    pub fn start(program: &Path, core: Option<usize>, options: &Options) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["--no-log", "--threads", "1"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(core) = core {
            cores::pin(&mut command, core);
        }
        let started = command.spawn();
        let mut child = started.map_err(|e| format!("{}: {e}", program.display()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let origin = line
            .trim()
            .strip_prefix("listening ")
            .ok_or_else(|| format!("the fake provider said {line:?} instead of where it listens"))?
            .to_owned();
        let provider = Self { child, origin, core };
        provider.play(options)?;
        Ok(provider)
    }

    /// What the `api_base` of a deployment is that is served by this part of the script.
    pub fn base(&self, part: &str) -> String {
        format!("{}{part}/v1", self.origin)
    }

    /// Where its bare clients go.
    pub fn url(&self, part: &str) -> String {
        format!("{}/chat/completions", self.base(part))
    }

    fn play(&self, options: &Options) -> Result<()> {
        let mut paths = streams::script(options.calls);
        paths[WHOLE] = json!([{ "pad_to": SIZE }]);
        let script = json!({ "paths": paths }).to_string();
        bare::runtime()?.block_on(async {
            let client = bare::client()?;
            let control = format!("{}/_control/script", self.origin);
            client.put(control).body(script).send().await?.error_for_status()?;
            let answer = client.post(self.url(WHOLE)).body(r#"{"model": "bench", "messages": []}"#);
            let answer = answer.send().await?.error_for_status()?.bytes().await?;
            if answer.len() != SIZE {
                eprintln!("note: answers have {} bytes, not {SIZE}", answer.len());
            }
            Ok(())
        })
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The provider's binary, built if need be: `cargo run` builds this crate's alone.
pub fn program() -> Result<PathBuf> {
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--release", "-p", "fakeprovider"])
        .current_dir(fixtures::folder())
        .status()?;
    if !built.success() {
        return Err("the fake provider does not build".into());
    }
    let this = std::env::current_exe()?;
    Ok(this.with_file_name("fakeprovider"))
}
