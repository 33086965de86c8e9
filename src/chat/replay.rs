//! A stream that says what a whole answer says: what was kept as one is given out as the other.

use serde_json::{Map, Value, json};

use super::replayed_response::replay_response;
use super::{Chunk, Verb};

/// A word that is longer than this many bytes comes in pieces.
const LONGEST_PIECE: usize = 64;
/// A longer text comes in pieces of several words.
const MOST_PIECES: usize = 1024;
/// Texts of a message that come in pieces, in this order.
const TEXTS: [&str; 4] = ["reasoning_content", "reasoning", "content", "refusal"];

/// The chunks of a whole answer; `None` if it has not the shape of one. `with_usage`: the caller asked for the usage of a
/// stream. Put together again they say the same.
pub fn replay(verb: Verb, body: &str, with_usage: bool) -> Option<Vec<Chunk>> {
    let whole: Value = serde_json::from_str(body).ok()?;
    let Value::Object(mut head) = whole else { return None };
    if verb == Verb::Responses {
        return replay_response(head);
    }
    let Value::Array(choices) = head.shift_remove("choices")? else { return None };
    let usage = head.shift_remove("usage").filter(|usage| !usage.is_null());
    if verb == Verb::Chat {
        head.insert("object".to_owned(), "chat.completion.chunk".into());
    }
    let mut chunks = Chunks { head, made: Vec::new() };
    for (place, choice) in choices.into_iter().enumerate() {
        let Value::Object(choice) = choice else { return None };
        match verb {
            Verb::Chat => chunks.message(place, choice)?,
            Verb::TextCompletion => chunks.text(place, choice)?,
            _ => return None,
        }
    }
    if let Some(usage) = usage.filter(|_| with_usage) {
        chunks.push(json!([]), Some(usage))?;
    }
    Some(chunks.made)
}

/// A text in pieces about the size of a word.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let mut rest = word;
        while rest.len() > LONGEST_PIECE {
            let place = (1..=LONGEST_PIECE).rev().find(|place| rest.is_char_boundary(*place)).unwrap_or(rest.len());
            let (piece, behind) = rest.split_at(place);
            words.push(piece);
            rest = behind;
        }
        if !rest.is_empty() {
            words.push(rest);
        }
    }
    if words.len() <= MOST_PIECES {
        return words;
    }
    let (each, mut start) = (words.len().div_ceil(MOST_PIECES), 0);
    let lengths = words.chunks(each).map(|words| words.iter().map(|word| word.len()).sum::<usize>());
    let joined = lengths.filter_map(|length| {
        let piece = text.get(start..start + length);
        start += length;
        piece
    });
    joined.collect()
}

struct Chunks {
    /// All that stands in each chunk.
    head: Map<String, Value>,
    made: Vec<Chunk>,
}

impl Chunks {
    fn push(&mut self, choices: Value, usage: Option<Value>) -> Option<()> {
        let mut chunk = self.head.clone();
        chunk.insert("choices".to_owned(), choices);
        chunk.extend(usage.map(|usage| ("usage".to_owned(), usage)));
        self.made.push(Chunk::parse(Value::Object(chunk).to_string().into()).ok()?);
        Some(())
    }

    fn delta(&mut self, index: &Value, delta: Value, logprobs: Option<Value>) -> Option<()> {
        let mut choice = json!({"index": index, "delta": delta, "finish_reason": null});
        if let Some(logprobs) = logprobs {
            choice["logprobs"] = logprobs;
        }
        self.push(json!([choice]), None)
    }

    /// Role, texts word by word, calls, all else, and why it ended.
    fn message(&mut self, place: usize, mut choice: Map<String, Value>) -> Option<()> {
        let index = choice.shift_remove("index").filter(|index| !index.is_null()).unwrap_or_else(|| place.into());
        let reason = choice.shift_remove("finish_reason").unwrap_or_default();
        let mut logprobs = choice.shift_remove("logprobs").filter(|logprobs| !logprobs.is_null());
        let Value::Object(mut message) = choice.shift_remove("message")? else { return None };
        let role = message.shift_remove("role").unwrap_or_else(|| "assistant".into());
        let calls = message.shift_remove("tool_calls");
        let call = message.shift_remove("function_call");
        let mut first = json!({"role": role});
        let texts = TEXTS.map(|name| (name, message.shift_remove(name)));
        for (name, text) in &texts {
            match text {
                Some(Value::String(_)) => first[*name] = "".into(),
                Some(Value::Null) => first[*name] = Value::Null,
                _ => {}
            }
        }
        self.delta(&index, first, None)?;
        if !message.is_empty() {
            self.delta(&index, Value::Object(message), None)?;
        }
        for (name, text) in texts {
            match text {
                Some(Value::String(text)) => {
                    for piece in pieces(&text) {
                        let logprobs = if name == "content" { logprobs.take() } else { None };
                        self.delta(&index, json!({name: piece}), logprobs)?;
                    }
                }
                Some(Value::Null) | None => {}
                Some(parts) => self.delta(&index, json!({name: parts}), logprobs.take())?,
            }
        }
        if let Some(call) = call {
            self.call(&index, call, |call| json!({"function_call": call}))?;
        }
        match calls {
            Some(Value::Array(calls)) => {
                for (place, call) in calls.into_iter().enumerate() {
                    self.tool_call(&index, place, call)?;
                }
            }
            Some(Value::Null) | None => {}
            Some(_) => return None,
        }
        let mut last = json!({"index": index, "delta": {}, "finish_reason": reason});
        for (name, value) in choice.into_iter().chain(logprobs.map(|logprobs| ("logprobs".to_owned(), logprobs))) {
            last[name] = value;
        }
        self.push(json!([last]), None)
    }

    fn tool_call(&mut self, index: &Value, place: usize, call: Value) -> Option<()> {
        let Value::Object(mut call) = call else { return None };
        let function = call.shift_remove("function");
        let mut first = json!({"index": place});
        for (name, value) in call {
            first[name] = value;
        }
        let Some(function) = function else { return self.delta(index, json!({"tool_calls": [first]}), None) };
        let mut first = Some(first);
        self.call(index, function, |function| {
            let mut call = first.take().unwrap_or_else(|| json!({"index": place}));
            call["function"] = function;
            json!({"tool_calls": [call]})
        })
    }

    /// The name of a function, then its arguments bit by bit.
    fn call(&mut self, index: &Value, function: Value, mut wrap: impl FnMut(Value) -> Value) -> Option<()> {
        let Value::Object(mut function) = function else {
            return self.delta(index, wrap(function), None);
        };
        let arguments = function.get("arguments").and_then(Value::as_str).map(str::to_owned);
        if arguments.is_some() {
            function.insert("arguments".to_owned(), "".into());
        }
        self.delta(index, wrap(Value::Object(function)), None)?;
        for piece in pieces(arguments.as_deref().unwrap_or_default()) {
            self.delta(index, wrap(json!({"arguments": piece})), None)?;
        }
        Some(())
    }

    /// A text completion's choice.
    fn text(&mut self, place: usize, mut choice: Map<String, Value>) -> Option<()> {
        let index = choice.shift_remove("index").filter(|index| !index.is_null()).unwrap_or_else(|| place.into());
        let reason = choice.shift_remove("finish_reason").unwrap_or_default();
        let mut logprobs = choice.shift_remove("logprobs");
        let Value::String(text) = choice.shift_remove("text")? else { return None };
        for piece in pieces(&text) {
            let logprobs = logprobs.take().unwrap_or_default();
            let choice = json!({"text": piece, "index": index, "logprobs": logprobs, "finish_reason": null});
            self.push(json!([choice]), None)?;
        }
        let logprobs = logprobs.unwrap_or_default();
        let mut last = json!({"text": "", "index": index, "logprobs": logprobs, "finish_reason": reason});
        for (name, value) in choice {
            last[name] = value;
        }
        self.push(json!([last]), None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Accumulated;
    use super::*;
    use proptest::prelude::*;

    fn again(verb: Verb, whole: &Value, with_usage: bool) -> (Vec<Chunk>, Value) {
        let chunks = replay(verb, &whole.to_string(), with_usage).unwrap();
        let mut all = Accumulated::default();
        chunks.iter().for_each(|chunk| all.add(chunk));
        let whole = all.whole(verb).unwrap();
        (chunks, whole)
    }

    #[test]
    fn role_first_then_words_then_the_end() {
        let whole = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "x": [1], "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "to be or\nnot", "refusal": null, "annotations": []},
             "logprobs": null, "finish_reason": "stop"}], "usage": {"total_tokens": 3}});
        let (chunks, _) = again(Verb::Chat, &whole, false);
        let texts: Vec<_> = chunks.iter().filter_map(Chunk::delta_text).collect();
        assert_eq!(texts, ["to ", "be ", "or\n", "not"]);
        assert!(chunks[0].json().contains("\"role\"") && !chunks[0].has_content());
        assert_eq!(chunks.last().unwrap().finish_reason(), Some("stop"));
        assert!(chunks.iter().all(|chunk| chunk.usage().is_none() && chunk.json().contains("chat.completion.chunk")));
        let (chunks, mut told) = again(Verb::Chat, &whole, true);
        assert!(chunks.last().unwrap().is_usage_only());
        let message = told["choices"][0]["message"].take();
        assert_eq!(message["content"], "to be or\nnot");
        assert_eq!((told["usage"].clone(), told["x"].clone()), (json!({"total_tokens": 3}), json!([1])));
    }

    #[test]
    fn calls_keep_their_arguments() {
        let arguments = "{\"city\": \"a town of two words\"}";
        let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}});
        let whole = json!({"id": "c", "object": "chat.completion", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]}, "finish_reason": "tool_calls"},
            {"index": 1, "message": {"role": "assistant", "content": "x", "reasoning_content": "hm hm"}, "finish_reason": "stop",
             "logprobs": {"content": [{"token": "x"}]}}]});
        let (chunks, told) = again(Verb::Chat, &whole, false);
        assert_eq!(told, whole);
        assert!(chunks.len() > 10);
    }

    #[test]
    fn text_completions_and_what_has_no_stream() {
        let whole = json!({"id": "t", "object": "text_completion", "choices": [
            {"text": "one two", "index": 0, "logprobs": {"tokens": ["one", " two"]}, "finish_reason": "length"}]});
        assert_eq!(again(Verb::TextCompletion, &whole, false).1, whole);
        for none in ["[]", "{}", r#"{"choices":[7]}"#, r#"{"choices":[{"message":"x"}]}"#, "x"] {
            assert!(replay(Verb::Chat, none, false).is_none(), "{none}");
        }
        assert!(replay(Verb::Embedding, r#"{"choices":[{}]}"#, false).is_none());
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_text(text in "(\\PC|[ \n]){0,400}", times in 1usize..40) {
            let text = text.repeat(times);
            let pieces = pieces(&text);
            prop_assert_eq!(&pieces.concat(), &text);
            prop_assert!(pieces.len() <= MOST_PIECES && pieces.iter().all(|piece| !piece.is_empty()));
        }

        #[test]
        fn what_is_played_again_says_the_same(
            content in "\\PC{0,80}", reasoning in proptest::option::of("\\PC{1,40}"), arguments in proptest::option::of("\\PC{1,40}"),
            choices in 1usize..4,
        ) {
            let mut message = json!({"role": "assistant", "content": content});
            if let Some(reasoning) = reasoning {
                message["reasoning_content"] = reasoning.into();
            }
            if let Some(arguments) = arguments {
                message["tool_calls"] = json!([{"id": "i", "type": "function", "function": {"name": "n", "arguments": arguments}}]);
                if content.is_empty() {
                    message["content"] = Value::Null;
                }
            }
            let choices: Vec<_> = (0..choices)
                .map(|index| json!({"index": index, "message": message, "finish_reason": "stop"})).collect();
            let whole = json!({"id": "c", "object": "chat.completion", "choices": choices, "usage": {"total_tokens": 1}});
            prop_assert_eq!(again(Verb::Chat, &whole, true).1, whole);
        }
    }
}
