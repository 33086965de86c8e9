//! Names of traces and spans. Those that nobody gave follow from the call's own number, so that a call has the same
//! ones wherever it is told of.

use ring::digest::{SHA256, digest};

use super::super::origin;

/// 16 bytes, not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub [u8; 16]);

/// 8 bytes, not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// 32 hexadecimal digits, such as a UUID's.
    pub fn read(text: &str) -> Option<Self> {
        hex(text).map(Self)
    }

    /// Of a call that was given no name: the digits of its UUID.
    pub fn own(call: u128) -> Self {
        Self(origin::uuid_bits(call).to_be_bytes())
    }

    /// Of any name; one that is none of a trace is hashed, as LiteLLM does for Langfuse.
    pub fn of_name(name: &str) -> Option<Self> {
        if name.is_empty() { None } else { Self::read(name).or_else(|| hashed(name).map(Self)) }
    }
}

impl SpanId {
    /// 16 hexadecimal digits.
    pub fn read(text: &str) -> Option<Self> {
        hex(text).map(Self)
    }

    /// Of a call, which has the part 0, or of one of its attempts, which begin at 1.
    pub fn own(call: u128, part: u64) -> Self {
        let (high, low) = ((call >> 64) as u64, call as u64);
        // SplitMix64's finish: neighbours get ids that have nothing in common.
        let mut bits = high.wrapping_mul(0xd6e8_feb8_6659_fd93).wrapping_add(low);
        bits = bits.wrapping_add(part.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        Self(bits.max(1).to_be_bytes())
    }

    /// Of any name; one that is none of a span is hashed, as LiteLLM does for Langfuse.
    pub fn of_name(name: &str) -> Option<Self> {
        if name.is_empty() { None } else { Self::read(name).or_else(|| hashed(name).map(Self)) }
    }
}

/// The bytes that these digits are, dashes aside; `None` for others and for zero.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut digits = text.chars().filter(|letter| *letter != '-').map(|letter| letter.to_digit(16));
    let mut bytes = [0; N];
    for byte in &mut bytes {
        *byte = u8::try_from(digits.next()?? << 4 | digits.next()??).ok()?;
    }
    (digits.next().is_none() && bytes != [0; N]).then_some(bytes)
}

fn hashed<const N: usize>(name: &str) -> Option<[u8; N]> {
    digest(&SHA256, name.as_bytes()).as_ref().get(..N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_read_strictly() {
        let uuid = "0af76519-16cd-43dd-8448-eb211c80319c";
        assert_eq!(TraceId::read(uuid), TraceId::read("0AF7651916CD43DD8448EB211C80319C"));
        assert_eq!(TraceId::read(uuid).unwrap().0[..2], [0x0a, 0xf7]);
        for wrong in ["", "0af7", "trace", &"0".repeat(32), &"a".repeat(33), &format!("{}g", "a".repeat(31))] {
            assert_eq!(TraceId::read(wrong), None, "{wrong}");
        }
        assert_eq!(SpanId::read("00f067aa0ba902b7").unwrap().0[7], 0xb7);
    }

    /// `hashlib.sha256(b"my-trace").digest()[:16]`, and `[:8]`.
    #[test]
    fn other_names_are_hashed_as_litellm_does() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&TraceId::of_name("my-trace").unwrap().0), "670c0f140bf357e6d99293ad6cf0d246");
        assert_eq!(hex(&SpanId::of_name("my-trace").unwrap().0), "670c0f140bf357e6");
        assert_eq!((TraceId::of_name(""), SpanId::of_name("")), (None, None));
    }

    #[test]
    fn ids_of_calls_are_different_and_never_zero() {
        let calls = [0, 1, 2, u128::MAX, 1 << 64, 7 << 32];
        let ids: HashSet<_> = calls.iter().flat_map(|call| (0..100).map(|part| SpanId::own(*call, part).0)).collect();
        assert_eq!(ids.len(), 600);
        assert!(!ids.contains(&[0; 8]) && calls.iter().all(|call| TraceId::own(*call).0 != [0; 16]));
    }
}
