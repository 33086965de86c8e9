//! What Anthropic refuses: a request that only looks right to its writer gets the 400 that it would get there.

use serde_json::Value;

/// The least that a model may be given to think with.
const LEAST_BUDGET: u64 = 1024;

/// The first rule that the request breaks, in words like Anthropic's.
pub fn broken(request: &Value) -> Option<String> {
    let required = ["model", "messages", "max_tokens"];
    let missing = required.into_iter().find(|name| request.get(name).is_none());
    missing
        .map(|name| format!("{name}: Field required"))
        .or_else(|| system(request))
        .or_else(|| tools(request))
        .or_else(|| turns(request))
        .or_else(|| thinking(request))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn kind(block: &Value) -> &str {
    block["type"].as_str().unwrap_or_default()
}

fn system(request: &Value) -> Option<String> {
    let blank = list(request, "system").iter().any(is_blank);
    blank.then(|| "system: text content blocks must be non-empty".to_owned())
}

fn is_blank(block: &Value) -> bool {
    kind(block) == "text" && block["text"].as_str().is_none_or(|text| text.trim().is_empty())
}

fn tools(request: &Value) -> Option<String> {
    for (at, tool) in list(request, "tools").iter().enumerate() {
        // Tools of Anthropic's own have a type and no schema.
        let own = tool.get("type").is_none_or(|kind| kind == "custom");
        if own && tool["input_schema"]["type"] != "object" {
            return Some(format!("tools.{at}.custom.input_schema.type: Field required"));
        }
    }
    (request.get("tool_choice").is_some() && list(request, "tools").is_empty())
        .then(|| "tool_choice: may only be specified while providing tools".to_owned())
}

fn turns(request: &Value) -> Option<String> {
    let turns = list(request, "messages");
    if turns.is_empty() {
        return Some("messages: at least one message is required".to_owned());
    }
    let mut called: Vec<&str> = Vec::new();
    for (at, turn) in turns.iter().enumerate() {
        let role = turn["role"].as_str().unwrap_or_default();
        if !["user", "assistant"].contains(&role) {
            return Some(format!("messages.{at}.role: Input should be 'user' or 'assistant'"));
        }
        let blocks = list(turn, "content");
        if turn["content"].as_str().is_some_and(str::is_empty) || blocks.iter().any(is_blank) {
            return Some(format!("messages.{at}: text content blocks must be non-empty"));
        }
        if turn["content"].is_array() && blocks.is_empty() {
            return Some(format!("messages.{at}: all messages must have non-empty content"));
        }
        if let Some(broken) = results(at, blocks, &called) {
            return Some(broken);
        }
        called =
            blocks.iter().filter(|block| kind(block) == "tool_use").filter_map(|call| call["id"].as_str()).collect();
        if let Some(id) = called.iter().find(|id| !is_id(id)) {
            return Some(format!("messages.{at}: tool_use.id: {id:?} should match pattern '^[a-zA-Z0-9_-]+$'"));
        }
    }
    None
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Every call of a turn has its result at the beginning of the next one, and no result is without a call.
fn results(at: usize, blocks: &[Value], called: &[&str]) -> Option<String> {
    let result = |block: &&Value| kind(block) == "tool_result";
    let given: Vec<_> = blocks.iter().take_while(result).filter_map(|block| block["tool_use_id"].as_str()).collect();
    if let Some(id) = called.iter().find(|id| !given.contains(id)) {
        return Some(format!(
            "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {id}"
        ));
    }
    let all = blocks.iter().filter(result).filter_map(|block| block["tool_use_id"].as_str());
    let strange = all.into_iter().find(|id| !called.contains(id));
    strange.map(|id| format!("messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}"))
}

fn thinking(request: &Value) -> Option<String> {
    let thinking = &request["thinking"];
    if kind(thinking) != "enabled" {
        return None;
    }
    let budget = thinking["budget_tokens"].as_u64().unwrap_or(0);
    if budget < LEAST_BUDGET {
        return Some(format!(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to {LEAST_BUDGET}"
        ));
    }
    if request["max_tokens"].as_u64().is_none_or(|most| most <= budget) {
        return Some("`max_tokens` must be greater than `thinking.budget_tokens`".to_owned());
    }
    if request["temperature"].as_f64().is_some_and(|temperature| temperature != 1.0) {
        return Some("`temperature` may only be set to 1 when thinking is enabled".to_owned());
    }
    if ["any", "tool"].contains(&kind(&request["tool_choice"])) {
        return Some("Thinking may not be enabled when tool_choice forces tool use.".to_owned());
    }
    let last = list(request, "messages").iter().rfind(|turn| turn["role"] == "assistant")?;
    let first = list(last, "content").first().map(kind)?;
    let calls = list(last, "content").iter().any(|block| kind(block) == "tool_use");
    (calls && !["thinking", "redacted_thinking"].contains(&first)).then(|| {
        format!("Expected `thinking` or `redacted_thinking`, but found `{first}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block")
    })
}
