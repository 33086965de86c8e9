//! What attempts failed with, until their call has ended and is told of.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::super::event::Event;

/// Calls that run and have failed attempts. Of more, the oldest are told of without words.
const MOST_CALLS: usize = 4096;
/// Attempts of one call.
const MOST_ATTEMPTS: usize = 64;
/// Bytes of a message.
const LONGEST_MESSAGE: usize = 2048;

/// Messages by the call's number, and by the attempt's, which begins at 1.
#[derive(Default)]
pub struct Failures(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    calls: HashMap<u128, Vec<(u32, String)>>,
    order: VecDeque<u128>,
}

impl Failures {
    pub fn note(&self, call: u128, attempt: u32, message: String) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.calls.contains_key(&call) {
            kept.order.push_back(call);
        }
        let attempts = kept.calls.entry(call).or_default();
        if attempts.len() < MOST_ATTEMPTS {
            attempts.push((attempt, message));
        }
        // The order has calls, too, that have been taken since.
        while kept.order.len() > MOST_CALLS {
            if let Some(oldest) = kept.order.pop_front() {
                kept.calls.remove(&oldest);
            }
        }
    }

    /// Those of a call, which has ended.
    pub fn take(&self, call: u128) -> Vec<(u32, String)> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.calls.remove(&call).unwrap_or_default()
    }
}

/// What a span may say of an event's failure: without `content` nothing that it repeats of the prompt.
pub fn message(event: &Event, content: bool) -> Option<String> {
    let message = event.reason(content)?;
    let mut end = message.len().min(LONGEST_MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    Some(message.get(..end).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::made::Made;
    use super::*;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn they_are_kept_until_their_call_ends_and_bounded() {
        let failures = Failures::default();
        for call in 0..MOST_CALLS as u128 + 10 {
            failures.note(call, 1, "too late".to_owned());
        }
        assert_eq!(failures.take(MOST_CALLS as u128), [(1, "too late".to_owned())]);
        assert!(failures.take(MOST_CALLS as u128).is_empty());
        assert!(failures.take(3).is_empty(), "the oldest have gone");
        (0..1000).for_each(|attempt| failures.note(11, attempt, String::new()));
        assert_eq!(failures.take(11).len(), MOST_ATTEMPTS);
        assert_eq!(failures.0.lock().unwrap().order.len(), MOST_CALLS);
    }

    #[test]
    fn long_messages_are_cut_between_letters() {
        let text = "ä".repeat(LONGEST_MESSAGE).replacen('ä', "aä", 1);
        let event = Made::new(r#"{"model":"m"}"#).fails_with(Error::new(ErrorKind::Timeout, text));
        assert_eq!(message(&event, true).map(|message| message.len()), Some(LONGEST_MESSAGE - 1));
    }
}
