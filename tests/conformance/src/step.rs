//! Does one step of a case.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fakeprovider::FakeProvider;
use fakeprovider::abi::{Answer, Export, Outcome, Router, Stream};
use serde_json::{Map, Value};

use crate::case::{Step, parse_script};
use crate::expect::Done;
use crate::matching::{differences, short};
use crate::run::{Form, text_of};
use crate::secrets::Secrets;
use crate::verbs::{EVERY, VERBS, completed, export};

/// An outcome that has not come by then never comes: no case waits that long.
const LATEST: Duration = Duration::from_secs(45);
/// Calls of one step that are reported when they fail; the others fail alike.
const REPORTED: usize = 3;

/// What a step works with.
pub struct Stage<'a> {
    pub router: &'a Router,
    pub provider: &'a FakeProvider,
    pub secrets: &'a Secrets,
    pub form: Form,
}

impl Step {
    /// Does the step and says what was wrong; nothing if empty.
    pub fn run(&self, stage: &Stage) -> Vec<String> {
        if let Some(expected) = &self.snapshot {
            let (mut found, snapshot) = (Vec::new(), stage.router.snapshot());
            differences("snapshot", expected, Some(&snapshot), &mut found);
            return with_actual(found, &snapshot);
        }
        if let Some(config) = &self.reload {
            return match text_of(config) {
                Ok(text) => self.expect.check_reload(&stage.router.reload(&text)),
                Err(error) => vec![error],
            };
        }
        if let Some(request) = &self.explain {
            return self.explain(request, stage);
        }
        if let Some(expected) = &self.upstream {
            return expected.check(stage.provider);
        }
        if let Some(script) = &self.script {
            let set = parse_script(Some(script))
                .and_then(|script| stage.provider.set_script(&script).map_err(|error| error.to_string()));
            return set.err().into_iter().collect();
        }
        if let Some(length) = self.sleep_ms {
            std::thread::sleep(Duration::from_millis(length));
            return Vec::new();
        }
        if self.clear_log {
            stage.provider.clear();
            return Vec::new();
        }
        self.call(stage)
    }

    /// Says which step this is, for a person who looks for it.
    pub fn title(&self) -> &'static str {
        match self {
            Self { explain: Some(_), .. } => "explain",
            Self { reload: Some(_), .. } => "reload",
            Self { snapshot: Some(_), .. } => "snapshot",
            Self { upstream: Some(_), .. } => "upstream",
            Self { script: Some(_), .. } => "script",
            Self { sleep_ms: Some(_), .. } => "sleep_ms",
            Self { clear_log: true, .. } => "clear_log",
            Self { raw: Some(_), .. } => "raw",
            _ => "call",
        }
    }

    fn call(&self, stage: &Stage) -> Vec<String> {
        if self.path.as_deref() != Some(EVERY) {
            return self.call_to(self.path.as_deref(), stage);
        }
        let found =
            |path: &str| self.call_to(Some(path), stage).into_iter().map(|text| format!("{path}: {text}")).collect();
        VERBS.iter().map(|(path, _)| found(path)).find(|found: &Vec<String>| !found.is_empty()).unwrap_or_default()
    }

    fn call_to(&self, path: Option<&str>, stage: &Stage) -> Vec<String> {
        let request = self.request(path);
        let export = export(path);
        let concurrent = self.concurrent.unwrap_or(1).max(1);
        let repeat = self.repeat.unwrap_or(concurrent);
        let (started, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..concurrent.min(repeat) {
                scope.spawn(|| {
                    while started.fetch_add(1, Relaxed) < repeat {
                        let start = Instant::now();
                        let outcome = self.call_once(stage, export, &request);
                        let one = Done { outcome, took: start.elapsed() };
                        done.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                    }
                });
            }
        });
        self.verdict(&done.into_inner().unwrap_or_else(PoisonError::into_inner), repeat, stage)
    }

    /// A plan costs nothing upstream, and holds no secret.
    fn explain(&self, request: &Map<String, Value>, stage: &Stage) -> Vec<String> {
        let before = stage.provider.log().len();
        let plan = stage.router.explain(&completed(None, request.clone()));
        let mut found = self.expect.check_plan(&plan);
        let shown = plan.unwrap_or_else(|failure| failure.json).to_string();
        found.extend(stage.secrets.in_text("plan", &shown));
        let sent = stage.provider.log().len() - before;
        if sent > 0 {
            found.push(format!("promise: an explanation sends nothing; {sent} requests were sent"));
        }
        if !found.is_empty() {
            found.push(format!("whole: {shown}"));
        }
        found
    }

    fn request(&self, path: Option<&str>) -> String {
        self.raw.clone().unwrap_or_else(|| completed(path, self.call.clone().unwrap_or_default()))
    }

    fn call_once(&self, stage: &Stage, export: Export, request: &str) -> Outcome {
        if self.stream {
            return streamed(stage.router.call_stream(export, request, stage.form == Form::Async)?);
        }
        if stage.form == Form::Blocking && self.cancel_after_ms.is_none() {
            return stage.router.call(export, request);
        }
        let call = stage.router.start(export, request)?;
        if let Some(after) = self.cancel_after_ms {
            std::thread::sleep(Duration::from_millis(after));
            stage.router.cancel(&call);
        }
        call.wait_for(LATEST).expect("the call's one callback")
    }

    fn verdict(&self, all: &[Done], repeat: usize, stage: &Stage) -> Vec<String> {
        let mut found = self.expect.check_all(all);
        let mut wrong = 0;
        for done in all {
            let shown = done.shown();
            let mut of_this = self.expect.check(done);
            // The provider's own answer is handed on byte for byte; all else is the router's.
            let ours = if done.outcome.is_ok() { &shown["metadata"] } else { &shown };
            of_this.extend(stage.secrets.in_text("outcome", &ours.to_string()));
            if !of_this.is_empty() {
                wrong += 1;
                if wrong <= REPORTED {
                    found.extend(with_actual(of_this, &shown));
                }
            }
        }
        if wrong > 1 || (wrong == 1 && repeat > 1) {
            found.push(format!("{wrong} of {repeat} calls were wrong"));
        }
        found
    }
}

/// Reads a stream to its end, and shows it like a whole answer: its chunks as the body, all its text as the text.
fn streamed(stream: Stream) -> Outcome {
    let (chunks, end) = stream.rest();
    end?;
    let text = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    let body = Value::from(chunks.clone()).to_string();
    Ok(Answer { bytes: body.clone().into_bytes(), body, text: Some(text), metadata: stream.metadata() })
}

/// Adds the whole of what was there, to see a difference in its place.
fn with_actual(mut found: Vec<String>, actual: &Value) -> Vec<String> {
    if !found.is_empty() {
        found.push(format!("whole: {}", short(&actual.to_string())));
    }
    found
}
