//! What the caller says of a call, for those who read events: names, tags, metadata.

use serde_json::{Map, Value};

use crate::chat::Request;

/// The caller's words about a call. Nothing of it went to a provider but the user.
pub struct Origin {
    /// `litellm_call_id`, else one of our own: a UUID.
    pub call_id: String,
    /// `litellm_trace_id`, else `metadata.trace_id`, else the call's id.
    pub trace_id: String,
    /// `litellm_session_id`, else `metadata.session_id`.
    pub session_id: Option<String>,
    /// `metadata.user_api_key_end_user_id`, else `user`, else `metadata.user_id`.
    pub end_user: Option<String>,
    pub user_agent: Option<String>,
    pub tags: Vec<String>,
    /// `metadata` with `litellm_metadata` laid over it.
    pub metadata: Map<String, Value>,
    /// Of `proxy_server_request`, where a server stands before this library.
    proxy_headers: Map<String, Value>,
}

impl Origin {
    /// `id` names what the caller gave no name. Without `key_info` nothing is known of the key that the caller was asked with.
    pub fn of(request: &Request, id: u128, key_info: bool) -> Self {
        let mut metadata = Map::new();
        let mut texts = Map::new();
        let mut proxy_headers = Map::new();
        for (name, value) in request.members() {
            match name {
                "metadata" | "litellm_metadata" => {
                    if let Ok(Value::Object(own)) = serde_json::from_str(value) {
                        metadata.extend(own);
                    }
                }
                "proxy_server_request" => {
                    let request = serde_json::from_str(value).unwrap_or(Value::Null);
                    if let Some(Value::Object(headers)) = request.get("headers") {
                        proxy_headers.clone_from(headers);
                    }
                }
                "litellm_call_id" | "litellm_trace_id" | "litellm_session_id" | "user" => {
                    if let Ok(value) = serde_json::from_str(value) {
                        texts.insert(name.to_owned(), value);
                    }
                }
                _ => {}
            }
        }
        if !key_info {
            metadata.retain(|name, _| !name.starts_with("user_api_key"));
        }
        let given = |name: &str| text(texts.get(name));
        let meta = |name: &str| text(metadata.get(name));
        let call_id = given("litellm_call_id").unwrap_or_else(|| uuid(id));
        Self {
            trace_id: given("litellm_trace_id").or_else(|| meta("trace_id")).unwrap_or_else(|| call_id.clone()),
            session_id: given("litellm_session_id").or_else(|| meta("session_id")),
            end_user: meta("user_api_key_end_user_id").or_else(|| given("user")).or_else(|| meta("user_id")),
            user_agent: meta("user_agent"),
            tags: request.tags().to_vec(),
            call_id,
            metadata,
            proxy_headers,
        }
    }

    /// A header of the request that the caller serves: of `proxy_server_request`, else of the metadata's `headers`.
    pub fn header(&self, is_name: impl Fn(&str) -> bool) -> Option<&Value> {
        let own = self.metadata.get("headers").and_then(Value::as_object);
        let mut all = self.proxy_headers.iter().chain(own.into_iter().flatten());
        all.find(|(name, _)| is_name(name)).map(|(_, value)| value)
    }

    /// A text of the metadata.
    pub fn meta(&self, name: &str) -> Option<String> {
        text(self.metadata.get(name))
    }
}

/// A text that is not empty; a number is as good.
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// These bits as a random (version 4) UUID has them.
pub(super) fn uuid_bits(bits: u128) -> u128 {
    (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
}

/// A random UUID made of these bits.
fn uuid(bits: u128) -> String {
    let hex = format!("{:032x}", uuid_bits(bits));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(members: &str) -> Origin {
        Origin::of(&Request::parse(&format!(r#"{{"model":"m"{members}}}"#)).unwrap(), 7, true)
    }

    #[test]
    fn what_has_no_name_gets_one() {
        let own = origin("");
        assert_eq!(own.call_id, "00000000-0000-4000-8000-000000000007");
        assert_eq!((own.trace_id.as_str(), own.session_id, own.end_user), (own.call_id.as_str(), None, None));
        assert!(own.tags.is_empty() && own.metadata.is_empty());
    }

    #[test]
    fn the_callers_names_count() {
        let own = origin(
            r#","litellm_call_id":"c","user":"u","metadata":{"trace_id":"t","session_id":9,"tags":["a"],"x":{"y":1}},"litellm_metadata":{"z":1}"#,
        );
        assert_eq!((own.call_id.as_str(), own.trace_id.as_str(), own.session_id.as_deref()), ("c", "t", Some("9")));
        assert_eq!((own.end_user.as_deref(), own.tags.as_slice()), (Some("u"), &["a".to_owned()][..]));
        assert_eq!((own.metadata.len(), own.meta("x"), own.meta("z").as_deref()), (5, None, Some("1")));
        let headers =
            origin(r#","metadata":{"headers":{"a":"1","b":"2"}},"proxy_server_request":{"headers":{"B":"3"}}"#);
        let header = |name: &str| headers.header(|other| other.eq_ignore_ascii_case(name)).cloned();
        assert_eq!((header("a"), header("b"), header("c")), (Some("1".into()), Some("3".into()), None));
        let known = origin(r#","user":"u","metadata":{"user_api_key_end_user_id":"e"}"#);
        assert_eq!(known.end_user.as_deref(), Some("e"));
        assert_eq!(origin(r#","litellm_trace_id":"one","metadata":{"trace_id":"two"}"#).trace_id, "one");
    }
}
