//! Text completions, embeddings, moderations, images, ranks and speech: JSON in, and JSON out of all but the last.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{Refusal, hello, json, missing};
use crate::dialect::{Said, first_segment};
use crate::http::Request;

/// The ends of the paths that take JSON, chat's aside.
pub const KNOWN: [&str; 7] =
    ["/completions", "/embeddings", "/moderations", "/images/generations", "/rerank", "/audio/speech", "/responses"];

const CREATED: u64 = 1_700_000_000;
/// Numbers that a 32-bit float holds exactly, so that both encodings of a vector say the same.
const VECTOR: [f32; 4] = [0.5, -0.25, 0.125, -0.0625];
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

pub fn answer(request: &Request, asked: &Value, body: &mut Vec<u8>) -> Result<Said, Refusal> {
    let need = |name: &str| if asked[name].is_null() { Err(missing(name)) } else { Ok(()) };
    let ends = |end: &str| request.path.ends_with(end);
    let name = first_segment(request.path);
    let model = &asked["model"];
    let answer = if ends("/embeddings") {
        need("input")?;
        embeddings(asked)
    } else if ends("/moderations") {
        need("input")?;
        let id = format!("modr-{name}");
        json!({"id": id, "model": model, "results": vec![moderation(); inputs(&asked["input"])]})
    } else if ends("/images/generations") {
        need("prompt")?;
        images(name, asked["n"].as_u64().unwrap_or(1), asked["response_format"] == "b64_json")
    } else if ends("/rerank") {
        need("query")?;
        need("documents")?;
        ranks(name, asked)
    } else if ends("/audio/speech") {
        need("input")?;
        need("voice")?;
        return Ok(speech(request, asked, body));
    } else {
        need("prompt")?;
        return Ok(completion(request, asked, body));
    };
    Ok(json(&answer, body))
}

/// How many a list asks about; a text, or a list of tokens, is one.
fn inputs(input: &Value) -> usize {
    input.as_array().filter(|items| !items.iter().any(|item| item.is_number() || item.is_object())).map_or(1, Vec::len)
}

/// One entry for each input, as long as `dimensions` says.
fn embeddings(asked: &Value) -> Value {
    let length = asked["dimensions"].as_u64().map_or(VECTOR.len(), |length| usize::try_from(length).unwrap_or(0));
    let vector: Vec<f32> = VECTOR.into_iter().cycle().take(length).collect();
    let vector = if asked["encoding_format"] == "base64" {
        json!(STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>()))
    } else {
        json!(vector)
    };
    let entry = |index| json!({"object": "embedding", "index": index, "embedding": vector});
    let data: Vec<_> = (0..inputs(&asked["input"])).map(entry).collect();
    json!({"object": "list", "data": data, "model": asked["model"], "usage": {"prompt_tokens": 10, "total_tokens": 10}})
}

fn moderation() -> Value {
    let all = |value: Value| CATEGORIES.into_iter().map(|name| (name.to_owned(), value.clone())).collect::<Map<_, _>>();
    json!({"flagged": false, "categories": all(json!(false)), "category_scores": all(json!(0.001)),
        "category_applied_input_types": all(json!(["text"]))})
}

pub fn images(name: &str, count: u64, in_place: bool) -> Value {
    let image = |number| {
        let url = format!("https://{name}.example/{number}.png");
        if in_place { json!({"b64_json": STANDARD.encode(url)}) } else { json!({"url": url}) }
    };
    json!({"created": CREATED, "data": (1..=count).map(image).collect::<Vec<_>>()})
}

/// The documents from the last to the first, each worth less than the one before it.
fn ranks(name: &str, asked: &Value) -> Value {
    let documents = asked["documents"].as_array().map_or(0, Vec::len);
    let most = asked["top_n"].as_u64().map_or(documents, |most| usize::try_from(most).unwrap_or(0));
    let entry = |(rank, index)| json!({"index": index, "relevance_score": 1.0 / f64::from(2_u32.pow(rank))});
    let results: Vec<_> = (0..).zip((0..documents).rev()).take(most).map(entry).collect();
    json!({"id": format!("rerank-{name}"), "results": results, "meta": {"billed_units": {"search_units": 1}}})
}

/// No sound, but bytes such as sound has: no text, and a NUL among them. The name is in it all the same.
fn speech(request: &Request, asked: &Value, body: &mut Vec<u8>) -> Said {
    body.extend_from_slice(b"ID3\x04\0\xff\xfb");
    body.extend_from_slice(hello(request).as_bytes());
    body.push(0);
    let content_type = match asked["response_format"].as_str() {
        Some("opus") => "audio/opus",
        Some("aac") => "audio/aac",
        Some("flac") => "audio/flac",
        Some("wav") => "audio/wav",
        Some("pcm") => "audio/pcm",
        _ => "audio/mpeg",
    };
    Said { status: 200, content_type }
}

/// Whole, or word by word with the reason of the end, and the usage if it was asked for.
fn completion(request: &Request, asked: &Value, body: &mut Vec<u8>) -> Said {
    let choice =
        |text: &str, reason: Value| json!([{"text": text, "index": 0, "logprobs": null, "finish_reason": reason}]);
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30});
    let whole = |choices: Value| {
        json!({"id": format!("cmpl-{}", first_segment(request.path)), "object": "text_completion", "created": CREATED,
            "model": asked["model"], "choices": choices})
    };
    let text = hello(request);
    if asked["stream"] != true {
        let mut answer = whole(choice(&text, json!("stop")));
        answer["usage"] = usage;
        return json(&answer, body);
    }
    let with_usage = asked["stream_options"]["include_usage"] == true;
    let mut chunk = |choices: Value, usage: Value| {
        let mut chunk = whole(choices);
        if with_usage {
            chunk["usage"] = usage;
        }
        let _ = write!(body, "data: {chunk}\n\n");
    };
    for word in text.split_inclusive(' ') {
        chunk(choice(word, Value::Null), Value::Null);
    }
    chunk(choice("", json!("stop")), Value::Null);
    if with_usage {
        chunk(json!([]), usage);
    }
    body.extend_from_slice(b"data: [DONE]\n\n");
    Said::EVENTS
}
