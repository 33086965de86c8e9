//! A request's parameters in Anthropic's terms.

use serde_json::{Map, Value, json};

use crate::error::Error;

use super::params::{max_tokens, thinking_budget};
use super::{JSON_TOOL, mend, messages, tools};

/// The body but for `model`, and the parameters that were left out.
#[derive(Debug)]
pub struct Translated {
    pub body: Map<String, Value>,
    pub dropped: Vec<String>,
}

/// How much of what was asked for may be changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// `drop_params`: what is lacking may be left out.
    pub drops: bool,
    /// `modify_params`: what would be refused may be changed.
    pub modifies: bool,
    /// Any `service_tier` is sent as it is.
    pub any_tier: bool,
}

/// The tiers that Anthropic knows.
const SERVICE_TIERS: [&str; 2] = ["auto", "standard_only"];

/// Translates OpenAI's parameters; others go out as they are. `model` is the real one behind any deployment name.
pub fn translate(mut given: Map<String, Value>, model: &str, manner: Manner) -> Result<Translated, Error> {
    given.retain(|_, value| !value.is_null());
    // One answer is what there is.
    if given.get("n").is_some_and(|n| *n == 1) {
        given.remove("n");
    }
    let mut dropped = tier(&mut given, manner)?;
    let mut body = Map::new();

    let (system, mut turns) = messages::translate(given.remove("messages").unwrap_or_default())?;
    if manner.modifies {
        mend::turns(&mut turns, &mut dropped);
        let enabled = given.get("thinking").is_some_and(|thinking| thinking.get("type") != Some(&"disabled".into()));
        if enabled && mend::is_thoughtless(&turns) {
            given.remove("thinking");
            dropped.push("thinking".to_owned());
        }
    }
    let needs_tools = manner.modifies && mend::has_calls(&turns);
    body.insert("messages".to_owned(), Value::Array(turns));
    if !system.is_empty() {
        body.insert("system".to_owned(), Value::Array(system));
    }
    let asked = [given.remove("max_completion_tokens"), given.remove("max_tokens")].into_iter().flatten().next();
    let asked = asked.map(|asked| if manner.modifies { mend::bound(asked, model) } else { asked });
    body.insert("max_tokens".to_owned(), asked.unwrap_or_else(|| Value::from(max_tokens(model))));

    if let Some(stop) = given.remove("stop") {
        let sequences = if stop.is_array() { stop } else { json!([stop]) };
        body.insert("stop_sequences".to_owned(), sequences);
    }
    if let Some(user) = given.remove("user").as_ref().and_then(Value::as_str).filter(|user| !is_personal(user)) {
        body.insert("metadata".to_owned(), json!({"user_id": user}));
    }
    thinking(&mut given, &mut body, &mut dropped)?;
    let parallel = given.remove("parallel_tool_calls").as_ref().and_then(Value::as_bool);
    let choice = given.remove("tool_choice");
    let mut tools = tools::translate(given.remove("tools"))?;
    let shape = given.remove("response_format").map(json_tool).transpose()?.flatten();
    if needs_tools && tools.is_empty() && shape.is_none() {
        tools.push(mend::dummy_tool());
    }
    if choice.as_ref().is_some_and(|choice| *choice != "none") && tools.is_empty() {
        return Err(Error::bad_parameter("tool_choice", "tool_choice without tools"));
    }
    let mut choice = choice.map(tools::choice).transpose()?;
    if let Some(tool) = shape {
        // Other tools may be called first; a model that thinks may not be forced at all.
        let forced = if tools.is_empty() { json!({"type": "tool", "name": JSON_TOOL}) } else { json!({"type": "any"}) };
        choice = (!body.contains_key("thinking")).then_some(forced);
        tools.push(tool);
    }
    if !tools.is_empty() {
        body.insert("tools".to_owned(), Value::Array(tools));
        if let Some(choice) = tools::with_parallel(choice, parallel) {
            body.insert("tool_choice".to_owned(), choice);
        }
    }
    // Whole answers are the default; the member is not needed.
    given.remove("stream");
    given.remove("stream_options");
    body.extend(given);
    Ok(Translated { body, dropped })
}

/// OpenAI's tiers in Anthropic's words; one that it lacks is refused or left out.
fn tier(given: &mut Map<String, Value>, manner: Manner) -> Result<Vec<String>, Error> {
    if let Some(tier) = given.get("service_tier").and_then(Value::as_str).and_then(service_tier) {
        given.insert("service_tier".to_owned(), tier.into());
    }
    let other = given.get("service_tier").is_some_and(|tier| !SERVICE_TIERS.iter().any(|known| tier == known));
    if !other || manner.any_tier {
        return Ok(Vec::new());
    }
    if !manner.drops {
        let message = "anthropic does not support this service_tier; set drop_params to leave it out";
        return Err(Error::unsupported_parameter("service_tier", message));
    }
    given.remove("service_tier");
    Ok(vec!["service_tier".to_owned()])
}

/// Anthropic asks that no user is named by an address or a telephone number.
fn is_personal(user: &str) -> bool {
    let digits = user.chars().filter(char::is_ascii_digit).count();
    let phone = digits >= 7 && user.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c));
    user.contains('@') || phone
}

/// `reasoning_effort` as a budget; the answer's bound must leave room for an answer behind it.
///
/// An effort is a wish: where Anthropic allows no thinking beside what else was asked for, it is left out and told. A
/// `thinking` of the caller's own is sent as it is.
fn thinking(
    given: &mut Map<String, Value>,
    body: &mut Map<String, Value>,
    dropped: &mut Vec<String>,
) -> Result<(), Error> {
    let mut effort = given.remove("reasoning_effort");
    let forced = given.get("tool_choice").is_some_and(|choice| !matches!(choice.as_str(), Some("auto" | "none")));
    if effort.as_ref().is_some_and(|effort| *effort != "none") && !given.contains_key("thinking") {
        if forced || continues_without_thoughts(body) {
            dropped.push("reasoning_effort".to_owned());
            effort = None;
        } else if given.get("temperature").is_some_and(|temperature| temperature.as_f64() != Some(1.0)) {
            dropped.push("temperature".to_owned());
            given.remove("temperature");
        }
    }
    let thinking = match (given.remove("thinking"), effort) {
        (Some(thinking), _) => Some(thinking),
        (None, Some(effort)) => {
            let budget = effort.as_str().and_then(thinking_budget);
            let budget = budget.ok_or_else(|| {
                Error::bad_parameter(
                    "reasoning_effort",
                    "reasoning_effort is none of none, minimal, low, medium, high, xhigh, max",
                )
            })?;
            budget.map(|tokens| json!({"type": "enabled", "budget_tokens": tokens}))
        }
        (None, None) => None,
    };
    let Some(thinking) = thinking else { return Ok(()) };
    let budget = thinking.get("budget_tokens").and_then(Value::as_u64).unwrap_or(0);
    let bound = body.get("max_tokens").and_then(Value::as_u64).unwrap_or(u64::MAX);
    if budget >= bound {
        body.insert("max_tokens".to_owned(), Value::from(budget + bound));
    }
    body.insert("thinking".to_owned(), thinking);
    Ok(())
}

/// Whether the last turn gives results of tools that were called without thinking: then none may begin.
fn continues_without_thoughts(body: &Map<String, Value>) -> bool {
    let turns = body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let kinds = |turn: &Value| -> Vec<String> {
        let blocks = turn.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        blocks.iter().filter_map(|block| block.get("type")?.as_str().map(str::to_owned)).collect()
    };
    let last = turns.iter().rev().find(|turn| turn.get("role").and_then(Value::as_str) == Some("assistant"));
    let last = last.map(kinds).unwrap_or_default();
    last.iter().any(|kind| kind == "tool_use") && !last.iter().any(|kind| kind.contains("thinking"))
}

/// OpenAI's tiers that Anthropic has under another name.
fn service_tier(tier: &str) -> Option<&'static str> {
    match tier {
        "auto" => Some("auto"),
        "default" => Some("standard_only"),
        _ => None,
    }
}

/// The tool that stands for a `response_format`; `None` for plain text.
/// Whether an answer in this format comes through the tool that gives it its shape.
pub fn gives_shape(format: Value) -> bool {
    json_tool(format).is_ok_and(|tool| tool.is_some())
}

fn json_tool(format: Value) -> Result<Option<Value>, Error> {
    let schema = match format.get("type").and_then(Value::as_str) {
        Some("json_object") => json!({"type": "object", "additionalProperties": true}),
        Some("json_schema") => {
            let schema = format.pointer("/json_schema/schema").filter(|schema| schema.is_object());
            let missing = || Error::bad_parameter("response_format", "the json_schema has no schema");
            tools::input_schema(Some(schema.ok_or_else(missing)?.clone()))
        }
        _ => return Ok(None),
    };
    let description = "The answer. Call this tool exactly once, with the whole answer as its input.";
    Ok(Some(json!({"name": JSON_TOOL, "description": description, "input_schema": schema})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(given: Value) -> Value {
        let Value::Object(mut given) = given else { panic!("an object") };
        given.insert("messages".to_owned(), json!([]));
        Value::Object(translate(given, "claude-sonnet-4-5", Manner::default()).unwrap().body)
    }

    #[test]
    fn bounds_and_stops() {
        assert_eq!(body(json!({}))["max_tokens"], 64_000);
        assert_eq!(body(json!({"max_tokens": 5}))["max_tokens"], 5);
        assert_eq!(body(json!({"max_tokens": 5, "max_completion_tokens": 6}))["max_tokens"], 6);
        assert_eq!(body(json!({"stop": "x"}))["stop_sequences"], json!(["x"]));
        assert_eq!(body(json!({"stop": ["x", "y"]}))["stop_sequences"], json!(["x", "y"]));
    }

    #[test]
    fn users_are_named_unless_they_are_persons() {
        assert_eq!(body(json!({"user": "u-1"}))["metadata"]["user_id"], "u-1");
        for person in ["a@b.de", "+49 30 1234567"] {
            assert!(body(json!({"user": person})).get("metadata").is_none());
        }
    }

    #[test]
    fn effort_becomes_a_budget_with_room_behind_it() {
        let low = body(json!({"reasoning_effort": "low", "max_tokens": 100}));
        assert_eq!(low["thinking"], json!({"type": "enabled", "budget_tokens": 1024}));
        assert_eq!(low["max_tokens"], 1124);
        assert!(body(json!({"reasoning_effort": "none"})).get("thinking").is_none());
        let given = json!({"thinking": {"type": "adaptive"}});
        assert_eq!(body(given)["thinking"], json!({"type": "adaptive"}));
        let Value::Object(bad) = json!({"messages": [], "reasoning_effort": "extreme"}) else { panic!() };
        assert!(translate(bad, "m", Manner::default()).is_err());
    }

    #[test]
    fn a_shape_is_a_forced_tool() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
        let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
        let shaped = body(json!({"response_format": format}));
        assert_eq!(shaped["tools"][0]["input_schema"], schema);
        assert_eq!(shaped["tool_choice"], json!({"type": "tool", "name": JSON_TOOL}));
        assert!(body(json!({"response_format": {"type": "text"}})).get("tools").is_none());
        let thinking = body(json!({"response_format": {"type": "json_object"}, "reasoning_effort": "low"}));
        assert!(thinking.get("tool_choice").is_none());
    }
}
