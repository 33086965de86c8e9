//! The numbers of the ABI: its version, and its enumerations, which functions return and take as `int32_t`.

/// The ABI this header describes: major << 16 | minor. Use a library whose major is the same and whose minor is not less.
pub const ROUTER_ABI_VERSION: u32 = 65541;

/// What went wrong. Functions return it as `int32_t`, so that a newer library may return a code this header lacks.
/// Codes are never renumbered or reused. From 400 to 599 a code is the provider's HTTP status, named below or not.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum router_error_code_t {
    /// NULL, bad UTF-8 or not JSON. Nothing was sent.
    ROUTER_ERROR_INVALID_ARGUMENT = 1,
    /// The configuration can't be used. The message names path, line and column.
    ROUTER_ERROR_CONFIG = 2,
    /// Cancelled by the caller.
    ROUTER_ERROR_CANCELLED = 3,
    /// The router is shutting down.
    ROUTER_ERROR_SHUT_DOWN = 4,
    /// The router was made in another process, from which this one was forked.
    ROUTER_ERROR_FORKED = 5,
    /// A fault of the library. The router stays usable.
    ROUTER_ERROR_INTERNAL = 6,
    /// A blocking function was called inside a callback.
    ROUTER_ERROR_IN_CALLBACK = 7,
    /// Another read of this stream is not finished.
    ROUTER_ERROR_BUSY = 8,
    ROUTER_ERROR_BAD_REQUEST = 400,
    ROUTER_ERROR_AUTHENTICATION = 401,
    ROUTER_ERROR_PERMISSION_DENIED = 403,
    ROUTER_ERROR_NOT_FOUND = 404,
    ROUTER_ERROR_TIMEOUT = 408,
    ROUTER_ERROR_UNPROCESSABLE_ENTITY = 422,
    ROUTER_ERROR_RATE_LIMIT = 429,
    ROUTER_ERROR_INTERNAL_SERVER = 500,
    ROUTER_ERROR_BAD_GATEWAY = 502,
    ROUTER_ERROR_SERVICE_UNAVAILABLE = 503,
    /// Name resolution, TCP, TLS or a reset connection.
    ROUTER_ERROR_API_CONNECTION = 1001,
    /// The provider's answer can't be read.
    ROUTER_ERROR_API_RESPONSE = 1002,
    /// The stream ended without its terminator.
    ROUTER_ERROR_STREAM_TRUNCATED = 1003,
    ROUTER_ERROR_CONTEXT_WINDOW_EXCEEDED = 1004,
    ROUTER_ERROR_CONTENT_POLICY_VIOLATION = 1005,
    /// Every candidate is cooling down, full or over its own limit or budget.
    ROUTER_ERROR_NO_DEPLOYMENT_AVAILABLE = 1006,
    /// A budget of the request itself (tag, global) is spent.
    ROUTER_ERROR_BUDGET_EXCEEDED = 1007,
}

/// What one read of a stream brought.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum router_stream_status_t {
    ROUTER_STREAM_ERROR = -1,
    ROUTER_STREAM_END = 0,
    ROUTER_STREAM_CHUNK = 1,
}

/// Log levels.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum router_log_level_t {
    ROUTER_LOG_OFF = 0,
    ROUTER_LOG_ERROR = 1,
    ROUTER_LOG_WARN = 2,
    ROUTER_LOG_INFO = 3,
    ROUTER_LOG_DEBUG = 4,
    ROUTER_LOG_TRACE = 5,
}

#[cfg(test)]
mod tests {
    use super::router_error_code_t as c;
    use crate::error::ErrorKind;

    #[test]
    fn the_header_and_the_table_say_the_same() {
        let header = [
            c::ROUTER_ERROR_INVALID_ARGUMENT,
            c::ROUTER_ERROR_CONFIG,
            c::ROUTER_ERROR_CANCELLED,
            c::ROUTER_ERROR_SHUT_DOWN,
            c::ROUTER_ERROR_FORKED,
            c::ROUTER_ERROR_INTERNAL,
            c::ROUTER_ERROR_IN_CALLBACK,
            c::ROUTER_ERROR_BUSY,
            c::ROUTER_ERROR_BAD_REQUEST,
            c::ROUTER_ERROR_AUTHENTICATION,
            c::ROUTER_ERROR_PERMISSION_DENIED,
            c::ROUTER_ERROR_NOT_FOUND,
            c::ROUTER_ERROR_TIMEOUT,
            c::ROUTER_ERROR_UNPROCESSABLE_ENTITY,
            c::ROUTER_ERROR_RATE_LIMIT,
            c::ROUTER_ERROR_INTERNAL_SERVER,
            c::ROUTER_ERROR_BAD_GATEWAY,
            c::ROUTER_ERROR_SERVICE_UNAVAILABLE,
            c::ROUTER_ERROR_API_CONNECTION,
            c::ROUTER_ERROR_API_RESPONSE,
            c::ROUTER_ERROR_STREAM_TRUNCATED,
            c::ROUTER_ERROR_CONTEXT_WINDOW_EXCEEDED,
            c::ROUTER_ERROR_CONTENT_POLICY_VIOLATION,
            c::ROUTER_ERROR_NO_DEPLOYMENT_AVAILABLE,
            c::ROUTER_ERROR_BUDGET_EXCEEDED,
        ];
        let codes: Vec<i32> = header.iter().map(|code| *code as i32).collect();
        assert_eq!(codes, ErrorKind::NAMED.map(ErrorKind::code));
    }
}
