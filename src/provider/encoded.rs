//! A request as it goes over the wire, and what of the caller's did not fit.

use bytes::Bytes;

/// The body of one attempt.
pub struct Encoded {
    pub body: Bytes,
    /// Parameters that the provider does not know and that may be left out.
    pub dropped: Vec<String>,
}

impl Encoded {
    /// Everything of the caller's is in it.
    pub fn whole(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), dropped: Vec::new() }
    }
}
