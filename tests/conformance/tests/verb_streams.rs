//! Streams of `/completions` and `/responses` through the C ABI: the promises that streamed chats keep.

mod common_verbs;

use common_verbs::{code, hanging, pieces, request, until, world};
use fakeprovider::abi::Router;
use serde_json::{Value, json};

const CANCELLED: i32 = 3;
const TIMEOUT: i32 = 408;
const RATE_LIMIT: i32 = 429;
const API_CONNECTION: i32 = 1001;
const API_RESPONSE: i32 = 1002;
const STREAM_TRUNCATED: i32 = 1003;

const PATHS: [&str; 2] = ["/completions", "/responses"];

/// What the chunks of either verb say.
fn text(chunks: &[Value]) -> String {
    let said = |chunk: &Value| {
        let text = chunk["choices"][0]["text"].as_str().or(chunk["delta"].as_str());
        text.unwrap_or_default().to_owned()
    };
    chunks.iter().map(said).collect()
}

fn event(data: Value) -> String {
    match data["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}

/// What comes before any content.
fn framing(path: &str) -> String {
    if path == "/completions" {
        return event(json!({"id": "c", "choices": [{"index": 0, "text": "", "finish_reason": null}]}));
    }
    let begun = json!({"id": "resp_1", "status": "in_progress", "output": []});
    [
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "content": []}}),
        json!({"type": "response.output_text.delta", "delta": ""}),
    ]
    .map(event)
    .concat()
}

fn word(path: &str, word: &str) -> String {
    match path {
        "/completions" => event(json!({"id": "c", "choices": [{"index": 0, "text": word, "finish_reason": null}]})),
        _ => event(json!({"type": "response.output_text.delta", "delta": word})),
    }
}

/// Errors under a good status that this verb's stream can tell, each with the code that it is to the caller.
fn failures(path: &str) -> Vec<(&'static str, String, i32)> {
    let limit = json!({"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"});
    let flat = json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": null});
    let failed = json!({"type": "response.failed", "response": {"status": "failed", "output": [],
        "error": {"code": "server_error", "message": "The model failed"}}});
    let mut all = vec![("an error", event(json!({"error": limit})), RATE_LIMIT)];
    if path == "/responses" {
        all.push(("response.failed", event(failed), 500));
        all.push(("an error event", event(flat), RATE_LIMIT));
        all.push(("an error event of others", event(json!({"type": "error", "error": limit})), RATE_LIMIT));
    }
    all
}

#[test]
fn both_verbs_stream_in_every_form() {
    for path in PATHS {
        for (opened, batches) in [(false, false), (false, true), (true, false), (true, true)] {
            let world = world(json!({}));
            let router = world.router(json!({}));
            let stream = router.request_stream(path, &request(path, json!({})), opened).unwrap();
            assert_eq!(stream.metadata()["deployment"], "east", "known from the beginning");
            let (chunks, end) = if batches { stream.rest_in_batches(2) } else { stream.rest() };
            assert_eq!((text(&chunks), code(end)), ("hello from east".to_owned(), None), "{path}");
            let metadata = stream.metadata();
            assert_eq!(metadata["usage"]["total_tokens"], 30, "{path}: {metadata}");
            assert_eq!(metadata.get("usage_estimated"), None, "{path}");
            assert!(metadata["ttft_ms"].as_f64().unwrap() > 0.0);
            assert_eq!(stream.next_text().unwrap(), None, "the end stays");
        }
    }
}

#[test]
fn what_is_sent_is_the_verbs_own() {
    let world = world(json!({}));
    let router = world.router(json!({}));
    let (chunks, _) = router.request_stream("/completions", &request("/completions", json!({})), false).unwrap().rest();
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none_or(Value::is_null)), "usage that nobody asked for");
    let asked = json!({"stream_options": {"include_usage": true}, "stream": false});
    let (chunks, _) = router.request_stream("/completions", &request("/completions", asked), true).unwrap().rest();
    let last = chunks.last().unwrap();
    assert_eq!((&last["usage"]["total_tokens"], &last["choices"]), (&json!(30), &json!([])));
    let asked = json!({"stream": true, "metadata": {"a": "b"}});
    let (events, _) = router.request_stream("v1/responses", &request("/responses", asked), false).unwrap().rest();
    let names: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        (names[0], names[1], *names.last().unwrap()),
        ("response.created", "response.in_progress", "response.completed")
    );
    assert_eq!(events.last().unwrap()["response"]["usage"]["total_tokens"], 30);

    let log = world.provider.log();
    let sent: Vec<_> = log.iter().map(|entry| (entry.path.as_str(), entry.raw.as_str())).collect();
    let completion = r#"{"model":"x","prompt":"hi","stream":true,"stream_options":{"include_usage":true}}"#;
    let response = r#"{"model":"x","metadata":{"a":"b"},"input":"hi","stream":true}"#;
    assert_eq!(sent[0], ("/east/v1/completions", completion));
    assert_eq!((sent[1].0, &log[1].body["stream_options"]["include_usage"]), ("/east/v1/completions", &json!(true)));
    assert_eq!(sent[2], ("/east/v1/responses", response), "a response's usage needs no asking");
}

#[test]
fn events_are_the_providers_bytes() {
    let odd = r#"{"type": "response.output_text.delta", "delta":"caf\u00e9", "new" : 1.50 }"#;
    let last = r#"{"type":"response.completed","response":{"usage":{"total_tokens": 7}}}"#;
    let crlf = format!("event: response.output_text.delta\r\ndata: {odd}\r\n\r\ndata:{last}\r\n\r\n");
    let world = world(json!({"paths": {"/east": [pieces(crlf)]}}));
    let router = world.router(json!({}));
    let stream = router.request_stream("/responses", &request("/responses", json!({})), false).unwrap();
    assert_eq!(stream.next_text().unwrap().as_deref(), Some(odd));
    assert_eq!(stream.next_text().unwrap().as_deref(), Some(last));
    assert_eq!(stream.next_text().unwrap(), None);
    assert_eq!(stream.metadata()["usage"], json!({"total_tokens": 7}));
}

#[test]
fn whatever_fails_before_the_first_content_leaves_no_trace() {
    for path in PATHS {
        let mut replies = vec![
            ("a bad status", json!(500)),
            ("no headers", json!({"hang": true})),
            ("a reset", json!({"reset_before_headers": true})),
            ("silence behind the framing", hanging(framing(path))),
            ("an end behind the framing", pieces(framing(path))),
            ("no stream", json!({"json": {"output": [], "choices": [{"text": "whole"}]}})),
            ("no JSON", pieces("data: {]\n\n".to_owned())),
        ];
        if path == "/responses" {
            replies.push(("[DONE] and nothing before it", pieces(framing(path) + "data: [DONE]\n\n")));
        }
        for (name, failure, _) in failures(path) {
            replies.push((name, pieces(failure.clone())));
            replies.push((name, pieces(framing(path) + &failure)));
        }
        for (what, reply) in replies {
            let world = world(json!({"paths": {"/east": [reply]}}));
            let router = world
                .router(json!({"router_settings": {"stream_timeout": 0.3}, "llmrouter_settings": {"idle_timeout": 1}}));
            let stream = router.request_stream(path, &request(path, json!({})), false);
            let stream = stream.unwrap_or_else(|error| panic!("{path}, {what}: {}", error.json));
            let (chunks, end) = stream.rest();
            assert_eq!((text(&chunks), code(end)), ("hello from west".to_owned(), None), "{path}, {what}");
            let begun = chunks.iter().filter(|chunk| chunk["type"] == "response.created").count();
            assert_eq!(begun, usize::from(path == "/responses"), "{path}, {what}: one clean stream");
            let metadata = stream.metadata();
            assert_eq!(metadata["attempts"].as_array().unwrap().len(), 2, "{path}, {what}");
            assert_eq!(metadata["deployment"], "west", "{path}, {what}");
        }
    }
}

#[test]
fn after_the_first_content_what_came_and_then_the_error() {
    for path in PATHS {
        let begun = framing(path) + &word(path, "hello") + &word(path, " you");
        let mut replies = vec![
            ("a reset", json!({"chunks": [{"text": begun}], "cut_at": -5}), API_CONNECTION),
            ("no terminator", pieces(begun.clone()), STREAM_TRUNCATED),
            ("a stall", hanging(begun.clone()), TIMEOUT),
            ("garbage", pieces(format!("{begun}data: {{]\n\n")), API_RESPONSE),
        ];
        if path == "/responses" {
            replies.push(("[DONE] too early", pieces(format!("{begun}data: [DONE]\n\n")), STREAM_TRUNCATED));
        }
        let told = failures(path).into_iter();
        replies.extend(told.map(|(name, failure, code)| (name, pieces(format!("{begun}{failure}")), code)));
        for (what, reply, expected) in replies {
            let world = world(json!({"paths": {"/east": [reply]}}));
            let router = world.router(json!({"llmrouter_settings": {"idle_timeout": 0.3}}));
            for batches in [false, true] {
                let stream = router.request_stream(path, &request(path, json!({})), batches).unwrap();
                let (chunks, end) = if batches { stream.rest_in_batches(1) } else { stream.rest() };
                assert_eq!((text(&chunks), code(end)), ("hello you".to_owned(), Some(expected)), "{path}, {what}");
                let metadata = stream.metadata();
                assert_eq!(metadata["attempts"].as_array().unwrap().len(), 1, "{path}, {what}: nobody else is asked");
                assert_eq!(metadata["usage_estimated"], true, "{path}, {what}");
                assert_eq!(stream.next_text().unwrap_err().code, expected, "{path}, {what}: the end stays");
            }
        }
    }
}

/// It was cut by a bound and not by a fault: the caller reads why.
#[test]
fn an_incomplete_response_is_a_whole_stream() {
    let last = json!({"type": "response.incomplete", "response": {"status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"}, "usage": {"input_tokens": 1, "output_tokens": 2}}});
    let world = world(json!({"paths": {"/east": [pieces(word("/responses", "a") + &event(last.clone()))]}}));
    let router = world.router(json!({}));
    let stream = router.request_stream("/responses", &request("/responses", json!({})), false).unwrap();
    let (events, end) = stream.rest();
    assert_eq!((events.last(), code(end)), (Some(&last), None));
    assert_eq!(stream.metadata()["usage"], json!({"input_tokens": 1, "output_tokens": 2}));
}

#[test]
fn a_stream_cut_at_any_byte_is_never_taken_for_whole() {
    for path in PATHS {
        let world = world(json!({}));
        let router = world.router(json!({"llmrouter_settings": {"backoff": {"initial": 0, "jitter": 0}}}));
        let whole = router.request_stream(path, &request(path, json!({})), false).unwrap().rest().0;
        let mut cuts = 0;
        for at in (1..20_000).step_by(3) {
            let script = json!({"paths": {"/east": [{"cut_at": at}], "/west": [500]}});
            world.play(script);
            let opened = router.request_stream(path, &request(path, json!({})), false);
            match opened.map(|stream| stream.rest()) {
                Err(_) => cuts += 1,
                Ok((chunks, Err(failure))) => {
                    cuts += 1;
                    assert!(whole.starts_with(&chunks), "{path} at {at}");
                    assert!([API_CONNECTION, STREAM_TRUNCATED, API_RESPONSE].contains(&failure.code), "{failure}");
                }
                Ok((chunks, Ok(()))) => {
                    assert_eq!(text(&chunks), "hello from east", "{path} at {at}");
                    assert!(path == "/completions" || chunks == whole, "{path} at {at}");
                    break;
                }
            }
        }
        assert!(cuts > 200, "{path}: {cuts}");
    }
}

#[test]
fn who_leaves_takes_the_connection_along() {
    for path in PATHS {
        let slow: Vec<_> = (0..1000).map(|_| json!({"text": word(path, "x"), "delay_ms": 20})).collect();
        let world = world(json!({"paths": {"/east": [{"chunks": slow}]}}));
        let router = world.router(json!({}));
        let stream = router.request_stream(path, &request(path, json!({})), false).unwrap();
        stream.next_text().unwrap();
        stream.cancel();
        assert_eq!(code(stream.rest().1), Some(CANCELLED), "{path}");
        until("the provider is told", || world.provider.stats().client_aborts == 1);
        assert_eq!(stream.metadata()["attempts"][0]["error"], "CancelledError", "{path}");
    }
}

/// Who chooses the path at run time need not tell chats apart.
#[test]
fn a_chat_streams_by_its_path_too_and_who_lacks_the_verb_is_passed_over() {
    let world = world(json!({}));
    let config = |model: &str| {
        json!({"model_name": "m", "model_info": {"id": model}, "litellm_params": {"model": model, "order": i32::from(model.starts_with('o')),
            "api_key": "sk-only-0123456789", "api_base": format!("{}/east/v1", world.provider.base_url())}})
    };
    let models = json!({"model_list": [config("anthropic/x"), config("openai/x")]});
    let router = Router::from_yaml(&models.to_string()).unwrap();
    let path = "/chat/completions";
    let (chunks, end) = router.request_stream(path, &request(path, json!({"model": "m"})), false).unwrap().rest();
    let said = |chunk: &Value| chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned();
    assert_eq!((chunks.iter().map(said).collect::<String>().as_str(), code(end)), ("hello from east", None));
    let stream = router.request_stream("/responses", &request("/responses", json!({})), true).unwrap();
    let attempts = stream.metadata()["attempts"].clone();
    assert!(attempts[0]["skipped"].as_str().is_some_and(|why| why.contains("/responses")), "{attempts}");
    assert_eq!(attempts[1]["deployment"], "openai/x", "{attempts}");
}

#[test]
fn one_stream_after_the_other_needs_one_connection() {
    for path in PATHS {
        let world = world(json!({}));
        let router = world.router(json!({}));
        for _ in 0..20 {
            assert_eq!(code(router.request_stream(path, &request(path, json!({})), false).unwrap().rest().1), None);
        }
        assert_eq!(world.provider.stats().total_connections, 1, "{path}");
    }
}

#[test]
fn mocks_stream_in_the_verbs_own_events() {
    let world = world(json!({}));
    let router = world.router(json!({}));
    let open =
        |path: &str, mock: &str| router.request_stream(path, &request(path, json!({"mock_response": mock})), false);
    for path in PATHS {
        let stream = open(path, "Hallöchen!").unwrap();
        let (chunks, end) = stream.rest();
        assert_eq!((text(&chunks), code(end)), ("Hallöchen!".to_owned(), None), "{path}");
        assert_eq!(stream.metadata()["usage"]["total_tokens"], 30, "{path}");
        let (chunks, end) = open(path, "Exception: mock_streaming_error, Hello there").unwrap().rest();
        assert_eq!(text(&chunks), "Hello there", "{path}");
        assert_eq!(end.unwrap_err().http_status, 529, "{path}");
        assert_eq!(open(path, "litellm.RateLimitError").err().unwrap().code, RATE_LIMIT, "{path}");
    }
    assert_eq!(world.provider.log().len(), 0);
}
