//! What a request says about itself, for the choice of who may answer: tags, region, session.

use serde_json::Value;

use super::request::RequestError;

/// Nothing of it is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// `tags`, else `metadata.tags`: plain ones, `!t` for none of, `&t` for all of.
    pub tags: Vec<String>,
    /// `enable_tag_filtering: true`.
    pub filters_tags: bool,
    /// `allowed_model_region`.
    pub region: Option<String>,
    /// `metadata.user_agent`.
    pub user_agent: Option<String>,
    /// `metadata.session_id`, else `litellm_session_id`.
    pub session: Option<String>,
    /// `metadata.tenant_id`: what is remembered for one is not used for another.
    pub tenant: Option<String>,
}

/// Members of `metadata` that are looked at.
const READ: [&str; 4] = ["\"tags\"", "\"user_agent\"", "\"session_id\"", "\"tenant_id\""];

impl About {
    /// Takes in `metadata`, if there is anything in it for us: `text` is its JSON.
    pub(super) fn is_in(text: &str) -> bool {
        READ.iter().any(|name| text.contains(name))
    }

    pub(super) fn read_metadata(&mut self, metadata: &Value) -> Result<(), RequestError> {
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
        if self.tags.is_empty() {
            self.tags = tags("metadata.tags", metadata.get("tags").unwrap_or(&Value::Null))?;
        }
        self.user_agent = text("user_agent");
        self.session = text("session_id").or(self.session.take());
        self.tenant = text("tenant_id");
        Ok(())
    }
}

/// A list of tags; one alone is a list of one.
pub(super) fn tags(name: &str, value: &Value) -> Result<Vec<String>, RequestError> {
    let bad = || RequestError::parameter(name, format!("\"{name}\" must be a list of texts"));
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(tag) => Ok(vec![tag.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(bad)).collect(),
        _ => Err(bad()),
    }
}
