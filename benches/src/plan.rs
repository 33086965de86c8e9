//! Who is measured at what.

use crate::Result;
use crate::child::SUBCOMMAND;
use crate::fixtures::{Fixtures, USUAL};
use crate::hosts::Host;
use crate::job::Job;
use crate::observed::{self, Hanging};
use crate::options::Options;
use crate::provider::{Provider, WHOLE};
use crate::streams;

pub const ALONE: &str = "alone";
pub const LOADED: &str = "64 in flight";
pub const PACED: &str = "paced stream";
pub const AT_ONCE: &str = "fast stream";
pub const LOCAL: &str = "no network";

pub const ROUTER_ASYNC: &str = "llmrouter async";
pub const ROUTER_BLOCKING: &str = "llmrouter blocking";
pub const ROUTER_CPP: &str = "llmrouter C++";
pub const ROUTER_GO: &str = "llmrouter Go";
pub const ROUTER_NODE: &str = "llmrouter Node";
pub const ROUTER_ONE: &str = "llmrouter, one deployment";
pub const ROUTER_LATENCY: &str = "llmrouter, latency, 100";
pub const ROUTER_USAGE: &str = "llmrouter, usage, 100";
pub const NET_HTTP: &str = "net/http";
pub const UNDICI: &str = "undici";
pub const REQWEST: &str = "reqwest";
pub const REQWEST_BLOCKING: &str = "reqwest blocking";
pub const HYPER: &str = "hyper";
pub const CURL_EASY: &str = "libcurl easy";
pub const CURL_MULTI: &str = "libcurl multi";

/// The rows that were asked for, in the table's order. `near` is the provider for one call at a time, `far` the other.
pub fn jobs(
    options: &Options,
    files: &Fixtures,
    near: &Provider,
    far: &Provider,
    hanging: &Hanging,
) -> Result<Vec<Job>> {
    let this = std::env::current_exe()?;
    let own = |child: &str| vec![this.clone(), SUBCOMMAND.into(), child.into()];
    let curl = files.curl_client().map(|program| vec![program]);
    if let Err(error) = &curl {
        eprintln!("libcurl is left out (Debian: libcurl4-openssl-dev): {error}");
    }

    // Who has which form: one call at a time, 64 at once. What is compared stands side by side, and so runs within
    // seconds of each other.
    let mut alone = vec![
        (ROUTER_ASYNC, own("router-async")),
        (ROUTER_CPP, Host::Cpp.command(files, "llmrouter")),
        (ROUTER_BLOCKING, own("router-blocking")),
        (REQWEST, own("reqwest")),
        (REQWEST_BLOCKING, own("reqwest-blocking")),
        (HYPER, own("hyper")),
        (ROUTER_GO, Host::Go.command(files, "llmrouter")),
        (NET_HTTP, Host::Go.command(files, "net/http")),
        (ROUTER_NODE, Host::Node.command(files, "llmrouter")),
        (UNDICI, Host::Node.command(files, "undici")),
    ];
    let mut loaded = alone.clone();
    if let Ok(curl) = curl {
        alone.push((CURL_EASY, curl.clone()));
        loaded.push((CURL_MULTI, curl));
    }

    let near_config = files.config("near.yaml", &near.base(WHOLE), USUAL)?;
    let far_config = files.config("far.yaml", &far.base(WHOLE), USUAL)?;

    let calls = options.calls;
    let job = |scenario, (contender, command), calls: usize| Job {
        scenario,
        contender,
        command,
        in_flight: 1,
        calls,
        warmup: calls.div_ceil(10),
        url: near.url(WHOLE),
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
            url: far.url(WHOLE),
            config: far_config.clone(),
            core: far.core,
            ..job(LOADED, contender, calls)
        });
    }
    for (contender, file, deployments, strategy) in [
        (ROUTER_ONE, "one.yaml", 1, "simple-shuffle"),
        (ROUTER_LATENCY, "latency.yaml", 100, "latency-based-routing"),
        (ROUTER_USAGE, "usage.yaml", 100, "usage-based-routing-v2"),
    ] {
        let settings = format!("routing_strategy: {strategy}");
        jobs.push(Job {
            in_flight: 64,
            url: far.url(WHOLE),
            config: files.config(file, &far.base(WHOLE), (deployments, &settings))?,
            core: far.core,
            ..job(LOADED, (contender, own("router-async")), calls)
        });
    }
    for (contender, child, config) in hanging.rows(files, &far.base(WHOLE))? {
        jobs.push(Job {
            in_flight: 64,
            url: far.url(WHOLE),
            config,
            core: far.core,
            // Until what may wait for a dead receiver waits: from then on it costs what it costs.
            warmup: 2 * calls,
            ..job(observed::SCENARIO, (contender, own(child)), calls)
        });
    }
    // On one core: who wakes whom on which would decide the figure of chunks that come one by one.
    for (scenario, part, config, calls) in [
        (PACED, streams::PACED, "paced.yaml", streams::IN_FLIGHT),
        (AT_ONCE, streams::AT_ONCE, "at_once.yaml", streams::IN_FLIGHT * 10),
    ] {
        let config = files.config(config, &near.base(part), USUAL)?;
        for contender in [(ROUTER_ASYNC, own("router-stream")), (REQWEST, own("reqwest-stream"))] {
            jobs.push(Job {
                in_flight: streams::IN_FLIGHT,
                url: near.url(part),
                config: config.clone(),
                ..job(scenario, contender, calls)
            });
        }
    }
    let local = |name, child, calls| job(LOCAL, (name, own(child)), calls);
    let mock = |name, child, calls| Job { request: files.mock.clone(), ..local(name, child, calls) };
    jobs.push(mock("load, then first mock call", "router-load", 1));
    jobs.push(mock("mock call, blocking", "router-blocking", calls));
    jobs.push(mock("mock call, async", "router-async", calls));
    let cached = (USUAL.0, "cache_responses: true");
    let config = files.config("cached.yaml", &near.base(WHOLE), cached)?;
    jobs.push(Job { config, ..mock("cache hit, blocking", "router-blocking", calls) });
    jobs.retain(|job| options.wants(&format!("{} {}", job.scenario, job.contender)));
    let routed =
        |job: &Job| [LOCAL, observed::SCENARIO].contains(&job.scenario) || job.contender.starts_with("llmrouter");
    if jobs.iter().any(routed) && !files.library.exists() {
        return Err(format!("{} is not there: run `make bindings` first", files.library.display()).into());
    }
    for host in Host::ALL {
        if jobs.iter().any(|job| Host::of(job.contender) == Some(host)) {
            host.build(files)?;
        }
    }
    Ok(jobs)
}
