//! The server of the text, as clients see it; the dashboard, as the metrics have it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::listen::{Change, Listening, Source};
use super::{State, catalogue, live};
use crate::runtime::{Beside, Runtime};

fn plain(start: &mut dyn FnMut()) {
    start();
}

/// A server of a text, on a free port.
struct Served {
    listening: Arc<Listening>,
    runtime: Runtime,
}

impl Served {
    fn new(text: &'static str) -> Self {
        let served = Self { listening: Arc::default(), runtime: Runtime::new(1, plain) };
        served.change(Some("127.0.0.1:0".parse().unwrap()), text);
        served
    }

    fn change(&self, wanted: Option<SocketAddr>, text: &'static str) {
        let source: Source = Arc::new(move || Some(text.to_owned()));
        let change = self.listening.prepare(wanted).unwrap();
        self.listening.change(change, source, &self.runtime.threads().unwrap());
    }

    fn address(&self) -> SocketAddr {
        self.listening.bound().unwrap()
    }

    /// All that comes back.
    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

#[test]
fn the_text_is_served_and_nothing_else() {
    let served = Served::new("a 1\n");
    let text = served.ask("GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(text.starts_with(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 4\r\n"
    ));
    assert!(text.ends_with("Connection: close\r\n\r\na 1\n"));
    let head = served.ask("HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.contains("Content-Length: 4\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let status = |request: &str| served.ask(request).lines().next().unwrap().to_owned();
    assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
    assert_eq!(status("POST /metrics HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"), "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(status("GET /metrics HTTP/2.0\r\n\r\n"), "HTTP/1.1 505 HTTP Version Not Supported");
    assert_eq!(status("nonsense\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9000));
    assert_eq!(status(&long), "HTTP/1.1 431 Request Header Fields Too Large");
}

#[test]
fn those_who_say_nothing_keep_nobody_out_for_long() {
    let served = Served::new("a 1\n");
    let _idle: Vec<_> = (0..20).map(|_| TcpStream::connect(served.address()).unwrap()).collect();
    assert!(served.ask("GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
}

#[test]
fn an_address_can_be_changed_and_is_taken_before() {
    let served = Served::new("a 1\n");
    let first = served.address();
    served.change(Some("127.0.0.1:0".parse().unwrap()), "never");
    assert_eq!(served.address(), first, "the same address stays as it is");
    assert!(served.listening.prepare(Some(first)).is_err(), "somebody has it");
    let change = served.listening.prepare(Some("127.0.0.2:0".parse().unwrap())).unwrap();
    assert!(matches!(change, Change::To(Some(_))) && served.address() == first);
    served.change(Some("127.0.0.2:0".parse().unwrap()), "b 2\n");
    assert!(served.ask("GET /metrics HTTP/1.1\r\n\r\n").ends_with("b 2\n"));
    served.change(None, "never");
    assert!(served.listening.bound().is_none());
    served.change(Some(first), "c 3\n");
    assert!(served.ask("GET /metrics HTTP/1.1\r\n\r\n").ends_with("c 3\n"));
}

#[test]
fn the_end_of_the_router_is_its_end() {
    let served = Served::new("a 1\n");
    let address = served.address();
    let mut open = TcpStream::connect(address).unwrap();
    open.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    served.ask("GET /metrics HTTP/1.1\r\n\r\n");
    served.runtime.keep(Arc::clone(&served.listening) as Arc<dyn Beside>);
    assert!(served.runtime.drain(Duration::ZERO));
    served.runtime.flush(Duration::ZERO);
    let mut rest = Vec::new();
    assert_eq!(open.read_to_end(&mut rest).unwrap_or_default(), 0, "its connections end, too");
    let free = |_| {
        let is_free = std::net::TcpListener::bind(address).is_ok();
        std::thread::sleep(Duration::from_millis(if is_free { 0 } else { 10 }));
        is_free
    };
    assert!((0..500).any(free), "the port is free again");
    assert!(matches!(served.listening.prepare(Some(address)).unwrap(), Change::Nothing));
}

/// All names under which samples stand in the text.
fn exposed() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = live::names().map(str::to_owned).collect();
    for spec in catalogue::SPECS {
        match spec.kind {
            catalogue::Kind::Counter => drop(names.insert(spec.name.to_owned())),
            _ => names.extend(["bucket", "sum", "count"].map(|part| format!("{}_{part}", spec.name))),
        }
    }
    names
}

/// The words of a text that could be metrics of ours.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("litellm_") || word.starts_with("llmrouter_"));
    ours.filter(|word| *word != "litellm_model_name" && *word != "litellm_settings" && *word != "llmrouter_settings")
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_dashboard_asks_for_what_there_is() {
    let text = include_str!("../../../data/grafana/llmrouter.json");
    let dashboard: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
            queries.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        queries.extend(variable["definition"].as_str().map(str::to_owned));
    }
    let asked = metrics_in(&queries.join("\n"));
    let unknown: Vec<_> = asked.difference(&exposed()).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(asked.len() > 20, "{asked:?}");
}

#[test]
fn each_metric_is_documented() {
    let text = include_str!("../../../docs/observability.md");
    let documented = metrics_in(text);
    let names: BTreeSet<String> =
        live::names().chain(catalogue::SPECS.iter().map(|spec| spec.name)).map(str::to_owned).collect();
    let missing: Vec<_> = names.iter().filter(|name| !documented.contains(*name)).collect();
    assert!(missing.is_empty(), "not in docs/observability.md: {missing:?}");
}

#[test]
fn an_empty_router_has_a_text() {
    let metrics = super::Prometheus::new(&super::Settings::default()).unwrap();
    let text = metrics.render(&State::default());
    assert!(text.contains("# TYPE llmrouter_build_info gauge\n"), "{text}");
    assert!(text.contains("llmrouter_events_lost_total{observer=\"sinks\"} 0\n"), "{text}");
}
