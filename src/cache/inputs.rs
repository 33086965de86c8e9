//! Embeddings are kept input by input: a list that is known in part asks for the rest alone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::chat::{Body, Request, Verb};

use super::key::canonical;

/// The members of an object, each as it was written.
type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Vec<Members<'a>>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    total_tokens: u64,
}

/// The inputs of a request, each as canonical JSON: texts, or lists of tokens. `None` if they are anything else.
pub fn inputs(request: &Request) -> Option<Vec<String>> {
    let input: Value = serde_json::from_str(request.get("input")?).ok()?;
    let is_tokens =
        |value: &Value| value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_number));
    match &input {
        Value::String(_) => Some(vec![canonical(&input)]),
        _ if is_tokens(&input) => Some(vec![canonical(&input)]),
        Value::Array(items) if !items.is_empty() && items.iter().all(|item| item.is_string() || is_tokens(item)) => {
            Some(items.iter().map(canonical).collect())
        }
        _ => None,
    }
}

/// The inputs at these places, for a request of their own.
pub fn only(request: &Request, places: &[usize]) -> Option<Value> {
    let Value::Array(items) = serde_json::from_str(request.get("input")?).ok()? else { return None };
    let chosen: Option<Vec<Value>> = places.iter().map(|place| items.get(*place).cloned()).collect();
    chosen.map(Value::Array)
}

/// An answer to `count` inputs as so many answers to one each, with its part of the usage. `None` if it has another number.
pub fn split(body: &str, count: usize) -> Option<Vec<Body>> {
    let answer: Answer<'_> = serde_json::from_str(body).ok()?;
    if answer.data.len() != count || count == 0 {
        return None;
    }
    let mut data: Vec<Option<Members<'_>>> = (0..count).map(|_| None).collect();
    for (place, vector) in answer.data.into_iter().enumerate() {
        let named = vector.get("index").and_then(|index| index.get().parse::<usize>().ok());
        // Each place once, whoever's order it is.
        let free = data.get_mut(named.unwrap_or(place)).filter(|free| free.is_none())?;
        *free = Some(vector);
    }
    let told = answer.usage;
    let bodies = data.into_iter().flatten().enumerate().map(|(place, vector)| {
        let share = told.map(|told| Usage {
            prompt_tokens: share(told.prompt_tokens, count, place),
            total_tokens: share(told.total_tokens, count, place),
        });
        list(&[vector], answer.model, share)
    });
    bodies.collect()
}

/// Answers to one input each as one answer to all of them, in this order.
pub fn join(bodies: &[&str]) -> Option<Body> {
    let answers: Option<Vec<Answer<'_>>> = bodies.iter().map(|body| serde_json::from_str(body).ok()).collect();
    let answers = answers?;
    let usages: Option<Vec<Usage>> = answers.iter().map(|answer| answer.usage).collect();
    let usage = usages.map(|usages| Usage {
        prompt_tokens: usages.iter().map(|usage| usage.prompt_tokens).sum(),
        total_tokens: usages.iter().map(|usage| usage.total_tokens).sum(),
    });
    let model = answers.iter().find_map(|answer| answer.model);
    let data: Vec<_> = answers.into_iter().flat_map(|answer| answer.data).collect();
    list(&data, model, usage)
}

/// The whole divided as evenly as can be.
fn share(whole: u64, count: usize, place: usize) -> u64 {
    let count = count as u64;
    whole / count + u64::from((place as u64) < whole % count)
}

fn list(data: &[Members<'_>], model: Option<&RawValue>, usage: Option<Usage>) -> Option<Body> {
    let mut text = r#"{"object":"list","data":["#.to_owned();
    for (place, vector) in data.iter().enumerate() {
        text.push_str(if place == 0 { "" } else { "," });
        text.push_str(&format!("{{\"object\":\"embedding\",\"index\":{place}"));
        for (name, value) in vector.iter().filter(|(name, _)| !matches!(&***name, "object" | "index")) {
            text.push_str(&format!(",{}:{}", Value::from(&**name), value.get()));
        }
        text.push('}');
    }
    text.push(']');
    if let Some(model) = model {
        text.push_str(&format!(",\"model\":{}", model.get()));
    }
    if let Some(Usage { prompt_tokens, total_tokens }) = usage {
        let usage = json!({"prompt_tokens": prompt_tokens, "total_tokens": total_tokens});
        text.push_str(&format!(",\"usage\":{usage}"));
    }
    text.push('}');
    Body::check(Verb::Embedding, text.into_bytes(), "application/json").ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(input: &str) -> Request {
        Request::parse_for(Verb::Embedding, &format!(r#"{{"model":"m","input":{input}}}"#)).unwrap()
    }

    #[test]
    fn inputs_are_texts_and_lists_of_tokens() {
        let of = |input: &str| inputs(&request(input)).map(|inputs| inputs.len());
        for (input, count) in [(r#""a""#, 1), (r#"["a","b"]"#, 2), ("[1,2,3]", 1), ("[[1,2],[3]]", 2)] {
            assert_eq!(of(input), Some(count), "{input}");
        }
        for none in ["[]", "7", "null", r#"{"a":1}"#, "[[]]", r#"["a",{"image":"b"}]"#] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(inputs(&request(r#""a""#)), inputs(&request(r#"["a"]"#)));
        assert_eq!(only(&request(r#"["a","b","c"]"#), &[2, 0]), Some(json!(["c", "a"])));
    }

    #[test]
    fn vectors_keep_their_places_whoever_orders_them() {
        let body = r#"{"object":"list","model":"m","data":[{"index":1,"embedding":[2.50]},{"index":0,"embedding":"AAAA"}],"usage":{"prompt_tokens":5,"total_tokens":7}}"#;
        let parts = split(body, 2).unwrap();
        assert_eq!(
            parts[0].json().unwrap(),
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAA"}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":4}}"#
        );
        assert_eq!(parts[1].usage(), Some(r#"{"prompt_tokens":2,"total_tokens":3}"#));
        let both = join(&[parts[0].json().unwrap(), parts[1].json().unwrap()]).unwrap();
        assert!(both.json().unwrap().contains(r#""index":1,"embedding":[2.50]"#));
        assert_eq!(both.usage(), Some(r#"{"prompt_tokens":5,"total_tokens":7}"#));
        for wrong in [1, 3, 0] {
            assert!(split(body, wrong).is_none());
        }
        assert!(split(r#"{"data":[{"index":0},{"index":0}]}"#, 2).is_none());
        assert!(split(r#"{"data":[{"index":5}]}"#, 1).is_none());
    }

    proptest! {
        #[test]
        fn the_parts_of_the_usage_are_the_whole(tokens in 0u64..1000, count in 1usize..40) {
            let data: Vec<_> = (0..count).map(|index| json!({"index": index, "embedding": [index]})).collect();
            let body = json!({"data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}).to_string();
            let parts = split(&body, count).unwrap();
            let texts: Vec<_> = parts.iter().map(|part| part.json().unwrap()).collect();
            let whole = join(&texts).unwrap();
            let told: Value = serde_json::from_str(whole.usage().unwrap()).unwrap();
            prop_assert_eq!(&told["prompt_tokens"], &json!(tokens));
            let whole: Value = serde_json::from_str(whole.json().unwrap()).unwrap();
            prop_assert_eq!(whole["data"].as_array().unwrap().len(), count);
        }
    }
}
