//! The table: what each kind of failure means to the caller, to the retry loop and to a deployment's health.

/// What went wrong. The numbers of [`ErrorKind::code`] are part of the ABI and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    InvalidArgument,
    Config,
    Cancelled,
    ShutDown,
    Forked,
    Internal,
    InCallback,
    Busy,
    BadRequest,
    Authentication,
    PermissionDenied,
    NotFound,
    Timeout,
    UnprocessableEntity,
    RateLimit,
    InternalServer,
    BadGateway,
    ServiceUnavailable,
    /// Any other HTTP status of a provider, from 400 to 599.
    Status(u16),
    ApiConnection,
    ApiResponse,
    StreamTruncated,
    ContextWindowExceeded,
    ContentPolicyViolation,
    NoDeploymentAvailable,
    BudgetExceeded,
}

/// Whose fault a failure is, and so whose health it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The caller, the configuration or this library: nothing was wrong upstream.
    Local,
    /// This request only: another deployment may take it, no deployment's health changes.
    Request,
    /// The credential: wherever it is used, it is refused.
    Key,
    /// The deployment or the host it runs on.
    Deployment,
}

/// One row of the table.
struct Row {
    code: i32,
    class: &'static str,
    /// The status a proxy would answer with; 0 where no status fits.
    http: u16,
    retryable: bool,
    scope: Scope,
}

const fn row(code: i32, class: &'static str, http: u16, retryable: bool, scope: Scope) -> Row {
    Row { code, class, http, retryable, scope }
}

impl ErrorKind {
    /// Every variant with a name of its own.
    pub const NAMED: [ErrorKind; 25] = [
        ErrorKind::InvalidArgument,
        ErrorKind::Config,
        ErrorKind::Cancelled,
        ErrorKind::ShutDown,
        ErrorKind::Forked,
        ErrorKind::Internal,
        ErrorKind::InCallback,
        ErrorKind::Busy,
        ErrorKind::BadRequest,
        ErrorKind::Authentication,
        ErrorKind::PermissionDenied,
        ErrorKind::NotFound,
        ErrorKind::Timeout,
        ErrorKind::UnprocessableEntity,
        ErrorKind::RateLimit,
        ErrorKind::InternalServer,
        ErrorKind::BadGateway,
        ErrorKind::ServiceUnavailable,
        ErrorKind::ApiConnection,
        ErrorKind::ApiResponse,
        ErrorKind::StreamTruncated,
        ErrorKind::ContextWindowExceeded,
        ErrorKind::ContentPolicyViolation,
        ErrorKind::NoDeploymentAvailable,
        ErrorKind::BudgetExceeded,
    ];

    /// The table: variant → code, LiteLLM class, HTTP status, retryable, scope.
    fn row(self) -> Row {
        use Scope::{Deployment, Key, Local, Request};
        match self {
            ErrorKind::InvalidArgument => row(1, "InvalidArgumentError", 0, false, Local),
            ErrorKind::Config => row(2, "ConfigError", 0, false, Local),
            ErrorKind::Cancelled => row(3, "CancelledError", 0, false, Local),
            ErrorKind::ShutDown => row(4, "ShutDownError", 0, false, Local),
            ErrorKind::Forked => row(5, "ForkedError", 0, false, Local),
            ErrorKind::Internal => row(6, "InternalError", 0, false, Local),
            ErrorKind::InCallback => row(7, "InCallbackError", 0, false, Local),
            ErrorKind::Busy => row(8, "BusyError", 0, false, Local),
            ErrorKind::BadRequest => row(400, "BadRequestError", 400, false, Request),
            ErrorKind::Authentication => row(401, "AuthenticationError", 401, false, Key),
            ErrorKind::PermissionDenied => row(403, "PermissionDeniedError", 403, false, Key),
            ErrorKind::NotFound => row(404, "NotFoundError", 404, false, Deployment),
            ErrorKind::Timeout => row(408, "Timeout", 408, true, Deployment),
            ErrorKind::UnprocessableEntity => row(422, "UnprocessableEntityError", 422, false, Request),
            ErrorKind::RateLimit => row(429, "RateLimitError", 429, true, Deployment),
            ErrorKind::InternalServer => row(500, "InternalServerError", 500, true, Deployment),
            ErrorKind::BadGateway => row(502, "BadGatewayError", 502, true, Deployment),
            ErrorKind::ServiceUnavailable => row(503, "ServiceUnavailableError", 503, true, Deployment),
            ErrorKind::ApiConnection => row(1001, "APIConnectionError", 500, true, Deployment),
            ErrorKind::ApiResponse => row(1002, "APIResponseValidationError", 500, true, Deployment),
            ErrorKind::StreamTruncated => row(1003, "StreamTruncatedError", 500, true, Deployment),
            ErrorKind::ContextWindowExceeded => row(1004, "ContextWindowExceededError", 400, false, Request),
            ErrorKind::ContentPolicyViolation => row(1005, "ContentPolicyViolationError", 400, false, Request),
            ErrorKind::NoDeploymentAvailable => row(1006, "RouterRateLimitError", 429, true, Local),
            ErrorKind::BudgetExceeded => row(1007, "BudgetExceededError", 429, false, Local),
            ErrorKind::Status(status) => status_row(status),
        }
    }

    /// The kind of an HTTP status of 400 or more.
    pub fn from_status(status: u16) -> Self {
        match status {
            400 => ErrorKind::BadRequest,
            401 => ErrorKind::Authentication,
            403 => ErrorKind::PermissionDenied,
            404 => ErrorKind::NotFound,
            // A gateway that gave up waiting is a time-out like any other; the status stays the provider's.
            408 | 504 => ErrorKind::Timeout,
            422 => ErrorKind::UnprocessableEntity,
            429 => ErrorKind::RateLimit,
            500 => ErrorKind::InternalServer,
            502 => ErrorKind::BadGateway,
            503 => ErrorKind::ServiceUnavailable,
            other => ErrorKind::Status(other),
        }
    }

    /// The kind with this code, if there is one.
    pub fn from_code(code: i32) -> Option<Self> {
        if let Some(named) = Self::NAMED.into_iter().find(|kind| kind.code() == code) {
            return Some(named);
        }
        match u16::try_from(code) {
            Ok(status @ 400..=599) => Some(ErrorKind::Status(status)),
            _ => None,
        }
    }

    /// The ABI's number (`router_error_code_t`).
    pub fn code(self) -> i32 {
        self.row().code
    }

    /// LiteLLM's exception class.
    pub fn class(self) -> &'static str {
        self.row().class
    }

    /// The class of this name, as [`ErrorKind::class`] gives it; `None` for a text that names none.
    pub fn class_named(name: &str) -> Option<&'static str> {
        let classes = Self::NAMED.into_iter().map(Self::class).chain([status_row(400).class]);
        classes.into_iter().find(|class| *class == name)
    }

    /// The HTTP status that fits a class, if one does.
    pub fn status_of_class(name: &str) -> Option<u16> {
        let kind = Self::NAMED.into_iter().find(|kind| kind.class() == name)?;
        Some(kind.http_status()).filter(|status| *status != 0)
    }

    /// The HTTP status that fits where the provider gave none; 0 if none fits.
    pub fn http_status(self) -> u16 {
        self.row().http
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(self) -> bool {
        self.row().retryable
    }

    pub fn scope(self) -> Scope {
        self.row().scope
    }
}

/// Statuses without a variant of their own; the code is the status.
fn status_row(status: u16) -> Row {
    let (class, retryable, scope) = match status {
        402 => ("APIError", false, Scope::Key),
        // Two requests got in each other's way, which says nothing about who told so.
        409 => ("APIError", true, Scope::Request),
        413 | 424 => ("BadRequestError", false, Scope::Request),
        // Anthropic's "overloaded".
        529 => ("InternalServerError", true, Scope::Deployment),
        500.. => ("APIError", true, Scope::Deployment),
        _ => ("APIError", false, Scope::Request),
    };
    row(i32::from(status), class, status, retryable, scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_distinct_and_lead_back() {
        let mut seen = HashSet::new();
        for kind in ErrorKind::NAMED {
            assert!(seen.insert(kind.code()), "{kind:?} shares its code");
            assert_eq!(ErrorKind::from_code(kind.code()), Some(kind));
        }
    }

    /// ARCHITECTURE.md shows this table to people; it says the same.
    #[test]
    fn the_documented_table_is_this_one() {
        let text = include_str!("../../ARCHITECTURE.md");
        for kind in ErrorKind::NAMED {
            let start = format!("| {} `", kind.code());
            let line =
                text.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no line for {kind:?}"));
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let counts = match kind.scope() {
                Scope::Local | Scope::Request => "nobody",
                Scope::Key => "the key",
                Scope::Deployment => "the deployment",
            };
            let status = kind.http_status().to_string();
            assert_eq!(cells[2], kind.class(), "{line}");
            assert!(cells[3].split(", ").any(|cell| cell == status), "{line}");
            assert_eq!((cells[4] == "yes", cells[5]), (kind.is_retryable(), counts), "{line}");
        }
    }

    #[test]
    fn any_status_is_its_own_code() {
        for status in 400..600u16 {
            let kind = ErrorKind::from_status(status);
            let expected = if status == 504 { 408 } else { i32::from(status) };
            assert_eq!(kind.code(), expected);
            assert_eq!(ErrorKind::from_code(i32::from(status)).map(ErrorKind::code), Some(i32::from(status)));
        }
        assert_eq!(ErrorKind::from_code(0), None);
        assert_eq!(ErrorKind::from_code(399), None);
        assert_eq!(ErrorKind::from_code(-1), None);
    }

    #[test]
    fn server_faults_are_retryable_and_caller_faults_are_not() {
        for status in 400..600u16 {
            let expected = matches!(status, 408 | 409 | 429) || status >= 500;
            assert_eq!(ErrorKind::from_status(status).is_retryable(), expected, "{status}");
        }
    }
}
