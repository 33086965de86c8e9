//! The parameters of one attempt: the request's over the deployment's, in OpenAI's terms. The one place for this rule.

use std::borrow::Cow;

use crate::chat::Request;

use super::Endpoint;

/// Names that say the same thing: the request's word on one of them silences the deployment's on all.
const SYNONYMS: [&[&str]; 2] = [&["max_tokens", "max_completion_tokens"], &["reasoning_effort", "thinking"]];

/// Names and JSON texts: the request's in its own order, then the deployment's that it did not set.
pub fn effective<'a>(endpoint: &'a Endpoint, request: &'a Request) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> {
    let own = move |name: &str| endpoint.params().find(|(own, _)| *own == name).map(|(_, value)| value);
    let asked = request.sent().map(move |(name, value)| {
        let value = match own(name) {
            Some(first) if name == "tools" => joined(first, value),
            _ => Cow::Borrowed(value),
        };
        (name, value)
    });
    let left = endpoint.params().filter(|(name, _)| request.verb().takes(name) && !silenced(name, request));
    asked.chain(left.map(|(name, value)| (name, Cow::Borrowed(value))))
}

fn silenced(name: &str, request: &Request) -> bool {
    let synonyms = SYNONYMS.into_iter().find(|synonyms| synonyms.contains(&name)).unwrap_or_default();
    request.has(name) || synonyms.iter().any(|synonym| request.has(synonym))
}

/// The deployment's tools stand before the request's.
fn joined<'a>(first: &str, second: &'a str) -> Cow<'a, str> {
    let items = |text: &str| text.trim().strip_prefix('[')?.strip_suffix(']').map(|items| items.trim().to_owned());
    match (items(first), items(second)) {
        (Some(first), Some(second)) if !first.is_empty() && !second.is_empty() => {
            Cow::Owned(format!("[{first},{second}]"))
        }
        (Some(first), Some(_)) if !first.is_empty() => Cow::Owned(format!("[{first}]")),
        _ => Cow::Borrowed(second),
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::tests::endpoint;
    use super::*;
    use crate::chat::Verb;

    fn merged(params: &str, request: &str) -> String {
        let endpoint = endpoint(&format!("model: openai/m, api_key: k, {params}"));
        let request = Request::parse(request).unwrap();
        let members = effective(&endpoint, &request).map(|(name, value)| format!("{name}={value}"));
        members.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_request_wins_and_silences_synonyms() {
        assert_eq!(
            merged("temperature: 0.5, seed: 7", r#"{"model":"g","temperature":1}"#),
            r#"model="g" temperature=1 seed=7"#
        );
        assert_eq!(merged("max_completion_tokens: 9", r#"{"model":"g","max_tokens":1}"#), r#"model="g" max_tokens=1"#);
        assert_eq!(
            merged("thinking: {type: enabled}", r#"{"model":"g","reasoning_effort":"low"}"#),
            r#"model="g" reasoning_effort="low""#
        );
    }

    #[test]
    fn what_is_for_chats_stays_out_of_other_verbs() {
        let endpoint = endpoint("model: openai/m, api_key: k, temperature: 0.5, dimensions: 8");
        let request = Request::parse_for(Verb::Embedding, r#"{"model":"g","input":"a"}"#).unwrap();
        let names: Vec<_> = effective(&endpoint, &request).map(|(name, _)| name).collect();
        assert_eq!(names, ["model", "input", "dimensions"]);
    }

    #[test]
    fn tools_are_joined() {
        let own = r#"tools: [{"a": 1}]"#;
        assert_eq!(merged(own, r#"{"model":"g","tools":[ {"b":2} ]}"#), r#"model="g" tools=[{"a":1},{"b":2}]"#);
        assert_eq!(merged(own, r#"{"model":"g","tools":[]}"#), r#"model="g" tools=[{"a":1}]"#);
        assert_eq!(merged(own, r#"{"model":"g"}"#), r#"model="g" tools=[{"a":1}]"#);
    }
}
