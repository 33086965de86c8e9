//! What can go wrong: one enum, and one table that says everything about each variant.
//!
//! A failure is classified once, where it happens; retries, fallbacks, cooldowns, the C codes and the error JSON
//! all read the same row.

mod class;
mod kind;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

pub use class::FaultClass;
pub use kind::{ErrorKind, Scope};

/// Why something failed, in our own words and without a secret.
#[derive(Clone, Debug)]
pub struct Error(Box<Detail>);

#[derive(Clone, Debug)]
struct Detail {
    kind: ErrorKind,
    message: Cow<'static, str>,
    /// A subclass of the kind's own, where LiteLLM has one.
    class: Option<&'static str>,
    /// Where this failure is another's fault than its kind usually is.
    scope: Option<Scope>,
    /// Where this failure may go away, or won't, other than its kind usually does.
    retryable: Option<bool>,
    /// It failed before anything was sent.
    unsent: bool,
    status: Option<u16>,
    code: Option<String>,
    param: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    deployment: Option<String>,
    retry_after: Option<Duration>,
    headers: Vec<(String, String)>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Detail {
            kind,
            message: message.into(),
            class: None,
            scope: None,
            retryable: None,
            unsent: false,
            status: None,
            code: None,
            param: None,
            provider: None,
            model: None,
            deployment: None,
            retry_after: None,
            headers: Vec::new(),
        }))
    }

    /// Nothing reached the provider.
    pub fn unsent(mut self) -> Self {
        self.0.unsent = true;
        self
    }

    /// Whether it failed before anything was sent.
    pub fn is_before_sending(&self) -> bool {
        self.0.unsent
    }

    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::BadRequest, message)
    }

    /// A bad request that is the fault of one parameter.
    pub fn bad_parameter(param: &str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request(message).with_param(Some(param.to_owned()))
    }

    /// A bad request for a parameter that the provider lacks.
    pub fn unsupported_parameter(param: &str, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::bad_parameter(param, message);
        error.0.class = Some("UnsupportedParamsError");
        error
    }

    /// Another scope than the kind's own.
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.0.scope = Some(scope);
        self
    }

    /// Another answer than the kind's own to whether the same request may succeed later.
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = Some(retryable);
        self
    }

    /// The same, with a reason behind its message.
    pub fn because(mut self, reason: &str) -> Self {
        self.0.message = format!("{} ({reason})", self.0.message).into();
        self
    }

    /// The provider's HTTP status, whatever it was.
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// The provider's own code for it.
    pub fn with_code(mut self, code: Option<String>) -> Self {
        self.0.code = code;
        self
    }

    pub fn with_param(mut self, param: Option<String>) -> Self {
        self.0.param = param;
        self
    }

    /// Who failed: provider, provider's model name, deployment id.
    pub fn at(mut self, provider: &str, model: &str, deployment: &str) -> Self {
        self.0.provider = Some(provider.to_owned());
        self.0.model = Some(model.to_owned());
        self.0.deployment = Some(deployment.to_owned());
        self
    }

    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    pub fn with_headers(mut self, headers: Vec<(String, String)>) -> Self {
        self.0.headers = headers;
        self
    }

    /// Takes over the wait of an earlier failure if it is the shorter one.
    pub fn or_sooner(self, earlier: Option<&Error>) -> Self {
        let waits = [self.retry_after(), earlier.and_then(Error::retry_after)];
        self.with_retry_after(waits.into_iter().flatten().min())
    }

    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn class(&self) -> &'static str {
        self.0.class.unwrap_or_else(|| self.0.kind.class())
    }

    /// The provider's status if it says that something failed, else the one that fits, else `None`.
    pub fn http_status(&self) -> Option<u16> {
        let fitting = Some(self.0.kind.http_status()).filter(|status| *status != 0);
        self.0.status.filter(|status| *status >= 400).or(fitting)
    }

    /// The status that the provider really sent; a good one for an answer that can't be used.
    pub fn provider_status(&self) -> Option<u16> {
        self.0.status
    }

    pub fn provider_code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    pub fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    pub fn deployment(&self) -> Option<&str> {
        self.0.deployment.as_deref()
    }

    pub fn is_retryable(&self) -> bool {
        self.0.retryable.unwrap_or_else(|| self.0.kind.is_retryable())
    }

    /// Whose fault it is, and so whose health it touches.
    pub fn scope(&self) -> Scope {
        self.0.scope.unwrap_or_else(|| self.0.kind.scope())
    }

    /// After how long to try again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Headers of a refusal that may be shown.
    pub fn headers(&self) -> &[(String, String)] {
        &self.0.headers
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_providers_status_beats_the_kinds() {
        let error = Error::new(ErrorKind::Timeout, "late").with_status(504);
        assert_eq!(error.http_status(), Some(504));
        assert_eq!(Error::new(ErrorKind::Cancelled, "stop").http_status(), None);
        assert_eq!(Error::new(ErrorKind::ApiResponse, "html").with_status(200).http_status(), Some(500));
    }
}
