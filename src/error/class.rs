//! The classes in which retry policies and allowances count failures.

use super::ErrorKind;

/// A class that `retry_policy` and `allowed_fails_policy` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultClass {
    BadRequest,
    Authentication,
    Timeout,
    RateLimit,
    ContentPolicyViolation,
    InternalServer,
    ServiceUnavailable,
    BadGateway,
    NotFound,
}

impl FaultClass {
    pub const ALL: [FaultClass; 9] = [
        FaultClass::BadRequest,
        FaultClass::Authentication,
        FaultClass::Timeout,
        FaultClass::RateLimit,
        FaultClass::ContentPolicyViolation,
        FaultClass::InternalServer,
        FaultClass::ServiceUnavailable,
        FaultClass::BadGateway,
        FaultClass::NotFound,
    ];

    /// LiteLLM's name of it in a policy.
    pub fn name(self) -> &'static str {
        match self {
            FaultClass::BadRequest => "BadRequestError",
            FaultClass::Authentication => "AuthenticationError",
            FaultClass::Timeout => "TimeoutError",
            FaultClass::RateLimit => "RateLimitError",
            FaultClass::ContentPolicyViolation => "ContentPolicyViolationError",
            FaultClass::InternalServer => "InternalServerError",
            FaultClass::ServiceUnavailable => "ServiceUnavailableError",
            FaultClass::BadGateway => "BadGatewayError",
            FaultClass::NotFound => "NotFoundError",
        }
    }
}

impl ErrorKind {
    /// The classes that this failure counts as, the most specific first; none for what no policy can name.
    pub fn fault_classes(self) -> &'static [FaultClass] {
        use FaultClass::*;
        match self {
            ErrorKind::BadRequest
            | ErrorKind::UnprocessableEntity
            | ErrorKind::ContextWindowExceeded
            | ErrorKind::Status(413 | 424) => &[BadRequest],
            ErrorKind::ContentPolicyViolation => &[ContentPolicyViolation, BadRequest],
            ErrorKind::Authentication => &[Authentication],
            ErrorKind::NotFound => &[NotFound],
            ErrorKind::Timeout => &[Timeout],
            ErrorKind::RateLimit => &[RateLimit],
            ErrorKind::ServiceUnavailable => &[ServiceUnavailable, InternalServer],
            ErrorKind::BadGateway => &[BadGateway, InternalServer],
            ErrorKind::InternalServer
            | ErrorKind::ApiConnection
            | ErrorKind::ApiResponse
            | ErrorKind::StreamTruncated
            | ErrorKind::Status(500..) => &[InternalServer],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_place_in_the_list() {
        for (place, class) in FaultClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, place);
        }
    }
}
