//! OpenAI's wire. The request is spliced, never rebuilt: what the caller wrote goes out as it was written.

use std::borrow::Cow;

use bytes::Bytes;

use crate::chat::{Body, Flaw, Request, STREAM, Verb};
use crate::config::{DeploymentConfig, Secret};
use crate::error::Error;

use super::encoded::{STREAM_OPTIONS, with_usage};
use super::form::Form;
use super::merge::effective;
use super::sift::{Sifted, sift};
use super::stream::{OpenAiStream, ResponsesStream};
use super::{Adapter, BodyForm, Encoded, Endpoint, StreamReader};

pub struct OpenAi;

impl Adapter for OpenAi {
    fn speaks(&self, _verb: Verb) -> bool {
        true
    }

    fn url(&self, _config: &DeploymentConfig, base: &str, _model: &str, path: &str) -> String {
        joined(base, path)
    }

    fn headers(&self, config: &DeploymentConfig, key: Option<&Secret>) -> Vec<(String, Secret)> {
        let mut headers = Vec::new();
        if let Some(key) = key {
            headers.push(("authorization".to_owned(), Secret::new(format!("Bearer {}", key.expose()))));
        }
        if let Some(organization) = &config.organization {
            headers.push(("openai-organization".to_owned(), Secret::new(organization.clone())));
        }
        headers.extend(config.extra_headers.iter().cloned());
        headers
    }

    fn body(&self, endpoint: &Endpoint, request: &Request, form: BodyForm) -> Result<Encoded, Error> {
        let usage_is_ours = form.owns_usage(endpoint, request);
        let (members, mut dropped) = if endpoint.sieve().lets_all_through(request) {
            (None, Vec::new())
        } else {
            let Sifted { members, dropped } = sift(endpoint, request)?;
            (Some(members), dropped)
        };
        let lost = request.verb().has_stream_usage() && !form.asks_for_usage() && request.has(STREAM_OPTIONS);
        if lost && !dropped.iter().any(|name| name == STREAM_OPTIONS) {
            dropped.push(STREAM_OPTIONS.to_owned());
        }
        let (body, content_type) = match members {
            None => rendered(endpoint, request, form, effective(endpoint, request))?,
            Some(members) => rendered(endpoint, request, form, members.into_iter())?,
        };
        Ok(Encoded { body, content_type, form, dropped, usage_is_ours })
    }

    fn whole(&self, verb: Verb, bytes: Vec<u8>, content_type: &str) -> Result<Body, Flaw> {
        Body::check(verb, bytes, content_type)
    }

    fn stream(&self, _endpoint: &Endpoint, request: &Request) -> Box<dyn StreamReader> {
        match request.verb() {
            Verb::Responses => Box::new(ResponsesStream),
            _ => Box::new(OpenAiStream),
        }
    }
}

/// The body, and what it is if it is no JSON.
fn rendered<'a>(
    endpoint: &Endpoint,
    request: &Request,
    form: BodyForm,
    members: impl Iterator<Item = (&'a str, Cow<'a, str>)>,
) -> Result<(Bytes, Option<String>), Error> {
    if request.verb().is_form() {
        let form = filled(endpoint, request, members)?;
        let content_type = form.content_type();
        return Ok((form.finish(), Some(content_type)));
    }
    Ok((spliced(endpoint, request, form, members), None))
}

fn filled<'a>(
    endpoint: &Endpoint,
    request: &Request,
    members: impl Iterator<Item = (&'a str, Cow<'a, str>)>,
) -> Result<Form, Error> {
    let extra = &request.options().extra_body;
    let mut form = Form::with_capacity(request.text_len());
    for (name, value) in members {
        match name {
            "model" => form.member(name, endpoint.model_json())?,
            STREAM => {}
            _ if extra.contains_key(name) => {}
            _ => form.member(name, &value)?,
        }
    }
    for (name, value) in extra {
        form.member(name, &value.to_string())?;
    }
    Ok(form)
}

fn spliced<'a>(
    endpoint: &Endpoint,
    request: &Request,
    form: BodyForm,
    members: impl Iterator<Item = (&'a str, Cow<'a, str>)>,
) -> Bytes {
    let extra = &request.options().extra_body;
    let mut body = Splice::with_capacity(request.text_len() + endpoint.params_len() + 64);
    let mut options = None;
    let renamed = request.verb() == Verb::Chat && endpoint.deployment.wants_completion_tokens(endpoint.model());
    for (name, value) in members {
        match name {
            "model" => body.member(name, endpoint.model_json()),
            // A whole answer is the default; the member is not needed. A stream's stands at the end.
            STREAM => {}
            _ if extra.contains_key(name) => {}
            STREAM_OPTIONS if form.asks_for_usage() => options = Some(value),
            // Refused with a whole answer, and by who does not tell the usage of a stream.
            STREAM_OPTIONS if request.verb().has_stream_usage() => {}
            "max_tokens" if renamed && request.has(MAX_COMPLETION_TOKENS) => {}
            "max_tokens" if renamed => body.member(MAX_COMPLETION_TOKENS, &value),
            _ => body.member(name, &value),
        }
    }
    for (name, value) in extra {
        match name.as_str() {
            // The called function decides.
            STREAM if form.is_stream() => {}
            STREAM_OPTIONS if form.asks_for_usage() => options = Some(Cow::Owned(value.to_string())),
            _ => body.member(name, &value.to_string()),
        }
    }
    if form.is_stream() {
        body.member(STREAM, "true");
    }
    if form.asks_for_usage() {
        body.member(STREAM_OPTIONS, &with_usage(options));
    }
    body.finish()
}

/// What reasoning models call the bound that others call `max_tokens`.
const MAX_COMPLETION_TOKENS: &str = "max_completion_tokens";

/// The URL of a path; LiteLLM's users write the base with and without one, and with the path's version or without it.
pub fn joined(base: &str, path: &str) -> String {
    let base = Verb::base_of(base);
    let version = path.match_indices('/').nth(1).and_then(|(end, _)| path.get(..end));
    let version = version.filter(|version| version.starts_with("/v"));
    let base = version.and_then(|version| base.strip_suffix(version)).unwrap_or(base);
    format!("{base}{path}")
}

/// Puts a JSON object together from members whose values are JSON already.
struct Splice(Vec<u8>);

impl Splice {
    fn with_capacity(bytes: usize) -> Self {
        let mut object = Vec::with_capacity(bytes);
        object.push(b'{');
        Self(object)
    }

    fn member(&mut self, name: &str, value: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.0.push(b'"');
            self.0.extend_from_slice(name.as_bytes());
            self.0.push(b'"');
        } else {
            self.0.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
        }
        self.0.push(b':');
        self.0.extend_from_slice(value.as_bytes());
    }

    fn finish(mut self) -> Bytes {
        self.0.push(b'}');
        Bytes::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::tests::endpoint;
    use super::*;

    pub fn body(litellm_params: &str, request: &str) -> String {
        let endpoint = endpoint(litellm_params);
        let encoded = OpenAi.body(&endpoint, &Request::parse(request).unwrap(), BodyForm::Whole).unwrap();
        assert!(!encoded.usage_is_ours);
        String::from_utf8(encoded.body.to_vec()).unwrap()
    }

    fn streamed(litellm_params: &str, request: &str) -> (String, bool) {
        let encoded = endpoint(litellm_params).encode_stream(&Request::parse(request).unwrap()).unwrap();
        (String::from_utf8(encoded.body.to_vec()).unwrap(), encoded.usage_is_ours)
    }

    const KEY: &str = "model: openai/gpt-4, api_key: k";

    #[test]
    fn messages_go_out_byte_for_byte() {
        let messages = r#"[ {"role":"user","content":"\u00e9 \n"} ]"#;
        let sent = body(KEY, &format!(r#"{{"model":"group","messages":{messages},"temperature":1.50,"a \"b":[1]}}"#));
        assert_eq!(sent, format!(r#"{{"model":"gpt-4","messages":{messages},"temperature":1.50,"a \"b":[1]}}"#));
    }

    #[test]
    fn the_requests_parameters_beat_the_deployments() {
        let params = "model: openai/gpt-4, api_key: k, temperature: 0.5, seed: 7";
        let sent = body(params, r#"{"model":"g","temperature":1,"extra_body":{"seed":8,"new":true}}"#);
        assert_eq!(sent, r#"{"model":"gpt-4","temperature":1,"seed":8,"new":true}"#);
        assert_eq!(body(params, r#"{"model":"g"}"#), r#"{"model":"gpt-4","temperature":0.5,"seed":7}"#);
    }

    fn verb_body(verb: Verb, litellm_params: &str, request: &str) -> Encoded {
        let request = Request::parse_for(verb, request).unwrap();
        endpoint(litellm_params).encode(&request).unwrap()
    }

    #[test]
    fn verbs_have_their_own_parameters() {
        let request = r#"{"model":"g","input":["a"],"user":"u","timeout":3}"#;
        let limited = "model: openai/o3, api_key: k, temperature: 0.5, additional_drop_params: [input, user]";
        let sent = verb_body(Verb::Embedding, limited, request);
        assert_eq!(&sent.body[..], br#"{"model":"o3","input":["a"]}"#);
        assert_eq!((sent.dropped, sent.content_type), (vec!["user".to_owned()], None));
        let request = r#"{"model":"g","input":"a","max_tokens":5,"metadata":{"a":"b"}}"#;
        let sent = verb_body(Verb::Responses, "model: openai/o3, api_key: k", request);
        assert_eq!(&sent.body[..], br#"{"model":"o3","input":"a","max_tokens":5,"metadata":{"a":"b"}}"#);
    }

    #[test]
    fn files_go_out_in_a_form() {
        let request = r#"{"model":"g","file":{"filename":"a.wav","data":"UklGRg=="},"language":"en"}"#;
        let sent = verb_body(Verb::Transcription, "model: openai/whisper-1, api_key: k, language: de", request);
        assert!(sent.content_type.unwrap().starts_with("multipart/form-data; boundary="));
        let body = String::from_utf8(sent.body.to_vec()).unwrap();
        assert!(
            body.contains("\r\n\r\nwhisper-1\r\n") && body.contains("filename=\"a.wav\"") && body.contains("en\r\n")
        );
        assert!(!body.contains("\r\n\r\nde\r\n"));
    }

    #[test]
    fn only_some_verbs_stream_and_only_some_ask_for_usage() {
        let request = Request::parse_for(Verb::Responses, r#"{"model":"g","input":"a"}"#).unwrap();
        let sent = endpoint(KEY).encode_stream(&request).unwrap();
        assert_eq!(&sent.body[..], br#"{"model":"gpt-4","input":"a","stream":true}"#);
        assert!(!sent.usage_is_ours);
        let request = Request::parse_for(Verb::TextCompletion, r#"{"model":"g","prompt":"a"}"#).unwrap();
        assert!(endpoint(KEY).encode_stream(&request).unwrap().usage_is_ours);
    }

    #[test]
    fn what_a_provider_lacks_is_not_sent() {
        let request = Request::parse_for(Verb::Embedding, r#"{"model":"g","input":"a"}"#).unwrap();
        let refused = |params: &str| endpoint(params).encode(&request).err().map(|error| error.message().to_owned());
        let lacks = |provider: &str| Some(format!("{provider} has no /embeddings, or it is not supported yet"));
        assert_eq!(refused("model: anthropic/claude-3, api_key: k"), lacks("anthropic"));
        assert_eq!(refused("model: cohere/rerank-v3, api_key: k"), lacks("cohere"));
        assert_eq!(refused("model: voyage/voyage-3, api_key: k"), None);
        let rerank = Request::parse_for(Verb::Rerank, r#"{"model":"g","query":"a","documents":[]}"#).unwrap();
        let cohere = endpoint("model: cohere/rerank-v3, api_key: k");
        assert_eq!(cohere.target(rerank.verb()).unwrap().unwrap().url(), "https://api.cohere.com/v2/rerank");
    }

    #[test]
    fn options_and_stream_false_are_not_sent() {
        let sent = body(KEY, r#"{"model":"g","stream":false,"timeout":1,"metadata":{},"messages":[]}"#);
        assert_eq!(sent, r#"{"model":"gpt-4","messages":[]}"#);
    }

    #[test]
    fn a_whole_answer_has_no_options_of_streams() {
        let configured = format!("{KEY}, stream_options: {{include_usage: true}}");
        assert_eq!(body(&configured, r#"{"model":"g"}"#), r#"{"model":"gpt-4"}"#);
        let request = Request::parse(r#"{"model":"g","stream_options":{"include_usage":true}}"#).unwrap();
        let encoded = endpoint(KEY).encode(&request).unwrap();
        assert_eq!(
            (&encoded.body[..], encoded.dropped),
            (&br#"{"model":"gpt-4"}"#[..], vec![STREAM_OPTIONS.to_owned()])
        );
    }

    #[test]
    fn a_stream_is_asked_for_with_its_usage() {
        let asked = |members: &str| format!(r#"{{"model":"gpt-4",{members}}}"#);
        let ours = asked(r#""messages":[],"stream":true,"stream_options":{"include_usage":true}"#);
        for request in [
            r#"{"model":"g","messages":[]}"#,
            r#"{"model":"g","stream":false,"messages":[]}"#,
            r#"{"model":"g","messages":[],"stream_options":null}"#,
            r#"{"model":"g","messages":[],"stream_options":{"include_usage":false}}"#,
            r#"{"model":"g","messages":[],"extra_body":{"stream":false}}"#,
        ] {
            assert_eq!(streamed(KEY, request), (ours.clone(), true), "{request}");
        }
        let theirs = r#"{"model":"g","stream_options":{"include_usage": true},"n":1}"#;
        let kept = asked(r#""n":1,"stream":true,"stream_options":{"include_usage": true}"#);
        assert_eq!(streamed(KEY, theirs), (kept, false));
        let both = r#"{"model":"g","stream_options":{"include_obfuscation":false}}"#;
        let merged = asked(r#""stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}"#);
        assert_eq!(streamed(KEY, both), (merged.clone(), true));
        let extra = r#"{"model":"g","extra_body":{"stream_options":{"include_obfuscation":false}}}"#;
        assert_eq!(streamed(KEY, extra), (merged, true));
        let configured = format!("{KEY}, stream_options: {{include_usage: true}}");
        assert!(!streamed(&configured, r#"{"model":"g"}"#).1);
    }

    #[test]
    fn usage_is_not_asked_for_where_that_is_refused() {
        let plain = r#"{"model":"m","stream":true}"#;
        let mistral = "model: mistral/m, api_key: k";
        assert_eq!(streamed(mistral, r#"{"model":"g"}"#), (plain.to_owned(), true));
        let asked = r#"{"model":"g","stream_options":{"include_usage":true}}"#;
        assert_eq!(streamed(mistral, asked), (plain.to_owned(), false));
        let allowed = r#"{"model":"g","allowed_openai_params":["stream_options"]}"#;
        assert!(streamed(mistral, allowed).0.contains("include_usage"));
        let dropped = "model: openai/m, api_key: k, additional_drop_params: [stream_options]";
        assert_eq!(streamed(dropped, asked), (plain.to_owned(), false));
    }

    #[test]
    fn reasoning_models_bound_their_completion() {
        let request = r#"{"model":"g","max_tokens":5}"#;
        assert_eq!(
            body("model: openai/o3-mini, api_key: k", request),
            r#"{"model":"o3-mini","max_completion_tokens":5}"#
        );
        assert_eq!(body(KEY, request), r#"{"model":"gpt-4","max_tokens":5}"#);
        let both = r#"{"model":"g","max_tokens":5,"max_completion_tokens":6}"#;
        assert_eq!(body("model: openai/o1, api_key: k", both), r#"{"model":"o1","max_completion_tokens":6}"#);
    }

    #[test]
    fn a_base_leads_to_the_verb() {
        for base in ["http://h/v1", "http://h/v1/", "http://h/v1/chat/completions"] {
            assert_eq!(joined(base, "/chat/completions"), "http://h/v1/chat/completions");
        }
        for base in ["http://h", "http://h/v2", "http://h/v2/rerank"] {
            assert_eq!(joined(base, "/v2/rerank"), "http://h/v2/rerank");
        }
    }
}
