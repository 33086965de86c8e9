//! Runs one case in this process, which does nothing else: the environment and the log listener are the process's.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use fakeprovider::abi::{Failure, LogCapture, Router, stray_callbacks};
use fakeprovider::{FakeProvider, Script};
use serde_json::Value;
use tokio::net::TcpSocket;

use crate::case::{Case, LoadError, Places, parse_script};
use crate::secrets::Secrets;
use crate::step::Stage;

/// `ROUTER_LOG_DEBUG`: deep enough to find a leaked key, in routers that are verbose.
const LOG_LEVEL: i32 = 4;
const VERBOSE: (&str, &str) = ("LITELLM_LOG", "DEBUG");

/// Which functions a case's calls go through. What holds for one holds for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Blocking,
    Async,
}

impl Form {
    pub const ALL: [Self; 2] = [Self::Blocking, Self::Async];
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocking => "blocking",
            Self::Async => "async",
        })
    }
}

impl FromStr for Form {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|form| form.to_string() == text).ok_or_else(|| format!("{text}: blocking or async"))
    }
}

/// Runs the case at `path` and says what was wrong; nothing if empty.
pub fn run(path: &Path, form: Form) -> Vec<String> {
    try_run(path, form).unwrap_or_else(|error| vec![error])
}

fn try_run(path: &Path, form: Form) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let _inside = runtime.enter();
    let provider = runtime.block_on(FakeProvider::start(Script::default())).map_err(|error| error.to_string())?;
    // Bound and never listening: it refuses connections, and nobody else gets the port meanwhile.
    let dead = TcpSocket::new_v4().map_err(|error| error.to_string())?;
    dead.bind(([127, 0, 0, 1], 0).into()).map_err(|error| error.to_string())?;
    let dead_at = dead.local_addr().map_err(|error| error.to_string())?;
    let places = Places { provider: provider.base_url(), dead: format!("http://{dead_at}") };

    let case = Case::read(path, &places)?;
    provider.set_script(&parse_script(case.script.as_ref())?).map_err(|error| error.to_string())?;
    // SAFETY: as below.
    unsafe { std::env::set_var(VERBOSE.0, VERBOSE.1) };
    for (name, value) in &case.env {
        // SAFETY: the only other threads are the provider's, which do not look at the environment.
        unsafe { std::env::set_var(name, value) };
    }
    let config = config_text(&case, path, &places)?;
    let mut secrets = Secrets::of(&config, &case.env);
    for config in case.steps.iter().filter_map(|step| step.reload.as_ref()) {
        secrets.add_config(&text_of(config)?);
    }
    let log = LogCapture::start(LOG_LEVEL);
    let mut found = match load(&case, &config) {
        Err(failure) => check_refusal(&case, &failure, &secrets),
        Ok(_) if case.load_error.is_some() => vec!["the configuration was accepted".into()],
        Ok(router) => {
            let stage = Stage { router: &router, provider: &provider, secrets: &secrets, form };
            let found = steps(&case, &stage);
            let dangling = check_rest(&router);
            drop(router);
            found.into_iter().chain(dangling).collect()
        }
    };
    let records = log.records();
    for (_, record) in &records {
        found.extend(secrets.in_text("log", &record.to_string()));
    }
    if stray_callbacks() > 0 {
        found.push(format!("promise: one callback a call; {} came too many", stray_callbacks()));
    }
    if !found.is_empty() {
        found.insert(0, format!("{}: {}", case.name, case.why));
        found.extend(records.iter().rev().take(20).rev().map(|(level, record)| format!("log {level}: {record}")));
    }
    Ok(found)
}

fn config_text(case: &Case, path: &Path, places: &Places) -> Result<String, String> {
    if let Some(name) = &case.config_file {
        let file = path.with_file_name("../configs").join(name);
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        return Ok(places.fill(&text));
    }
    text_of(case.config.as_ref().unwrap_or(&Value::Null))
}

/// A configuration's text: as it is written, or of a mapping.
pub fn text_of(config: &Value) -> Result<String, String> {
    match config {
        Value::String(text) => Ok(text.clone()),
        config => serde_yaml::to_string(config).map_err(|error| error.to_string()),
    }
}

/// A case with a file also tests the loading of files.
fn load(case: &Case, config: &str) -> Result<Router, Box<Failure>> {
    let Some(name) = &case.config_file else {
        return Router::from_yaml(config);
    };
    let filled = std::env::temp_dir().join(format!("conformance-{}-{name}", std::process::id()));
    std::fs::write(&filled, config).expect("a temporary file");
    let router = Router::from_file(&filled);
    std::fs::remove_file(&filled).expect("the temporary file");
    router
}

fn check_refusal(case: &Case, failure: &Failure, secrets: &Secrets) -> Vec<String> {
    let mut found = secrets.in_text("load error", &format!("{failure} {}", failure.json));
    let Some(LoadError { contains, excludes }) = &case.load_error else {
        found.push(format!("the configuration was refused: {failure}"));
        return found;
    };
    if failure.code != 2 {
        found.push(format!("a refused configuration is ROUTER_ERROR_CONFIG, got {failure}"));
    }
    for text in contains.iter().filter(|text| !failure.message.contains(*text)) {
        found.push(format!("load_error lacks {text:?}: {failure}"));
    }
    for text in excludes.iter().filter(|text| failure.message.contains(*text)) {
        found.push(format!("load_error holds {text:?}: {failure}"));
    }
    found
}

/// Stops at the first step that goes wrong: what follows builds on it.
fn steps(case: &Case, stage: &Stage) -> Vec<String> {
    let found = std::thread::scope(|scope| {
        let mut running = Vec::new();
        for (at, step) in case.steps.iter().enumerate() {
            let run = move || {
                let named = |text| format!("steps[{at}] ({}): {text}", step.title());
                step.run(stage).into_iter().map(named).collect::<Vec<_>>()
            };
            if step.background {
                running.push(scope.spawn(run));
                continue;
            }
            let found = run();
            if !found.is_empty() {
                return found;
            }
        }
        running.into_iter().flat_map(|step| step.join().unwrap_or_else(|_| vec!["a step panicked".into()])).collect()
    });
    if !found.is_empty() {
        return found;
    }
    let mut found = stage.secrets.in_text("snapshot", &stage.router.snapshot().to_string());
    if let Some(upstream) = &case.upstream {
        found.extend(upstream.check(stage.provider));
    }
    found
}

/// What holds after every case: nothing is in flight, and the router shuts down at once.
fn check_rest(router: &Router) -> Vec<String> {
    let mut found = Vec::new();
    let start = Instant::now();
    while in_flight(&router.snapshot()) != 0.0 && start.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let left = in_flight(&router.snapshot());
    if left != 0.0 {
        found.push(format!("promise: in-flight counts return to 0; {left} are left"));
    }
    if !router.shutdown(2000) {
        found.push("promise: with nothing in flight, router_shutdown succeeds".into());
    }
    found
}

fn in_flight(snapshot: &Value) -> f64 {
    let groups = snapshot["groups"].as_array().into_iter().flatten();
    let deployments = groups.flat_map(|group| group["deployments"].as_array().into_iter().flatten());
    deployments.map(|deployment| deployment["in_flight"].as_f64().unwrap_or(0.0)).sum()
}
