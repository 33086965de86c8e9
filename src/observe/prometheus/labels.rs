//! What tells one series from another: the labels, and the values that one event gives them.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::settings::Settings;

/// Series above the most of a metric are one, whose labels all say this.
pub const OTHER: &str = "other";

/// LiteLLM's labels, and ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Label {
    ModelGroup,
    RequestedModel,
    LitellmModelName,
    Model,
    ModelId,
    ApiBase,
    ApiProvider,
    ExceptionStatus,
    ExceptionClass,
    EndUser,
    User,
    ServiceTier,
    Stream,
    Status,
    FallbackModel,
    Phase,
}

/// How many there are.
const COUNT: usize = 16;

impl Label {
    pub fn name(self) -> &'static str {
        match self {
            Label::ModelGroup => "model_group",
            Label::RequestedModel => "requested_model",
            Label::LitellmModelName => "litellm_model_name",
            Label::Model => "model",
            Label::ModelId => "model_id",
            Label::ApiBase => "api_base",
            Label::ApiProvider => "api_provider",
            Label::ExceptionStatus => "exception_status",
            Label::ExceptionClass => "exception_class",
            Label::EndUser => "end_user",
            Label::User => "user",
            Label::ServiceTier => "service_tier",
            Label::Stream => "stream",
            Label::Status => "status",
            Label::FallbackModel => "fallback_model",
            Label::Phase => "phase",
        }
    }
}

/// The values of one event; what was not set is empty.
#[derive(Clone, Default)]
pub struct Values {
    own: [String; COUNT],
    /// Of the labels that the configuration adds, in its order.
    pub custom: Vec<String>,
}

impl Values {
    #[must_use]
    pub fn with(mut self, label: Label, value: &str) -> Self {
        if let Some(own) = self.own.get_mut(label as usize) {
            *own = clean(value).into_owned();
        }
        self
    }

    pub fn get(&self, label: Label) -> &str {
        self.own.get(label as usize).map_or("", String::as_str)
    }
}

/// Without what would break a line: LiteLLM's rule.
pub fn clean(value: &str) -> Cow<'_, str> {
    let breaks = |c: char| matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}');
    if !value.contains(breaks) {
        return Cow::Borrowed(value);
    }
    let kept = value.chars().filter(|c| *c == '\n' || !breaks(*c));
    Cow::Owned(kept.map(|c| if c == '\n' { ' ' } else { c }).collect())
}

/// The labels that the configuration adds: members of the metadata, and tags.
pub fn custom_names(settings: &Settings) -> Vec<String> {
    let tags = settings.tags.iter().map(|tag| label_name(&format!("tag_{tag}")));
    settings.metadata_label_names.iter().cloned().chain(tags).collect()
}

/// Their values, in the same order.
pub fn custom_values(settings: &Settings, metadata: &Map<String, Value>, tags: &[String]) -> Vec<String> {
    let members = settings.metadata_labels.iter().map(|path| member(metadata, path));
    let tags = settings.tags.iter().map(|tag| tags.iter().any(|own| fits(tag, own)).to_string());
    members.chain(tags).map(|value| clean(&value).into_owned()).collect()
}

/// What LiteLLM's proxy writes into the metadata for labels of its own.
const PROXY: [(&str, &str); 10] = [
    ("hashed_api_key", "user_api_key_hash"),
    ("api_key_alias", "user_api_key_alias"),
    ("team", "user_api_key_team_id"),
    ("team_alias", "user_api_key_team_alias"),
    ("user_email", "user_api_key_user_email"),
    ("org_id", "user_api_key_org_id"),
    ("org_alias", "user_api_key_org_alias"),
    ("client_ip", "requester_ip_address"),
    ("route", "user_api_key_request_route"),
    ("project_id", "user_api_key_project_id"),
];

/// Where LiteLLM's proxy puts metadata of the key, of the caller's request and of its header.
const NESTED: [&str; 3] = ["spend_logs_metadata", "user_api_key_auth_metadata", "requester_metadata"];

fn at<'m>(metadata: &'m Map<String, Value>, path: &str) -> Option<&'m Value> {
    let mut names = path.split('.');
    let found = names.next().and_then(|name| metadata.get(name));
    names.fold(found, |found, name| found?.get(name))
}

/// What stands in the metadata at a path of names, parted by dots; empty if that is nothing or has parts.
fn member(metadata: &Map<String, Value>, path: &str) -> String {
    let proxys = || metadata.get(PROXY.iter().find(|(label, _)| *label == path)?.1);
    let nested = || NESTED.iter().find_map(|name| at(metadata.get(*name)?.as_object()?, path));
    match at(metadata, path).or_else(proxys).or_else(nested) {
        Some(Value::String(text)) => text.clone(),
        Some(plain @ (Value::Number(_) | Value::Bool(_))) => plain.to_string(),
        _ => String::new(),
    }
}

/// Whether a tag is meant by a name, in which each `*` stands for any text.
fn fits(name: &str, tag: &str) -> bool {
    crate::policy::Wildcard::new(name).map_or(name == tag, |wildcard| wildcard.captures(tag).is_some())
}

/// A name that Prometheus takes for a label: `_` for whatever else.
pub fn label_name(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let label: String = text.chars().map(fit).collect();
    if label.is_empty() || label.starts_with(|c: char| c.is_ascii_digit()) { format!("_{label}") } else { label }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line() {
        assert_eq!(clean("a\nb\r\u{2028}c\u{2029}"), "a bc");
        assert_eq!(clean("plain"), "plain");
        assert_eq!(label_name("User-Agent: x/*"), "User_Agent__x__");
        assert_eq!(label_name("9"), "_9");
    }

    #[test]
    fn the_configuration_adds_labels() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let settings = Settings {
            metadata_labels: texts(&["department", "cost.center", "team", "gone"]),
            metadata_label_names: texts(&["metadata_department", "metadata_cost_center", "team", "gone"]),
            tags: texts(&["prod", "app/*"]),
            ..Settings::default()
        };
        assert_eq!(
            custom_names(&settings),
            ["metadata_department", "metadata_cost_center", "team", "gone", "tag_prod", "tag_app__"]
        );
        let metadata = serde_json::json!({
            "department": "a\nb", "cost": {"center": 7}, "user_api_key_team_id": "t", "gone": {"x": 1}
        });
        let values = custom_values(&settings, metadata.as_object().unwrap(), &texts(&["app/one"]));
        assert_eq!(values, ["a b", "7", "t", "", "false", "true"]);
        let of_proxy = serde_json::json!({
            "requester_metadata": {"department": "asked", "cost": {"center": 8}}, "department": {"x": 1},
            "user_api_key_auth_metadata": {"gone": "key's"}, "spend_logs_metadata": {"gone": "header's"}
        });
        let values = custom_values(&settings, of_proxy.as_object().unwrap(), &[]);
        assert_eq!(values, ["", "8", "", "header's", "false", "false"], "what stands above goes before");
    }
}
