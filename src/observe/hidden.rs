//! What an answer says beside itself, and what may be shown of it.

use serde_json::{Map, Value};

use crate::pricing;
use crate::transport::HeaderMap;

use super::event::{Ended, Event, Told};

/// Headers of a provider that are worth passing on, by the beginning or the end of their names.
const HEADER_STARTS: [&str; 3] = ["x-ratelimit-", "anthropic-ratelimit-", "retry-after"];
const HEADER_ENDS: [&str; 1] = ["request-id"];

/// Whether a provider's header may be shown to the caller.
pub fn is_passed_on(name: &str) -> bool {
    HEADER_STARTS.iter().any(|start| name.starts_with(start)) || HEADER_ENDS.iter().any(|end| name.ends_with(end))
}

/// Those of an answer's headers that may be shown; mostly few, and often none.
pub fn shown_headers(headers: &HeaderMap) -> HeaderMap {
    let shown = headers.iter().filter(|(name, _)| is_passed_on(name.as_str()));
    shown.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Those of an answer. Of a header that came twice, the first: a name stands once in an object.
pub fn passed_on(headers: &HeaderMap) -> Map<String, Value> {
    let shown = headers.keys().filter(|name| is_passed_on(name.as_str()));
    let pairs = shown.filter_map(|name| Some((name.to_string(), headers.get(name)?.to_str().ok()?.into())));
    pairs.collect()
}

impl Told {
    fn read_id(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Named {
            id: Option<String>,
        }
        let bytes = match &self.body {
            Some(body) => body.json()?.as_bytes(),
            None => self.first.as_deref()?,
        };
        serde_json::from_slice::<Named>(bytes).ok()?.id
    }
}

impl Event {
    /// The provider that answered or was asked last.
    pub fn provider(&self) -> Option<&str> {
        let asked = || self.attempt()?.deployment.as_deref().map(|deployment| deployment.provider.as_str());
        self.kept().map(|kept| kept.provider.as_str()).or_else(asked)
    }

    /// From its beginning to the first content of a stream.
    pub fn ttft(&self) -> Option<std::time::Duration> {
        match &self.ended {
            Ended::Call(call) => call.ttft,
            Ended::Attempt(attempt) => {
                let phases = attempt.record.phases;
                let whole = phases.total().saturating_sub(phases.stream);
                (self.call.is_stream && self.told.is_some()).then_some(whole)
            }
        }
    }

    /// Whether nobody told the usage, and it was reckoned.
    pub fn usage_is_estimated(&self) -> bool {
        self.joined().is_some()
            || self
                .told
                .as_ref()
                .is_some_and(|told| told.body.is_none() && told.usage.is_none() && told.estimated.is_some())
    }

    /// The `id` of the answer.
    pub fn answer_id(&self) -> Option<&str> {
        let told = self.told.as_ref()?;
        told.id.get_or_init(|| told.read_id()).as_deref()
    }

    /// What a kept answer would have cost, at the prices of today.
    pub fn saved(&self) -> Option<f64> {
        let (kept, told) = (self.kept()?, self.told.as_ref()?);
        let info = pricing::find(&kept.provider, &kept.model)?;
        pricing::cost(&info, told.usage(&self.call))
    }
}
