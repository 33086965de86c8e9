//! The format as the web platform's tests have it, streams as providers send them, and laws for any bytes.

use proptest::prelude::*;

use super::*;

mod laws;

/// The events of a stream fed in these pieces: first those closed by an empty line, then the one that was left open.
fn decoded<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Option<Event>) {
    let mut decoder = EventDecoder::new();
    let mut closed = Vec::new();
    for piece in pieces {
        decoder.feed(Bytes::copy_from_slice(piece)).unwrap();
        closed.extend(decoder.by_ref());
    }
    (closed, decoder.finish())
}

/// The same, whole and byte by byte, which must not differ.
fn read(stream: impl AsRef<[u8]>) -> (Vec<Event>, Option<Event>) {
    let stream = stream.as_ref();
    let whole = decoded([stream]);
    assert_eq!(whole, decoded(stream.chunks(1)), "byte by byte");
    whole
}

fn event(name: Option<&str>, data: &str) -> Event {
    Event { name: name.map(Into::into), data: Bytes::copy_from_slice(data.as_bytes()) }
}

#[track_caller]
fn gives(stream: impl AsRef<[u8]>, data: &[&str]) {
    let expected: Vec<Event> = data.iter().map(|data| event(None, data)).collect();
    assert_eq!(read(stream), (expected, None));
}

// The cases of web-platform-tests/wpt, eventsource/, by their names there; an event with empty data is left out.

#[test]
fn format_bom() {
    gives("\u{FEFF}data:1\n\n\u{FEFF}data:2\n\ndata:3\n\n", &["1", "3"]);
    gives("\u{FEFF}\u{FEFF}data:1\n\ndata:2\n\ndata:3\n\n", &["2", "3"]);
    gives(b"\xEF\xBBdata:1\n\ndata:2\n\n", &["2"]);
    gives("\u{FEFF}\ndata:1\n\n", &["1"]);
    gives("\n\u{FEFF}data:1\n\ndata:2\n\n", &["2"]);
    gives("\u{FEFF}", &[]);
}

#[test]
fn format_comments() {
    let long = "x".repeat(2 * 1024);
    let stream = format!("data:1\r:\0\n:\r\ndata:2\n:{long}\rdata:3\n:data:fail\r:{long}\ndata:4\n\n");
    gives(stream, &["1\n2\n3\n4"]);
}

#[test]
fn format_data_before_final_empty_line() {
    let (closed, open) = read("retry:1000\ndata:test1\n\nid:test\ndata:test2");
    assert_eq!((closed, open), (vec![event(None, "test1")], Some(event(None, "test2"))));
}

#[test]
fn format_field_data() {
    gives("data:\n\ndata\ndata\n\ndata:test\n\n", &["\n", "test"]);
    let stream = "data:msg\ndata:msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n";
    gives(stream, &["msg\nmsg", "end"]);
}

#[test]
fn format_field_event() {
    let expected = vec![event(Some("test"), "x"), event(None, "x")];
    assert_eq!(read("event:test\ndata:x\n\ndata:x\n\n"), (expected, None));
    gives("event: \ndata:data\n\n", &["data"]);
    gives("event\ndata:data\n\n", &["data"]);
    gives("event: test\nevent\ndata:data\n\n", &["data"]);
    gives("event: message\ndata:data\n\n", &["data"]);
    gives("event:test\n\ndata:the name went with its event\n\n", &["the name went with its event"]);
    let last = vec![event(Some("b:c "), "x")];
    assert_eq!(read("event: a\ndata: x\nevent: b:c \n\n"), (last, None));
    assert_eq!(read(b"event: \xFF\ndata: x\n\n"), (vec![event(Some("\u{FFFD}"), "x")], None));
}

#[test]
fn format_field_id_and_retry() {
    gives("id: 1\nretry: 3000\ndata:x\nid\nretry:no number\n\nid: 2\n\n", &["x"]);
}

#[test]
fn format_field_parsing() {
    let stream =
        "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n";
    gives(stream, &["\0\n 2\n1\n3\n\n4"]);
}

#[test]
fn format_field_unknown() {
    gives("data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n", &["test\n\ntest"]);
}

#[test]
fn format_leading_space() {
    gives("data:\ttest\rdata: \ndata:test\n\n", &["\ttest\n\ntest"]);
    gives("data:a\n\ndata: a\n\ndata:  a \n\n", &["a", "a", " a "]);
}

#[test]
fn format_newlines() {
    gives("data:test\r\ndata\ndata:test\r\n\r", &["test\n\ntest"]);
    gives("data:1\n\ndata:2\r\n\r\ndata:3\r\rdata:4\r\n\rdata:5\n\r\n", &["1", "2", "3", "4", "5"]);
    gives("data:1\r\ndata:2\r\ndata:3\n\n", &["1\n2\n3"]);
    gives("\r\n\r\n\n\r\rdata:1\n\n\n\n\r\r\n", &["1"]);
}

#[test]
fn format_null_character_and_utf_8() {
    gives("data:\0\n\n\n\n", &["\0"]);
    gives("data:ok…\u{2028}\u{85}\u{0B}\n\n", &["ok…\u{2028}\u{85}\u{0B}"]);
    assert_eq!(read(b"data:\xFF\n\n").0.first().unwrap().data, b"\xFF".as_slice());
}

#[test]
fn what_was_left_open_is_given_at_the_end() {
    let cases = ["data: x", "data: x\n", "data: x\r", "data: x\r\n", "data: x\n:", "data\u{20}: y\ndata: x\nid"];
    for stream in cases {
        assert_eq!(read(stream), (vec![], Some(event(None, "x"))), "{stream:?}");
    }
    assert_eq!(read("event: e\ndata: x"), (vec![], Some(event(Some("e"), "x"))));
    for stream in ["", "\n", "event: e", "data:", "data: \n", ": x", "dat", "\u{FEFF}"] {
        assert_eq!(read(stream), (vec![], None), "{stream:?}");
    }
}

#[test]
fn finish_gives_what_was_not_taken_first() {
    let mut decoder = EventDecoder::new();
    decoder.feed(Bytes::from_static(b"data: 1\n\ndata: 2")).unwrap();
    decoder.feed(Bytes::from_static(b"\n\ndata: 3")).unwrap();
    let all: Vec<Event> = std::iter::from_fn(|| decoder.finish()).collect();
    assert_eq!(all, ["1", "2", "3"].map(|data| event(None, data)));
}

#[test]
fn an_event_comes_with_the_first_byte_of_its_end() {
    let mut decoder = EventDecoder::new();
    decoder.feed(Bytes::from_static(b"data: 1\r\n\r")).unwrap();
    assert_eq!(decoder.next(), Some(event(None, "1")));
    decoder.feed(Bytes::from_static(b"\ndata: 2\r\n\r")).unwrap();
    assert_eq!(decoder.next(), Some(event(None, "2")));
    decoder.feed(Bytes::new()).unwrap();
    decoder.feed(Bytes::from_static(b"\n")).unwrap();
    assert_eq!((decoder.next(), decoder.finish()), (None, None));
}

// What providers send.

#[test]
fn chunks_of_openai() {
    let first = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
    let second = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a\n\nb: c"},"finish_reason":null}]}"#;
    gives(format!("data: {first}\n\ndata: {second}\n\ndata: [DONE]\n\n"), &[first, second, "[DONE]"]);
    let (closed, open) = read(format!("data: {first}\n\ndata: [DONE]"));
    assert_eq!((closed, open), (vec![event(None, first)], Some(event(None, "[DONE]"))));
}

#[test]
fn comments_of_openrouter() {
    let chunk = r#"{"id":"gen-1","provider":"OpenAI","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
    let stream = format!(
        ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {chunk}\n\n: OPENROUTER PROCESSING\n\ndata: [DONE]\n\n"
    );
    gives(stream, &[chunk, "[DONE]"]);
}

#[test]
fn events_of_anthropic() {
    let start = r#"{"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[]}}"#;
    let ping = r#"{"type": "ping"}"#;
    let delta = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#;
    let stop = r#"{"type":"message_stop"}"#;
    let events = [("message_start", start), ("ping", ping), ("content_block_delta", delta), ("message_stop", stop)];
    let stream: String = events.iter().map(|(name, data)| format!("event: {name}\ndata: {data}\n\n")).collect();
    let expected = events.iter().map(|(name, data)| event(Some(name), data)).collect();
    assert_eq!(read(stream), (expected, None));
}

#[test]
fn gemini_ends_its_lines_with_crlf() {
    let chunk = r#"{"candidates": [{"content": {"parts": [{"text": "Hi"}],"role": "model"}}]}"#;
    gives(format!("data: {chunk}\r\n\r\ndata: {chunk}\r\n\r\n"), &[chunk, chunk]);
}
