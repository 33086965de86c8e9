//! A case as it is written. Unknown members are errors, so that a misspelt expectation can't pass.

use std::collections::BTreeMap;
use std::path::Path;

use fakeprovider::Script;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// One file in `cases/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// What would go wrong for a user; may cite a failure by its id.
    pub why: String,
    /// The whole environment of the library.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// YAML text, or the same as a mapping.
    pub config: Option<Value>,
    /// A file in `configs/`, loaded as a file.
    pub config_file: Option<String>,
    #[serde(default)]
    pub script: Option<Value>,
    pub load_error: Option<LoadError>,
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Checked after the last step.
    pub upstream: Option<Upstream>,
}

/// The configuration is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadError {
    #[serde(default)]
    pub contains: Vec<String>,
    #[serde(default)]
    pub excludes: Vec<String>,
}

/// One thing to do: exactly one of `call`, `raw`, `explain`, `reload`, `snapshot`, `upstream`, `script`, `clear_log`, `sleep_ms`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// A request; what its verb can't do without is filled in unless given.
    pub call: Option<Map<String, Value>>,
    /// A request as the very text to send.
    pub raw: Option<String>,
    /// Which verb is called; without it a chat. `*` is each of them in turn.
    pub path: Option<String>,
    /// A request to ask `router_explain` about; completed like that of `call`.
    pub explain: Option<Map<String, Value>>,
    /// How many times.
    pub repeat: Option<usize>,
    /// How many of them at once.
    pub concurrent: Option<usize>,
    /// Cancels each call after that time.
    pub cancel_after_ms: Option<u64>,
    /// The answer is streamed and read to its end.
    pub stream: bool,
    /// The next steps don't wait for the calls of this one.
    pub background: bool,
    /// Another configuration, written like the case's own.
    pub reload: Option<Value>,
    pub expect: Expect,
    /// A partial match, at once true.
    pub snapshot: Option<Value>,
    /// Checks the provider's log before the case goes on.
    pub upstream: Option<Upstream>,
    /// Another script, played from its beginning.
    pub script: Option<Value>,
    /// Forgets the provider's log and counters.
    pub clear_log: bool,
    pub sleep_ms: Option<u64>,
}

/// What each call of a step comes to. Without `error` and `ok: false` it is an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    pub ok: Option<bool>,
    pub text: Option<Value>,
    /// The answer's body as JSON.
    pub body: Option<Value>,
    /// The answer's body as text.
    #[serde(deserialize_with = "given")]
    pub body_text: Option<Value>,
    /// The answer's body in base64.
    pub body_base64: Option<Value>,
    pub metadata: Option<Value>,
    /// What `router_explain` says.
    pub plan: Option<Value>,
    pub error: Option<ErrorExpect>,
    pub took_ms: Option<Value>,
    /// How many of the calls of the step came from where.
    pub spread: Option<Spread>,
    /// Texts that stand nowhere in what the call gave.
    pub excludes: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorExpect {
    /// A number, or a name of the header without `ROUTER_ERROR_`.
    pub code: Option<Value>,
    /// LiteLLM's class.
    #[serde(rename = "type")]
    pub class: Option<Value>,
    pub status: Option<Value>,
    pub retryable: Option<bool>,
    /// Seconds; null says that there is none.
    #[serde(deserialize_with = "given")]
    pub retry_after: Option<Value>,
    #[serde(deserialize_with = "one_or_many")]
    pub message_contains: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub message_excludes: Vec<String>,
    /// A partial match of `router_error_json`'s member `error`.
    pub json: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spread {
    pub text: BTreeMap<String, Value>,
    /// By the metadata's `deployment`.
    pub deployment: BTreeMap<String, Value>,
    /// By the class. With it calls may be answered or not; `expect`'s other members are for those that are as it says.
    pub error: BTreeMap<String, Value>,
}

/// What the provider has seen.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    pub total: Option<Value>,
    /// Path, or prefix of a path up to a `/`, to the number of requests.
    pub paths: BTreeMap<String, Value>,
    /// The first segments of the requests' paths, in order.
    pub order: Option<Vec<String>>,
    /// Milliseconds between a request and the next one, one for each gap.
    pub gaps_ms: Option<Vec<Value>>,
    pub requests: Vec<RequestExpect>,
    /// A partial match of the provider's counters, some time soon.
    pub stats: Option<Value>,
}

/// Holds for the `n`-th request, from 1, or for each; among those to `path`, or all.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestExpect {
    pub n: Option<usize>,
    pub path: Option<String>,
    /// What follows the `?`; null for nothing.
    #[serde(deserialize_with = "given")]
    pub query: Option<Value>,
    pub headers: Option<Value>,
    pub body: Option<Value>,
    /// Texts that the body holds byte for byte.
    #[serde(deserialize_with = "one_or_many")]
    pub raw_contains: Vec<String>,
    pub absent: Absent,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Absent {
    pub headers: Vec<String>,
    /// Members at the top of the body.
    pub body: Vec<String>,
}

/// Reads a case in which `<<` takes over the members of another mapping.
fn merged(text: &str) -> Result<Case, serde_yaml::Error> {
    let mut tree: serde_yaml::Value = serde_yaml::from_str(text)?;
    tree.apply_merge()?;
    serde_yaml::from_value(tree)
}

/// Tells an explicit null from a missing member.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// What stands for `{{provider}}` and `{{dead}}`.
pub struct Places {
    /// The fake provider's base URL.
    pub provider: String,
    /// The base URL of a port that refuses connections.
    pub dead: String,
}

impl Places {
    pub fn fill(&self, text: &str) -> String {
        text.replace("{{provider}}", &self.provider).replace("{{dead}}", &self.dead)
    }
}

impl Case {
    /// Reads and checks a case. The error names the file.
    pub fn read(path: &Path, places: &Places) -> Result<Self, String> {
        let named = |error: String| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        let case = merged(&places.fill(&text)).map_err(|error| named(error.to_string()))?;
        case.check().map_err(named)?;
        Ok(case)
    }

    fn check(&self) -> Result<(), String> {
        if self.config.is_some() == self.config_file.is_some() {
            return Err("one of config and config_file".into());
        }
        if self.load_error.is_none() == self.steps.is_empty() {
            return Err("steps, or load_error alone".into());
        }
        parse_script(self.script.as_ref())?;
        for (at, step) in self.steps.iter().enumerate() {
            step.check().map_err(|error| format!("steps[{at}]: {error}"))?;
        }
        Ok(())
    }
}

impl Step {
    fn check(&self) -> Result<(), String> {
        let verbs = [
            self.call.is_some() || self.raw.is_some(),
            self.explain.is_some(),
            self.reload.is_some(),
            self.snapshot.is_some(),
            self.upstream.is_some(),
            self.script.is_some(),
            self.clear_log,
            self.sleep_ms.is_some(),
        ];
        if verbs.iter().filter(|given| **given).count() != 1 || (self.call.is_some() && self.raw.is_some()) {
            return Err("one of call, raw, explain, reload, snapshot, upstream, script, clear_log and sleep_ms".into());
        }
        let calls = self.call.is_some() || self.raw.is_some();
        if self.path.is_some() && !calls {
            return Err("path is for call and raw".into());
        }
        if (self.background || self.stream) && !calls {
            return Err("background and stream are for call and raw".into());
        }
        if self.stream && (self.cancel_after_ms.is_some() || self.path.as_deref() == Some("*")) {
            return Err("stream is for one verb, and read to its end".into());
        }
        if self.expect.plan.is_some() && self.explain.is_none() {
            return Err("plan is for explain".into());
        }
        if let Some(code) = self.expect.error.as_ref().and_then(|error| error.code.as_ref()) {
            crate::expect::code_number(code)?;
        }
        parse_script(self.script.as_ref()).map(|_| ())
    }
}

/// A script's own errors are better than those of a YAML reader, so it is read on its own.
pub fn parse_script(script: Option<&Value>) -> Result<Script, String> {
    match script {
        None => Ok(Script::default()),
        Some(script) => Script::from_json(script.clone()).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(), String> {
        merged(text).map_err(|error| error.to_string())?.check()
    }

    #[test]
    fn every_case_can_be_read() {
        let places = Places { provider: "http://127.0.0.1:1".into(), dead: "http://127.0.0.1:2".into() };
        let mut names = std::collections::BTreeSet::new();
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/cases")).unwrap() {
            let case = Case::read(&entry.unwrap().path(), &places).unwrap_or_else(|error| panic!("{error}"));
            assert!(names.insert(case.name.clone()), "twice: {}", case.name);
        }
    }

    #[test]
    fn what_is_misspelt_or_contradictory_is_refused() {
        for (text, why) in [
            ("{name: n, why: w, config: '', step: []}", "unknown field `step`"),
            ("{name: n, why: w, config: '', steps: [{call: {}, expect: {txt: a}}]}", "unknown field `txt`"),
            ("{name: n, why: w, config: '', steps: [{call: {}, expect: {error: {kode: 1}}}]}", "unknown field `kode`"),
            ("{name: n, why: w, config: '', steps: [{call: {}, expect: {error: {code: NOPE}}}]}", "NOPE"),
            ("{name: n, why: w, config: '', steps: [{call: {}, sleep_ms: 1}]}", "one of call"),
            ("{name: n, why: w, config: '', steps: [{call: {}, expect: {plan: {}}}]}", "plan is for explain"),
            ("{name: n, why: w, config: '', steps: [{snapshot: {}, path: /rerank}]}", "path is for call"),
            ("{name: n, why: w, config: '', steps: [{reload: '', background: true}]}", "are for call"),
            ("{name: n, why: w, config: '', steps: [{call: {}, stream: true, path: '*'}]}", "one verb"),
            ("{name: n, why: w, config: '', steps: [{script: {path: {}}}]}", "unknown field `path`"),
            ("{name: n, why: w, steps: [{call: {}}]}", "one of config"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(why), "{error}");
        }
    }
}
