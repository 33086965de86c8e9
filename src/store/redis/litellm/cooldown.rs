//! LiteLLM's cooldowns: `deployment:{id}:cooldown`, a Python dictionary in writing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Value;
use serde_json::{Value as Json, json};

use crate::clock;
use crate::config::python_repr;
use crate::error::ErrorKind;
use crate::store::Cooled;

use super::super::script::LITELLM_COOLDOWN;
use super::super::servers::Order;
use super::super::shelf;
use super::literal;

/// LiteLLM shows so much of an error's text, and a star for the rest.
const SHOWN: usize = 50;

pub fn key(id: &str) -> String {
    format!("deployment:{id}:cooldown")
}

/// A cooldown as LiteLLM writes it; `None` for one that is over.
pub fn written(cooled: &Cooled) -> Option<Order> {
    let seconds = cooled.left.as_secs_f64();
    let whole = cooled.left.as_nanos().div_ceil(1_000_000_000);
    if whole == 0 {
        return None;
    }
    let shown: String = cooled.cause.chars().take(SHOWN).collect();
    let shown = if shown.len() < cooled.cause.len() { shown + "*" } else { shown };
    let value = json!({
        "exception_received": shown,
        "status_code": status(&cooled.cause).to_string(),
        "timestamp": unix_seconds(),
        "cooldown_time": seconds,
    });
    let key = key(&cooled.what);
    let mut cmd = LITELLM_COOLDOWN.over(&key);
    cmd.arg(u64::try_from(whole).unwrap_or(u64::MAX)).arg(python_repr(&value));
    Some(Order { key, cmd, again: true })
}

/// The status that stands for a class of error.
fn status(class: &str) -> u16 {
    let kind = ErrorKind::NAMED.into_iter().find(|kind| kind.class() == class);
    kind.map(ErrorKind::http_status).filter(|status| *status > 0).unwrap_or(500)
}

#[allow(clippy::cast_precision_loss)]
fn unix_seconds() -> f64 {
    clock::unix_ms() as f64 / 1000.0
}

/// Reads a cooldown, in JSON or as Python prints it: what remains of it, and its cause.
fn read(text: &str, now: f64) -> Option<(Duration, String)> {
    let value: Json = serde_json::from_str(text).ok().or_else(|| literal::parse(text))?;
    let time = value.get("cooldown_time")?.as_f64()?;
    // By a clock that goes ahead of ours it would last longer than it says.
    let left = (value.get("timestamp")?.as_f64()? + time - now).min(time);
    let left = Duration::try_from_secs_f64(left).ok().filter(|left| !left.is_zero())?;
    let status = match value.get("status_code") {
        Some(Json::String(text)) => text.parse().ok(),
        Some(number) => number.as_u64().and_then(|status| u16::try_from(status).ok()),
        None => None,
    };
    let kind = status.filter(|status| (400..=599).contains(status)).map(ErrorKind::from_status);
    Some((left, kind.unwrap_or(ErrorKind::InternalServer).class().to_owned()))
}

/// What LiteLLM let rest, when it was looked at last.
#[derive(Default)]
pub struct Seen {
    at: Option<Instant>,
    resting: Vec<(Arc<str>, Instant, String)>,
}

impl Seen {
    pub fn is_old(&self, age: Duration) -> bool {
        self.at.is_none_or(|at| clock::now().saturating_duration_since(at) >= age)
    }

    pub fn take_in(&mut self, ids: &[Arc<str>], answers: &[Value]) {
        let Some(values) = shelf::read(answers, ids.len()) else { return };
        let (now, unix) = (clock::now(), unix_seconds());
        self.at = Some(now);
        let one = |(id, value): (&Arc<str>, Option<Vec<u8>>)| {
            let (left, cause) = read(std::str::from_utf8(&value?).ok()?, unix)?;
            Some((Arc::clone(id), now.checked_add(left)?, cause))
        };
        self.resting = ids.iter().zip(values).filter_map(one).collect();
    }

    /// Of two ends of one thing the later one counts.
    pub fn add_to(&self, all: &mut Vec<Cooled>) {
        let now = clock::now();
        for (id, end, cause) in &self.resting {
            let left = end.saturating_duration_since(now);
            match all.iter_mut().find(|cooled| cooled.what == *id) {
                Some(cooled) if cooled.left < left => cooled.left = left,
                None if !left.is_zero() => all.push(Cooled { what: Arc::clone(id), left, cause: cause.clone() }),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let python = r#"{'exception_received': "litellm.RateLimitError: it's*", 'status_code': '429', 'timestamp': 1732336428.25, 'cooldown_time': 30.0}"#;
        let json =
            r#"{"exception_received": null, "status_code": 429, "timestamp": 1732336428.25, "cooldown_time": 30}"#;
        for text in [python, json] {
            let (left, cause) = read(text, 1_732_336_438.25).unwrap();
            assert_eq!((left, cause.as_str()), (Duration::from_secs(20), "RateLimitError"), "{text}");
            assert_eq!(read(text, 1_732_336_458.25), None);
            // A clock that is behind makes it no longer.
            assert_eq!(read(text, 1_732_336_000.0).unwrap().0, Duration::from_secs(30));
        }
        for odd in ["", "{}", "'text'", "{'timestamp': 1, 'cooldown_time': 'x'}"] {
            assert_eq!(read(odd, 0.0), None, "{odd}");
        }
    }

    #[test]
    fn a_status_stands_for_each_class() {
        assert_eq!((status("RateLimitError"), status("AuthenticationError")), (429, 401));
        assert_eq!((status("APIConnectionError"), status("whatever")), (500, 500));
    }
}
