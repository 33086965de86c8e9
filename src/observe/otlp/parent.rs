//! The span of the caller's that a call happens in, in the words of the W3C's trace context.

use serde_json::Value;

use super::super::origin::Origin;
use super::ids::{SpanId, TraceId};

/// A longer `tracestate` may be left out.
const LONGEST_STATE: usize = 512;

/// A span of the caller's.
#[derive(Debug, PartialEq)]
pub struct Parent {
    pub trace: TraceId,
    pub span: SpanId,
    /// Without it the whole trace is nowhere recorded, and so nothing of this call is.
    pub is_sampled: bool,
    /// `tracestate`, as it came.
    pub state: String,
}

impl Parent {
    /// `traceparent` of a call's metadata, else of its headers.
    pub fn of(origin: &Origin) -> Option<Self> {
        let metadata = |name| origin.metadata.get(name).and_then(Value::as_str);
        let header = |name: &str| origin.header(|other| other.eq_ignore_ascii_case(name)).and_then(Value::as_str);
        let read = |parent: Option<&str>, state: Option<&str>| {
            Self::read(parent?, state.filter(|state| is_state(state)).unwrap_or_default())
        };
        read(metadata("traceparent"), metadata("tracestate"))
            .or_else(|| read(header("traceparent"), header("tracestate")))
    }

    /// `None` for what is no `traceparent`: then it is as if there was none.
    fn read(text: &str, state: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let version = parts.next().filter(|part| is_hex(part, 2) && *part != "ff")?;
        let trace = parts.next().filter(|part| is_hex(part, 32))?;
        let span = parts.next().filter(|part| is_hex(part, 16))?;
        let flags = parts.next().filter(|part| is_hex(part, 2))?;
        // Later versions may have more to say.
        if version == "00" && parts.next().is_some() {
            return None;
        }
        let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { trace: TraceId::read(trace)?, span: SpanId::read(span)?, is_sampled, state: state.to_owned() })
    }
}

fn is_hex(part: &str, length: usize) -> bool {
    part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_state(text: &str) -> bool {
    text.len() <= LONGEST_STATE && text.contains('=') && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::Request;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn parent(metadata: Value) -> Option<Parent> {
        let request = json!({"model": "m", "messages": [], "metadata": metadata}).to_string();
        Parent::of(&Origin::of(&Request::parse(&request).unwrap(), 1, true))
    }

    #[test]
    fn a_parent_is_read_where_callers_put_it() {
        let plain = parent(json!({"traceparent": GOOD, "tracestate": "a=1,b=2"})).unwrap();
        assert_eq!(plain.trace, TraceId::read("0af7651916cd43dd8448eb211c80319c").unwrap());
        assert_eq!((plain.span.0[0], plain.is_sampled, plain.state.as_str()), (0xb7, true, "a=1,b=2"));
        assert_eq!(parent(json!({"headers": {"Traceparent": GOOD, "TraceState": "a=1,b=2"}})), Some(plain));
        assert!(!parent(json!({"traceparent": GOOD.replace("-01", "-02")})).unwrap().is_sampled);
        let later = GOOD.replace("00-0af", "01-0af") + "-more";
        assert!(parent(json!({"traceparent": later})).unwrap().is_sampled);
    }

    #[test]
    fn what_is_none_is_passed_over() {
        let zero = format!("00-{}-b7ad6b7169203331-01", "0".repeat(32));
        let wrong = [
            "",
            "00",
            "x",
            &GOOD[..50],
            &GOOD.to_uppercase(),
            &format!("{GOOD}-x"),
            &GOOD.replace("00-", "ff-"),
            &zero,
        ]
        .map(str::to_owned);
        for wrong in wrong {
            assert_eq!(parent(json!({"traceparent": wrong})), None, "{wrong}");
        }
        assert_eq!(parent(json!({"traceparent": 7, "headers": "x"})), None);
        let long = parent(json!({"traceparent": GOOD, "tracestate": "a=".repeat(300)})).unwrap();
        assert_eq!(long.state, "");
    }
}
