//! What rests: written with an end that only moves away, and told to all who listen.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use serde_json::{Value as Json, json};

use crate::store::{Cooled, Event, StoreError};

use super::Redis;
use super::script::{REST, RESTING, millis, odd, text};
use super::servers::Order;

impl Redis {
    /// An end that was set is not set again, so this may be repeated.
    pub(super) async fn let_rest(&self, cooled: &[Cooled]) -> Result<(), StoreError> {
        if cooled.is_empty() {
            return Ok(());
        }
        let key = self.keys.resting();
        let mut cmd = REST.over(&key);
        cmd.arg(self.keys.events());
        for Cooled { what, left, cause } in cooled {
            let left = millis(*left);
            let message = json!({"from": self.process, "cooled": &**what, "left_ms": left, "cause": cause});
            cmd.arg(&**what).arg(left).arg(cause).arg(message.to_string());
        }
        let mut orders = vec![Order { key, cmd, again: true }];
        if let Some(litellm) = &self.litellm {
            orders.extend(litellm.cooldowns(cooled));
        }
        self.servers.run(&orders).await.map(|_| ())
    }

    pub(super) async fn resting(&self) -> Result<Vec<Cooled>, StoreError> {
        let key = self.keys.resting();
        let mut orders = vec![Order { cmd: RESTING.over(&key), key, again: true }];
        let (ids, questions) = self.litellm.as_ref().map(|litellm| litellm.cooldown_questions()).unwrap_or_default();
        orders.extend(questions);
        let answers = self.servers.run(&orders).await?;
        let (first, others) = answers.split_first().ok_or_else(|| odd(&self.servers.name(), "what rests"))?;
        let mut all = read(first).ok_or_else(|| odd(&self.servers.name(), "what rests"))?;
        if let Some(litellm) = &self.litellm {
            litellm.add_cooled(&ids, others, &mut all);
        }
        Ok(all)
    }
}

fn read(answer: &Value) -> Option<Vec<Cooled>> {
    let Value::Array(parts) = answer else { return None };
    let one = |parts: &[Value]| {
        let [what, left, cause] = parts else { return None };
        let left = Duration::from_millis(text(left)?.parse().ok()?);
        Some(Cooled { what: Arc::from(text(what)?), left, cause: text(cause)?.to_owned() })
    };
    parts.chunks(3).map(one).collect()
}

/// Reads a message of the channel; what this process told is no news to it.
pub fn event(message: &[u8], process: &str) -> Option<Event> {
    let message: Json = serde_json::from_slice(message).ok()?;
    if message.get("from").and_then(Json::as_str) == Some(process) {
        return None;
    }
    if let Some(id) = message.get("give").and_then(Json::as_str) {
        return Some(Event::GiveBack(Arc::from(id)));
    }
    let left = Duration::from_millis(message.get("left_ms")?.as_u64()?);
    let cause = message.get("cause")?.as_str()?.to_owned();
    Some(Event::Cooled(Cooled { what: Arc::from(message.get("cooled")?.as_str()?), left, cause }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_those_of_this_process_are_not() {
        let cooled = br#"{"from":"a","cooled":"d \"1\"","left_ms":1500,"cause":"RateLimitError"}"#;
        let left = Duration::from_millis(1500);
        let expected = Cooled { what: "d \"1\"".into(), left, cause: "RateLimitError".to_owned() };
        assert_eq!(event(cooled, "b"), Some(Event::Cooled(expected)));
        assert_eq!(event(cooled, "a"), None);
        assert_eq!(event(br#"{"from":"a","give":"d"}"#, "b"), Some(Event::GiveBack("d".into())));
        for odd in [&b"\xff"[..], b"", b"{}", b"[1]", br#"{"from":"a","cooled":7}"#] {
            assert_eq!(event(odd, "b"), None);
        }
    }
}
