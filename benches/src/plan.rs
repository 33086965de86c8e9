//! Who is measured at what.

use crate::Result;
use crate::child::SUBCOMMAND;
use crate::fixtures::Fixtures;
use crate::job::Job;
use crate::options::Options;
use crate::provider::Provider;

pub const ALONE: &str = "alone";
pub const LOADED: &str = "64 in flight";
pub const LOCAL: &str = "no network";

pub const ROUTER_ASYNC: &str = "llmrouter async";
pub const ROUTER_BLOCKING: &str = "llmrouter blocking";
pub const REQWEST: &str = "reqwest";
pub const REQWEST_BLOCKING: &str = "reqwest blocking";
pub const HYPER: &str = "hyper";
pub const CURL_EASY: &str = "libcurl easy";
pub const CURL_MULTI: &str = "libcurl multi";

/// The rows that were asked for, in the table's order. `near` is the provider for one call at a time, `far` the other.
pub fn jobs(options: &Options, files: &Fixtures, near: &Provider, far: &Provider) -> Result<Vec<Job>> {
    let this = std::env::current_exe()?;
    let own = |child: &str| vec![this.clone(), SUBCOMMAND.into(), child.into()];
    let curl = files.curl_client().map(|program| vec![program]);
    if let Err(error) = &curl {
        eprintln!("libcurl is left out (Debian: libcurl4-openssl-dev): {error}");
    }

    // Who has which form: one call at a time, 64 at once.
    let mut alone = vec![
        (ROUTER_ASYNC, own("router-async")),
        (ROUTER_BLOCKING, own("router-blocking")),
        (REQWEST, own("reqwest")),
        (REQWEST_BLOCKING, own("reqwest-blocking")),
        (HYPER, own("hyper")),
    ];
    let mut loaded = alone.clone();
    if let Ok(curl) = curl {
        alone.push((CURL_EASY, curl.clone()));
        loaded.push((CURL_MULTI, curl));
    }

    let near_config = files.config("near.yaml", near)?;
    let far_config = files.config("far.yaml", far)?;

    let calls = options.calls;
    let job = |scenario, (contender, command), calls: usize| Job {
        scenario,
        contender,
        command,
        in_flight: 1,
        calls,
        warmup: calls.div_ceil(10),
        url: near.url(),
        config: near_config.clone(),
        request: files.request.clone(),
        core: near.core,
    };
    let mut jobs = Vec::new();
    for contender in alone {
        jobs.push(job(ALONE, contender, calls.div_ceil(4)));
    }
    for contender in loaded {
        jobs.push(Job {
            in_flight: 64,
            url: far.url(),
            config: far_config.clone(),
            core: far.core,
            ..job(LOADED, contender, calls)
        });
    }
    let local = |name, child, calls| job(LOCAL, (name, own(child)), calls);
    let mock = |name, child, calls| Job { request: files.mock.clone(), ..local(name, child, calls) };
    jobs.push(mock("load, then first mock call", "router-load", 1));
    jobs.push(mock("mock call, blocking", "router-blocking", calls));
    jobs.push(mock("mock call, async", "router-async", calls));
    if !files.library.exists() {
        let path = files.library.display();
        eprintln!("the router is left out: no library at {path}; run `make sdk`");
        jobs.retain(|job| job.scenario != LOCAL && !job.contender.starts_with("llmrouter"));
    }
    jobs.retain(|job| options.wants(&format!("{} {}", job.scenario, job.contender)));
    if jobs.is_empty() {
        return Err("nothing is left to measure".into());
    }
    Ok(jobs)
}
