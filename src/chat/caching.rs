//! What a request says of the response cache: `cache`, `caching`, and a namespace in its metadata.

use std::time::Duration;

use serde_json::{Map, Value};

use super::request::RequestError;

/// A request's own wishes. Nothing of them is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CacheControl {
    /// `caching: false` leaves the cache out of it.
    pub caching: Option<bool>,
    /// `use-cache`: what a cache with `mode: default_off` waits for.
    pub use_cache: bool,
    /// `no-cache`: what is kept does not answer.
    pub no_cache: bool,
    /// `no-store`: the answer is not kept.
    pub no_store: bool,
    /// `ttl`: how long the answer counts, in the place of the configured time.
    pub ttl: Option<Duration>,
    /// `s-maxage`: the oldest answer that is taken.
    pub max_age: Option<Duration>,
    /// `namespace`.
    pub namespace: Option<String>,
    /// `metadata.redis_namespace`: where `namespace` is not set.
    pub metadata_namespace: Option<String>,
}

const CACHE: &str = "cache";
const NAMESPACE: &str = "redis_namespace";
/// Nobody waits longer, and longer times overflow.
const MAX_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;
const KNOWN: [&str; 7] = ["no-cache", "no-store", "ttl", "s-maxage", "s-max-age", "namespace", "use-cache"];

impl CacheControl {
    /// The namespace that the request asks for.
    pub fn asked_namespace(&self) -> Option<&str> {
        self.namespace.as_deref().or(self.metadata_namespace.as_deref())
    }

    /// Whether it is the same for every call of the same bytes, at any time.
    pub fn is_plain(&self) -> bool {
        !self.no_cache && self.max_age.is_none()
    }

    /// Whether there is anything for it in `metadata`: `text` is its JSON.
    pub(super) fn is_in(text: &str) -> bool {
        text.contains(NAMESPACE)
    }

    pub(super) fn read_metadata(&mut self, metadata: &Value) {
        self.metadata_namespace = metadata.get(NAMESPACE).and_then(Value::as_str).map(str::to_owned);
    }

    /// Takes in `cache`. A name that is not known is an error: a misspelt `no-store` would keep what was not to be kept.
    pub(super) fn read(&mut self, controls: Map<String, Value>) -> Result<(), RequestError> {
        for (name, value) in controls {
            let bad = |what: &str| RequestError::parameter(CACHE, format!("\"{CACHE}.{name}\" must be {what}"));
            let seconds = || seconds(&value).ok_or_else(|| bad("a number of seconds that is not negative"));
            let flag = || flag(&value).ok_or_else(|| bad("true or false"));
            match name.as_str() {
                _ if value.is_null() => {}
                "no-cache" => self.no_cache = flag()?,
                "no-store" => self.no_store = flag()?,
                "use-cache" => self.use_cache = flag()?,
                "ttl" => self.ttl = Some(seconds()?),
                "s-maxage" | "s-max-age" => self.max_age = Some(seconds()?),
                "namespace" => self.namespace = Some(value.as_str().ok_or_else(|| bad("a text"))?.to_owned()),
                _ => {
                    let message = format!("\"{CACHE}\" has no \"{name}\"; it has {}", KNOWN.join(", "));
                    return Err(RequestError::parameter(CACHE, message));
                }
            }
        }
        Ok(())
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn seconds(value: &Value) -> Option<Duration> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| (0.0..=MAX_SECONDS).contains(number)).map(Duration::from_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::*;

    fn control(members: &str) -> Result<CacheControl, RequestError> {
        let request = Request::parse(&format!(r#"{{"model":"m",{members}}}"#))?;
        Ok(request.options().cache.as_deref().cloned().unwrap_or_default())
    }

    #[test]
    fn every_control_is_read() {
        let all = r#""cache":{"no-cache":true,"no-store":"true","ttl":1.5,"s-maxage":"2","namespace":"n","use-cache":true},"caching":false,"metadata":{"redis_namespace":"r"}"#;
        let second = Duration::from_secs(1);
        let read = control(all).unwrap();
        assert_eq!((read.no_cache, read.no_store, read.use_cache, read.caching), (true, true, true, Some(false)));
        assert_eq!((read.ttl, read.max_age), (Some(second.mul_f64(1.5)), Some(second * 2)));
        assert_eq!((read.asked_namespace(), read.metadata_namespace.as_deref()), (Some("n"), Some("r")));
        assert_eq!(control(r#""cache":{"s-max-age":0}"#).unwrap().max_age, Some(Duration::ZERO));
        assert_eq!(control(r#""metadata":{"redis_namespace":"r"}"#).unwrap().asked_namespace(), Some("r"));
        for nothing in [r#""cache":null,"caching":null"#, r#""cache":{"ttl":null}"#, r#""metadata":{"a":1}"#] {
            assert_eq!(control(nothing).unwrap(), CacheControl::default());
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        for bad in [
            r#""cache":true"#,
            r#""cache":{"no_store":true}"#,
            r#""cache":{"ttl":-1}"#,
            r#""cache":{"ttl":"soon"}"#,
            r#""cache":{"namespace":7}"#,
            r#""cache":{"no-store":"perhaps"}"#,
            r#""caching":"perhaps""#,
        ] {
            let error = control(bad).unwrap_err();
            assert!(matches!(error, RequestError::Parameter { name, .. } if name.starts_with("cach")), "{bad}");
        }
    }
}
