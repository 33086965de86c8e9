//! What is looked at in the events of Anthropic's stream; all else in them is left alone.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::chat::Flaw;

#[derive(Deserialize)]
pub struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Option<Cow<'a, str>>,
    pub index: Option<u64>,
    pub message: Option<Message>,
    pub content_block: Option<Map<String, Value>>,
    #[serde(borrow)]
    pub delta: Option<&'a RawValue>,
    pub usage: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
pub struct Message {
    pub id: Option<String>,
    pub model: Option<String>,
    pub usage: Option<Map<String, Value>>,
}

/// The pieces that are given on as they were written.
#[derive(Deserialize)]
pub struct Delta<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub text: Option<&'a RawValue>,
    #[serde(borrow)]
    pub thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    pub partial_json: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub struct Ending<'a> {
    #[serde(borrow)]
    pub stop_reason: Option<Cow<'a, str>>,
}

pub fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Flaw> {
    serde_json::from_str(text).map_err(|_| Flaw::NotJson)
}
