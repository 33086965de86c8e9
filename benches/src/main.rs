//! What the router costs: the C ABI and the bindings beside bare HTTP clients, against one fake provider, in one run.
//!
//! The runner starts one child process for each contender, scenario and round, so that processor time belongs to one
//! contender and nothing leaks from one into the next. See README.md.

mod abi;
mod bare;
mod bare_stream;
mod child;
mod cores;
mod drive;
mod events;
mod fixtures;
mod hosts;
mod job;
mod looks;
mod machine;
mod observed;
mod options;
mod picks;
mod plan;
mod provider;
mod ratios;
mod report;
mod routed;
mod routed_stream;
mod stats;
mod streams;

use std::process::ExitCode;

/// Any failure, already worded for the person who runs this.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first() {
        Some((first, rest)) if first == child::SUBCOMMAND => child::main(rest),
        _ => run(&args),
    };
    if let Err(error) = outcome {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(args: &[String]) -> Result<()> {
    let options = options::Options::parse(args)?;
    if options.help {
        print!("{}", options::USAGE);
        return Ok(());
    }
    let mut alone = picks::run(&options)?;
    alone.extend(looks::run(&options)?);
    alone.extend(events::run(&options)?);
    let program = provider::program()?;
    let near = provider::Provider::start(&program, if options.roam { None } else { cores::last() }, &options)?;
    let far = provider::Provider::start(&program, None, &options)?;
    let fixtures = fixtures::Fixtures::write()?;
    let hanging = observed::Hanging::start()?;
    let jobs = plan::jobs(&options, &fixtures, &near, &far, &hanging)?;
    if jobs.is_empty() && alone.is_empty() {
        return Err("nothing is left to measure".into());
    }
    let rows = job::run(jobs, &fixtures, options.rounds)?;
    report::report(&options, &fixtures, &rows, &alone)
}
