//! Prompt and answer as LiteLLM sends them: cut out of their JSON, not made anew.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::chat::{Request, Verb};

use super::super::otlp::{LONGEST_CONTENT, TRUNCATED};
use super::super::parameters::ASKED;
use super::super::told::Told;

/// `{"messages": …}`, whatever the verb calls them, with the tools that were offered.
pub fn input(request: &Request) -> Option<String> {
    let asked = ASKED.into_iter().find_map(|name| request.get(name))?;
    let mut input = format!(r#"{{"messages":{asked}"#);
    for name in ["functions", "tools"] {
        if let Some(offered) = request.get(name).filter(|offered| *offered != "null") {
            input.push_str(&format!(r#","{name}":{offered}"#));
        }
    }
    input.push('}');
    Some(bounded(input))
}

/// An answer's parts, of all verbs.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    results: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

/// The message, the text or the list that was answered; vectors are worth nothing to a reader.
pub fn output(verb: Verb, told: &Told) -> Option<String> {
    let text = match (&told.body, &told.heard) {
        (Some(body), _) => match body.json() {
            Some(json) => of_text(verb, json)?,
            None if verb == Verb::Speech => "speech-output".to_owned(),
            None => std::str::from_utf8(body.bytes()).ok()?.to_owned(),
        },
        (None, Some(heard)) => of_value(verb, heard.answer())?,
        (None, None) => return None,
    };
    Some(bounded(text))
}

fn of_text(verb: Verb, json: &str) -> Option<String> {
    if verb == Verb::Embedding {
        return None;
    }
    let answer: Answer = serde_json::from_str(json).ok()?;
    let part = match verb {
        Verb::Chat => answer.choices.first()?.message,
        Verb::TextCompletion => answer.choices.first()?.text,
        Verb::Responses => answer.output,
        Verb::Image | Verb::ImageEdit | Verb::ImageVariation => answer.data,
        Verb::Rerank | Verb::Moderation => answer.results,
        Verb::Transcription | Verb::Translation | Verb::Speech | Verb::Embedding => answer.text,
    };
    let part = part?.get();
    // A text needs no quotes.
    Some(serde_json::from_str(part).unwrap_or_else(|_| part.to_owned()))
}

fn of_value(verb: Verb, heard: &Value) -> Option<String> {
    let part = match verb {
        Verb::Chat => heard.pointer("/choices/0/message"),
        Verb::TextCompletion => heard.pointer("/choices/0/text"),
        _ => heard.get("output"),
    };
    part.map(super::steering::written)
}

fn bounded(text: String) -> String {
    if text.len() > LONGEST_CONTENT { TRUNCATED.to_owned() } else { text }
}
