//! The verbs by their paths: which function a call goes through, and the least that each asks for.

use fakeprovider::abi::Export;
use serde_json::{Map, Value};

/// Stands for each verb in turn.
pub const EVERY: &str = "*";

const CHAT: &str = "/chat/completions";
const EMBEDDINGS: &str = "/embeddings";

/// The paths, and what there is no request without, `model` aside.
pub const VERBS: [(&str, &str); 12] = [
    (CHAT, r#"{"messages": [{"role": "user", "content": "hi"}]}"#),
    ("/completions", r#"{"prompt": "hi"}"#),
    (EMBEDDINGS, r#"{"input": "hi"}"#),
    ("/responses", r#"{"input": "hi"}"#),
    ("/moderations", r#"{"input": "hi"}"#),
    ("/images/generations", r#"{"prompt": "a cat"}"#),
    (
        "/images/edits",
        r#"{"prompt": "a cat", "image": {"filename": "a.png", "content_type": "image/png", "data": "iVBORw=="}}"#,
    ),
    ("/images/variations", r#"{"image": {"filename": "a.png", "content_type": "image/png", "data": "iVBORw=="}}"#),
    ("/rerank", r#"{"query": "hi", "documents": ["a", "b"]}"#),
    ("/audio/speech", r#"{"input": "hi", "voice": "alloy"}"#),
    ("/audio/transcriptions", r#"{"file": {"filename": "a.wav", "content_type": "audio/wav", "data": "UklGRg=="}}"#),
    ("/audio/translations", r#"{"file": {"filename": "a.wav", "content_type": "audio/wav", "data": "UklGRg=="}}"#),
];

/// Chats and embeddings have functions of their own; `/v1/embeddings` shows that they go the other way, too.
pub fn export(path: Option<&str>) -> Export<'_> {
    match path {
        None => Export::Completion,
        Some(EMBEDDINGS) => Export::Embedding,
        Some(path) => Export::Request(path),
    }
}

/// The request's text, completed by what its verb needs. An explicit null leaves a member out.
pub fn completed(path: Option<&str>, mut request: Map<String, Value>) -> String {
    let path = path.unwrap_or(CHAT);
    let bare = path.trim_start_matches('/').trim_start_matches("v1/");
    let needs = VERBS.iter().find(|(other, _)| other.trim_start_matches('/') == bare).map_or("{}", |(_, needs)| needs);
    let needs: Map<String, Value> = serde_json::from_str(needs).expect("the table above is JSON");
    for (name, value) in &needs {
        request.entry(name).or_insert_with(|| value.clone());
    }
    request.retain(|name, value| !needs.contains_key(name) || !value.is_null());
    Value::Object(request).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_completed() {
        let request = |text: &str| serde_json::from_str(text).unwrap();
        assert_eq!(completed(Some("v1/embeddings"), request(r#"{"model":"m"}"#)), r#"{"model":"m","input":"hi"}"#);
        assert_eq!(completed(Some("/embeddings"), request(r#"{"input":null,"user":null}"#)), r#"{"user":null}"#);
        assert_eq!(completed(Some("/nowhere"), request(r#"{"model":"m"}"#)), r#"{"model":"m"}"#);
        assert!(completed(None, request("{}")).contains("messages"));
    }
}
