//! Which parameters an attempt leaves out, and which it may not be made with.

use std::borrow::Cow;

use serde_json::Value;

use crate::chat::{Options, Request, Verb};
use crate::deployment::Deployment;
use crate::error::Error;

use super::Endpoint;
use super::merge::effective;
use super::path::Path;
use super::table::{self, Limits};

/// Missing, they change nothing about an answer: they are left out and told, never refused.
const SLIGHT: [&str; 2] = ["stream_options", "user"];

/// What is known, at load, of the parameters that a deployment takes. What is lacking is known of chats alone.
#[derive(Default)]
pub struct Sieve {
    limits: Vec<&'static Limits>,
    /// Further limits of a model that is asked to reason.
    thinking: Option<&'static Limits>,
    /// Sent even where they are lacking: `allowed_openai_params`, and the members of an `extra_body`.
    allowed: Vec<String>,
    /// `additional_drop_params`.
    dropped: Vec<String>,
    /// What is lacking is left out instead of refused.
    drops: bool,
}

impl Sieve {
    /// `model` is the name at the provider; `drops` what holds for every deployment.
    pub fn new(deployment: &Deployment, model: &str, drops: bool) -> Self {
        let settings = &deployment.config.settings;
        let family = table::family(&deployment.provider, deployment.base_model(model));
        let of_provider = table::by_name(&deployment.provider).map(|entry| &entry.limits);
        let limits = of_provider.into_iter().chain(family.map(|family| &family.limits));
        let owned = |name| settings.texts(name).map(str::to_owned);
        let body = settings.section("extra_body");
        Self {
            limits: limits.filter(|limits| !is_empty(limits)).collect(),
            thinking: family.map(|family| &family.thinking).filter(|limits| !is_empty(limits)),
            allowed: owned("allowed_openai_params").chain(body.iter().map(|(name, _)| name.to_owned())).collect(),
            dropped: owned("additional_drop_params").collect(),
            drops: settings.flag("drop_params").unwrap_or(false) || drops,
        }
    }

    /// Whether nothing of any request is left out or refused.
    pub fn lets_all_through(&self, request: &Request) -> bool {
        let limits = !self.limits.is_empty() || self.thinking.is_some();
        let idle = !limits || request.verb() != Verb::Chat;
        idle && self.dropped.is_empty() && request.options().additional_drop_params.is_empty()
    }

    /// The same for another model of the deployment.
    pub fn for_model(&self, deployment: &Deployment, model: &str) -> Self {
        Self::new(deployment, model, self.drops)
    }

    /// Whether what is lacking is left out instead of refused.
    pub fn drops(&self, options: &Options) -> bool {
        self.drops || options.drop_params
    }

    /// Whether a parameter is sent even if it is lacking.
    pub fn allows(&self, name: &str, options: &Options) -> bool {
        self.allowed.iter().chain(&options.allowed_openai_params).any(|allowed| allowed == name)
    }

    /// Whether a parameter that nobody asked for may be added.
    pub fn takes(&self, name: &str, value: &str, options: &Options) -> bool {
        let mut dropped = self.dropped.iter().chain(&options.additional_drop_params);
        !dropped.any(|path| Path::new(path).root == name)
            && (self.allows(name, options) || !self.lacks(name, value, false))
    }

    fn lacks(&self, name: &str, value: &str, thinks: bool) -> bool {
        let thinking = self.thinking.filter(|_| thinks);
        self.limits.iter().copied().chain(thinking).any(|limits| lacks(limits, name, value))
    }
}

fn is_empty(limits: &Limits) -> bool {
    limits.lacks.is_empty() && limits.only.is_empty()
}

fn lacks(limits: &Limits, name: &str, value: &str) -> bool {
    let other = |only: &Value| match (serde_json::from_str::<Value>(value), only.as_f64()) {
        // 1 and 1.0 are the same.
        (Ok(value), Some(number)) if value.is_number() => value.as_f64() != Some(number),
        (Ok(value), _) => value != *only,
        (Err(_), _) => true,
    };
    limits.lacks.iter().any(|lack| lack == name) || limits.only.get(name).is_some_and(other)
}

/// The parameters of an attempt, names and JSON texts, and the names of those that were left out.
pub struct Sifted<'a> {
    pub members: Vec<(&'a str, Cow<'a, str>)>,
    pub dropped: Vec<String>,
}

/// Leaves out what is to be left out; an error if the deployment lacks what may not be.
pub fn sift<'a>(endpoint: &'a Endpoint, request: &'a Request) -> Result<Sifted<'a>, Error> {
    let (sieve, options) = (endpoint.sieve(), request.options());
    let mut members: Vec<_> = effective(endpoint, request).collect();
    let mut dropped = Vec::new();
    for text in sieve.dropped.iter().chain(&options.additional_drop_params) {
        if remove(&mut members, &Path::new(text), request.verb().needs()) {
            dropped.push(text.clone());
        }
    }
    if request.verb() != Verb::Chat {
        return Ok(Sifted { members, dropped });
    }
    let thinks = members.iter().any(|(name, value)| *name == "reasoning_effort" && asks_to_think(value));
    let mut refused = Vec::new();
    members.retain(|(name, value)| {
        // What an extra body says is meant for this provider, and stands in the place of the member.
        let free = sieve.allows(name, options) || options.extra_body.contains_key(*name);
        if free || !sieve.lacks(name, value, thinks) {
            return true;
        }
        if value.trim() == "null" {
            // As good as not given, and some servers refuse the very name.
        } else if sieve.drops(options) || SLIGHT.contains(name) {
            dropped.push((*name).to_owned());
        } else {
            refused.push(*name);
        }
        false
    });
    match refused.first() {
        Some(first) => Err(Error::unsupported_parameter(first, refusal(endpoint, &refused))),
        None => Ok(Sifted { members, dropped }),
    }
}

fn refusal(endpoint: &Endpoint, refused: &[&str]) -> String {
    let deployment = endpoint.deployment();
    let (provider, model) = (&deployment.provider, deployment.base_model(endpoint.model()));
    format!(
        "{provider} does not support the parameters {refused:?} as given, for model {model}; set drop_params to leave \
         them out"
    )
}

fn asks_to_think(effort: &str) -> bool {
    !matches!(effort.trim(), "null" | "\"none\"")
}

fn remove(members: &mut Vec<(&str, Cow<'_, str>)>, path: &Path<'_>, needed: &[&str]) -> bool {
    if path.is_root() {
        let before = members.len();
        members.retain(|(name, _)| *name != path.root || needed.contains(name));
        return members.len() < before;
    }
    let Some((_, text)) = members.iter_mut().find(|(name, _)| *name == path.root) else { return false };
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return false };
    let removed = path.remove(&mut value);
    if removed {
        *text = Cow::Owned(value.to_string());
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::tests::endpoint;
    use super::*;

    fn sifted(params: &str, request: &str) -> Result<(String, String), Error> {
        let endpoint = endpoint(&format!("api_key: k, {params}"));
        let request = Request::parse(&format!(r#"{{"model":"g",{request}}}"#)).unwrap();
        let sifted = sift(&endpoint, &request)?;
        let sent = sifted.members.iter().filter(|(name, _)| *name != "model");
        let sent = sent.map(|(name, value)| format!("{name}={value} ")).collect::<String>();
        Ok((sent.trim_end().to_owned(), sifted.dropped.join(" ")))
    }

    fn refused(params: &str, request: &str) -> String {
        let error = sifted(params, request).unwrap_err();
        assert_eq!(error.class(), "UnsupportedParamsError");
        error.param().unwrap_or_default().to_owned()
    }

    fn pair(sent: &str, dropped: &str) -> (String, String) {
        (sent.to_owned(), dropped.to_owned())
    }

    #[test]
    fn what_is_lacking_is_refused_or_dropped() {
        let groq = "model: groq/llama";
        assert_eq!(refused(groq, r#""seed":1,"logprobs":true"#), "logprobs");
        assert_eq!(refused(groq, r#""n":2"#), "n");
        assert_eq!(refused("model: groq/llama, logit_bias: {'5': 1}", r#""seed":1"#), "logit_bias");
        assert_eq!(sifted(groq, r#""n":1,"logprobs":null,"new":1"#).unwrap(), pair("n=1 new=1", ""));
        let dropped = pair("seed=1", "logprobs n");
        assert_eq!(sifted(groq, r#""seed":1,"logprobs":true,"n":2,"drop_params":true"#).unwrap(), dropped);
        assert_eq!(
            sifted("model: groq/llama, drop_params: true", r#""seed":1,"logprobs":true,"n":2"#).unwrap(),
            dropped
        );
        assert_eq!(sifted("model: mistral/m", r#""user":"u""#).unwrap(), pair("", "user"));
    }

    #[test]
    fn what_is_allowed_is_sent() {
        let request = r#""logprobs":true,"top_logprobs":2"#;
        let both = pair("logprobs=true top_logprobs=2", "");
        let one = "model: groq/llama, allowed_openai_params: [logprobs]";
        assert_eq!(refused(one, request), "top_logprobs");
        assert_eq!(sifted(one, &format!(r#"{request},"allowed_openai_params":["top_logprobs"]"#)).unwrap(), both);
        assert_eq!(sifted("model: groq/llama, extra_body: {n: 3}", r#""seed":1"#).unwrap(), pair("seed=1 n=3", ""));
        assert_eq!(sifted("model: groq/llama", r#""n":2,"extra_body":{"n":3}"#).unwrap().1, "");
    }

    #[test]
    fn reasoning_models_have_their_own_limits() {
        let o3 = "model: openai/o3";
        assert_eq!(refused(o3, r#""temperature":0.2"#), "temperature");
        assert_eq!(sifted(o3, r#""temperature":1.0,"seed":1"#).unwrap(), pair("temperature=1.0 seed=1", ""));
        assert_eq!(sifted(o3, r#""temperature":0,"drop_params":true"#).unwrap(), pair("", "temperature"));
        assert_eq!(refused("model: azure/mine, api_base: 'http://h', base_model: azure/o1", r#""top_p":1"#), "top_p");
        let newer = "model: openai/gpt-5.1";
        assert_eq!(sifted(newer, r#""top_p":0.5"#).unwrap().1, "");
        assert_eq!(sifted(newer, r#""top_p":0.5,"reasoning_effort":"none""#).unwrap().1, "");
        assert_eq!(refused(newer, r#""top_p":0.5,"reasoning_effort":"low""#), "top_p");
        assert_eq!(sifted("model: openai/gpt-4o", r#""top_p":0.5,"temperature":0"#).unwrap().1, "");
    }

    #[test]
    fn what_is_always_dropped() {
        let params = "model: openai/gpt-4o, seed: 7, additional_drop_params: [seed, messages]";
        let request =
            r#""messages":[],"top_p":1,"tools":[{"a":1,"b":2}],"additional_drop_params":["tools[*].b","nope","top_p"]"#;
        assert_eq!(sifted(params, request).unwrap(), pair(r#"messages=[] tools=[{"a":1}]"#, "seed tools[*].b top_p"));
        // What is dropped can't be lacking.
        assert_eq!(sifted("model: groq/m, additional_drop_params: n", r#""n":2"#).unwrap(), pair("", "n"));
    }

    #[test]
    fn nothing_is_done_where_there_is_nothing_to_do() {
        let idle = |params: &str, request: &str| {
            let request = Request::parse(&format!(r#"{{"model":"g"{request}}}"#)).unwrap();
            endpoint(&format!("api_key: k, {params}")).sieve().lets_all_through(&request)
        };
        assert!(idle("model: openai/gpt-4o, drop_params: true", ""));
        assert!(!idle("model: openai/gpt-4o", r#","additional_drop_params":["a"]"#));
        assert!(!idle("model: openai/gpt-4o, additional_drop_params: a", ""));
        assert!(!idle("model: openai/o3", "") && !idle("model: groq/m", ""));
    }
}
