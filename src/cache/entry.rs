//! A kept answer, and how it is written down for other processes.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::chat::{Body, Verb};
use crate::clock;

use super::Key;

/// Who gave an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Producer {
    /// The deployment's id.
    pub deployment: String,
    pub provider: String,
    /// The model's name at the provider.
    pub model: String,
    /// The model group.
    pub group: String,
}

/// A whole answer that is kept.
#[derive(Debug)]
pub struct Entry {
    verb: Verb,
    /// With the NUL that a body has.
    body: Bytes,
    /// `None` for JSON.
    content_type: Option<Box<str>>,
    usage: Option<Range<usize>>,
    pub producer: Producer,
    /// When it was stored.
    at: Instant,
}

/// How it begins, and the version of all that follows.
const MARK: &[u8] = b"llmr\x01";
/// Larger bodies are packed.
const PACKED_FROM: usize = 4096;
/// Quick rather than small.
const LEVEL: u8 = 3;
/// What unpacks to more is no answer.
const MOST_UNPACKED: usize = 256 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Head {
    key: String,
    /// The verb's path.
    verb: String,
    producer: Producer,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    /// Unix time, ms.
    stored: u64,
    until: u64,
    packed: bool,
    /// Of the body as it follows.
    sum: String,
}

impl Entry {
    /// What `body` says, given by `producer` now.
    pub fn new(body: &Body, producer: Producer) -> Self {
        Self {
            verb: body.verb(),
            // A copy: what was read from the network may lie in a larger buffer.
            body: Bytes::copy_from_slice(body.terminated()),
            content_type: body.content_type().map(Box::from),
            usage: body.usage_place(),
            producer,
            at: clock::now(),
        }
    }

    /// The answer again.
    pub fn body(&self) -> Body {
        let content_type = self.content_type.as_deref().map(str::to_owned);
        Body::kept(self.verb, self.body.clone(), content_type, self.usage.clone())
    }

    fn bytes(&self) -> &[u8] {
        self.body.split_last().map_or(&[], |(_, bytes)| bytes)
    }

    /// The answer as JSON, if it is that.
    pub fn json(&self) -> Option<&str> {
        if self.content_type.is_some() { None } else { std::str::from_utf8(self.bytes()).ok() }
    }

    pub fn usage(&self) -> Option<&str> {
        self.json()?.get(self.usage.clone()?)
    }

    pub fn age(&self) -> Duration {
        clock::now().saturating_duration_since(self.at)
    }

    /// The bytes that it takes in memory.
    pub fn weight(&self) -> usize {
        let Producer { deployment, provider, model, group } = &self.producer;
        let texts = [deployment, provider, model, group].map(|text| text.capacity() + 16).iter().sum::<usize>();
        let kind = self.content_type.as_ref().map_or(0, |kind| kind.len() + 16);
        size_of::<Self>() + 32 + self.body.len() + texts + kind
    }

    /// For others to read, who may do so for `ttl`.
    pub fn encode(&self, key: Key, ttl: Duration) -> Vec<u8> {
        let bytes = self.bytes();
        let packed = bytes.len() >= PACKED_FROM;
        let pack = || miniz_oxide::deflate::compress_to_vec(bytes, LEVEL);
        let body = if packed { pack() } else { bytes.to_vec() };
        let stored = clock::unix_ms_of(self.at);
        let head = Head {
            key: key.hex(),
            verb: self.verb.path().to_owned(),
            producer: self.producer.clone(),
            content_type: self.content_type.as_deref().map(str::to_owned),
            stored,
            until: stored.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
            packed,
            sum: sum(&body),
        };
        // Texts and numbers: there is nothing that JSON can't say.
        let head = serde_json::to_vec(&head).unwrap_or_default();
        let mut bytes = Vec::with_capacity(MARK.len() + 4 + head.len() + body.len());
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&u32::try_from(head.len()).unwrap_or_default().to_le_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&body);
        bytes
    }

    /// What was written, and for how long it still counts; `None` if it is anything else, or over.
    pub fn decode(bytes: &[u8], key: Key) -> Option<(Arc<Self>, Duration)> {
        let (length, rest) = bytes.strip_prefix(MARK)?.split_first_chunk::<4>()?;
        let (head, body) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let head: Head = serde_json::from_slice(head).ok()?;
        let now = clock::unix_ms();
        if head.key != key.hex() || head.sum != sum(body) || head.until <= now {
            return None;
        }
        let body = match head.packed {
            true => miniz_oxide::inflate::decompress_to_vec_with_limit(body, MOST_UNPACKED).ok()?,
            false => body.to_vec(),
        };
        let verb = Verb::of_path(&head.verb).ok()?;
        let body = match head.content_type {
            Some(kind) => Body::kept(verb, [&body[..], &[0]].concat().into(), Some(kind), None),
            None => Body::check(verb, body, "application/json").ok()?,
        };
        let mut entry = Self::new(&body, head.producer);
        let age = Duration::from_millis(now.saturating_sub(head.stored));
        entry.at = entry.at.checked_sub(age).unwrap_or(entry.at);
        Some((Arc::new(entry), Duration::from_millis(head.until - now)))
    }
}

fn sum(body: &[u8]) -> String {
    let digest = digest(&SHA256, body);
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub mod tests {
    use super::super::key::tests::key;
    use super::*;
    use proptest::prelude::*;

    pub fn entry(verb: Verb, text: &str) -> Arc<Entry> {
        let body = Body::check(verb, text.as_bytes().to_vec(), "application/json").unwrap();
        Arc::new(Entry::new(&body, producer()))
    }

    pub fn producer() -> Producer {
        let text = str::to_owned;
        Producer { deployment: text("d"), provider: text("p"), model: text("m"), group: text("g") }
    }

    pub fn chat(text: &str) -> Arc<Entry> {
        let whole = serde_json::json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": {"total_tokens": 3}});
        entry(Verb::Chat, &whole.to_string())
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_written_is_read() {
        for text in ["a".to_owned(), "long ".repeat(20_000)] {
            let own = chat(&text);
            let bytes = own.encode(key(1), MINUTE);
            let (read, left) = Entry::decode(&bytes, key(1)).unwrap();
            assert_eq!(
                (read.json(), &read.producer, read.usage()),
                (own.json(), &own.producer, Some(r#"{"total_tokens":3}"#))
            );
            assert!(left <= MINUTE && left > MINUTE / 2);
            assert!(bytes.len() < 10_000, "large ones are packed: {}", bytes.len());
            assert!(Entry::decode(&bytes, key(2)).is_none(), "of another key");
            assert!(Entry::decode(&own.encode(key(1), Duration::ZERO), key(1)).is_none(), "over");
        }
        let plain = Body::check(Verb::Transcription, b"1\n00:00".to_vec(), "text/plain").unwrap();
        let bytes = Entry::new(&plain, producer()).encode(key(1), MINUTE);
        let (read, _) = Entry::decode(&bytes, key(1)).unwrap();
        assert_eq!((read.body().content_type(), read.body().bytes()), (Some("text/plain"), &b"1\n00:00"[..]));
    }

    proptest! {
        #[test]
        fn garbage_is_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200), place in 0usize..5000, bit in 0u8..8) {
            prop_assert!(Entry::decode(&bytes, key(1)).is_none());
            let mut marked = MARK.to_vec();
            marked.extend(bytes);
            prop_assert!(Entry::decode(&marked, key(1)).is_none());
            // One bit of a good one, or its end.
            let good = chat(&"word ".repeat(2000)).encode(key(1), MINUTE);
            let place = place % good.len();
            prop_assert!(Entry::decode(&good[..place], key(1)).is_none());
            let mut bad = good;
            bad[place] ^= 1 << bit;
            if let Some((read, _)) = Entry::decode(&bad, key(1)) {
                // Who gave it, or when, may read otherwise: what was said does not.
                prop_assert!(read.json().unwrap().contains("word word"));
            }
        }
    }
}
