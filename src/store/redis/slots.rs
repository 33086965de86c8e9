//! Which server of a cluster has a key.

use redis::Value;

use crate::config::RedisAddress;

/// Every cluster has so many.
const SLOTS: u16 = 16384;

/// The masters and their ranges of slots, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    ranges: Vec<(u16, u16, RedisAddress)>,
}

impl Slots {
    /// Reads an answer to `CLUSTER SLOTS` that `from` gave; `None` if it is none.
    pub fn read(answer: &Value, from: &RedisAddress) -> Option<Self> {
        let Value::Array(entries) = answer else { return None };
        let range = |entry: &Value| {
            let Value::Array(parts) = entry else { return None };
            let [Value::Int(start), Value::Int(end), Value::Array(master), ..] = parts.as_slice() else { return None };
            let [host, Value::Int(port), ..] = master.as_slice() else { return None };
            let host = match host {
                Value::BulkString(host) if !host.is_empty() && host.as_slice() != b"?" => {
                    String::from_utf8(host.clone()).ok()?
                }
                // The server does not know its own name: it is the one that was asked.
                _ => match from {
                    RedisAddress::Tcp(host, _) => host.clone(),
                    RedisAddress::Unix(_) => return None,
                },
            };
            let address = RedisAddress::Tcp(host, u16::try_from(*port).ok()?);
            Some((u16::try_from(*start).ok()?, u16::try_from(*end).ok()?, address))
        };
        let mut ranges = entries.iter().map(range).collect::<Option<Vec<_>>>()?;
        ranges.sort_by_key(|(start, ..)| *start);
        (!ranges.is_empty()).then_some(Self { ranges })
    }

    pub fn of(&self, slot: u16) -> Option<&RedisAddress> {
        let place = self.ranges.partition_point(|(_, end, _)| *end < slot);
        self.ranges.get(place).filter(|(start, ..)| *start <= slot).map(|(.., address)| address)
    }

    pub fn masters(&self) -> impl Iterator<Item = &RedisAddress> {
        self.ranges.iter().map(|(.., address)| address)
    }
}

/// The slot of a key: what stands between its first braces counts alone.
pub fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(key).as_bytes()) % SLOTS
}

/// CRC16 of XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 },
        )
    })
}

/// Where `MOVED 3999 10.0.0.1:6381` or `ASK …` leads; an empty host is that of whoever answered.
pub fn redirect(detail: Option<&str>, from: &RedisAddress) -> Option<RedisAddress> {
    let (host, port) = detail?.split_whitespace().nth(1)?.rsplit_once(':')?;
    let port = port.parse().ok()?;
    match (host, from) {
        ("", RedisAddress::Tcp(host, _)) => Some(RedisAddress::Tcp(host.clone(), port)),
        ("", RedisAddress::Unix(_)) => None,
        (host, _) => Some(RedisAddress::Tcp(host.to_owned(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> RedisAddress {
        RedisAddress::Tcp(host.to_owned(), port)
    }

    /// The numbers are what `CLUSTER KEYSLOT` says.
    #[test]
    fn keys_have_the_slots_that_servers_give_them() {
        for (key, expected) in [("123456789", 12739), ("foo", 12182), ("{foo}bar", 12182), ("a{foo}", 12182), ("", 0)] {
            assert_eq!(slot(key), expected, "{key}");
        }
        assert_eq!(slot("{}foo"), crc16(b"{}foo") % SLOTS);
    }

    #[test]
    fn an_answer_is_read_and_a_slot_found() {
        let node = |host: &str, port| {
            Value::Array(vec![Value::BulkString(host.as_bytes().to_vec()), Value::Int(port), Value::BulkString(vec![])])
        };
        let range =
            |start, end, master| Value::Array(vec![Value::Int(start), Value::Int(end), master, node("replica", 9)]);
        let answer = Value::Array(vec![range(100, 200, node("b", 2)), range(0, 99, node("", 1))]);
        let slots = Slots::read(&answer, &tcp("asked", 7)).unwrap();
        assert_eq!(slots.of(0), Some(&tcp("asked", 1)));
        assert_eq!(slots.of(100), Some(&tcp("b", 2)));
        assert_eq!(slots.of(201), None);
        assert_eq!(Slots::read(&Value::Nil, &tcp("asked", 7)), None);
        assert_eq!(Slots::read(&Value::Array(vec![]), &tcp("asked", 7)), None);
    }

    #[test]
    fn redirections_are_read() {
        let from = tcp("asked", 7);
        assert_eq!(redirect(Some("3999 10.0.0.1:6381"), &from), Some(tcp("10.0.0.1", 6381)));
        assert_eq!(redirect(Some("3999 fe80::1:6381"), &from), Some(tcp("fe80::1", 6381)));
        assert_eq!(redirect(Some("3999 :6381"), &from), Some(tcp("asked", 6381)));
        assert_eq!(redirect(Some("nothing"), &from), None);
        assert_eq!(redirect(None, &from), None);
    }
}
