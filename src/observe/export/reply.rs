//! What a receiver answers.

use std::time::{Duration, UNIX_EPOCH};

use crate::clock;
use crate::transport::HeaderMap;

/// An answer, whole.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// What an answer means for the batch.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// It was taken, but for so many items.
    Delivered { refused: usize },
    /// It may be taken later; not before `after`, if the receiver says so.
    Again { why: String, after: Option<Duration> },
    /// It never will.
    Refused(String),
}

impl Verdict {
    /// By the status alone: 408, 429 and 5xx may pass.
    pub fn of_status(reply: &Reply) -> Self {
        match reply.status {
            200..=299 => Verdict::Delivered { refused: 0 },
            408 | 429 | 500..=599 => Verdict::Again { why: reply.why(), after: reply.retry_after() },
            _ => Verdict::Refused(reply.why()),
        }
    }
}

impl Reply {
    /// What was wrong, in our words: what a receiver says may quote what it was sent.
    pub fn why(&self) -> String {
        match self.status {
            401 | 403 => format!("the receiver refused the credentials ({})", self.status),
            404 => "the receiver knows no such path (404)".to_owned(),
            status => format!("the receiver answered {status}"),
        }
    }

    /// `Retry-After`: seconds, or a date.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get("retry-after")?.to_str().ok()?.trim();
        match text.parse::<f64>() {
            Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            Err(_) => {
                let then = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
                Some(then.saturating_sub(Duration::from_millis(clock::unix_ms())))
            }
        }
    }
}
