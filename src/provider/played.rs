//! What a mock says in the verbs other than chat: the answers that OpenAI would have given.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::chat::{Request, Verb};
use crate::clock;
use crate::transport::{HeaderMap, HeaderValue};

use super::mock::{COMPLETION_TOKENS, PROMPT_TOKENS, Parts};

/// The vector of every input, where the mock names none.
const VECTOR: [f64; 3] = [0.1, 0.2, 0.3];
const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];
const PLAIN_TRANSCRIPTS: [&str; 3] = ["text", "srt", "vtt"];

/// Status, headers and body of an answer that says `said`: a text, or of an embedding its vector, of images and ranks
/// their list, of a moderation whether it flags.
pub fn answer(request: &Request, said: &Value, model: &str) -> Parts {
    let text = said.as_str().unwrap_or_default();
    match request.verb() {
        Verb::Speech => sound(text, request),
        Verb::Transcription | Verb::Translation if is_plain(request) => typed("text/plain", text.to_owned()),
        Verb::Transcription | Verb::Translation => json_of(&json!({ "text": text })),
        Verb::TextCompletion => json_of(&text_completion(text, model)),
        Verb::Responses => json_of(&response(text, model)),
        Verb::Embedding => json_of(&embedding(request, said, model)),
        Verb::Moderation => json_of(&moderation(request, said, model)),
        Verb::Rerank => json_of(&ranking(request, said)),
        Verb::Image | Verb::ImageEdit | Verb::ImageVariation => json_of(&images(request, said)),
        // Chat has shapes of its own.
        Verb::Chat => json_of(&Value::Null),
    }
}

fn json_of(body: &Value) -> Parts {
    typed("application/json", body.to_string())
}

fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Parts {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    (200, headers, body.into())
}

fn id(kind: &str) -> String {
    format!("{kind}mock-{:016x}", fastrand::u64(..))
}

fn member(request: &Request, name: &str) -> Value {
    request.get(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// How many inputs there are: a text, or a list of tokens, is one.
fn inputs(request: &Request) -> usize {
    match member(request, "input") {
        Value::Array(items) if !items.first().is_some_and(Value::is_number) => items.len().max(1),
        _ => 1,
    }
}

fn count(request: &Request, name: &str) -> Option<usize> {
    member(request, name).as_u64().and_then(|count| usize::try_from(count).ok())
}

fn is_plain(request: &Request) -> bool {
    member(request, "response_format").as_str().is_some_and(|format| PLAIN_TRANSCRIPTS.contains(&format))
}

/// Bytes that say what they stand for; no player is meant to hear them.
fn sound(text: &str, request: &Request) -> Parts {
    let content_type = match member(request, "response_format").as_str() {
        Some("wav") => "audio/wav",
        Some("opus") => "audio/opus",
        Some("aac") => "audio/aac",
        Some("flac") => "audio/flac",
        Some("pcm") => "audio/pcm",
        _ => "audio/mpeg",
    };
    let said = if text.is_empty() { "a mock of a voice" } else { text };
    typed(content_type, said.to_owned())
}

pub fn text_completion(text: &str, model: &str) -> Value {
    json!({
        "id": id("cmpl-"),
        "object": "text_completion",
        "created": clock::unix_ms() / 1000,
        "model": model,
        "choices": [{"text": text, "index": 0, "logprobs": null, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": COMPLETION_TOKENS,
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        },
    })
}

pub fn response(text: &str, model: &str) -> Value {
    let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
    json!({
        "id": id("resp_"),
        "object": "response",
        "created_at": clock::unix_ms() / 1000,
        "status": "completed",
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "metadata": {},
        "model": model,
        "output": [{
            "id": id("msg_"), "type": "message", "status": "completed", "role": "assistant", "content": content,
        }],
        "parallel_tool_calls": true,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": PROMPT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": COMPLETION_TOKENS,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        },
    })
}

fn embedding(request: &Request, said: &Value, model: &str) -> Value {
    let vector: Vec<f64> = match said.as_array() {
        Some(items) => items.iter().filter_map(Value::as_f64).collect(),
        None => VECTOR.to_vec(),
    };
    let vector = if member(request, "encoding_format") == "base64" {
        // As OpenAI packs it.
        #[allow(clippy::cast_possible_truncation)]
        let bytes: Vec<u8> = vector.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect();
        Value::from(STANDARD.encode(bytes))
    } else {
        Value::from(vector)
    };
    let entry = |index: usize| json!({"object": "embedding", "index": index, "embedding": vector});
    json!({
        "object": "list",
        "data": (0..inputs(request)).map(entry).collect::<Vec<_>>(),
        "model": model,
        "usage": {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS},
    })
}

fn moderation(request: &Request, said: &Value, model: &str) -> Value {
    let flagged = said.as_bool().unwrap_or(false);
    let all = |value: &Value| -> Map<String, Value> {
        CATEGORIES.into_iter().map(|name| (name.to_owned(), value.clone())).collect()
    };
    let result = json!({
        "flagged": flagged,
        "categories": all(&Value::Bool(flagged)),
        "category_scores": all(&json!(if flagged { 1.0 } else { 0.0 })),
        "category_applied_input_types": all(&json!(["text"])),
    });
    json!({"id": id("modr-"), "model": model, "results": vec![result; inputs(request)]})
}

/// The documents in their own order, each worth less than the one before it.
fn ranking(request: &Request, said: &Value) -> Value {
    let documents = member(request, "documents").as_array().map_or(0, Vec::len);
    let count = count(request, "top_n").unwrap_or(documents).min(documents);
    #[allow(clippy::cast_precision_loss)]
    let entry = |index: usize| json!({"index": index, "relevance_score": 1.0 / (index + 1) as f64});
    let results = said.as_array().cloned().unwrap_or_else(|| (0..count).map(entry).collect());
    json!({"id": id("rerank-"), "results": results, "meta": {"billed_units": {"search_units": 1}}})
}

fn images(request: &Request, said: &Value) -> Value {
    let url = said.as_str().filter(|text| !text.is_empty()).unwrap_or("https://example.com/mock.png");
    let count = count(request, "n").unwrap_or(1);
    let data = said.as_array().cloned().unwrap_or_else(|| vec![json!({ "url": url }); count]);
    json!({"created": clock::unix_ms() / 1000, "data": data})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Body;

    fn play(verb: Verb, members: &str, said: &Value) -> (String, Value) {
        let request = Request::parse_for(verb, &format!(r#"{{"model":"g",{members}}}"#)).unwrap();
        let (status, headers, body) = answer(&request, said, "m");
        let kind = headers.get("content-type").unwrap().to_str().unwrap().to_owned();
        assert_eq!(status, 200);
        let checked = Body::check(verb, body.to_vec(), &kind).unwrap();
        let json = checked.json().map(|text| serde_json::from_str(text).unwrap());
        (kind, json.unwrap_or_else(|| Value::from(String::from_utf8(body.to_vec()).unwrap())))
    }

    #[test]
    fn each_verb_has_an_answer_of_its_shape() {
        let embed = |members: &str, said: &Value| play(Verb::Embedding, members, said).1["data"].clone();
        assert_eq!(embed(r#""input":["a","b"]"#, &Value::Null).as_array().unwrap().len(), 2);
        assert_eq!(embed(r#""input":[1,2,3]"#, &json!([0.5]))[0]["embedding"], json!([0.5]));
        let packed = embed(r#""input":"a","encoding_format":"base64""#, &json!([1.0]))[0]["embedding"].clone();
        assert_eq!(packed, "AACAPw==");
        let (_, flagged) = play(Verb::Moderation, r#""input":["a","b"]"#, &json!(true));
        assert_eq!(
            (flagged["results"][1]["flagged"].clone(), flagged["results"][2].clone()),
            (true.into(), Value::Null)
        );
        let (_, ranks) = play(Verb::Rerank, r#""query":"q","documents":["a","b","c"],"top_n":2"#, &Value::Null);
        assert_eq!(ranks["results"], json!([{"index":0,"relevance_score":1.0},{"index":1,"relevance_score":0.5}]));
        assert_eq!(play(Verb::Image, r#""prompt":"p","n":2"#, &json!("u")).1["data"], json!([{"url":"u"},{"url":"u"}]));
        assert_eq!(play(Verb::TextCompletion, r#""prompt":"p""#, &json!("x")).1["choices"][0]["text"], "x");
        assert_eq!(play(Verb::Responses, r#""input":"p""#, &json!("x")).1["output"][0]["content"][0]["text"], "x");
    }

    #[test]
    fn sound_and_transcripts_come_as_they_are_asked_for() {
        assert_eq!(play(Verb::Speech, r#""input":"p""#, &json!("x")), ("audio/mpeg".to_owned(), json!("x")));
        let wav = play(Verb::Speech, r#""input":"p","response_format":"wav""#, &Value::Null);
        assert_eq!(wav.0, "audio/wav");
        assert_eq!(play(Verb::Transcription, r#""file":{}"#, &json!("x")).1, json!({"text": "x"}));
        let plain = play(Verb::Transcription, r#""file":{},"response_format":"text""#, &json!("x"));
        assert_eq!(plain, ("text/plain".to_owned(), json!("x")));
    }
}
