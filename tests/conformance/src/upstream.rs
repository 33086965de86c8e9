//! Compares what the provider has seen with what a case expects.

use std::time::{Duration, Instant};

use fakeprovider::{Entry, FakeProvider};
use serde_json::{Value, json};

use crate::case::{RequestExpect, Upstream};
use crate::matching::{differences, matches};

/// How long a counter may lag behind the wire.
const SOON: Duration = Duration::from_secs(2);

impl Upstream {
    /// What is wrong; nothing if empty.
    pub fn check(&self, provider: &FakeProvider) -> Vec<String> {
        let log = provider.log();
        let mut found = Vec::new();
        if let Some(expected) = &self.total {
            differences("upstream.total", expected, Some(&json!(log.len())), &mut found);
        }
        for (path, expected) in &self.paths {
            let count = log.iter().filter(|entry| is_under(path, &entry.path)).count();
            differences(&format!("upstream.paths[{path}]"), expected, Some(&json!(count)), &mut found);
        }
        if let Some(expected) = &self.order {
            let order: Vec<_> = log.iter().map(|entry| first_segment(&entry.path)).collect();
            differences("upstream.order", &json!(expected), Some(&json!(order)), &mut found);
        }
        if let Some(expected) = &self.gaps_ms {
            let gaps: Vec<_> = log.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).collect();
            differences("upstream.gaps_ms", &json!(expected), Some(&json!(gaps)), &mut found);
        }
        for (at, expected) in self.requests.iter().enumerate() {
            expected.check(&format!("upstream.requests[{at}]"), &log, &mut found);
        }
        if let Some(expected) = &self.stats {
            check_stats(expected, provider, &mut found);
        }
        found
    }
}

fn check_stats(expected: &Value, provider: &FakeProvider, found: &mut Vec<String>) {
    let stats = || json!(provider.stats());
    let start = Instant::now();
    while !matches(expected, Some(&stats())) && start.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(5));
    }
    differences("upstream.stats", expected, Some(&stats()), found);
}

impl RequestExpect {
    fn check(&self, path: &str, log: &[Entry], found: &mut Vec<String>) {
        let among: Vec<_> =
            log.iter().filter(|entry| self.path.as_ref().is_none_or(|path| is_under(path, &entry.path))).collect();
        let chosen = match self.n {
            Some(n) => n.checked_sub(1).and_then(|at| among.get(at..=at)).unwrap_or_default(),
            None => &among[..],
        };
        if chosen.is_empty() {
            found.push(format!("{path}: no such request among {}", among.len()));
        }
        for entry in chosen {
            self.check_one(&format!("{path} (request {})", entry.n), entry, found);
        }
    }

    fn check_one(&self, path: &str, entry: &Entry, found: &mut Vec<String>) {
        if let Some(expected) = &self.query {
            differences(&format!("{path}.query"), expected, Some(&json!(entry.query)), found);
        }
        let headers = Value::Object(entry.headers.clone());
        if let Some(expected) = &self.headers {
            differences(&format!("{path}.headers"), expected, Some(&headers), found);
        }
        if let Some(expected) = &self.body {
            differences(&format!("{path}.body"), expected, Some(&entry.body), found);
        }
        for text in self.raw_contains.iter().filter(|text| !entry.raw.contains(*text)) {
            found.push(format!("{path}: the body lacks {text}\n      got      {}", entry.raw));
        }
        for name in self.absent.headers.iter().filter(|name| headers.get(name.as_str()).is_some()) {
            found.push(format!("{path}: header {name} was sent: {}", headers[name.as_str()]));
        }
        for name in self.absent.body.iter().filter(|name| entry.body.get(name.as_str()).is_some()) {
            found.push(format!("{path}: member {name} was sent: {}", entry.body[name.as_str()]));
        }
    }
}

fn is_under(prefix: &str, path: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn first_segment(path: &str) -> &str {
    path.split('/').find(|segment| !segment.is_empty()).unwrap_or("")
}
