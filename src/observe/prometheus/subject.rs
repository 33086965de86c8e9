//! What one event is about, in the words of the labels.

use serde_json::Map;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::observe::event::Event;
use crate::observe::record::Record;

use super::labels::{Label, Values, custom_values};
use super::names::{Names, UNKNOWN};
use super::settings::Settings;

/// The tiers that providers have; a caller may write anything.
const TIERS: [&str; 8] = ["auto", "default", "flex", "priority", "scale", "batch", "standard", "standard_only"];

/// The values of an event, or what they are made from.
pub struct Subject<'e> {
    pub group: &'e str,
    pub requested: &'e str,
    pub model: &'e str,
    pub model_id: &'e str,
    pub provider: &'e str,
    pub deployment: Option<&'e Deployment>,
    pub status: &'static str,
    code: u16,
    class: &'static str,
    /// Who told the failure.
    blamed: &'e str,
    tier: &'static str,
    is_stream: bool,
    end_user: &'e str,
    user: String,
    custom: Vec<String>,
}

impl<'e> Subject<'e> {
    pub fn of(event: &'e Event, names: &mut Names, settings: &Settings) -> Self {
        let (record, kept) = (event.attempt(), event.kept());
        let deployment = record.and_then(|record| record.deployment.as_deref());
        let last = || event.records().last().map_or(event.call.request.model(), |record| &record.group);
        let group = match (kept, record) {
            (Some(kept), _) => kept.group.as_str(),
            (None, Some(record)) => &record.group,
            (None, None) => last(),
        };
        let group = names.shown(group);
        let model = match (kept, record) {
            (Some(kept), _) => kept.model.as_str(),
            (None, record) => record.and_then(|record| record.model.as_deref()).unwrap_or_default(),
        };
        // Behind a wildcard the model goes with the name that was asked for.
        let is_own = |shown: &str| group == shown && deployment.is_some_and(Deployment::is_wildcard);
        let hidden = [UNKNOWN, super::labels::OTHER].into_iter().find(|shown| is_own(shown));
        let provider = event.provider().unwrap_or_default();
        let error = event.error.as_deref();
        let mut subject = Self {
            group,
            requested: names.shown(event.call.request.model()),
            model: hidden.unwrap_or(model),
            model_id: match kept {
                Some(kept) => &kept.deployment,
                None => deployment.map_or("", Deployment::id),
            },
            provider,
            deployment,
            status: match error {
                None => "success",
                Some(_) if event.is_cancelled() => "cancelled",
                Some(_) => "failure",
            },
            code: error.and_then(Error::http_status).unwrap_or(0),
            class: error.map_or("", Error::class),
            blamed: error.and_then(Error::provider).unwrap_or(provider),
            tier: tier(event.call.request.get("service_tier")),
            is_stream: event.call.is_stream,
            end_user: "",
            user: String::new(),
            custom: Vec::new(),
        };
        if settings.end_user {
            let origin = event.call.origin();
            subject.end_user = origin.end_user.as_deref().unwrap_or_default();
            subject.user = origin.meta("user_api_key_user_id").unwrap_or_default();
        }
        match (settings.metadata_labels.is_empty(), settings.tags.is_empty()) {
            (true, true) => {}
            (true, false) => subject.custom = custom_values(settings, &Map::new(), event.call.request.tags()),
            (false, _) => {
                let origin = event.call.origin();
                subject.custom = custom_values(settings, &origin.metadata, &origin.tags);
            }
        }
        subject
    }

    /// What tells its series from those of other events.
    pub fn key(&self, is_call: bool, key: &mut Vec<u8>) {
        key.clear();
        // Of a deployment that a reload has changed the id is the same.
        let place = self.deployment.map_or(0, |deployment| std::ptr::from_ref(deployment) as usize);
        key.extend(place.to_ne_bytes());
        key.extend(self.code.to_ne_bytes());
        key.push(u8::from(is_call) | u8::from(self.is_stream) << 1);
        let texts = [
            self.group,
            self.requested,
            self.model,
            self.model_id,
            self.status,
            self.class,
            self.blamed,
            self.tier,
            self.end_user,
            &self.user,
        ];
        for text in texts.into_iter().chain(self.custom.iter().map(String::as_str)) {
            key.extend(text.as_bytes());
            // No byte of a text.
            key.push(0xff);
        }
    }

    pub fn values(&self) -> Values {
        let base = self.deployment.and_then(Deployment::api_base).unwrap_or_default();
        let mut values = Values::default()
            .with(Label::ModelGroup, self.group)
            .with(Label::RequestedModel, self.requested)
            .with(Label::LitellmModelName, self.model)
            .with(Label::Model, self.model)
            .with(Label::ModelId, self.model_id)
            .with(Label::ApiBase, &base)
            .with(Label::ApiProvider, self.provider)
            .with(Label::ExceptionStatus, &status_text(self.code))
            .with(Label::ExceptionClass, &class_text(self.blamed, self.class))
            .with(Label::EndUser, self.end_user)
            .with(Label::User, &self.user)
            .with(Label::ServiceTier, self.tier)
            .with(Label::Stream, if self.is_stream { "true" } else { "false" })
            .with(Label::Status, self.status);
        values.custom.clone_from(&self.custom);
        values
    }
}

/// Those of a fallback's cause: the attempt that failed before it.
pub fn cause(record: Option<&Record>) -> (String, String) {
    let Some(Record { error: Some(class), deployment, status, .. }) = record else { return Default::default() };
    let provider = deployment.as_ref().map_or("", |deployment| deployment.provider.as_str());
    // Where the provider gave no status, the class has one that fits.
    let fitting = || crate::error::ErrorKind::status_of_class(class);
    let code = status.filter(|status| *status >= 400).or_else(fitting).unwrap_or(0);
    (status_text(code), class_text(provider, class))
}

fn status_text(code: u16) -> String {
    if code == 0 { String::new() } else { code.to_string() }
}

/// `Openai.RateLimitError`: LiteLLM's way.
fn class_text(provider: &str, class: &str) -> String {
    let mut letters = provider.chars();
    match letters.next() {
        Some(first) if !class.is_empty() => {
            format!("{}{}.{class}", first.to_uppercase(), letters.as_str().to_lowercase())
        }
        _ => class.to_owned(),
    }
}

fn tier(written: Option<&str>) -> &'static str {
    let Some(written) = written.filter(|written| *written != "null") else { return "" };
    let bare = written.trim_matches('"');
    TIERS.into_iter().find(|known| *known == bare).unwrap_or(super::labels::OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_litellms() {
        assert_eq!(class_text("openai", "RateLimitError"), "Openai.RateLimitError");
        assert_eq!(class_text("azure_AI", "Timeout"), "Azure_ai.Timeout");
        assert_eq!((class_text("", "Timeout").as_str(), class_text("openai", "").as_str()), ("Timeout", ""));
        assert_eq!((tier(None), tier(Some("\"flex\"")), tier(Some("\"mine\""))), ("", "flex", "other"));
    }
}
