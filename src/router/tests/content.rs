//! What events show of prompts and answers: all of it to who asked for content, and none of it to anybody else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::observed::Heard;
use crate::chat::{Request, Verb};

const YAML: &str = r#"
model_list:
  - {model_name: g, litellm_params: {model: openai/gpt-4o, mock_response: "the ANSWER, word by word"}, model_info: {id: g}}
"#;

/// Each holds a word that must not be seen.
fn chat() -> Value {
    json!({
        "model": "g", "temperature": 0.5, "user": "somebody",
        "messages": [{"role": "system", "content": "SECRET rules"}, {"role": "user", "content": "SECRET words"}],
        "tools": [{"type": "function", "function": {"name": "SECRET_tool", "description": "SECRET", "parameters": {}}}],
        "tool_choice": {"type": "function", "function": {"name": "SECRET_tool"}},
        "functions": [{"name": "SECRET_function"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "SECRET_schema", "schema": {"title": "SECRET"}}},
        "prediction": {"type": "content", "content": "SECRET guess"},
        "stop": ["SECRET stop"],
        "logit_bias": {"1": 2},
        "system": "SECRET rules",
    })
}

/// A router whose listener sees prompts and answers, or not.
fn shown(content: bool) -> Heard {
    let heard = Heard::new(&format!("{YAML}llmrouter_settings: {{log_content: {content}}}\n"));
    heard.router.observe(&heard.runtime).unwrap();
    heard
}

/// All events of one call.
async fn events(verb: Verb, request: &Value, is_stream: bool, content: bool) -> Vec<Value> {
    let heard = shown(content);
    let request = Request::parse_for(verb, &request.to_string()).unwrap();
    if is_stream {
        let mut stream = heard.router.stream(request, 1).await.ok().unwrap();
        while stream.next().await.ok().unwrap().is_some() {}
        stream.close();
    } else {
        heard.router.answer(&request, 1).await.ok().unwrap();
    }
    let events: Vec<_> = heard.all().into_iter().map(|(_, event)| event).collect();
    assert_eq!(events.len(), 2);
    events
}

#[tokio::test]
async fn without_content_neither_prompt_nor_answer_is_seen() {
    for is_stream in [false, true] {
        for event in events(Verb::Chat, &chat(), is_stream, false).await {
            let text = event.to_string();
            assert!(!text.contains("SECRET") && !text.contains("ANSWER"), "{text}");
            assert_eq!((&event["messages"], &event["response"]), (&Value::Null, &Value::Null));
            assert_eq!(event["model_parameters"], json!({"temperature": 0.5, "user": "somebody"}));
            assert_eq!((&event["prompt_tokens"], &event["completion_tokens"]), (&json!(10), &json!(20)));
        }
    }
    for (verb, asked) in [
        (Verb::Embedding, json!({"model": "g", "input": "SECRET", "dimensions": 3})),
        (
            Verb::Responses,
            json!({"model": "g", "input": "SECRET", "instructions": "SECRET", "text": {"format": {"name": "SECRET"}}}),
        ),
        (Verb::TextCompletion, json!({"model": "g", "prompt": "SECRET", "suffix": "SECRET"})),
        (Verb::Moderation, json!({"model": "g", "input": ["SECRET"]})),
        (Verb::Image, json!({"model": "g", "prompt": "SECRET", "size": "256x256"})),
        (Verb::Rerank, json!({"model": "g", "query": "SECRET", "documents": ["SECRET"]})),
        (Verb::Speech, json!({"model": "g", "input": "SECRET", "voice": "alloy"})),
    ] {
        for event in events(verb, &asked, false, false).await {
            let text = event.to_string();
            assert!(!text.contains("SECRET") && !text.contains("ANSWER"), "{verb}: {text}");
        }
    }
}

#[tokio::test]
async fn with_content_both_are_seen_whole() {
    for is_stream in [false, true] {
        for event in events(Verb::Chat, &chat(), is_stream, true).await {
            assert_eq!(event["messages"], chat()["messages"], "{is_stream}");
            let answer = &event["response"];
            assert_eq!(answer["object"], "chat.completion", "{answer}");
            assert_eq!(answer["choices"][0]["message"]["content"], "the ANSWER, word by word");
            assert_eq!(event["model_parameters"]["tools"], chat()["tools"]);
            assert_eq!(event["model_parameters"]["response_format"], chat()["response_format"]);
            assert!(event["model_parameters"].get("messages").is_none());
        }
    }
    let asked = json!({"model": "g", "input": ["one", "two"]});
    for event in events(Verb::Embedding, &asked, false, true).await {
        assert_eq!(event["messages"], asked["input"]);
        assert_eq!(event["response"]["data"].as_array().unwrap().len(), 2, "{}", event["response"]);
    }
}

#[tokio::test]
async fn what_came_until_a_stream_was_left_is_seen() {
    let heard = shown(true);
    let request = Request::parse(&chat().to_string()).unwrap();
    let mut stream = heard.router.stream(request, 1).await.ok().unwrap();
    while !stream.next().await.ok().unwrap().unwrap().has_content() {}
    stream.close();
    for (_, event) in heard.all() {
        let said = event["response"]["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(!said.is_empty() && said.len() < 24 && "the ANSWER, word by word".starts_with(said), "{said}");
    }
}

#[tokio::test]
async fn excluded_members_are_in_no_payload() {
    let told = async |settings: &str| {
        let yaml = format!("{YAML}llmrouter_settings: {{log_content: true}}\nlitellm_settings: {{{settings}}}\n");
        let heard = Heard::new(&yaml);
        heard.router.observe(&heard.runtime).unwrap();
        heard.router.answer(&Request::parse(&chat().to_string()).unwrap(), 1).await.ok().unwrap();
        heard.all().into_iter().map(|(_, event)| event).collect::<Vec<_>>()
    };
    let names = |event: &Value| event.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let all: BTreeSet<_> = crate::config::PAYLOAD.iter().map(|&name| name.to_owned()).collect();
    for event in told("").await {
        assert_eq!(names(&event), all, "the configuration knows all members");
    }
    for event in told("standard_logging_payload_excluded_fields: [messages, response, metadata]").await {
        let gone: Vec<_> = all.difference(&names(&event)).cloned().collect();
        assert_eq!(gone, ["messages", "metadata", "response"]);
        assert!(!event.to_string().contains("SECRET"), "{event}");
    }
}

#[tokio::test]
async fn what_tells_of_the_callers_key_is_told_where_that_is_wanted() {
    let own =
        r#""metadata":{"user_api_key_alias":"KEY","user_api_key_end_user_id":"eu","team":"t","debug_langfuse":true}"#;
    for (redacts, end_user) in [(false, json!("eu")), (true, json!(null))] {
        let settings =
            format!("redact_user_api_key_info: {redacts}, custom_prometheus_metadata_labels: [api_key_alias]");
        let log = "llmrouter_settings: {log_content: true}";
        let heard = Heard::new(&format!("{YAML}litellm_settings: {{{settings}}}\n{log}\n"));
        heard.router.observe(&heard.runtime).unwrap();
        heard.router.count(&heard.runtime).unwrap();
        for (verb, asked) in [(Verb::Chat, r#""messages":[]"#), (Verb::Responses, r#""input":"hi""#)] {
            let request = Request::parse_for(verb, &format!(r#"{{"model":"g",{asked},{own}}}"#)).unwrap();
            heard.router.answer(&request, 1).await.ok().unwrap();
        }
        assert!(heard.router.observer().settle(std::time::Duration::from_secs(60)));
        assert_ne!(heard.router.metrics().contains("KEY"), redacts);
        for (_, event) in heard.all() {
            assert_ne!(event.to_string().contains("KEY"), redacts, "{event}");
            assert_eq!(
                (&event["end_user"], &event["metadata"]["requester_metadata"]["team"]),
                (&end_user, &json!("t"))
            );
            let alias = if redacts { Value::Null } else { json!("KEY") };
            assert_eq!(event["metadata"]["user_api_key_alias"], alias, "where LiteLLM's readers look for it");
            assert_eq!(event["model_parameters"].get("metadata"), None);
        }
    }
}

#[tokio::test]
async fn nobody_is_told_of_a_call_that_asks_for_that() {
    for (settings, most) in [("", 2), ("litellm_settings: {global_disable_no_log_param: true}\n", 6)] {
        let heard = Heard::new(&format!("{YAML}{settings}"));
        heard.router.observe(&heard.runtime).unwrap();
        for wish in ["true", "\"true\"", "false"] {
            let request = format!(r#"{{"model":"g","messages":[],"no-log":{wish}}}"#);
            heard.router.answer(&Request::parse(&request).unwrap(), 1).await.ok().unwrap();
        }
        assert_eq!(heard.all().len(), most);
    }
}
