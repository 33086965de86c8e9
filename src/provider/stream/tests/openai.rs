//! Streams as OpenAI, Azure and others who speak OpenAI's wire send them.

use serde_json::{Value, json};

use super::super::{OpenAiStream, Progress, StreamFault};
use super::{read, text_of, whole};
use crate::chat::Flaw;

const TOOLS: &str = r#"
data: {"id":"chatcmpl-A1","object":"chat.completion.chunk","created":1720000000,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get_weather","arguments":""}}],"refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x9"}

data: {"id":"chatcmpl-A1","object":"chat.completion.chunk","created":1720000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"location\":\"Pa"}}]},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-A1","object":"chat.completion.chunk","created":1720000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"ris\"}"}}]},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-A1","object":"chat.completion.chunk","created":1720000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"now","arguments":"{}"}}]},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-A1","object":"chat.completion.chunk","created":1720000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}],"usage":null}

data: {"id":"chatcmpl-A1","object":"chat.completion.chunk","created":1720000000,"model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":81,"completion_tokens":17,"total_tokens":98,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0}}}

data: [DONE]
"#;

const LOGPROBS: &str = r#"
data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":{"content":[],"refusal":null},"finish_reason":null}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":{"content":[{"token":"Hi","logprob":-0.1,"bytes":[72,105],"top_logprobs":[]}],"refusal":null},"finish_reason":null}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"!"},"logprobs":{"content":[{"token":"!","logprob":-0.5,"bytes":[33],"top_logprobs":[]}],"refusal":null},"finish_reason":null}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}

data: [DONE]
"#;

const REFUSAL: &str = r#"
data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"refusal":"I'm sorry, "},"finish_reason":null}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"refusal":"I can't."},"finish_reason":null}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: [DONE]
"#;

const AZURE: &str = r#"
data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}

data: {"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1720000000,"id":"chatcmpl-Z","model":"gpt-4o-2024-08-06","object":"chat.completion.chunk","system_fingerprint":"fp_2"}

data: {"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":"Bonjour"},"finish_reason":null,"index":0,"logprobs":null}],"created":1720000000,"id":"chatcmpl-Z","model":"gpt-4o-2024-08-06","object":"chat.completion.chunk","system_fingerprint":"fp_2"}

data: {"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":1720000000,"id":"chatcmpl-Z","model":"gpt-4o-2024-08-06","object":"chat.completion.chunk","system_fingerprint":"fp_2"}

data: [DONE]
"#;

const REASONING: &str = r#"
data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":{"reasoning_content":"Let me "},"logprobs":null,"finish_reason":null}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"see.","reasoning_details":[{"type":"reasoning.text","text":"see.","index":0}]},"finish_reason":null,"native_finish_reason":null}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":{"content":"42"},"logprobs":null,"finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":3,"total_tokens":9,"completion_tokens":6}}

data: [DONE]
"#;

#[test]
fn chunks_pass_byte_for_byte() {
    for recorded in [TOOLS, LOGPROBS, REFUSAL, AZURE, REASONING] {
        let (_, chunks) = whole(&mut OpenAiStream, recorded);
        let sent: Vec<_> = recorded.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        let texts: Vec<_> = chunks.iter().map(|chunk| chunk.json()).chain(["[DONE]"]).collect();
        assert_eq!(texts, sent);
    }
}

#[test]
fn tool_calls_and_usage() {
    let (answer, chunks) = whole(&mut OpenAiStream, TOOLS);
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(
        choice["message"]["tool_calls"],
        json!([
            {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{\"location\":\"Paris\"}"}},
            {"id": "call_2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
        ])
    );
    let last = chunks.last().unwrap();
    assert!(last.is_usage_only() && last.usage().unwrap().starts_with(r#"{"prompt_tokens":81"#));
    assert_eq!(
        chunks.iter().map(|chunk| chunk.has_content()).collect::<Vec<_>>(),
        [true, true, true, true, false, false]
    );
}

#[test]
fn refusals_and_probabilities() {
    let (answer, chunks) = whole(&mut OpenAiStream, REFUSAL);
    assert_eq!(answer["choices"][0]["message"]["refusal"], "I'm sorry, I can't.");
    assert_eq!(answer["choices"][0]["message"]["content"], Value::Null);
    assert!(!chunks[0].has_content() && chunks[1].has_content());
    let (answer, chunks) = whole(&mut OpenAiStream, LOGPROBS);
    assert_eq!(answer["choices"][0]["logprobs"]["content"].as_array().unwrap().len(), 2);
    assert_eq!(text_of(&chunks), "Hi!");
}

#[test]
fn what_azure_says_of_the_prompt_is_framing() {
    let (answer, chunks) = whole(&mut OpenAiStream, AZURE);
    let contents: Vec<_> = chunks.iter().map(|chunk| (chunk.has_content(), chunk.is_usage_only())).collect();
    assert_eq!(contents, [(false, false), (false, false), (true, false), (false, false)]);
    assert_eq!((&answer["id"], &answer["choices"][0]["message"]["content"]), (&json!("chatcmpl-Z"), &json!("Bonjour")));
}

#[test]
fn thoughts_are_content() {
    let (answer, chunks) = whole(&mut OpenAiStream, REASONING);
    assert_eq!(chunks.iter().map(|chunk| chunk.has_content()).collect::<Vec<_>>(), [false, true, true, true]);
    assert_eq!((text_of(&chunks).as_str(), chunks[3].finish_reason()), ("42", Some("stop")));
    assert!(!chunks[3].is_usage_only() && answer["usage"]["total_tokens"] == 9);
}

fn fault(recorded: &str) -> (usize, StreamFault) {
    let (chunks, ended) = read(&mut OpenAiStream, recorded);
    (chunks.len(), ended.unwrap_err())
}

#[test]
fn errors_within_the_stream() {
    let openrouter = r#"{"id":"gen","object":"chat.completion.chunk","error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#;
    let groq = r#"{"error":{"message":"Over capacity","type":"internal_server_error","code":503}}"#;
    let vllm = r#"{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}"#;
    let openai = r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#;
    for (name, body, expected) in [
        ("", openrouter, 502),
        ("event: error\n", groq, 503),
        ("", vllm, 400),
        ("", openai, 500),
        ("event: error\n", "no JSON at all", 500),
        ("event: other\n", openai, 500),
    ] {
        let recorded = format!("data: {{\"choices\":[{{\"delta\":{{}}}}]}}\n\n{name}data: {body}\n\n");
        let in_band = StreamFault::InBand { body: body.to_owned().into(), status: expected };
        assert_eq!(fault(&recorded), (1, in_band), "{body}");
    }
}

#[test]
fn what_is_no_chunk_fails_and_what_is_unknown_is_skipped() {
    assert_eq!(fault("data: {\"choices\":[{\"del\n\n").1, StreamFault::Flaw(Flaw::NotJson));
    assert_eq!(fault("event: message\ndata: <html>\n\n").1, StreamFault::Flaw(Flaw::NotJson));
    let recorded = "event: ping\ndata: {\"type\":\"ping\"}\n\nevent: progress\ndata: 40%\n\ndata:\n\n\
                    event: chat.completion.chunk\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
    let (chunks, ended) = read(&mut OpenAiStream, recorded);
    assert_eq!((chunks.len(), text_of(&chunks).as_str(), ended), (1, "a", Ok(Progress::Done)));
}
