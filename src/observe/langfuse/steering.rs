//! What a request's metadata says of its trace: names, ids, and what is to be hidden. The keys are LiteLLM's.

use serde_json::{Map, Value};

use crate::config::LangfuseConfig;

use super::super::event::Event;
use super::super::origin::Origin;
use super::super::otlp::{SpanId, TraceId};

/// Headers of the caller's that stand for a member of the metadata, and go before it.
const HEADERS: &str = "langfuse_";

/// Where a call belongs, and what its trace is called.
pub struct Steering {
    pub trace: TraceId,
    /// The observation that it happens in.
    pub parent: Option<SpanId>,
    /// The generation's own id.
    pub generation: Option<SpanId>,
    pub generation_name: String,
    /// Of the generation.
    pub version: Option<String>,
    pub masks_input: bool,
    pub masks_output: bool,
    pub about: About,
    /// The prompt in Langfuse that was used: its name and version.
    pub prompt: Option<(String, i64)>,
}

/// What is said of the trace. Of one that was there before, only what is to be changed.
#[derive(Default)]
pub struct About {
    pub name: Option<String>,
    pub user: Option<String>,
    pub session: Option<String>,
    pub version: Option<String>,
    pub release: Option<String>,
    pub public: Option<bool>,
    pub tags: Vec<String>,
    pub metadata: Map<String, Value>,
    /// The call's prompt and answer become the trace's.
    pub input: bool,
    pub output: bool,
}

/// Members of the metadata, headers before them.
struct Members<'a> {
    metadata: &'a Map<String, Value>,
    origin: &'a Origin,
}

impl Steering {
    pub fn of(event: &Event, config: &LangfuseConfig) -> Self {
        let (call, origin) = (&event.call, event.call.origin());
        let members = Members { metadata: &origin.metadata, origin };
        let existing = members.text("existing_trace_id");
        let named = existing.clone().or_else(|| members.text("trace_id"));
        let trace = TraceId::of_name(named.as_deref().unwrap_or(&origin.trace_id));
        let id = |name| members.text(name).and_then(|name| SpanId::of_name(&name));
        // A trace's name is what its root is called: who is added to one hangs below a parent that nobody tells of.
        let nobody = || existing.as_ref().map(|_| SpanId::own(call.id, u64::MAX));
        let call_type = call.request.verb().call_type();
        let alias = || members.text("user_api_key_alias").map(|alias| format!("litellm:{alias}"));
        let generation_name = members.text("generation_name").or_else(alias);
        let about = match &existing {
            Some(_) if config.update_trace_keys => About::changed(&members),
            Some(_) => About::default(),
            None => About::new(&members, event, config),
        };
        Self {
            trace: trace.unwrap_or_else(|| TraceId::own(call.id)),
            parent: id("parent_observation_id").or_else(nobody),
            generation: id("generation_id"),
            generation_name: generation_name.unwrap_or_else(|| format!("litellm-{call_type}")),
            version: members.text("version"),
            masks_input: members.flag("mask_input").unwrap_or(false),
            masks_output: members.flag("mask_output").unwrap_or(false),
            prompt: members
                .get("prompt")
                .and_then(|prompt| Some((prompt.get("name")?.as_str()?.to_owned(), prompt.get("version")?.as_i64()?))),
            about: about.with_debug(&members),
        }
    }
}

impl About {
    fn new(members: &Members, event: &Event, config: &LangfuseConfig) -> Self {
        let origin = event.call.origin();
        let name = || format!("litellm-{}", event.call.request.verb().call_type());
        Self {
            name: Some(members.text("trace_name").unwrap_or_else(name)),
            user: members.text("trace_user_id").or_else(|| origin.end_user.clone()),
            session: members.text("session_id").or_else(|| origin.session_id.clone()),
            version: members.text("trace_version").or_else(|| members.text("version")),
            release: members.text("trace_release").or_else(|| config.release.clone()),
            public: members.flag("trace_public"),
            tags: tags(members, event, config),
            metadata: members.map("trace_metadata"),
            input: false,
            output: false,
        }
    }

    /// `update_trace_keys`, each with the value of its member.
    fn changed(members: &Members) -> Self {
        let mut about = Self::default();
        for key in members.list("update_trace_keys") {
            match key.strip_prefix("trace_").unwrap_or(&key) {
                "name" => about.name = members.text(&key),
                "user_id" => about.user = members.text(&key),
                "session_id" => about.session = members.text(&key),
                "version" => about.version = members.text(&key),
                "release" => about.release = members.text(&key),
                "public" => about.public = members.flag(&key),
                "tags" => about.tags = members.list(&key),
                "metadata" => about.metadata = members.map(&key),
                "input" => about.input = true,
                "output" => about.output = true,
                _ => {}
            }
        }
        about
    }

    /// `debug_langfuse`: what the metadata was.
    fn with_debug(mut self, members: &Members) -> Self {
        if members.flag("debug_langfuse") == Some(true) {
            let plain = members.metadata.iter().filter(|(_, value)| !value.is_object() && !value.is_array());
            let plain: Map<_, _> = plain.map(|(name, value)| (name.clone(), value.clone())).collect();
            self.metadata.insert("metadata_passed_to_litellm".to_owned(), plain.into());
        }
        self
    }
}

/// The request's, and those that the configuration adds.
fn tags(members: &Members, event: &Event, config: &LangfuseConfig) -> Vec<String> {
    let mut tags = event.call.origin().tags.clone();
    for name in &config.default_tags {
        let value = match name.as_str() {
            "cache_hit" => Some(python(event.kept().is_some())),
            "cache_key" => Some(event.kept().map_or_else(|| "None".to_owned(), |kept| kept.key.clone())),
            "model_group" => Some(event.group().to_owned()),
            name => members.get(name).map(|value| value.as_bool().map_or_else(|| written(value), python)),
        };
        tags.extend(value.map(|value| format!("{name}:{value}")));
    }
    tags
}

/// As LiteLLM's tags have it.
fn python(flag: bool) -> String {
    if flag { "True" } else { "False" }.to_owned()
}

/// A text as it is, anything else as JSON.
pub fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl<'a> Members<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        let is_header = |key: &str| {
            let start = key.get(..HEADERS.len()).is_some_and(|start| start.eq_ignore_ascii_case(HEADERS));
            start && key.get(HEADERS.len()..).is_some_and(|rest| rest.eq_ignore_ascii_case(name))
        };
        let found = self.origin.header(is_header).or_else(|| self.metadata.get(name));
        found.filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(written).filter(|text| !text.is_empty())
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => Some(matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "1" | "yes")),
            _ => None,
        }
    }

    /// A list, or a text of one with commas.
    fn list(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Array(items)) => items.iter().map(written).collect(),
            Some(Value::String(text)) => {
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// An object; headers hold it as JSON.
    fn map(&self, name: &str) -> Map<String, Value> {
        let map = match self.get(name) {
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            value => value.cloned(),
        };
        map.and_then(|map| if let Value::Object(map) = map { Some(map) } else { None }).unwrap_or_default()
    }
}
