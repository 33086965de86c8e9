//! The command line.

use crate::Result;

pub const USAGE: &str = "\
Usage: cargo run --release -p llmrouter-benches -- [options]

  --calls N     calls of one round at 64 in flight; alone a quarter of them (default 20000)
  --rounds N    rounds; the median of them is reported (default 5)
  --only TEXT   only rows whose \"scenario contender\" contains TEXT; repeatable, or separated by commas
  --roam        alone, too, let the kernel choose the cores of caller and provider
  --help        this text

The library is dist/lib/libllmrouter.so, or the file that LLMROUTER_LIB names.
";

#[derive(Debug)]
pub struct Options {
    pub calls: usize,
    pub rounds: usize,
    pub only: Vec<String>,
    /// Leave it to the kernel where the provider and its caller run.
    pub roam: bool,
    pub help: bool,
}

impl Options {
    pub fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self { calls: 20_000, rounds: 5, only: Vec::new(), roam: false, help: false };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{name} needs a value\n\n{USAGE}"));
            match name.as_str() {
                "--calls" => options.calls = count(name, value()?)?,
                "--rounds" => options.rounds = count(name, value()?)?,
                "--only" => options.only.extend(value()?.split(',').map(str::to_owned)),
                "--roam" => options.roam = true,
                "--help" | "-h" => options.help = true,
                _ => return Err(format!("unknown option {name}\n\n{USAGE}").into()),
            }
        }
        Ok(options)
    }

    /// Whether a row was asked for.
    pub fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| row.contains(text))
    }
}

fn count(name: &str, text: &str) -> Result<usize> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{name}: {text:?} is not a number above 0").into()),
    }
}
