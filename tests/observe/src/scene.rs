//! A router with its callbacks at work, from within: what its sinks say of themselves can be read.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use llmrouter::chat::Request;
use llmrouter::config;
use llmrouter::observe::SinkStatus;
use llmrouter::router::Router;
use llmrouter::runtime::{Beside, Runtime};

/// What a prompt says; it must show nowhere.
pub const PROMPT: &str = "the prompt that nobody is to see";

/// Ends like a router of the C ABI when dropped.
pub struct Scene {
    router: Mutex<Arc<Router>>,
    runtime: Arc<Runtime>,
}

fn plain(start: &mut dyn FnMut()) {
    start();
}

/// One that needs no network: `good` answers, `bad` fails with a 503.
pub const GROUPS: &str = "
model_list:
  - {model_name: good, litellm_params: {model: openai/gpt-4o, mock_response: hi}, model_info: {id: g}}
  - {model_name: bad, litellm_params: {model: openai/gpt-4o, mock_error: 503}, model_info: {id: b}}
router_settings: {num_retries: 0, disable_cooldowns: true}
";

impl Scene {
    /// # Panics
    /// If the configuration is refused.
    pub fn new(yaml: &str) -> Self {
        let config = config::load(yaml, |_| None).unwrap_or_else(|error| panic!("{}", error.message));
        let router = Arc::new(Router::new(config).unwrap_or_else(|error| panic!("{}", error.message)));
        let runtime = Arc::new(Runtime::new(2, plain));
        runtime.keep(Arc::clone(router.observer()) as Arc<dyn Beside>);
        router.observe(&runtime).expect("callbacks");
        Self { router: Mutex::new(router), runtime }
    }

    pub fn router(&self) -> Arc<Router> {
        Arc::clone(&self.router.lock().expect("no panic"))
    }

    /// # Panics
    /// If the configuration is refused.
    pub fn reload(&self, yaml: &str) {
        self.try_reload(yaml, |_| None).unwrap_or_else(|error| panic!("{error}"));
    }

    /// With these variables; an error says why everything is as it was.
    pub fn try_reload(
        &self,
        yaml: &str,
        variables: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<(), String> {
        let config = config::load(yaml, variables).map_err(|error| error.message)?;
        let next = self.router().reloaded(config).map_err(|error| error.message)?;
        next.observe(&self.runtime)?;
        *self.router.lock().expect("no panic") = Arc::new(next);
        Ok(())
    }

    /// Makes a call; whether it was answered, and how long that took.
    pub fn ask(&self, group: &str) -> (bool, Duration) {
        self.send(&format!(r#"{{"model":"{group}","messages":[{{"role":"user","content":"{PROMPT}"}}]}}"#))
    }

    /// # Panics
    /// If it is no request, or there is no thread for it.
    pub fn send(&self, request: &str) -> (bool, Duration) {
        let request = Request::parse(request).expect("a request");
        let ticket = self.runtime.admit().unwrap_or_else(|_| panic!("the router takes no calls"));
        let (router, (told, heard)) = (self.router(), mpsc::channel());
        let start = Instant::now();
        self.runtime.threads().expect("threads").spawn(async move {
            let answered = router.answer(&request, ticket.number()).await.is_ok();
            drop(ticket);
            let _ = told.send(answered);
        });
        (heard.recv().expect("an outcome"), start.elapsed())
    }

    /// # Panics
    /// If no callback has this name.
    pub fn status(&self, name: &str) -> SinkStatus {
        let sinks = self.router().observer().sinks();
        let sink = sinks.iter().find(|connected| connected.config.name == name);
        sink.unwrap_or_else(|| panic!("no callback is named {name}")).sink.status()
    }

    /// Waits until a callback is as `is_so` wants it.
    ///
    /// # Panics
    /// If it never is.
    pub fn wait(&self, name: &str, is_so: impl Fn(&SinkStatus) -> bool) -> SinkStatus {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let status = self.status(name);
            if is_so(&status) {
                return status;
            }
            assert!(Instant::now() < end, "{status:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// As `router_shutdown`; how long it took.
    pub fn shutdown(&self, drain: Duration) -> (bool, Duration) {
        let start = Instant::now();
        let all = self.runtime.drain(drain);
        self.router().observer().flush_until(start + drain);
        (all, start.elapsed())
    }

    /// As `router_free`; how long it took.
    pub fn free(self) -> Duration {
        let start = Instant::now();
        drop(self);
        start.elapsed()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

/// [`GROUPS`] with callbacks of every outcome and their settings.
pub fn with_callbacks(names: &str, settings: &str, variables: &str) -> String {
    format!(
        "{GROUPS}\nlitellm_settings: {{callbacks: [{names}]}}\ncallback_settings: {{{settings}}}\n\
         environment_variables: {{{variables}}}\n"
    )
}
