//! What those cost who hear of calls: rows at 64 in flight whose callbacks' receivers are dead.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use crate::Result;
use crate::fixtures::{Fixtures, USUAL};
use crate::job::Row;
use crate::stats::median;

pub const SCENARIO: &str = "observed";
pub const NOBODY: &str = "nobody is told";
pub const LISTENER: &str = "event listener";
pub const REFUSED: &str = "all callbacks, refused";
pub const HANGING: &str = "all callbacks, hanging";

/// A receiver where nobody is: the first port is nobody's but the system's.
const REFUSING: &str = "127.0.0.1:1";

/// A receiver that takes connections and never answers: the kernel does the first, and nobody the second.
#[derive(Debug)]
pub struct Hanging(TcpListener);

impl Hanging {
    pub fn start() -> Result<Self> {
        Ok(Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?))
    }

    /// Contender, child and configuration of each row.
    pub fn rows(&self, files: &Fixtures, base: &str) -> Result<Vec<(&'static str, &'static str, PathBuf)>> {
        let plain = files.config("unobserved.yaml", base, USUAL)?;
        let hanging = self.0.local_addr()?.to_string();
        Ok(vec![
            (NOBODY, "router-async", plain.clone()),
            (LISTENER, "router-listened", plain),
            (REFUSED, "router-async", files.config_with("refused.yaml", base, USUAL, &callbacks(REFUSING))?),
            (HANGING, "router-async", files.config_with("hanging.yaml", base, USUAL, &callbacks(&hanging))?),
        ])
    }
}

/// Every callback there is, all of them to this receiver, and the file to a disk that is full.
fn callbacks(authority: &str) -> String {
    format!(
        "litellm_settings: {{callbacks: [langfuse, sentry, otel, webhook, json_file]}}\n\
         callback_settings:\n  webhook: {{endpoint: \"http://{authority}/hook\"}}\n  json_file: {{path: /dev/full}}\n\
         environment_variables:\n  SENTRY_DSN: \"http://public@{authority}/7\"\n  LANGFUSE_PUBLIC_KEY: pk-lf-bench\n  \
         LANGFUSE_SECRET_KEY: sk-lf-bench\n  LANGFUSE_HOST: \"http://{authority}\"\n  \
         OTEL_EXPORTER_OTLP_ENDPOINT: \"http://{authority}\"\n"
    )
}

/// The most memory that each of these processes held.
pub fn print(rows: &[Row]) {
    let own = rows.iter().filter(|row| row.job.scenario == SCENARIO && !row.outcomes.is_empty());
    for (place, row) in own.enumerate() {
        if place == 0 {
            println!("\n{:<41} {:>6}", "most memory of the process", "MB");
        }
        let megabytes = median(row.outcomes.iter().map(|outcome| outcome.peak_mb).collect());
        println!("{:<41} {megabytes:>6.1}", row.job.contender);
    }
}
