//! Paths that end in `/v1/messages` answer, refuse and fail as Anthropic does; Azure's paths answer as OpenAI's.

mod common;

use common::{CHAT, chat, connect, post, request};
use fakeprovider::{FakeProvider, Script};
use serde_json::{Value, json};

async fn send(provider: &FakeProvider, path: &str, body: &str) -> (u16, Value) {
    let (head, body) = request(&mut connect(provider.address()).await, &post(path, body)).await;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect(&head);
    (status, serde_json::from_str(&body).expect(&body))
}

fn with(members: Value) -> String {
    let mut request = json!({"model": "claude-2", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in members.as_object().expect("members") {
        request[name] = value.clone();
    }
    request.to_string()
}

#[tokio::test]
async fn a_message_is_answered_with_a_message() {
    let provider = FakeProvider::start(Script::default()).await.unwrap();
    let (status, answer) = send(&provider, "/east/v1/messages", &with(json!({}))).await;
    assert_eq!((status, &answer["type"], &answer["role"]), (200, &json!("message"), &json!("assistant")));
    assert_eq!(answer["content"], json!([{"type": "text", "text": "hello from east"}]));
    assert_eq!((&answer["model"], &answer["stop_reason"]), (&json!("claude-2"), &json!("end_turn")));
    assert_eq!((&answer["usage"]["input_tokens"], &answer["usage"]["output_tokens"]), (&json!(10), &json!(20)));
    let (status, answer) = send(&provider, "/east/v1/messages/batches", "{}").await;
    assert_eq!((status, &answer["type"], &answer["error"]["type"]), (404, &json!("error"), &json!("not_found_error")));
}

#[tokio::test]
async fn scripted_statuses_echoes_and_sizes_speak_the_paths_language() {
    let replies = json!([529, {"echo": {"header": "x-api-key"}, "status": 401}, {"pad_to": 2048}]);
    let script = Script::from_json(json!({"paths": {"/east": replies}})).unwrap();
    let provider = FakeProvider::start(script).await.unwrap();
    let (status, answer) = send(&provider, "/east/v1/messages", &with(json!({}))).await;
    assert_eq!((status, &answer["error"]["type"]), (529, &json!("overloaded_error")));
    let (status, answer) = send(&provider, "/east/v1/messages", &with(json!({}))).await;
    assert_eq!((status, &answer["error"]["type"]), (401, &json!("authentication_error")));
    let (_, answer) = send(&provider, "/east/v1/messages", &with(json!({}))).await;
    assert_eq!(answer.to_string().len(), 2048);
}

#[tokio::test]
async fn what_anthropic_refuses_is_refused() {
    let provider = FakeProvider::start(Script::default()).await.unwrap();
    let call =
        |id: &str| json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "f", "input": {}}]});
    let result = |id: &str| json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id}]});
    let budget = json!({"type": "enabled", "budget_tokens": 2000});
    for (body, why) in [
        (CHAT.to_owned(), "max_tokens: Field required"),
        ("{".to_owned(), "not valid JSON"),
        (with(json!({"messages": []})), "at least one message"),
        (with(json!({"messages": [{"role": "system", "content": "x"}]})), "role"),
        (with(json!({"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]})), "non-empty"),
        (with(json!({"system": [{"type": "text", "text": ""}]})), "non-empty"),
        (with(json!({"messages": [call("a.b"), result("a.b")]})), "should match pattern"),
        (with(json!({"messages": [call("a"), {"role": "user", "content": "x"}]})), "without `tool_result`"),
        (with(json!({"messages": [result("a")]})), "unexpected `tool_use_id`"),
        (with(json!({"tools": [{"name": "f", "input_schema": {}}]})), "input_schema"),
        (with(json!({"tool_choice": {"type": "auto"}})), "tool_choice"),
        (
            with(json!({"thinking": {"type": "enabled", "budget_tokens": 1}, "max_tokens": 3000})),
            "greater than or equal",
        ),
        (with(json!({"thinking": budget, "max_tokens": 2000})), "must be greater"),
        (with(json!({"thinking": budget, "max_tokens": 3000, "temperature": 0.5})), "temperature"),
        (with(json!({"thinking": budget, "max_tokens": 3000, "messages": [call("a"), result("a")]})), "thinking block"),
    ] {
        let (status, answer) = send(&provider, "/east/v1/messages", &body).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && message.contains(why), "{body}: {status} {message}");
    }
    let (status, _) = send(&provider, "/east/v1/messages", &with(json!({"messages": [call("a"), result("a")]}))).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn azures_paths_answer_as_openais_do() {
    let provider = FakeProvider::start(Script::default()).await.unwrap();
    for path in [
        "/east/openai/deployments/my%20gpt/chat/completions?api-version=2024-02-01",
        "/east/openai/v1/chat/completions",
    ] {
        let (status, answer) = send(&provider, path, CHAT).await;
        assert_eq!((status, &answer["choices"][0]["message"]["content"]), (200, &json!("hello from east")));
    }
    let (_, body) = request(&mut connect(provider.address()).await, &chat("east")).await;
    assert!(body.contains("chat.completion"));
}
