//! What an answer says of itself: its id, its model, why it ended.

use serde::Deserialize;
use serde_json::Value;

use super::super::told::Told;

/// Read once for each call.
#[derive(Default, Deserialize)]
pub struct Answered {
    pub id: Option<String>,
    pub model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    /// Of the event that begins a stream of a response.
    response: Option<Box<Answered>>,
}

#[derive(Deserialize)]
struct Choice {
    finish_reason: Option<String>,
}

impl Answered {
    /// As far as it can be read. Of a stream that nobody kept, its first chunk.
    pub fn of(told: &Told) -> Self {
        let read = |text: &str| serde_json::from_str(text).ok();
        let read: Option<Self> = match (&told.body, &told.heard, &told.first) {
            (Some(body), ..) => body.json().and_then(read),
            (None, Some(heard), _) => Self::of_value(heard.answer()),
            (None, None, Some(first)) => std::str::from_utf8(first).ok().and_then(read),
            (None, None, None) => None,
        };
        let mut read = read.unwrap_or_default();
        read.response.take().map_or(read, |response| *response)
    }

    fn of_value(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    /// Of each choice that has ended.
    pub fn finish_reasons(&self) -> impl Iterator<Item = &str> {
        self.choices.iter().filter_map(|choice| choice.finish_reason.as_deref())
    }
}
