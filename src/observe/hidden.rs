//! What an answer says beside itself, and what may be shown of it.

use crate::pricing;
use crate::transport::shown_texts;

use super::event::{Ended, Event};

impl Event {
    /// The provider that answered or was asked last.
    pub fn provider(&self) -> Option<&str> {
        let asked = || self.attempt()?.deployment.as_deref().map(|deployment| deployment.provider.as_str());
        self.kept().map(|kept| kept.provider.as_str()).or_else(asked)
    }

    /// Headers of the answer that may be shown, of a refusal's as well.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let of_error = self.error.iter().flat_map(|error| error.headers());
        let of_error = of_error.map(|(name, value)| (name.as_str(), value.as_str()));
        match &self.told {
            Some(told) if !told.headers.is_empty() => shown_texts(&told.headers).collect(),
            _ => of_error.collect(),
        }
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
        self.told.as_ref()?.id()
    }

    /// What a kept answer would have cost, at the prices of today.
    pub fn saved(&self) -> Option<f64> {
        let (kept, told) = (self.kept()?, self.told.as_ref()?);
        let info = pricing::find(&kept.provider, &kept.model)?;
        pricing::cost(&info, told.usage(&self.call))
    }
}
