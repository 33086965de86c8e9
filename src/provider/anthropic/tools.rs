//! Tools, and which of them the model may use.

use serde_json::{Value, json};

use crate::error::Error;

fn bad(param: &str, message: &str) -> Error {
    Error::bad_parameter(param, message.to_owned())
}

/// OpenAI's functions as tools; tools of Anthropic's own go out as they are.
pub fn translate(tools: Option<Value>) -> Result<Vec<Value>, Error> {
    match tools {
        None => Ok(Vec::new()),
        Some(Value::Array(tools)) => tools.into_iter().map(tool).collect(),
        Some(_) => Err(bad("tools", "tools must be a list")),
    }
}

fn tool(tool: Value) -> Result<Value, Error> {
    if tool.get("type").and_then(Value::as_str) != Some("function") {
        return Ok(tool);
    }
    let function = tool.get("function").and_then(Value::as_object);
    let function = function.ok_or_else(|| bad("tools", "a tool of type function has no function"))?;
    let name =
        function.get("name").filter(|name| name.is_string()).ok_or_else(|| bad("tools", "a function has no name"))?;
    let schema = function.get("parameters").cloned();
    let mut translated = json!({
        "name": name,
        "input_schema": input_schema(schema),
    });
    if let Some(object) = translated.as_object_mut() {
        let kept = ["description", "strict", "cache_control"].map(|member| (member, function.get(member)));
        let outer = ("cache_control", tool.get("cache_control"));
        for (member, value) in kept.into_iter().chain([outer]) {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                object.insert(member.to_owned(), value.clone());
            }
        }
    }
    Ok(translated)
}

/// A schema that Anthropic takes: of an object, which says so.
pub fn input_schema(schema: Option<Value>) -> Value {
    match schema {
        Some(Value::Object(mut schema)) => {
            schema.entry("type").or_insert_with(|| "object".into());
            Value::Object(schema)
        }
        _ => json!({"type": "object", "properties": {}}),
    }
}

/// `tool_choice` in Anthropic's words.
pub fn choice(choice: Value) -> Result<Value, Error> {
    match choice.as_str() {
        Some("auto") => return Ok(json!({"type": "auto"})),
        Some("required") => return Ok(json!({"type": "any"})),
        Some("none") => return Ok(json!({"type": "none"})),
        _ => {}
    }
    if choice.get("type").and_then(Value::as_str) == Some("function") {
        let name = choice.pointer("/function/name").filter(|name| name.is_string());
        return name
            .map(|name| json!({"type": "tool", "name": name}))
            .ok_or_else(|| bad("tool_choice", "tool_choice names no function"));
    }
    if choice.is_object() {
        Ok(choice)
    } else {
        Err(bad("tool_choice", "tool_choice is none of auto, required, none or an object"))
    }
}

/// Adds whether several tools may be called at once, which Anthropic asks the other way round.
pub fn with_parallel(choice: Option<Value>, parallel: Option<bool>) -> Option<Value> {
    let Some(false) = parallel else { return choice };
    let mut choice = choice.unwrap_or_else(|| json!({"type": "auto"}));
    if choice.get("type").and_then(Value::as_str) != Some("none")
        && let Some(object) = choice.as_object_mut()
    {
        object.insert("disable_parallel_tool_use".to_owned(), Value::Bool(true));
    }
    Some(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_become_tools_and_native_tools_stay() {
        let native = json!({"type": "web_search_20250305", "name": "web_search"});
        let schema = json!({"type": "object", "properties": {"x": {}}});
        let tools = json!([
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}, "cache_control": {"type": "ephemeral"}},
            {"type": "function", "function": {"name": "g"}},
            native,
        ]);
        let translated = translate(Some(tools)).unwrap();
        assert_eq!(
            translated[0],
            json!({"name": "f", "input_schema": schema, "description": "d", "cache_control": {"type": "ephemeral"}})
        );
        assert_eq!(translated[1], json!({"name": "g", "input_schema": {"type": "object", "properties": {}}}));
        assert_eq!(translated[2], native);
        for bad in [json!({}), json!([{"type": "function"}]), json!([{"type": "function", "function": {}}])] {
            assert!(translate(Some(bad)).is_err());
        }
    }

    #[test]
    fn choices() {
        assert_eq!(choice(json!("required")).unwrap(), json!({"type": "any"}));
        assert_eq!(
            choice(json!({"type": "function", "function": {"name": "f"}})).unwrap(),
            json!({"type": "tool", "name": "f"})
        );
        assert_eq!(choice(json!({"type": "any"})).unwrap(), json!({"type": "any"}));
        assert!(choice(json!("sometimes")).is_err());
        assert!(choice(json!({"type": "function"})).is_err());
        let alone = with_parallel(None, Some(false));
        assert_eq!(alone, Some(json!({"type": "auto", "disable_parallel_tool_use": true})));
        assert_eq!(with_parallel(Some(json!({"type": "none"})), Some(false)), Some(json!({"type": "none"})));
        assert_eq!(with_parallel(None, Some(true)), None);
    }
}
