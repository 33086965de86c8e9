//! A reload that fails changes nothing, and leaves nothing behind. Alone in its process: it counts threads.

use std::time::{Duration, Instant};

use fakeprovider::Collector;
use observe::scene::{Scene, with_callbacks};

/// The threads of this process that the library made.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.flatten().map(|task| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default());
    names.filter(|name| name.trim() == "llmrouter").count()
}

/// Two that make calls, and one that hands events over.
const USUAL: usize = 3;

/// Waits until there are so many threads again.
fn wait() {
    let end = Instant::now() + Duration::from_secs(5);
    while threads() != USUAL {
        assert!(Instant::now() < end, "{} threads", threads());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_reload_whose_callbacks_cannot_be_made_changes_nothing() {
    let collector = Collector::start();
    let hook = format!("webhook: {{endpoint: \"{}\", batch_size: 2}}", collector.url("/hook"));
    let scene = Scene::new(&with_callbacks("webhook", &hook, ""));
    scene.ask("good");
    wait();
    let settings = "json_file: {path: /nowhere/at/all}, webhook: {endpoint: \"https://localhost:1\"}";
    let broken = with_callbacks("json_file, webhook", settings, "");
    let proxy = |name: &str| (name == "HTTPS_PROXY").then(|| "socks5://127.0.0.1:1".to_owned());
    let error = scene.try_reload(&broken, proxy).unwrap_err();
    assert!(error.starts_with("the callback \"webhook\": "), "{error}");
    // The file's thread came before the webhook that could not be made.
    wait();
    scene.ask("good");
    assert_eq!(collector.wait(2, Duration::from_secs(10)).len(), 2);
}
